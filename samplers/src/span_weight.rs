//! How many bytes a span holds, about.

use std::mem::size_of;

use opentelemetry::trace::{Event, Link, Status};
use opentelemetry::{Array, KeyValue, StringValue, Value};
use opentelemetry_sdk::trace::SpanData;

/// The span itself and the text in it. What is shared (scopes, static strings) counts as if it were not,
/// what allocators add is left out.
pub(crate) fn span_weight(span: &SpanData) -> usize {
    let events = span
        .events
        .iter()
        .map(|event| size_of::<Event>() + event.name.len() + attributes_weight(&event.attributes));
    let links = span
        .links
        .iter()
        .map(|link| size_of::<Link>() + attributes_weight(&link.attributes));
    let description = match &span.status {
        Status::Error { description } => description.len(),
        Status::Unset | Status::Ok => 0,
    };
    let state = span.span_context.trace_state().into_iter();
    let state = state.map(|(key, value)| key.len() + value.len());
    size_of::<SpanData>()
        + span.name.len()
        + description
        + state.sum::<usize>()
        + attributes_weight(&span.attributes)
        + events.sum::<usize>()
        + links.sum::<usize>()
}

fn attributes_weight(attributes: &[KeyValue]) -> usize {
    attributes.iter().map(attribute_weight).sum()
}

fn attribute_weight(attribute: &KeyValue) -> usize {
    let value = match &attribute.value {
        Value::String(text) => text.as_str().len(),
        Value::Array(Array::Bool(items)) => items.len(),
        Value::Array(Array::I64(items)) => items.len() * size_of::<i64>(),
        Value::Array(Array::F64(items)) => items.len() * size_of::<f64>(),
        Value::Array(Array::String(items)) => items
            .iter()
            .map(|text| size_of::<StringValue>() + text.as_str().len())
            .sum(),
        // Numbers stand in the value itself.
        _ => 0,
    };
    size_of::<KeyValue>() + attribute.key.as_str().len() + value
}

#[cfg(test)]
mod tests {
    use opentelemetry::trace::{Span, SpanBuilder, Tracer, TracerProvider};
    use opentelemetry_sdk::trace::SdkTracerProvider;
    use throughline_testkit::CollectingSpanExporter;

    use super::*;

    fn weight_of(status: Status) -> usize {
        let exporter = CollectingSpanExporter::new();
        let provider = SdkTracerProvider::builder()
            .with_simple_exporter(exporter.clone())
            .build();
        let mut span = provider.tracer("test").build(SpanBuilder::from_name("job"));
        span.set_status(status);
        span.end();
        span_weight(&exporter.spans()[0])
    }

    #[test]
    fn what_an_error_says_has_its_weight() {
        let said = "out of stock ".repeat(1_000);
        let more = weight_of(Status::error(said.clone())) - weight_of(Status::Ok);
        assert_eq!(more, said.len());
    }
}
