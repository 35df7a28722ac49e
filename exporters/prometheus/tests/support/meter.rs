//! A meter that writes down what is recorded.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use opentelemetry::KeyValue;
use opentelemetry::metrics::{
    Counter, Histogram, HistogramBuilder, InstrumentBuilder, InstrumentProvider, Meter,
    SyncInstrument,
};

/// The sum of what was recorded, by instrument and attributes: `name{key=value,…}`.
#[derive(Clone, Debug, Default)]
pub struct Recorded(Arc<Mutex<BTreeMap<String, f64>>>);

impl Recorded {
    pub fn meter(&self) -> Meter {
        Meter::new(Arc::new(self.clone()))
    }

    /// What was recorded by instruments whose name and attributes contain all of these.
    pub fn sum(&self, parts: &[&str]) -> f64 {
        let recorded = self.0.lock().unwrap();
        let matching = recorded
            .iter()
            .filter(|(key, _)| parts.iter().all(|part| key.contains(part)));
        matching.map(|(_, value)| value).sum()
    }

    pub fn keys(&self) -> Vec<String> {
        self.0.lock().unwrap().keys().cloned().collect()
    }
}

struct Instrument {
    name: String,
    recorded: Recorded,
}

impl Instrument {
    fn add(&self, value: f64, attributes: &[KeyValue]) {
        let mut pairs: Vec<String> = attributes
            .iter()
            .map(|pair| format!("{}={}", pair.key, pair.value))
            .collect();
        pairs.sort();
        let key = format!("{}{{{}}}", self.name, pairs.join(","));
        *self.recorded.0.lock().unwrap().entry(key).or_default() += value;
    }
}

impl SyncInstrument<u64> for Instrument {
    fn measure(&self, value: u64, attributes: &[KeyValue]) {
        self.add(value as f64, attributes);
    }
}

impl SyncInstrument<f64> for Instrument {
    fn measure(&self, value: f64, attributes: &[KeyValue]) {
        self.add(value, attributes);
    }
}

impl InstrumentProvider for Recorded {
    fn u64_counter(&self, builder: InstrumentBuilder<'_, Counter<u64>>) -> Counter<u64> {
        Counter::new(Arc::new(Instrument {
            name: builder.name.to_string(),
            recorded: self.clone(),
        }))
    }

    fn f64_histogram(&self, builder: HistogramBuilder<'_, Histogram<f64>>) -> Histogram<f64> {
        Histogram::new(Arc::new(Instrument {
            name: builder.name.to_string(),
            recorded: self.clone(),
        }))
    }
}
