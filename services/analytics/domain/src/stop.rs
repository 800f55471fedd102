//! Giving up long computations that nobody waits for any more. What a computation returns after
//! it was told to stop means nothing: it is given only because something must be.

use std::{
    cell::RefCell,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

thread_local! {
    /// The flag of the computation that this thread is at.
    static PRESENT: RefCell<Stop> = RefCell::default();
}

/// A flag that long loops look at. Clones are the same flag.
#[derive(Debug, Clone, Default)]
pub struct Stop(Arc<AtomicBool>);

impl Stop {
    /// Tells whoever looks at it to stop.
    pub fn ask(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    /// Whether it was told to.
    pub fn is_asked(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }

    /// Computes with this flag as the present one of the thread.
    pub fn within<T>(&self, compute: impl FnOnce() -> T) -> T {
        let before = Before(PRESENT.replace(self.clone()));
        let found = compute();
        drop(before);
        found
    }
}

/// Puts the flag back that was there, also after a panic.
struct Before(Stop);

impl Drop for Before {
    fn drop(&mut self) {
        PRESENT.set(std::mem::take(&mut self.0));
    }
}

/// The flag of the computation that this thread is at; one that is never set outside of any.
/// Threads that a computation starts are given it.
pub fn present() -> Stop {
    PRESENT.with_borrow(Stop::clone)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_computation_sees_its_own_flag_and_gives_it_back() {
        let (outer, inner) = (Stop::default(), Stop::default());
        inner.ask();
        outer.within(|| {
            assert!(!present().is_asked());
            inner.within(|| assert!(present().is_asked()));
            assert!(!present().is_asked());
            let panicked = std::panic::catch_unwind(|| inner.within(|| panic!("on purpose")));
            assert!(panicked.is_err() && !present().is_asked());
            outer.ask();
            assert!(present().is_asked(), "a clone is the same flag");
        });
        assert!(!present().is_asked(), "outside of any");
    }
}
