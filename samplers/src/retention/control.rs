//! What user threads ask of the delivery thread.

use std::fmt;
use std::time::Duration;

use tokio::sync::Notify;

use super::sync::{AtomicBool, Mutex, MutexGuard, Ordering, acquire};
use crate::Error;
use crate::batch::Waiter;

/// Requests and wake-ups.
pub(super) struct Control {
    requests: Mutex<Requests>,
    /// No part is admitted any more.
    closing: AtomicBool,
    /// The worker is gone: what has not arrived never will.
    ended: AtomicBool,
    /// Something is ripe, and the delivery thread was told.
    stirred: AtomicBool,
    pub(super) stir: Notify,
    pub(super) hurry: Notify,
}

/// What nobody has looked at yet.
#[derive(Default)]
pub(super) struct Requests {
    pub(super) flushes: Vec<Request>,
    pub(super) close: Vec<Request>,
}

/// Someone who waits.
pub(super) struct Request {
    pub(super) timeout: Duration,
    pub(super) waiter: Waiter,
}

impl Request {
    pub(super) fn tell(self, result: Result<(), Error>) {
        (self.waiter)(result);
    }
}

impl Default for Control {
    fn default() -> Self {
        Self {
            requests: Mutex::new(Requests::default()),
            closing: AtomicBool::new(false),
            ended: AtomicBool::new(false),
            stirred: AtomicBool::new(false),
            stir: Notify::new(),
            hurry: Notify::new(),
        }
    }
}

impl Control {
    pub(super) fn is_closing(&self) -> bool {
        self.closing.load(Ordering::Relaxed)
    }

    pub(super) fn has_ended(&self) -> bool {
        self.ended.load(Ordering::Relaxed)
    }

    /// Something is ripe: the delivery thread will look at it soon.
    #[inline]
    pub(super) fn stir(&self) {
        if !self.stirred.load(Ordering::Relaxed) && !self.stirred.swap(true, Ordering::Relaxed) {
            self.stir.notify_one();
        }
    }

    /// The delivery thread is about to look at everything.
    pub(super) fn settle(&self) {
        self.stirred.store(false, Ordering::Relaxed);
    }

    /// The delivery thread looks at everything at once.
    pub(super) fn hurry(&self) {
        self.hurry.notify_one();
    }

    /// Asks for a flush. `Err` hands the request back where nobody would look at it.
    pub(super) fn flush(&self, request: Request) -> Result<(), Request> {
        self.ask(request, |requests| &mut requests.flushes)
    }

    /// Asks for a shutdown. From now on no part is admitted.
    pub(super) fn close(&self, request: Request) -> Result<(), Request> {
        self.closing.store(true, Ordering::Relaxed);
        self.ask(request, |requests| &mut requests.close)
    }

    fn ask(
        &self,
        request: Request,
        list: impl FnOnce(&mut Requests) -> &mut Vec<Request>,
    ) -> Result<(), Request> {
        let mut requests = self.requests();
        // Asked under the lock: `end` sets it before it takes the list.
        if self.has_ended() {
            return Err(request);
        }
        list(&mut requests).push(request);
        drop(requests);
        self.hurry();
        Ok(())
    }

    pub(super) fn take(&self) -> Requests {
        std::mem::take(&mut *self.requests())
    }

    /// The worker is gone. Returns who still waits.
    pub(super) fn end(&self) -> Requests {
        let mut requests = self.requests();
        self.closing.store(true, Ordering::Relaxed);
        self.ended.store(true, Ordering::Relaxed);
        std::mem::take(&mut *requests)
    }

    fn requests(&self) -> MutexGuard<'_, Requests> {
        acquire(&self.requests)
    }
}

impl fmt::Debug for Control {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Control")
            .field("closing", &self.is_closing())
            .field("ended", &self.has_ended())
            .finish_non_exhaustive()
    }
}
