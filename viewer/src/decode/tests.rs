use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::metrics::v1 as metrics_proto;
use opentelemetry_proto::tonic::trace::v1 as trace_proto;

use super::*;
use crate::data::{Number, Total};

fn request(metric: metrics_proto::Metric) -> ExportMetricsServiceRequest {
    let scope = metrics_proto::ScopeMetrics {
        metrics: vec![metric],
        ..Default::default()
    };
    let resource = metrics_proto::ResourceMetrics {
        scope_metrics: vec![scope],
        ..Default::default()
    };
    ExportMetricsServiceRequest {
        resource_metrics: vec![resource],
    }
}

fn named(data: metrics_proto::metric::Data) -> metrics_proto::Metric {
    metrics_proto::Metric {
        name: "m".into(),
        data: Some(data),
        ..Default::default()
    }
}

fn histogram(bounds: &[f64], counts: &[u64]) -> ExportMetricsServiceRequest {
    let point = metrics_proto::HistogramDataPoint {
        explicit_bounds: bounds.to_vec(),
        bucket_counts: counts.to_vec(),
        ..Default::default()
    };
    request(named(metrics_proto::metric::Data::Histogram(
        metrics_proto::Histogram {
            data_points: vec![point],
            aggregation_temporality: 2,
        },
    )))
}

#[test]
fn a_histogram_that_contradicts_itself_is_rejected_with_the_reason() {
    for (bounds, counts, reason) in [
        (
            &[1.0, 2.0][..],
            &[1, 2][..],
            "2 bucket_counts for 2 explicit_bounds",
        ),
        (&[2.0, 1.0], &[0, 0, 0], "explicit_bounds are [2.0, 1.0]"),
        (&[1.0, 1.0], &[0, 0, 0], "explicit_bounds are [1.0, 1.0]"),
        (&[f64::NAN], &[0, 0], "explicit_bounds are [NaN]"),
        (&[], &[0; 10_001], "10001 buckets"),
    ] {
        let decoded = metrics(histogram(bounds, counts));
        assert_eq!((decoded.items.len(), decoded.rejected), (0, 1));
        assert!(decoded.reason.contains(reason), "{}", decoded.reason);
    }
    assert_eq!(
        metrics(histogram(&[], &[])).items.len(),
        1,
        "count and sum alone are fine"
    );
}

#[test]
fn exponential_buckets_that_no_double_reaches_are_rejected() {
    let of = |scale, offset, counts: Vec<u64>| {
        let buckets = metrics_proto::exponential_histogram_data_point::Buckets {
            offset,
            bucket_counts: counts,
        };
        let point = metrics_proto::ExponentialHistogramDataPoint {
            scale,
            positive: Some(buckets),
            ..Default::default()
        };
        let data = metrics_proto::ExponentialHistogram {
            data_points: vec![point],
            aggregation_temporality: 1,
        };
        metrics(request(named(
            metrics_proto::metric::Data::ExponentialHistogram(data),
        )))
    };
    for (scale, offset) in [
        (21, 0),
        (-11, 0),
        (0, i32::MAX),
        (0, i32::MIN),
        (-10, 5),
        (20, i32::MAX),
    ] {
        assert_eq!(of(scale, offset, vec![1]).rejected, 1, "{scale} {offset}");
    }
    for (scale, offset) in [(20, 1_073_741_823), (0, -1_074), (-10, -1)] {
        assert_eq!(of(scale, offset, vec![1]).rejected, 0, "{scale} {offset}");
    }
}

#[test]
fn a_sum_without_temporality_is_rejected_for_each_of_its_points() {
    let point = metrics_proto::NumberDataPoint {
        value: Some(metrics_proto::number_data_point::Value::AsInt(1)),
        ..Default::default()
    };
    let sum = |temporality| {
        metrics(request(named(metrics_proto::metric::Data::Sum(
            metrics_proto::Sum {
                data_points: vec![point.clone(), point.clone()],
                aggregation_temporality: temporality,
                is_monotonic: true,
            },
        ))))
    };
    assert_eq!(sum(0).rejected, 2);
    assert!(sum(0).reason.contains("aggregation_temporality"));
    assert_eq!(sum(1).items[0].value, Total::Number(Number::Int(1)));
}

#[test]
fn a_point_that_says_it_has_no_value_is_left_out_without_complaint() {
    let point = metrics_proto::NumberDataPoint {
        flags: 1,
        ..Default::default()
    };
    let gauge = metrics_proto::Gauge {
        data_points: vec![point],
    };
    let decoded = metrics(request(named(metrics_proto::metric::Data::Gauge(gauge))));
    assert_eq!((decoded.items.len(), decoded.rejected), (0, 0));
}

#[test]
fn a_span_without_proper_ids_is_rejected_and_named() {
    let sent = |trace_id: Vec<u8>, span_id: Vec<u8>, parent_span_id: Vec<u8>| trace_proto::Span {
        name: "charge".into(),
        trace_id,
        span_id,
        parent_span_id,
        ..Default::default()
    };
    let spans = vec![
        sent(vec![1; 16], vec![1; 8], vec![]),
        sent(vec![1; 16], vec![1; 8], vec![0; 8]),
        sent(vec![1; 15], vec![1; 8], vec![]),
        sent(vec![0; 16], vec![1; 8], vec![]),
        sent(vec![1; 16], vec![], vec![]),
        sent(vec![1; 16], vec![1; 8], vec![1; 9]),
    ];
    let scope = trace_proto::ScopeSpans {
        spans,
        ..Default::default()
    };
    let resource = trace_proto::ResourceSpans {
        scope_spans: vec![scope],
        ..Default::default()
    };
    let decoded = traces(ExportTraceServiceRequest {
        resource_spans: vec![resource],
    });
    assert_eq!((decoded.items.len(), decoded.rejected), (2, 4));
    assert_eq!(
        decoded.reason,
        "span \"charge\": trace_id has 15 bytes, expected 16"
    );
    assert!(decoded.items.iter().all(|span| span.parent.is_none()));
}
