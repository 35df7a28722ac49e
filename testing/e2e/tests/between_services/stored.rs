//! What the receiver has got, of all three services.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue};
use opentelemetry_proto::tonic::metrics::v1::Exemplar;
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::Span;
use throughline::opentelemetry::trace::TraceId;
use throughline_testkit::otlp_sink::OtlpSink;

use super::service::SERVICES;

pub(crate) struct Stored {
    /// By trace, with the service.
    traces: HashMap<Vec<u8>, Vec<(String, Span)>>,
    /// With the service and the metric, each once.
    exemplars: BTreeSet<(String, String, Vec<u8>, Vec<u8>)>,
}

impl Stored {
    pub(crate) fn of(sink: &OtlpSink) -> Self {
        let mut traces: HashMap<_, Vec<_>> = HashMap::new();
        for of_service in sink.traces().into_iter().flat_map(|it| it.resource_spans) {
            let service = service_name(of_service.resource.as_ref());
            for span in of_service.scope_spans.into_iter().flat_map(|it| it.spans) {
                let trace = traces.entry(span.trace_id.clone()).or_default();
                trace.push((service.clone(), span));
            }
        }
        let mut exemplars = BTreeSet::new();
        for of_service in sink
            .metrics()
            .into_iter()
            .flat_map(|it| it.resource_metrics)
        {
            let service = service_name(of_service.resource.as_ref());
            for metric in of_service
                .scope_metrics
                .into_iter()
                .flat_map(|it| it.metrics)
            {
                for it in metric.data.into_iter().flat_map(exemplars_of) {
                    let at = (
                        service.clone(),
                        metric.name.clone(),
                        it.trace_id,
                        it.span_id,
                    );
                    exemplars.insert(at);
                }
            }
        }
        Self { traces, exemplars }
    }

    /// Those that have spans of this trace, in the order of the call.
    pub(crate) fn services(&self, trace: TraceId) -> Vec<&'static str> {
        let spans = self.trace(trace);
        let has = |service: &&str| spans.iter().any(|(of, _)| of == service);
        SERVICES.into_iter().filter(has).collect()
    }

    /// How many traces this service keeps because another one does.
    pub(crate) fn kept_by_neighbours(&self, service: &str) -> usize {
        let by_neighbour = |(of, span): &(String, Span)| {
            of == service && text(&span.attributes, "sampling.retained").contains("neighbour")
        };
        let traces = self.traces.values();
        traces
            .filter(|spans| spans.iter().any(by_neighbour))
            .count()
    }

    /// Whether the head chose it: it did in the first service, which all follow.
    pub(crate) fn is_sampled(&self, trace: TraceId) -> bool {
        let of_front =
            |(of, span): &&(String, Span)| of == "front" && span.parent_span_id.is_empty();
        let root = self.trace(trace).iter().find(of_front);
        root.is_some_and(|(_, span)| text(&span.attributes, "sampling.retained").is_empty())
    }

    pub(crate) fn no_span_is_there_twice(&self) {
        let mut times: BTreeMap<(&[u8], &[u8]), u32> = BTreeMap::new();
        for (_, span) in self.traces.values().flatten() {
            *times.entry((&span.trace_id, &span.span_id)).or_default() += 1;
        }
        times.retain(|_, times| *times > 1);
        assert!(times.is_empty(), "{times:?}");
    }

    /// Each exemplar's span is among those of its service.
    pub(crate) fn every_exemplar_resolves(&self) {
        let outlier = |it: &(String, String, _, _)| it.0 == "back" && it.1 == "order.size";
        assert!(
            self.exemplars.iter().any(outlier),
            "no outlier is an exemplar"
        );
        for (service, metric, trace, span) in &self.exemplars {
            let spans = self.traces.get(trace).map_or(&[][..], Vec::as_slice);
            let found = spans
                .iter()
                .any(|(of, it)| of == service && it.span_id == *span);
            assert!(
                found,
                "an exemplar of {service}'s {metric} points at nothing: {trace:x?} {span:x?}"
            );
        }
    }

    fn trace(&self, trace: TraceId) -> &[(String, Span)] {
        let spans = self.traces.get(&trace.to_bytes()[..]);
        spans.map_or(&[], Vec::as_slice)
    }
}

fn exemplars_of(data: Data) -> Vec<Exemplar> {
    match data {
        Data::Histogram(it) => it
            .data_points
            .into_iter()
            .flat_map(|it| it.exemplars)
            .collect(),
        Data::Sum(it) => it
            .data_points
            .into_iter()
            .flat_map(|it| it.exemplars)
            .collect(),
        Data::Gauge(it) => it
            .data_points
            .into_iter()
            .flat_map(|it| it.exemplars)
            .collect(),
        Data::ExponentialHistogram(it) => it
            .data_points
            .into_iter()
            .flat_map(|it| it.exemplars)
            .collect(),
        Data::Summary(_) => Vec::new(),
    }
}

fn service_name(resource: Option<&Resource>) -> String {
    text(&resource.unwrap().attributes, "service.name")
}

fn text(attributes: &[KeyValue], key: &str) -> String {
    let found = attributes.iter().find(|it| it.key == key);
    match found.and_then(|it| it.value.as_ref()) {
        Some(AnyValue {
            value: Some(Value::StringValue(text)),
        }) => text.clone(),
        Some(other) => format!("{other:?}"),
        None => String::new(),
    }
}
