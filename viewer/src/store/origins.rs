//! A pool of origins, so that each is kept, and charged, once.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use crate::data::{Footprint, Origin};

/// The pool's own bookkeeping per origin, roughly: two table slots at their load factor, two counters.
const SLOT: usize = 96;

#[derive(Debug, Default)]
pub(super) struct Origins {
    pooled: HashSet<Arc<Origin>>,
    /// How many items hold a pooled origin, by its address. `pooled` keeps each address alive.
    users: HashMap<usize, usize>,
    /// The last one taken in, and what it became: most items come in runs of one origin.
    last: Option<(Arc<Origin>, Arc<Origin>)>,
    bytes: usize,
}

impl Origins {
    /// What the pooled origins take, in bytes.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    /// What taking this one in would add, in bytes: nothing if an equal one is pooled.
    pub(super) fn cost(&self, origin: &Arc<Origin>) -> usize {
        if self.find(origin).is_some() {
            0
        } else {
            origin.footprint() + SLOT
        }
    }

    /// The pooled equal of `origin`, with one user more.
    pub(super) fn intern(&mut self, origin: &Arc<Origin>) -> Arc<Origin> {
        let pooled = match self.find(origin) {
            Some(pooled) => Arc::clone(pooled),
            None => {
                self.bytes += origin.footprint() + SLOT;
                self.pooled.insert(Arc::clone(origin));
                Arc::clone(origin)
            }
        };
        *self.users.entry(address(&pooled)).or_insert(0) += 1;
        self.last = Some((Arc::clone(origin), Arc::clone(&pooled)));
        pooled
    }

    /// One user less; the last one takes the origin out.
    pub(super) fn release(&mut self, pooled: &Arc<Origin>) {
        let Some(users) = self.users.get_mut(&address(pooled)) else {
            return;
        };
        *users -= 1;
        if *users == 0 {
            self.users.remove(&address(pooled));
            self.pooled.remove(pooled);
            self.last = None;
            self.bytes -= pooled.footprint() + SLOT;
        }
    }

    fn find(&self, origin: &Arc<Origin>) -> Option<&Arc<Origin>> {
        match &self.last {
            Some((given, pooled)) if Arc::ptr_eq(given, origin) => Some(pooled),
            _ => self.pooled.get(origin),
        }
    }
}

fn address(origin: &Arc<Origin>) -> usize {
    Arc::as_ptr(origin) as usize
}

#[cfg(test)]
impl Origins {
    /// Checks that exactly these users are known.
    pub(super) fn assert_holds<'a>(&self, users: impl Iterator<Item = &'a Arc<Origin>>) {
        let mut counted: HashMap<usize, usize> = HashMap::new();
        users.for_each(|origin| *counted.entry(address(origin)).or_insert(0) += 1);
        assert_eq!(counted, self.users);
        let bytes = self.pooled.iter().map(|origin| origin.footprint() + SLOT);
        assert_eq!(bytes.sum::<usize>(), self.bytes);
        assert_eq!(self.pooled.len(), self.users.len());
    }
}
