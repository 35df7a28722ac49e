//! The peers that are no OpenTelemetry.

use std::sync::Arc;

use measured::label::StaticLabelSet;
use measured::metric::MetricFamilyEncoding;
use measured::metric::name::MetricName;
use measured::text::BufferedTextEncoder;
use measured::{FixedCardinalityLabel, LabelGroup};
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusRecorder};
use prometheus_client::encoding::{EncodeLabelSet, EncodeLabelValue, LabelValueEncoder};
use prometheus_client::registry::{Metric, Registry};

use super::sum_of_samples;
use crate::values::{BOUNDS, METHODS, ROUTES, STATUSES, route};

/// Where `metrics` registers what it has. Where a case calls its macros, [`metrics::with_local_recorder`] would cost
/// something that no service pays, so one recorder is global.
pub(crate) fn metrics_recorder() -> PrometheusRecorder {
    let builder = PrometheusBuilder::new().set_buckets(&BOUNDS);
    builder.expect("there are bounds").build_recorder()
}

/// A registry of `prometheus-client` with one metric.
pub(crate) fn registry(metric: impl Metric) -> Arc<Registry> {
    let mut registry = Registry::default();
    registry.register("bench", "help", metric);
    Arc::new(registry)
}

/// What it writes.
pub(crate) fn registry_text(registry: &Registry) -> String {
    let mut text = String::new();
    prometheus_client::encoding::text::encode(&mut text, registry).expect("strings take it all");
    text
}

/// How many measurements the histograms of a text have, and what they add up to.
pub(crate) fn records(text: &str) -> (u64, f64) {
    (
        sum_of_samples(text, "bench_count") as u64,
        sum_of_samples(text, "bench_sum"),
    )
}

/// What `measured` writes of one family.
pub(crate) fn measured_text(family: &impl MetricFamilyEncoding<BufferedTextEncoder>) -> String {
    let mut encoder = BufferedTextEncoder::new();
    family
        .collect_family_into(MetricName::from_str("bench"), &mut encoder)
        .expect("buffers take it all");
    String::from_utf8_lossy(&encoder.finish()).into_owned()
}

macro_rules! label {
    ($name:ident { $($variant:ident => $text:literal),+ $(,)? }) => {
        /// Label values as an enum, as users of typed libraries have them.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, FixedCardinalityLabel)]
        pub(crate) enum $name {
            $(#[label(rename = $text)] $variant),+
        }

        impl $name {
            pub(crate) const ALL: &[Self] = &[$(Self::$variant),+];

            fn text(self) -> &'static str {
                match self { $(Self::$variant => $text),+ }
            }
        }

        impl EncodeLabelValue for $name {
            fn encode(&self, encoder: &mut LabelValueEncoder) -> std::fmt::Result {
                self.text().encode(encoder)
            }
        }
    };
}

label!(Method { Get => "GET", Post => "POST", Put => "PUT", Delete => "DELETE", Patch => "PATCH" });
label!(Status { Ok => "200", Created => "201", Bad => "400", Missing => "404", Broken => "500" });

/// A route among those that are known at the start.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Route(pub(crate) u8);

impl measured::label::LabelValue for Route {
    fn visit<V: measured::label::LabelVisitor>(&self, visitor: V) -> V::Output {
        visitor.write_str(route(usize::from(self.0)))
    }
}

impl FixedCardinalityLabel for Route {
    fn cardinality() -> usize {
        ROUTES
    }

    fn encode(&self) -> usize {
        usize::from(self.0)
    }

    fn decode(value: usize) -> Self {
        Self(value as u8)
    }
}

impl EncodeLabelValue for Route {
    fn encode(&self, encoder: &mut LabelValueEncoder) -> std::fmt::Result {
        route(usize::from(self.0)).encode(encoder)
    }
}

/// The first three attributes, typed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, EncodeLabelSet, LabelGroup)]
#[label(set = RequestSet)]
pub(crate) struct Request {
    pub(crate) method: Method,
    pub(crate) status: Status,
    pub(crate) route: Route,
}

impl Request {
    /// As [`crate::values::set`].
    pub(crate) fn of(at: usize) -> Self {
        Self {
            method: Method::ALL[at % METHODS.len()],
            status: Status::ALL[at / METHODS.len() % STATUSES.len()],
            route: Route((at / (METHODS.len() * STATUSES.len())) as u8),
        }
    }
}

/// All sets of typed attributes that `measured` may meet.
pub(crate) fn request_set() -> RequestSet {
    RequestSet {
        method: StaticLabelSet::new(),
        status: StaticLabelSet::new(),
        route: StaticLabelSet::new(),
    }
}
