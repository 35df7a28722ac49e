//! Each library set up to be measured, and asked what it has counted.

pub(crate) mod ours;
pub(crate) mod peers;
pub(crate) mod populations;
pub(crate) mod sdk;
pub(crate) mod spans;

use opentelemetry::KeyValue;
use opentelemetry::metrics::Meter;

use self::ours::Engine;
use self::sdk::Sdk;
use crate::values;

/// What hands out instruments of the `opentelemetry` API and says what they have counted; clones share it.
pub(crate) trait Provider: Clone + Send + Sync + 'static {
    fn meter(&self) -> Meter;

    /// What all sums and gauges add up to.
    fn total(&self) -> f64;

    /// How many measurements all histograms have, and what they add up to.
    fn records(&self) -> (u64, f64);
}

macro_rules! provider {
    ($provider:ty) => {
        impl Provider for $provider {
            fn meter(&self) -> Meter {
                self.meter()
            }

            fn total(&self) -> f64 {
                self.total()
            }

            fn records(&self) -> (u64, f64) {
                self.records()
            }
        }
    };
}

provider!(Engine);
provider!(Sdk);

/// The first `n` attributes of set `at`, as the `opentelemetry` API takes them.
pub(crate) fn key_values(n: usize, at: usize) -> Vec<KeyValue> {
    let values = values::set(at);
    let pairs = values::KEYS.iter().zip(values).take(n);
    pairs
        .map(|(key, value)| KeyValue::new(*key, value))
        .collect()
}

/// Adds up the samples of a Prometheus text whose names are `name` exactly, whatever their labels.
pub(crate) fn sum_of_samples(text: &str, name: &str) -> f64 {
    let samples = text.lines().filter(|line| {
        line.strip_prefix(name)
            .is_some_and(|rest| rest.starts_with(['{', ' ']))
    });
    samples
        .filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok())
        .sum()
}
