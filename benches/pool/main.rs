//! What the pool and the C border cost. One line `figure NAME VALUE goal …` for each measurement.

mod handles;

fn main() {
    handles::measure();
}
