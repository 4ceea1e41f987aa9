//! The locks of the scheduler, with the face of those that the library uses.
//!
//! A wait with a limit may end by its limit at any moment: whether it does, the scheduler's dice say. So no real
//! time has to pass, and each place where a caller may give up is tried.

use std::ops::{Deref, DerefMut};
use std::time::{Duration, Instant};

use shuttle::rand::{Rng, thread_rng};
pub use shuttle::sync::atomic::{AtomicPtr, AtomicU32, AtomicU64, Ordering};

pub struct Mutex<T>(shuttle::sync::Mutex<T>);

pub struct MutexGuard<'a, T> {
    mutex: &'a Mutex<T>,
    /// Not there while its owner waits for a condition.
    inside: Option<shuttle::sync::MutexGuard<'a, T>>,
}

impl<T> Mutex<T> {
    pub fn new(value: T) -> Mutex<T> {
        Mutex(shuttle::sync::Mutex::new(value))
    }

    pub fn lock(&self) -> MutexGuard<'_, T> {
        let inside = self.0.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        MutexGuard { mutex: self, inside: Some(inside) }
    }
}

impl<T> Deref for MutexGuard<'_, T> {
    type Target = T;
    fn deref(&self) -> &T {
        self.inside.as_ref().expect("held")
    }
}

impl<T> DerefMut for MutexGuard<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        self.inside.as_mut().expect("held")
    }
}

pub struct Condvar(shuttle::sync::Condvar);

pub struct Waited(bool);

impl Waited {
    pub fn timed_out(&self) -> bool {
        self.0
    }
}

impl Condvar {
    #[allow(clippy::new_without_default)]
    pub fn new() -> Condvar {
        Condvar(shuttle::sync::Condvar::new())
    }

    pub fn wait<T>(&self, guard: &mut MutexGuard<'_, T>) {
        let inside = guard.inside.take().expect("held");
        guard.inside = Some(self.0.wait(inside).unwrap_or_else(|poisoned| poisoned.into_inner()));
    }

    pub fn wait_until<T>(&self, guard: &mut MutexGuard<'_, T>, _: Instant) -> Waited {
        if thread_rng().gen_bool(0.25) {
            // As long as it takes others to do something.
            drop(guard.inside.take());
            shuttle::thread::yield_now();
            guard.inside = guard.mutex.lock().inside;
            return Waited(true);
        }
        self.wait(guard);
        Waited(false)
    }

    pub fn wait_for<T>(&self, guard: &mut MutexGuard<'_, T>, _: Duration) -> Waited {
        self.wait_until(guard, Instant::now())
    }

    pub fn notify_one(&self) {
        self.0.notify_one();
    }

    pub fn notify_all(&self) {
        self.0.notify_all();
    }
}
