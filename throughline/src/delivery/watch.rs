//! Watches an exporter: says once when it stops working and once when it works again, and counts for those
//! that do not count for themselves.

use std::borrow::Cow;
use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};

use opentelemetry::KeyValue;
use opentelemetry::metrics::{Counter, Meter};
use throughline_model::{Exported, Late, SelfMeter};

/// What an exporter sends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Items {
    Spans,
    #[cfg(feature = "logs")]
    LogRecords,
    DataPoints,
}

impl Items {
    fn name(self) -> &'static str {
        match self {
            Items::Spans => "spans",
            #[cfg(feature = "logs")]
            Items::LogRecords => "log records",
            Items::DataPoints => "metrics",
        }
    }

    fn exported(self) -> fn(&Meter) -> Counter<u64> {
        match self {
            Items::Spans => |meter| Exported::Spans.exported(meter),
            #[cfg(feature = "logs")]
            Items::LogRecords => |meter| Exported::LogRecords.exported(meter),
            Items::DataPoints => |meter| Exported::DataPoints.exported(meter),
        }
    }
}

pub(super) struct Watch {
    items: Items,
    failing: AtomicBool,
    counted: Option<Counted>,
}

struct Counted {
    exported: Late<Counter<u64>>,
    /// `otel.component.type` and `.name`.
    component: [KeyValue; 2],
}

impl Watch {
    /// For an exporter that counts for itself.
    pub(super) fn new(items: Items) -> Self {
        Self {
            items,
            failing: AtomicBool::new(false),
            counted: None,
        }
    }

    /// For an exporter of the user's; `component` is the name of its type.
    pub(super) fn counting(items: Items, component: &'static str, meter: &SelfMeter) -> Self {
        Self {
            counted: Some(Counted {
                exported: meter.late(items.exported()),
                component: [
                    KeyValue::new("otel.component.type", component),
                    KeyValue::new("otel.component.name", format!("{component}/0")),
                ],
            }),
            ..Self::new(items)
        }
    }

    /// One batch is about to be sent.
    pub(super) fn attempt(&self, items: u64) -> Attempt<'_> {
        Attempt {
            watch: self,
            items,
            ended: false,
        }
    }

    fn count(&self, items: u64, error_type: Option<Cow<'static, str>>) {
        let Some(counted) = &self.counted else { return };
        let Some(exported) = counted.exported.get() else {
            return;
        };
        let [kind, name] = counted.component.clone();
        match error_type {
            None => exported.add(items, &[kind, name]),
            Some(error) => exported.add(items, &[kind, name, KeyValue::new("error.type", error)]),
        }
    }

    /// Says a failure that is not the exporter's own.
    pub(super) fn say_failure(&self, error: &dyn fmt::Display) {
        self.say(Some(error));
    }

    fn say(&self, error: Option<&dyn fmt::Display>) {
        let what = self.items.name();
        let was_failing = self.failing.swap(error.is_some(), Ordering::Relaxed);
        match (error, was_failing) {
            (Some(error), false) => {
                tracing::warn!(target: "throughline", "{what} are not delivered: {error}");
            }
            (None, true) => tracing::info!(target: "throughline", "{what} are delivered again"),
            _ => {}
        }
    }
}

impl fmt::Debug for Watch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Watch")
            .field("items", &self.items)
            .field("failing", &self.failing)
            .finish_non_exhaustive()
    }
}

/// One batch on its way. Dropped before its end, it says why: the exporter panicked, or its time was up.
#[derive(Debug)]
pub(super) struct Attempt<'a> {
    watch: &'a Watch,
    items: u64,
    ended: bool,
}

impl Attempt<'_> {
    /// The exporter has answered.
    pub(super) fn end<E: fmt::Display>(
        mut self,
        result: &Result<(), E>,
        error_type: impl FnOnce(&E) -> Cow<'static, str>,
    ) {
        self.ended = true;
        match result {
            Ok(()) => {
                self.watch.count(self.items, None);
                self.watch.say(None);
            }
            Err(error) => {
                self.watch.count(self.items, Some(error_type(error)));
                self.watch.say(Some(error));
            }
        }
    }
}

impl Drop for Attempt<'_> {
    fn drop(&mut self) {
        if self.ended {
            return;
        }
        let (error_type, error) = if std::thread::panicking() {
            ("panic", "the exporter panicked")
        } else {
            ("timeout", "the batch was not acknowledged in time")
        };
        self.watch.count(self.items, Some(error_type.into()));
        self.watch.say(Some(&error));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_batch_whose_time_is_up_is_a_failure() {
        let watch = Watch::new(Items::Spans);
        drop(watch.attempt(1));
        assert!(watch.failing.load(Ordering::Relaxed));
        watch.attempt(1).end(&Ok::<_, String>(()), |_| "".into());
        assert!(!watch.failing.load(Ordering::Relaxed));
    }
}
