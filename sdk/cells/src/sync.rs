//! The one door to atomics and mutexes: `std`'s, or `loom`'s when the models run (`--cfg loom`).

use std::sync::PoisonError;

#[cfg(loom)]
pub(crate) use loom::sync::{
    Mutex, MutexGuard,
    atomic::{AtomicBool, AtomicPtr, AtomicU64},
};
pub(crate) use std::sync::atomic::Ordering;
#[cfg(not(loom))]
pub(crate) use std::sync::{
    Mutex, MutexGuard,
    atomic::{AtomicBool, AtomicPtr, AtomicU64},
};

/// Locks, whatever an earlier holder did: nothing that these mutexes guard is left half-changed by a panic, because
/// the only foreign code that runs under one (the closures of a collection) is handed shared references.
pub(crate) fn acquire<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Locks if nobody holds it. See [`acquire`].
pub(crate) fn try_acquire<T>(mutex: &Mutex<T>) -> Option<MutexGuard<'_, T>> {
    use std::sync::TryLockError;
    match mutex.try_lock() {
        Ok(guard) => Some(guard),
        Err(TryLockError::Poisoned(poisoned)) => Some(poisoned.into_inner()),
        Err(TryLockError::WouldBlock) => None,
    }
}

/// A load where every store so far happened before: the thread is the only one that stores (the owner), or a mutex
/// orders all that do. Relaxed is enough then, whatever is loaded.
///
/// Loom checks just that, and the load is no point where it switches threads. That matters: of several accesses to
/// one atomic it compares a store with the last one only, so an owner's load just before its store would hide the
/// interleavings with a collector's load.
pub(crate) trait OrderedLoad {
    type Value;

    fn ordered_load(&self) -> Self::Value;
}

macro_rules! ordered_load {
    ($($atomic:ty, $value:ty $(, $t:ident)?;)*) => {$(
        impl$(<$t>)? OrderedLoad for $atomic {
            type Value = $value;

            #[inline(always)]
            fn ordered_load(&self) -> $value {
                #[cfg(not(loom))]
                return self.load(Ordering::Relaxed);
                // SAFETY: loom panics if a store is not ordered before.
                #[cfg(loom)]
                return unsafe { self.unsync_load() };
            }
        }
    )*};
}

ordered_load! {
    AtomicBool, bool;
    AtomicU64, u64;
    AtomicPtr<T>, *mut T, T;
}

/// Tells loom when a piece of memory is read and when it is freed, so that a model fails where the one is not ordered
/// before the other; loom sees its own types alone. Nothing at all without loom.
#[derive(Default)]
pub(crate) struct Life {
    #[cfg(loom)]
    cell: loom::cell::UnsafeCell<()>,
}

impl Life {
    /// The memory is being read.
    #[inline]
    pub(crate) fn read(&self) {
        #[cfg(loom)]
        self.cell.with(|_| ());
    }
}

#[cfg(loom)]
impl Drop for Life {
    fn drop(&mut self) {
        self.cell.with_mut(|_| ());
    }
}
