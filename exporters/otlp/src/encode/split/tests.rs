use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use opentelemetry::trace::{SpanId, TraceId};
use opentelemetry::{InstrumentationScope, KeyValue};
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::common::v1::{KeyValue as Pair, any_value};
use opentelemetry_proto::tonic::metrics::v1::{self as proto, metric};
use proptest::prelude::*;
use prost::Message as _;
use throughline_model::{
    Attributes, Exemplar, ExponentialBuckets, ExponentialHistogram, ExponentialHistogramPoint,
    Gauge, Histogram, HistogramPoint, Number, NumberPoint, Resource, ScopeMetrics, Sum,
    Temporality,
};

use super::*;

/// What a backend would add up: per metric, how many points, measurements and exemplars, and their sums.
type Totals = BTreeMap<String, (u64, u64, f64, u64)>;

fn totals_before(snapshot: &Snapshot) -> Totals {
    let mut totals = Totals::new();
    let mut add = |name: String, count, sum: f64, exemplars: usize| {
        let total = totals.entry(name).or_default();
        total.0 += 1;
        total.1 += count;
        total.2 += sum;
        total.3 += exemplars as u64;
    };
    for (scope, metric) in snapshot.metrics() {
        let name = || format!("{}/{}", scope.name(), metric.name);
        match &metric.data {
            Data::Sum(Sum { points, .. }) | Data::Gauge(Gauge { points }) => {
                for point in points {
                    add(name(), 1, point.value.as_f64(), point.exemplars.len());
                }
            }
            Data::Histogram(histogram) => {
                for point in &histogram.points {
                    add(name(), point.count(), point.sum, point.exemplars.len());
                }
            }
            Data::ExponentialHistogram(histogram) => {
                for point in &histogram.points {
                    add(name(), point.count(), point.sum, point.exemplars.len());
                }
            }
        }
    }
    totals
}

fn add_decoded(totals: &mut Totals, request: &ExportMetricsServiceRequest) -> u64 {
    use proto::number_data_point::Value;
    let mut points = 0;
    let mut add = |name: &str, count, sum: f64, exemplars: &[proto::Exemplar]| {
        assert!(
            exemplars
                .iter()
                .all(|exemplar| exemplar.trace_id.len() == 16)
        );
        let total = totals.entry(name.to_owned()).or_default();
        total.0 += 1;
        total.1 += count;
        total.2 += sum;
        total.3 += exemplars.len() as u64;
        points += 1;
    };
    for scope in request
        .resource_metrics
        .iter()
        .flat_map(|r| &r.scope_metrics)
    {
        let scope_name = &scope.scope.as_ref().unwrap().name;
        for metric in &scope.metrics {
            let name = format!("{scope_name}/{}", metric.name);
            match metric.data.as_ref().unwrap() {
                metric::Data::Sum(proto::Sum { data_points, .. })
                | metric::Data::Gauge(proto::Gauge { data_points }) => {
                    for point in data_points {
                        let value = match point.value.unwrap() {
                            Value::AsInt(value) => value as f64,
                            Value::AsDouble(value) => value,
                        };
                        add(&name, 1, value, &point.exemplars);
                    }
                }
                metric::Data::Histogram(histogram) => {
                    for point in &histogram.data_points {
                        assert_eq!(point.count, point.bucket_counts.iter().sum::<u64>());
                        add(&name, point.count, point.sum.unwrap(), &point.exemplars);
                    }
                }
                metric::Data::ExponentialHistogram(histogram) => {
                    for point in &histogram.data_points {
                        add(&name, point.count, point.sum.unwrap(), &point.exemplars);
                    }
                }
                other => panic!("{other:?}"),
            }
        }
    }
    points
}

fn exemplars() -> impl Strategy<Value = Vec<Exemplar>> {
    let exemplar =
        (any::<i32>(), 1..u128::MAX, 1..u64::MAX).prop_map(|(value, trace, span)| Exemplar {
            filtered_attributes: vec![KeyValue::new("order.id", span.to_string())],
            time: SystemTime::UNIX_EPOCH,
            value: Number::I64(value.into()),
            span: Some((TraceId::from(trace), SpanId::from(span))),
        });
    prop::collection::vec(exemplar, 0..3)
}

