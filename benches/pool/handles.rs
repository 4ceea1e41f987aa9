//! A handle is a number that is looked up in a table at every call: what that costs.

use std::ptr;
use std::time::Instant;

// The functions are those of the C border, linked from here.
use twinpool as _;

#[allow(non_camel_case_types)]
enum twin_options {}

unsafe extern "C" {
    fn twin_options_new(out: *mut *mut twin_options, err: *mut *mut ()) -> i32;
    fn twin_options_free(options: *mut twin_options);
    fn twin_test_lookup(options: *const twin_options, rounds: u64, enter: i32) -> u64;
}

const ROUNDS: u64 = 10_000_000;

pub fn measure() {
    let mut options = ptr::null_mut();
    // SAFETY: there is room for the handle, and NULL stands for no interest in the error.
    assert_eq!(unsafe { twin_options_new(&mut options, ptr::null_mut()) }, 0);
    println!("figure handle_lookup_ns {:.2} goal <= 5", best(options, 0));
    println!("figure handle_enter_and_leave_ns {:.2}", best(options, 1));
    // SAFETY: ours, and not used any more.
    unsafe { twin_options_free(options) };
}

/// Nanoseconds for one, the best of five runs: what others do on the machine only adds.
fn best(options: *const twin_options, enter: i32) -> f64 {
    let mut best = f64::MAX;
    for _ in 0..5 {
        let start = Instant::now();
        // SAFETY: any value will do for a handle.
        assert_eq!(unsafe { twin_test_lookup(options, ROUNDS, enter) }, ROUNDS);
        best = best.min(start.elapsed().as_nanos() as f64 / ROUNDS as f64);
    }
    best
}
