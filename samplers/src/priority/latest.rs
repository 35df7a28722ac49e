//! The rules in force, as each thread finds them.

use std::cell::RefCell;
use std::ptr;
use std::sync::Arc;

use arc_swap::cache::Cache;
use arc_swap::{ArcSwap, Guard};

use super::in_force::InForce;

/// Rules that can be replaced while they are read.
///
/// A thread holds on to those that it read last, and looks whether they still are the latest: a plain load of a word
/// that hardly ever changes, where to borrow from the swap is two atomic exchanges. Rules that were replaced go once no
/// thread holds on to them.
pub(super) struct Latest(Shared);

type Shared = Arc<ArcSwap<InForce>>;
type Seen = Cache<Shared, Arc<InForce>>;

thread_local! {
    /// Of the sampler that this thread asked last: most programs have one.
    static SEEN: RefCell<Option<Seen>> = const { RefCell::new(None) };
}

impl Latest {
    pub(super) fn new(rules: InForce) -> Self {
        Self(Arc::new(ArcSwap::from_pointee(rules)))
    }

    /// Reads them, once.
    #[inline]
    pub(super) fn read<T>(&self, read: impl Fn(&InForce) -> T) -> T {
        let result = SEEN.try_with(|seen| {
            let mut seen = seen.try_borrow_mut().ok()?;
            let is_mine = |seen: &Seen| ptr::eq(seen.arc_swap(), &*self.0);
            if !seen.as_ref().is_some_and(is_mine) {
                *seen = Some(Cache::new(Arc::clone(&self.0)));
            }
            seen.as_mut().map(|seen| read(seen.load()))
        });
        match result {
            Ok(Some(result)) => result,
            // The thread ends, or the clock of a budget starts a span of its own.
            _ => read(&self.load()),
        }
    }

    /// Borrows them, for longer.
    pub(super) fn load(&self) -> Guard<Arc<InForce>> {
        self.0.load()
    }

    /// The same for those who read from now on.
    pub(super) fn replace(&self, rules: InForce) {
        self.0.store(Arc::new(rules));
    }
}
