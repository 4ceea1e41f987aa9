//! Gives the shared library its name for the loader and keeps it loaded until the process ends:
//! our threads and the drivers' thread-local data must not outlive the code they run.
fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rustc-cdylib-link-arg=-Wl,-soname,libtwinpool.so.0");
    println!("cargo::rustc-cdylib-link-arg=-Wl,-z,nodelete");
}
