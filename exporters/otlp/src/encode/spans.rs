//! Spans as requests that are bounded in bytes.

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans};
use opentelemetry_proto::transform::common::tonic::ResourceAttributesWithSchema;
use opentelemetry_proto::transform::trace::tonic::group_spans_by_resource_and_scope;
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::SpanData;
use prost::Message;

/// The resource as the span mapping takes it.
#[derive(Debug, Default)]
pub(crate) struct ProtoResource(ResourceAttributesWithSchema);

impl From<&Resource> for ProtoResource {
    fn from(resource: &Resource) -> Self {
        let mut resource = ResourceAttributesWithSchema::from(resource);
        // The SDK keeps them in a hash map: sorted, two exports of one resource are equal.
        resource.attributes.0.sort_by(|a, b| a.key.cmp(&b.key));
        Self(resource)
    }
}

/// The batch as requests of at most `limit` bytes, each with its number of spans. A request that is larger
/// is halved until its parts fit or are a single span. An empty batch has no requests.
pub(crate) fn requests(
    batch: Vec<SpanData>,
    resource: &ProtoResource,
    limit: usize,
) -> Vec<(ExportTraceServiceRequest, u64)> {
    let mut done = Vec::new();
    let mut todo = group_spans_by_resource_and_scope(batch, &resource.0);
    while let Some(spans) = todo.pop() {
        let count = count(&spans);
        if count == 0 {
            continue;
        }
        let request = ExportTraceServiceRequest {
            resource_spans: vec![spans],
        };
        if count == 1 || request.encoded_len() <= limit {
            done.push((request, count as u64));
            continue;
        }
        for spans in request.resource_spans {
            let (first, second) = halves(spans, count / 2);
            todo.extend([second, first]);
        }
    }
    done
}

fn count(spans: &ResourceSpans) -> usize {
    spans
        .scope_spans
        .iter()
        .map(|scope| scope.spans.len())
        .sum()
}

/// The first `at` spans, and the others.
fn halves(mut spans: ResourceSpans, mut at: usize) -> (ResourceSpans, ResourceSpans) {
    let mut first = Vec::new();
    let mut second = Vec::new();
    for mut scope in std::mem::take(&mut spans.scope_spans) {
        let rest = scope.spans.split_off(at.min(scope.spans.len()));
        at -= scope.spans.len();
        if !rest.is_empty() {
            second.push(ScopeSpans {
                scope: scope.scope.clone(),
                spans: rest,
                schema_url: scope.schema_url.clone(),
            });
        }
        if !scope.spans.is_empty() {
            first.push(scope);
        }
    }
    let with = |scope_spans| ResourceSpans {
        scope_spans,
        resource: spans.resource.clone(),
        schema_url: spans.schema_url.clone(),
    };
    (with(first), with(second))
}

#[cfg(test)]
mod tests;
