use std::time::{Duration, UNIX_EPOCH};

use opentelemetry::trace::{
    Event, Link, SpanContext, SpanId, SpanKind, Status, TraceFlags, TraceId, TraceState,
};
use opentelemetry::{InstrumentationScope, KeyValue};
use opentelemetry_proto::tonic::trace::v1::status::StatusCode;
use opentelemetry_sdk::trace::{SpanEvents, SpanLinks};

use super::*;

fn span(id: u64, scope: &'static str) -> SpanData {
    SpanData {
        span_context: SpanContext::new(
            TraceId::from(1),
            SpanId::from(id),
            TraceFlags::SAMPLED,
            false,
            TraceState::from_key_value([("ot", "th:8")]).unwrap(),
        ),
        parent_span_id: SpanId::INVALID,
        parent_span_is_remote: false,
        span_kind: SpanKind::Server,
        name: "charge".into(),
        start_time: UNIX_EPOCH + Duration::from_nanos(5),
        end_time: UNIX_EPOCH + Duration::from_nanos(7),
        attributes: vec![KeyValue::new("n", 1)],
        dropped_attributes_count: 2,
        events: SpanEvents::default(),
        links: SpanLinks::default(),
        status: Status::Unset,
        instrumentation_scope: InstrumentationScope::builder(scope)
            .with_version("1.2")
            .with_schema_url("https://example.com/schema")
            .build(),
    }
}

fn encode(batch: Vec<SpanData>) -> ResourceSpans {
    let resource = Resource::builder_empty()
        .with_attributes([KeyValue::new("b", 1), KeyValue::new("a", 2)])
        .build();
    let mut requests = requests(batch, &ProtoResource::from(&resource), usize::MAX);
    assert_eq!(requests.len(), 1);
    requests.remove(0).0.resource_spans.remove(0)
}

/// `trace.proto`, "Span.flags": bits 0 to 7 are the trace flags, bit 8 says that bit 9 is known, bit 9 that
/// the parent is remote. What else we rely on in the mapping that `opentelemetry-proto` brings stands here too.
#[test]
fn the_mapping_keeps_what_trace_proto_has_a_place_for() {
    let mut given = span(3, "shop");
    given.parent_span_id = SpanId::from(9);
    given.parent_span_is_remote = true;
    given.status = Status::error("declined");
    given.events.events = vec![Event::new("retry", UNIX_EPOCH, vec![], 4)];
    given.events.dropped_count = 5;
    let linked = SpanContext::new(
        TraceId::from(6),
        SpanId::from(7),
        TraceFlags::default(),
        true,
        TraceState::default(),
    );
    given.links.links = vec![Link::new(linked, vec![KeyValue::new("why", "batch")], 8)];
    given.links.dropped_count = 9;

    let spans = encode(vec![given]);
    let scope = &spans.scope_spans[0];
    assert_eq!(scope.schema_url, "https://example.com/schema");
    assert_eq!(scope.scope.as_ref().unwrap().version, "1.2");
    let span = &scope.spans[0];
    assert_eq!(span.flags, 0x301);
    assert_eq!(span.trace_state, "ot=th:8");
    assert_eq!(span.parent_span_id, [0, 0, 0, 0, 0, 0, 0, 9]);
    assert_eq!((span.start_time_unix_nano, span.end_time_unix_nano), (5, 7));
    assert_eq!(span.dropped_attributes_count, 2);
    assert_eq!(span.events[0].dropped_attributes_count, 4);
    assert_eq!(
        (span.dropped_events_count, span.dropped_links_count),
        (5, 9)
    );
    let link = &span.links[0];
    assert_eq!((link.flags, link.dropped_attributes_count), (0x300, 8));
    assert_eq!(link.attributes[0].key, "why");
    let status = span.status.as_ref().unwrap();
    assert_eq!(status.code, i32::from(StatusCode::Error));
    assert_eq!(status.message, "declined");
}

#[test]
fn a_root_has_no_parent_and_a_local_one() {
    let spans = encode(vec![span(1, "shop")]);
    let span = &spans.scope_spans[0].spans[0];
    assert!(span.parent_span_id.is_empty());
    assert_eq!(span.flags, 0x101);
}

#[test]
fn spans_are_grouped_by_scope_in_the_order_of_their_ends() {
    let spans = encode(vec![span(1, "a"), span(2, "b"), span(3, "a")]);
    let ids = |scope: &ScopeSpans| scope.spans.iter().map(|s| s.span_id[7]).collect::<Vec<_>>();
    assert_eq!(
        spans.scope_spans.iter().map(ids).collect::<Vec<_>>(),
        [vec![1, 3], vec![2]]
    );
}

#[test]
fn the_resources_attributes_are_sorted() {
    let spans = encode(vec![span(1, "a")]);
    let keys: Vec<_> = spans.resource.unwrap().attributes;
    assert_eq!(
        keys.iter().map(|pair| &*pair.key).collect::<Vec<_>>(),
        ["a", "b"]
    );
}

#[test]
fn a_batch_over_the_limit_is_halved_until_it_fits_and_no_span_is_lost() {
    let scopes = ["a", "b", "c"];
    let batch: Vec<_> = (0..97)
        .map(|id| span(id, scopes[id as usize % 3]))
        .collect();
    for limit in [1, 300, 1_000, 5_000, 1_000_000] {
        let requests = requests(batch.clone(), &ProtoResource::default(), limit);
        let mut ids = Vec::new();
        for (request, count) in &requests {
            assert!(request.encoded_len() <= limit || *count == 1);
            let scopes = request.resource_spans.iter().flat_map(|r| &r.scope_spans);
            let spans: Vec<_> = scopes.flat_map(|scope| &scope.spans).collect();
            assert_eq!(spans.len() as u64, *count);
            ids.extend(spans.iter().map(|span| span.span_id[7]));
        }
        ids.sort_unstable();
        assert_eq!(ids, (0..97).collect::<Vec<u8>>(), "{limit}");
    }
}

#[test]
fn an_empty_batch_has_no_requests() {
    assert!(requests(vec![], &ProtoResource::default(), 1_000).is_empty());
}