fn number() -> impl Strategy<Value = Number> {
    prop_oneof![
        // Whole numbers below 2^40: sums of them are exact, in any order.
        (0..1u64 << 40).prop_map(Number::U64),
        (-(1i64 << 40)..1 << 40).prop_map(Number::I64),
        (-1_000_000..1_000_000i32).prop_map(|value| Number::F64(value.into())),
    ]
}

fn attributes() -> impl Strategy<Value = Attributes> {
    let pair = ("[a-z.]{1,8}", ".{0,40}").prop_map(|(key, value)| KeyValue::new(key, value));
    prop::collection::vec(pair, 0..4).prop_map(Attributes::new)
}

const START: SystemTime = SystemTime::UNIX_EPOCH;

fn number_points() -> impl Strategy<Value = Vec<NumberPoint>> {
    let point = (attributes(), number(), exemplars()).prop_map(|(attributes, value, exemplars)| {
        NumberPoint {
            attributes,
            start: START,
            time: START + Duration::from_secs(1),
            value,
            exemplars,
        }
    });
    prop::collection::vec(point, 0..20)
}

fn counts() -> impl Strategy<Value = Vec<u64>> {
    prop::collection::vec(0..1u64 << 30, 0..20)
}

fn data() -> impl Strategy<Value = Data> {
    let whole = || (0..1_000_000i32).prop_map(f64::from);
    let histogram = (attributes(), counts(), whole(), exemplars()).prop_map(
        |(attributes, mut counts, sum, exemplars)| {
            counts.push(1);
            HistogramPoint {
                attributes,
                start: START,
                time: START,
                bounds: (1..counts.len()).map(|bound| bound as f64).collect(),
                counts,
                sum,
                min: Some(0.0),
                max: None,
                exemplars,
            }
        },
    );
    let exponential = (
        attributes(),
        counts(),
        counts(),
        any::<u8>(),
        whole(),
        exemplars(),
    );
    let exponential = exponential.prop_map(
        |(attributes, positive, negative, zero_count, sum, exemplars)| ExponentialHistogramPoint {
            attributes,
            start: START,
            time: START,
            scale: 3,
            zero_count: zero_count.into(),
            zero_threshold: 0.0,
            positive: ExponentialBuckets {
                offset: -5,
                counts: positive,
            },
            negative: ExponentialBuckets {
                offset: 2,
                counts: negative,
            },
            sum,
            min: None,
            max: None,
            exemplars,
        },
    );
    prop_oneof![
        number_points().prop_map(|points| Data::Gauge(Gauge { points })),
        number_points().prop_map(|points| Data::Sum(Sum {
            temporality: Temporality::Delta,
            monotonic: false,
            points
        })),
        prop::collection::vec(histogram, 0..10).prop_map(|points| Data::Histogram(Histogram {
            temporality: Temporality::Cumulative,
            points
        })),
        prop::collection::vec(exponential, 0..10).prop_map(|points| {
            Data::ExponentialHistogram(ExponentialHistogram {
                temporality: Temporality::Delta,
                points,
            })
        }),
    ]
}

