//! Events of `tracing`, where `tracing-opentelemetry` would put them on the wrong span or on none.

use std::fmt;

use opentelemetry::trace::{SpanId, Status, TraceContextExt};
use opentelemetry::{Context, KeyValue};
use tracing::field::{Field, Visit};
use tracing::{Event, Level, Metadata, Subscriber, span};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::{Context as LayerContext, Filter};
use tracing_subscriber::registry::LookupSpan;

use super::Outlets;
use super::entered::Entered;

/// Whether the innermost span is the one that the current `tracing` span became: otherwise an operation (or
/// another span of the `opentelemetry` API) has been opened inside.
fn innermost_is_of_tracing<S>(
    entered: Entered,
    event: &Event<'_>,
    ctx: &LayerContext<'_, S>,
) -> bool
where
    S: Subscriber + for<'a> LookupSpan<'a>,
{
    if !event.is_contextual() {
        return true;
    }
    let became = ctx
        .lookup_current()
        .and_then(|span| entered.became(&span.id()));
    became == Some(current_span())
}

fn current_span() -> SpanId {
    Context::map_current(|context| context.span().span_context().span_id())
}

/// Lets nothing through where telemetry is suppressed, which it is on the delivery thread: what exporting says
/// about itself would feed itself.
///
/// `opentelemetry_sdk` looks at the suppression, too, but `tracing-opentelemetry` starts explicit roots (such
/// as the connections of `h2`) in an empty context, and makes that current while the span is entered.
#[derive(Clone, Copy, Debug)]
pub(super) struct Unsuppressed;

impl<S> Filter<S> for Unsuppressed {
    fn enabled(&self, _: &Metadata<'_>, _: &LayerContext<'_, S>) -> bool {
        !Context::is_current_telemetry_suppressed()
    }
}

/// Lets through to `tracing-opentelemetry` the spans, and the events that stand on them: those do not leave
/// as log records, and an event stands on the innermost span.
#[derive(Clone, Debug)]
pub(super) struct ToSpan {
    pub(super) outlets: Outlets,
    pub(super) entered: Entered,
}

impl<S> Filter<S> for ToSpan
where
    S: Subscriber + for<'a> LookupSpan<'a>,
{
    fn enabled(&self, metadata: &Metadata<'_>, _: &LayerContext<'_, S>) -> bool {
        let outlet = self.outlets.0.load();
        outlet.has_traces() && (metadata.is_span() || !outlet.has_logs())
    }

    fn event_enabled(&self, event: &Event<'_>, ctx: &LayerContext<'_, S>) -> bool {
        innermost_is_of_tracing(self.entered, event, ctx)
    }
}

/// The events that [`ToSpan`] held back. It stands after `tracing-opentelemetry`'s layer, so that on entering
/// a span that span is current.
#[derive(Clone, Debug)]
pub(super) struct EventLayer {
    pub(super) outlets: Outlets,
    pub(super) entered: Entered,
}

impl<S> Layer<S> for EventLayer
where
    S: Subscriber + for<'a> LookupSpan<'a>,
{
    fn on_enter(&self, id: &span::Id, _: LayerContext<'_, S>) {
        self.entered.push(id, current_span());
    }

    fn on_exit(&self, id: &span::Id, _: LayerContext<'_, S>) {
        self.entered.pop(id);
    }

    fn on_event(&self, event: &Event<'_>, ctx: LayerContext<'_, S>) {
        let outlet = self.outlets.0.load();
        if !outlet.has_traces() || !event.is_contextual() {
            return;
        }
        let of_tracing = innermost_is_of_tracing(self.entered, event, &ctx);
        if !outlet.has_logs() {
            if !of_tracing {
                add_to_current_span(event);
            }
        } else if of_tracing && *event.metadata().level() == Level::ERROR {
            // An error marks its span as failed, as it does where events stand on spans. How an operation
            // ended, its outcome says.
            Context::current().span().set_status(Status::error(""));
        }
    }
}

/// As `tracing-opentelemetry` writes it: the message is the event's name, the fields its attributes.
fn add_to_current_span(event: &Event<'_>) {
    let context = Context::current();
    let span = context.span();
    if !span.is_recording() {
        return;
    }
    let metadata = event.metadata();
    let mut fields = Fields {
        message: None,
        attributes: vec![
            KeyValue::new("level", metadata.level().as_str()),
            KeyValue::new("target", metadata.target()),
        ],
    };
    event.record(&mut fields);
    let name = fields.message.unwrap_or_else(|| metadata.name().to_owned());
    span.add_event(name, fields.attributes);
}

struct Fields {
    message: Option<String>,
    attributes: Vec<KeyValue>,
}

impl Visit for Fields {
    fn record_f64(&mut self, field: &Field, value: f64) {
        self.attributes.push(KeyValue::new(field.name(), value));
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.attributes.push(KeyValue::new(field.name(), value));
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        // OpenTelemetry's integers are signed.
        match i64::try_from(value) {
            Ok(value) => self.record_i64(field, value),
            Err(_) => self.record_debug(field, &value),
        }
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.attributes.push(KeyValue::new(field.name(), value));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        if field.name() == "message" {
            self.message = Some(value.to_owned());
        } else {
            let pair = KeyValue::new(field.name(), value.to_owned());
            self.attributes.push(pair);
        }
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.record_str(field, &format!("{value:?}"));
    }
}
