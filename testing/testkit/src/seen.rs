//! Looks into a snapshot, and says what was there when the wanted point is not.

use std::fmt::Write;

use opentelemetry::{KeyValue, Value};
use throughline_model::{
    Attributes, Data, Exemplar, ExponentialHistogram, ExponentialHistogramPoint, Histogram,
    HistogramPoint, Metric, Number, NumberPoint, Snapshot,
};

/// A key and a value, as tests write them: `("tier", "gold")`, `("retries", 2)`.
///
/// ```
/// use throughline_testkit::AttributePair;
///
/// let pairs: [AttributePair; 2] = [("tier", "gold").into(), ("retries", 2).into()];
/// assert_eq!(pairs[0].0.key.as_str(), "tier");
/// ```
#[derive(Clone, Debug)]
pub struct AttributePair(pub KeyValue);

impl<V: Into<Value>> From<(&'static str, V)> for AttributePair {
    fn from((key, value): (&'static str, V)) -> Self {
        Self(KeyValue::new(key, value))
    }
}

/// The empty attribute set, of the one point that a metric without attributes has.
///
/// ```
/// # use std::time::SystemTime;
/// # use opentelemetry::InstrumentationScope;
/// # use throughline_model::*;
/// # let point = NumberPoint {
/// #     attributes: Attributes::default(), start: SystemTime::UNIX_EPOCH, time: SystemTime::UNIX_EPOCH,
/// #     value: Number::U64(7), exemplars: vec![],
/// # };
/// # let data = Data::Gauge(Gauge { points: vec![point] });
/// # let metric = Metric { name: "queue.size".into(), description: "".into(), unit: "".into(), data };
/// # let scope = InstrumentationScope::builder("shop").build();
/// # let snapshot = Snapshot { scopes: vec![ScopeMetrics { scope, metrics: vec![metric] }], ..Default::default() };
/// use throughline_testkit::{NONE, Seen};
///
/// assert_eq!(snapshot.number("queue.size", NONE), Number::U64(7));
/// ```
pub const NONE: [AttributePair; 0] = [];

/// Finds points by metric name and exact attribute set.
///
/// Every method panics with the list of what the snapshot holds when there is no such point.
///
/// ```
/// # use std::time::SystemTime;
/// # use opentelemetry::{InstrumentationScope, KeyValue};
/// # use throughline_model::*;
/// # let (start, time, temporality) = (SystemTime::UNIX_EPOCH, SystemTime::UNIX_EPOCH, Temporality::Delta);
/// # let (min, max, exemplars) = (None, None, vec![]);
/// # let slow = Exemplar { filtered_attributes: vec![], time, value: Number::F64(0.4), span: None };
/// # let orders = NumberPoint {
/// #     attributes: Attributes::new([KeyValue::new("tier", "gold")]), start, time, value: Number::U64(7),
/// #     exemplars: exemplars.clone(),
/// # };
/// # let duration = HistogramPoint {
/// #     attributes: Attributes::default(), start, time, bounds: [0.1].into(), counts: vec![2, 1], sum: 0.5,
/// #     min, max, exemplars: vec![slow],
/// # };
/// # let size = ExponentialHistogramPoint {
/// #     attributes: Attributes::default(), start, time, scale: 4, zero_count: 3, zero_threshold: 0.0,
/// #     positive: Default::default(), negative: Default::default(), sum: 0.0, min, max, exemplars,
/// # };
/// # let metric = |name: &'static str, unit: &'static str, data| Metric {
/// #     name: name.into(), description: "".into(), unit: unit.into(), data,
/// # };
/// # let metrics = vec![
/// #     metric("orders", "{order}", Data::Sum(Sum { temporality, monotonic: true, points: vec![orders] })),
/// #     metric("duration", "s", Data::Histogram(Histogram { temporality, points: vec![duration] })),
/// #     metric("size", "By", Data::ExponentialHistogram(ExponentialHistogram { temporality, points: vec![size] })),
/// # ];
/// # let scope = InstrumentationScope::builder("shop").build();
/// # let snapshot = Snapshot { scopes: vec![ScopeMetrics { scope, metrics }], ..Default::default() };
/// use throughline_testkit::{NONE, Seen};
///
/// assert_eq!(snapshot.number("orders", [("tier", "gold")]), Number::U64(7));
/// assert!(snapshot.number_point("orders", [("tier", "gold")]).exemplars.is_empty());
/// assert_eq!(snapshot.seen("orders").unit, "{order}");
///
/// assert_eq!(snapshot.histogram("duration", NONE).count(), 3);
/// assert_eq!(snapshot.exemplars("duration")[0].value, Number::F64(0.4));
/// assert_eq!(snapshot.exponential("size", NONE).scale, 4);
/// ```
pub trait Seen {
    /// The metric of this name.
    fn seen(&self, name: &str) -> &Metric;

    /// The point of a sum or a gauge.
    fn number_point<P: Into<AttributePair>>(
        &self,
        name: &str,
        attributes: impl IntoIterator<Item = P>,
    ) -> &NumberPoint;

    /// The value of a point of a sum or a gauge.
    fn number<P: Into<AttributePair>>(
        &self,
        name: &str,
        attributes: impl IntoIterator<Item = P>,
    ) -> Number {
        self.number_point(name, attributes).value
    }

    /// The point of a histogram with given bounds.
    fn histogram<P: Into<AttributePair>>(
        &self,
        name: &str,
        attributes: impl IntoIterator<Item = P>,
    ) -> &HistogramPoint;

    /// The point of an exponential histogram.
    fn exponential<P: Into<AttributePair>>(
        &self,
        name: &str,
        attributes: impl IntoIterator<Item = P>,
    ) -> &ExponentialHistogramPoint;

    /// The exemplars of all points of the metric.
    fn exemplars(&self, name: &str) -> Vec<&Exemplar>;
}

impl Seen for Snapshot {
    #[track_caller]
    fn seen(&self, name: &str) -> &Metric {
        match self.metric(name) {
            Some(metric) => metric,
            None => panic!("no metric {name:?} among:{}", list(self)),
        }
    }

    #[track_caller]
    fn number_point<P: Into<AttributePair>>(
        &self,
        name: &str,
        attributes: impl IntoIterator<Item = P>,
    ) -> &NumberPoint {
        let points = match &self.seen(name).data {
            Data::Sum(sum) => &sum.points,
            Data::Gauge(gauge) => &gauge.points,
            _ => panic!("{name:?} is neither a sum nor a gauge:{}", list(self)),
        };
        the_one(self, name, points, |point| &point.attributes, attributes)
    }

    #[track_caller]
    fn histogram<P: Into<AttributePair>>(
        &self,
        name: &str,
        attributes: impl IntoIterator<Item = P>,
    ) -> &HistogramPoint {
        let Data::Histogram(Histogram { points, .. }) = &self.seen(name).data else {
            panic!(
                "{name:?} is not a histogram with given bounds:{}",
                list(self)
            );
        };
        the_one(self, name, points, |point| &point.attributes, attributes)
    }

    #[track_caller]
    fn exponential<P: Into<AttributePair>>(
        &self,
        name: &str,
        attributes: impl IntoIterator<Item = P>,
    ) -> &ExponentialHistogramPoint {
        let Data::ExponentialHistogram(ExponentialHistogram { points, .. }) = &self.seen(name).data
        else {
            panic!("{name:?} is not an exponential histogram:{}", list(self));
        };
        the_one(self, name, points, |point| &point.attributes, attributes)
    }

    #[track_caller]
    fn exemplars(&self, name: &str) -> Vec<&Exemplar> {
        match &self.seen(name).data {
            Data::Sum(sum) => sum.points.iter().flat_map(|p| &p.exemplars).collect(),
            Data::Gauge(gauge) => gauge.points.iter().flat_map(|p| &p.exemplars).collect(),
            Data::Histogram(h) => h.points.iter().flat_map(|p| &p.exemplars).collect(),
            Data::ExponentialHistogram(h) => h.points.iter().flat_map(|p| &p.exemplars).collect(),
        }
    }
}

/// The point with exactly these attributes.
#[track_caller]
fn the_one<'a, T, P: Into<AttributePair>>(
    snapshot: &Snapshot,
    name: &str,
    points: &'a [T],
    attributes_of: impl Fn(&T) -> &Attributes,
    attributes: impl IntoIterator<Item = P>,
) -> &'a T {
    let wanted: Attributes = attributes.into_iter().map(|pair| pair.into().0).collect();
    match points.iter().find(|point| *attributes_of(point) == wanted) {
        Some(point) => point,
        None => panic!(
            "no point {} of {name:?} among:{}",
            text(&wanted),
            list(snapshot)
        ),
    }
}

/// Every metric and the attribute sets of its points, a line each.
fn list(snapshot: &Snapshot) -> String {
    let mut lines = String::new();
    for (scope, metric) in snapshot.metrics() {
        let sets: Vec<String> = match &metric.data {
            Data::Sum(sum) => sum.points.iter().map(|p| text(&p.attributes)).collect(),
            Data::Gauge(gauge) => gauge.points.iter().map(|p| text(&p.attributes)).collect(),
            Data::Histogram(h) => h.points.iter().map(|p| text(&p.attributes)).collect(),
            Data::ExponentialHistogram(h) => h.points.iter().map(|p| text(&p.attributes)).collect(),
        };
        // Writing to a string cannot fail.
        let _ = write!(
            lines,
            "\n  {}/{} {}",
            scope.name(),
            metric.name,
            sets.join(" ")
        );
    }
    if lines.is_empty() {
        lines.push_str(" nothing");
    }
    lines
}

fn text(attributes: &Attributes) -> String {
    let pairs: Vec<String> = attributes
        .iter()
        .map(|pair| format!("{}={}", pair.key, pair.value))
        .collect();
    format!("{{{}}}", pairs.join(","))
}