fn snapshots() -> impl Strategy<Value = Snapshot> {
    let metrics = prop::collection::vec(data(), 0..4);
    prop::collection::vec(metrics, 0..4).prop_map(|scopes| Snapshot {
        resource: Resource::new([KeyValue::new("service.name", "checkout")]).into(),
        incomplete: None,
        scopes: scopes
            .into_iter()
            .enumerate()
            .map(|(scope, metrics)| ScopeMetrics {
                scope: InstrumentationScope::builder(format!("scope{scope}")).build(),
                metrics: metrics
                    .into_iter()
                    .enumerate()
                    .map(|(metric, data)| Metric {
                        name: format!("metric{metric}").into(),
                        description: "".into(),
                        unit: "1".into(),
                        data,
                    })
                    .collect(),
            })
            .collect(),
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn every_point_is_in_one_request_and_nothing_changes_on_the_way(
        snapshot in snapshots(),
        bytes in 200usize..20_000,
        points in 1usize..50,
    ) {
        let mut after = Totals::new();
        for part in parts(&snapshot, Limits { bytes, points }) {
            let encoded = part.request;
            prop_assert!(encoded.len() <= bytes || part.points == 1, "{}", encoded.len());
            prop_assert!(part.points as usize <= points);
            let decoded = ExportMetricsServiceRequest::decode(&encoded[..]).unwrap();
            prop_assert_eq!(add_decoded(&mut after, &decoded), part.points);
        }
        prop_assert_eq!(totals_before(&snapshot), after);
    }
}

#[test]
fn a_snapshot_without_points_has_no_requests() {
    let limits = Limits {
        bytes: 1_000,
        points: 10,
    };
    assert_eq!(parts(&Snapshot::default(), limits).count(), 0);
    let empty = Snapshot {
        scopes: vec![ScopeMetrics {
            metrics: vec![Metric {
                name: "orders".into(),
                description: "".into(),
                unit: "".into(),
                data: Data::Gauge(Gauge { points: vec![] }),
            }],
            ..Default::default()
        }],
        ..Default::default()
    };
    assert_eq!(parts(&empty, limits).count(), 0);
}

#[test]
fn metrics_and_scopes_without_points_are_left_out() {
    let metric = |name: &'static str, points| Metric {
        name: name.into(),
        description: "".into(),
        unit: "".into(),
        data: Data::Gauge(Gauge { points }),
    };
    let point = NumberPoint {
        attributes: Attributes::default(),
        start: START,
        time: START,
        value: Number::I64(1),
        exemplars: vec![],
    };
    let snapshot = Snapshot {
        scopes: vec![
            ScopeMetrics {
                metrics: vec![metric("empty", vec![])],
                ..Default::default()
            },
            ScopeMetrics {
                metrics: vec![metric("empty", vec![]), metric("full", vec![point])],
                ..Default::default()
            },
        ],
        ..Default::default()
    };
    let limits = Limits {
        bytes: 1_000,
        points: 10,
    };
    let parts: Vec<Part> = parts(&snapshot, limits).collect();
    let request = ExportMetricsServiceRequest::decode(&parts[0].request[..]).unwrap();
    let scopes = &request.resource_metrics[0].scope_metrics;
    assert_eq!((parts.len(), scopes.len()), (1, 1));
    assert_eq!(scopes[0].metrics.len(), 1);
    assert_eq!(scopes[0].metrics[0].name, "full");
}

/// The attributes of a point, when it began and when it was collected.
type Told = (Vec<(String, String)>, u64, u64);

fn told(request: &ExportMetricsServiceRequest) -> Vec<Told> {
    fn of(attributes: &[Pair], start: u64, time: u64) -> Told {
        let text = |pair: &Pair| match pair.value.as_ref().unwrap().value.as_ref() {
            Some(any_value::Value::StringValue(value)) => (pair.key.clone(), value.clone()),
            other => panic!("{other:?}"),
        };
        (attributes.iter().map(text).collect(), start, time)
    }
    let scopes = request.resource_metrics.iter();
    let metrics = scopes.flat_map(|it| &it.scope_metrics[0].metrics);
    let points = metrics.flat_map(|metric| match metric.data.as_ref().unwrap() {
        metric::Data::Sum(it) => (it.data_points.iter())
            .map(|it| of(&it.attributes, it.start_time_unix_nano, it.time_unix_nano))
            .collect::<Vec<_>>(),
        metric::Data::Histogram(it) => (it.data_points.iter())
            .map(|it| of(&it.attributes, it.start_time_unix_nano, it.time_unix_nano))
            .collect(),
        metric::Data::ExponentialHistogram(it) => (it.data_points.iter())
            .map(|it| of(&it.attributes, it.start_time_unix_nano, it.time_unix_nano))
            .collect(),
        other => panic!("{other:?}"),
    });
    points.collect()
}

/// The attributes are another field in each of the three.
fn of_each_kind(sets: &[Attributes], start: impl Fn(usize, usize) -> SystemTime) -> Vec<Data> {
    let (temporality, time) = (Temporality::Delta, START + Duration::from_secs(100));
    let number = |(at, attributes): (usize, &Attributes)| NumberPoint {
        attributes: attributes.clone(),
        start: start(0, at),
        time,
        value: Number::U64(1),
        exemplars: vec![],
    };
    let histogram = |(at, attributes): (usize, &Attributes)| HistogramPoint {
        attributes: attributes.clone(),
        start: start(1, at),
        time,
        bounds: [].into(),
        counts: vec![1],
        sum: 1.0,
        min: None,
        max: None,
        exemplars: vec![],
    };
    let exponential = |(at, attributes): (usize, &Attributes)| ExponentialHistogramPoint {
        attributes: attributes.clone(),
        start: start(2, at),
        time,
        scale: 0,
        zero_count: 1,
        zero_threshold: 0.0,
        positive: ExponentialBuckets::default(),
        negative: ExponentialBuckets::default(),
        sum: 0.0,
        min: None,
        max: None,
        exemplars: vec![],
    };
    let sets = || sets.iter().enumerate();
    vec![
        Data::Sum(Sum {
            temporality,
            monotonic: true,
            points: sets().map(number).collect(),
        }),
        Data::Histogram(Histogram {
            temporality,
            points: sets().map(histogram).collect(),
        }),
        Data::ExponentialHistogram(ExponentialHistogram {
            temporality,
            points: sets().map(exponential).collect(),
        }),
    ]
}

#[test]
fn pairs_and_times_that_points_share_are_told_by_each() {
    let pair = |key, value| Arc::new(KeyValue::new(key, value));
    let methods = ["GET", "POST"].map(|value| pair("method", value));
    let routes = ["/", "/orders", "/orders/{id}"].map(|value| pair("route", value));
    let sets = (0..12).map(|at| {
        let route = (at % 4 > 0).then(|| Arc::clone(&routes[at % 3]));
        Attributes::new([Arc::clone(&methods[at % 2])].into_iter().chain(route))
    });
    let sets: Vec<_> = sets.collect();
    // Some begin together, in a metric and in the next.
    let start = |kind: usize, at: usize| Duration::from_secs((1 + kind + at / 2 % 3) as u64);
    let metric = |data| Metric {
        name: "metric".into(),
        description: "".into(),
        unit: "".into(),
        data,
    };
    let twice = [(); 2].map(|()| of_each_kind(&sets, |kind, at| START + start(kind, at)));
    let metrics = twice.into_iter().flatten().map(metric).collect();
    let snapshot = Snapshot {
        scopes: vec![ScopeMetrics {
            metrics,
            ..Default::default()
        }],
        ..Default::default()
    };
    let attributes = |set: &Attributes| -> Vec<_> {
        let pairs = set.iter();
        pairs
            .map(|pair| (pair.key.to_string(), pair.value.to_string()))
            .collect()
    };
    let nanos = |secs: Duration| secs.as_nanos() as u64;
    let all = [0, 1, 2, 0, 1, 2].into_iter().flat_map(|kind| {
        let point = move |(at, set)| (attributes(set), nanos(start(kind, at)), 100_000_000_000);
        sets.iter().enumerate().map(point)
    });
    let all: Vec<Told> = all.collect();
    // Whole, cut by points, and cut by bytes, where a point that was written goes to the next request.
    for (bytes, points) in [(1 << 20, 1_000), (1 << 20, 5), (400, 1_000)] {
        let requests = parts(&snapshot, Limits { bytes, points })
            .map(|part| ExportMetricsServiceRequest::decode(&part.request[..]).unwrap());
        let arrived: Vec<Told> = requests.flat_map(|request| told(&request)).collect();
        assert_eq!(arrived, all, "{bytes}, {points}");
    }
}
