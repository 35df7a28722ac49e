//! What a collection runs before it reads: users' callbacks and collectors.

use std::any::Any;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use opentelemetry::KeyValue;
use opentelemetry::metrics::{AsyncInstrument, Callback};

use crate::number::Measured;
use crate::observed::ObservedStream;
use crate::parts::Parts;
use crate::warning::warn;

/// Users' code that observes for one collection of one reader.
pub(crate) trait Produce: Send + Sync {
    /// Runs it.
    fn run(&self, reader: usize);
}

/// Users' code, run with no lock of the engine held. A panic is caught, counted, and told the first time; so is taking longer
/// than the collection may.
pub(crate) struct Producer {
    pub(crate) id: u64,
    /// What it is, for the warning.
    name: String,
    code: Box<dyn Produce>,
    panicked: AtomicBool,
    outlasted: AtomicBool,
}

impl Producer {
    pub(crate) fn new(id: u64, name: String, code: Box<dyn Produce>) -> Self {
        Self {
            id,
            name,
            code,
            panicked: AtomicBool::new(false),
            outlasted: AtomicBool::new(false),
        }
    }

    /// When it was done there was no time left for those after it.
    pub(crate) fn outlasted(&self, deadline: Duration) {
        if !self.outlasted.swap(true, Ordering::Relaxed) {
            warn(format_args!(
                "{} was not done within {deadline:?}, and those after it were not run; they are first next time; what is not run is counted, and this is told once",
                self.name,
            ));
        }
    }

    /// Runs it for a collection of `reader`. What it observed before a panic is kept.
    pub(crate) fn run(&self, reader: usize, parts: &Parts) {
        let Err(panic) = catch_unwind(AssertUnwindSafe(|| self.code.run(reader))) else {
            return;
        };
        parts.tally.panicked();
        if !self.panicked.swap(true, Ordering::Relaxed) {
            warn(format_args!(
                "{} panicked: {}; panics are counted, and this is told once",
                self.name,
                message(&*panic),
            ));
        }
        // What was thrown may panic again when it is dropped.
        if let Err(again) = catch_unwind(AssertUnwindSafe(|| drop(panic))) {
            std::mem::forget(again);
        }
    }
}

fn message(panic: &(dyn Any + Send)) -> &str {
    panic
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("(no message)")
}

impl fmt::Debug for Producer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Producer")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

/// A callback of an asynchronous instrument.
pub(crate) struct InstrumentCallback<T> {
    pub(crate) callback: Callback<T>,
    pub(crate) observer: Arc<ObserverParts<T>>,
}

/// What observations of an asynchronous instrument go through.
pub(crate) struct ObserverParts<T> {
    pub(crate) parts: Arc<Parts>,
    pub(crate) monotonic: bool,
    pub(crate) streams: Box<[Arc<ObservedStream<T>>]>,
}

impl<T: Measured> ObserverParts<T> {
    /// Takes one observation for one reader.
    pub(crate) fn observe(&self, reader: usize, value: T, attributes: &[KeyValue]) {
        if let Some(why) = value.refusal(self.monotonic) {
            return self.parts.tally.refused(why);
        }
        for stream in &self.streams {
            stream.observe(reader, value, attributes);
        }
    }
}

impl<T: Measured> Produce for InstrumentCallback<T> {
    fn run(&self, reader: usize) {
        // A reader whose views drop the instrument does not want it measured.
        let wanted = self
            .observer
            .streams
            .iter()
            .any(|stream| stream.has_reader(reader));
        if wanted {
            (self.callback)(&Observer {
                parts: &self.observer,
                reader,
            });
        }
    }
}

/// What a callback is given. It cannot outlive the call.
struct Observer<'a, T> {
    parts: &'a ObserverParts<T>,
    reader: usize,
}

impl<T: Measured> AsyncInstrument<T> for Observer<'_, T> {
    fn observe(&self, value: T, attributes: &[KeyValue]) {
        self.parts.observe(self.reader, value, attributes);
    }
}
