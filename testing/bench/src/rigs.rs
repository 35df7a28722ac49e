//! Each library set up to be measured, and asked what it has counted.

pub(crate) mod ours;
pub(crate) mod peers;
pub(crate) mod populations;
pub(crate) mod sdk;

use opentelemetry::KeyValue;

use crate::values;

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
