//! Spans.

use std::sync::Arc;

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::trace::v1 as proto;

use super::Decoded;
use super::common::{attributes, origin, span_id, trace_id};
use crate::data::{
    Origin, Span, SpanEvent, SpanId, SpanKind, SpanLink, Status, StatusCode, Time, TraceId,
};

pub(crate) fn traces(request: ExportTraceServiceRequest) -> Decoded<Span> {
    let mut decoded = Decoded::new();
    for resource in request.resource_spans {
        for scope in resource.scope_spans {
            let origin = origin(&resource.resource, scope.scope);
            for sent in scope.spans {
                decoded.push(span(&origin, sent));
            }
        }
    }
    decoded
}

fn span(origin: &Arc<Origin>, sent: proto::Span) -> Result<Span, String> {
    let named = |reason: String| format!("span {:?}: {reason}", sent.name);
    let trace = trace_id("trace_id", &sent.trace_id).map_err(named)?;
    let id = span_id("span_id", &sent.span_id).map_err(named)?;
    let parent = span_id("parent_span_id", &sent.parent_span_id).map_err(named)?;
    let trace = trace.ok_or_else(|| named("trace_id is empty or zero".into()))?;
    let id = id.ok_or_else(|| named("span_id is empty or zero".into()))?;
    let mut dropped = u64::from(sent.dropped_attributes_count)
        + u64::from(sent.dropped_events_count)
        + u64::from(sent.dropped_links_count);
    let mut links = Vec::new();
    for sent in sent.links {
        match (
            TraceId::from_bytes(&sent.trace_id),
            SpanId::from_bytes(&sent.span_id),
        ) {
            (Some(trace), Some(span)) => {
                let attributes = attributes(sent.attributes);
                links.push(SpanLink {
                    trace,
                    span,
                    attributes,
                });
            }
            _ => dropped += 1,
        }
    }
    let events = sent.events.into_iter().map(|event| SpanEvent {
        time: Time::from_nanos(event.time_unix_nano),
        name: event.name.into(),
        attributes: attributes(event.attributes),
    });
    let status = sent.status.unwrap_or_default();
    Ok(Span {
        origin: Arc::clone(origin),
        trace,
        id,
        parent,
        kind: kind(sent.kind),
        start: Time::from_nanos(sent.start_time_unix_nano),
        end: Time::from_nanos(sent.end_time_unix_nano),
        attributes: attributes(sent.attributes),
        events: events.collect(),
        links: links.into(),
        status: Status {
            code: match status.code {
                1 => StatusCode::Ok,
                2 => StatusCode::Error,
                _ => StatusCode::Unset,
            },
            message: status.message.into(),
        },
        name: sent.name.into(),
        dropped,
    })
}

fn kind(kind: i32) -> SpanKind {
    match kind {
        2 => SpanKind::Server,
        3 => SpanKind::Client,
        4 => SpanKind::Producer,
        5 => SpanKind::Consumer,
        _ => SpanKind::Internal,
    }
}
