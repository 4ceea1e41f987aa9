//! Prints `docs/configuration.md`: `cargo run --example configuration > docs/configuration.md`.

fn main() {
    print!("{}", twinpool::Options::document());
}
