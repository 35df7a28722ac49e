//! Stand-ins for the engine's reader.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

use throughline_model::{Collect, CollectError, Snapshot};

/// Gives the same answer each time, and remembers the deadlines it was given.
#[derive(Debug)]
pub struct Fixed {
    answer: Result<Snapshot, CollectError>,
    pub deadlines: Mutex<Vec<Duration>>,
}

impl Fixed {
    pub fn new(answer: Result<Snapshot, CollectError>) -> Arc<Self> {
        Arc::new(Self {
            answer,
            deadlines: Mutex::default(),
        })
    }
}

impl Collect for Fixed {
    fn collect(&self, deadline: Duration) -> Result<Snapshot, CollectError> {
        self.deadlines.lock().unwrap().push(deadline);
        self.answer.clone()
    }
}

/// Panics the first time, then collects nothing.
#[derive(Debug, Default)]
pub struct PanicsOnce(AtomicUsize);

impl Collect for PanicsOnce {
    fn collect(&self, _: Duration) -> Result<Snapshot, CollectError> {
        assert!(
            self.0.fetch_add(1, Ordering::SeqCst) > 0,
            "a callback that panics"
        );
        Ok(Snapshot::default())
    }
}

/// Collects when it is let, and says when it began.
#[derive(Debug, Default)]
pub struct Gated {
    open: Mutex<bool>,
    opened: Condvar,
    pub began: tokio::sync::Notify,
    pub collections: AtomicUsize,
}

impl Gated {
    pub fn open(&self) {
        *self.open.lock().unwrap() = true;
        self.opened.notify_all();
    }
}

impl Collect for Gated {
    fn collect(&self, _: Duration) -> Result<Snapshot, CollectError> {
        self.collections.fetch_add(1, Ordering::SeqCst);
        self.began.notify_one();
        let open = self.open.lock().unwrap();
        drop(self.opened.wait_while(open, |open| !*open).unwrap());
        Ok(Snapshot::default())
    }
}
