//! The layers together.

#[cfg(feature = "logs")]
use opentelemetry::InstrumentationScope;
#[cfg(feature = "logs")]
use opentelemetry::logs::{Logger, LoggerProvider, Severity};
#[cfg(feature = "logs")]
use opentelemetry_sdk::logs::{SdkLogRecord, SdkLogger, SdkLoggerProvider};
use tracing::Subscriber;
use tracing_subscriber::Layer;
use tracing_subscriber::filter::{FilterExt, Targets};
use tracing_subscriber::registry::LookupSpan;

use super::Outlets;
use super::entered::Entered;
use super::events::{EventLayer, ToSpan, Unsuppressed};
use super::outlets::LateTracer;

/// The layers that export what `filter` lets through.
pub(crate) fn layers<S>(outlets: &Outlets, filter: &Targets) -> Box<dyn Layer<S> + Send + Sync>
where
    S: Subscriber + for<'a> LookupSpan<'a> + Send + Sync,
{
    let export = || filter.clone().and(Unsuppressed);
    let entered = Entered::new();
    let to_spans = tracing_opentelemetry::layer()
        .with_tracer(LateTracer::new(outlets))
        .with_threads(false)
        .with_tracked_inactivity(false)
        .with_filter(export().and(ToSpan {
            outlets: outlets.clone(),
            entered,
        }));
    let events = EventLayer {
        outlets: outlets.clone(),
        entered,
    };
    #[cfg(feature = "logs")]
    let events = events.and_then(
        opentelemetry_appender_tracing::layer::OpenTelemetryTracingBridge::new(&LateLogger::new(
            outlets,
        )),
    );
    // One filter for both: each costs a look-up of the span wherever one is entered, left or closed.
    to_spans.and_then(events.with_filter(export())).boxed()
}

/// A logger that writes to whichever logger is current.
#[cfg(feature = "logs")]
#[derive(Clone)]
struct LateLogger {
    outlets: Outlets,
    /// Makes records that go nowhere, for the moment between the question whether events are enabled and ours.
    nowhere: SdkLogger,
}

#[cfg(feature = "logs")]
impl LateLogger {
    fn new(outlets: &Outlets) -> Self {
        Self {
            outlets: outlets.clone(),
            nowhere: SdkLoggerProvider::builder().build().logger(""),
        }
    }

    fn with<T>(&self, use_it: impl FnOnce(&SdkLogger) -> T) -> T {
        let outlet = self.outlets.0.load();
        use_it(outlet.logger.as_ref().unwrap_or(&self.nowhere))
    }
}

/// The appender asks a provider for its logger.
#[cfg(feature = "logs")]
impl LoggerProvider for LateLogger {
    type Logger = LateLogger;

    fn logger_with_scope(&self, _: InstrumentationScope) -> LateLogger {
        self.clone()
    }
}

#[cfg(feature = "logs")]
impl Logger for LateLogger {
    type LogRecord = SdkLogRecord;

    fn create_log_record(&self) -> SdkLogRecord {
        self.with(Logger::create_log_record)
    }

    fn emit(&self, record: SdkLogRecord) {
        self.with(|logger| logger.emit(record));
    }

    fn event_enabled(&self, level: Severity, target: &str, name: Option<&str>) -> bool {
        self.with(|logger| logger.event_enabled(level, target, name))
    }
}
