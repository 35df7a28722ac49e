//! What it says about itself.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use opentelemetry::KeyValue;
use opentelemetry::metrics::{
    AsyncInstrument, AsyncInstrumentBuilder, InstrumentProvider, Meter, ObservableGauge,
};
use throughline_model::SelfMeter;
use throughline_samplers::AdaptiveSampler;

use super::simulation::{Simulation, TARGET};

/// A meter whose gauges are read when the test says so.
#[derive(Clone, Default)]
struct Gauges(Arc<Mutex<Vec<Read>>>);

type Read = Box<dyn Fn(&mut BTreeMap<String, f64>) + Send + Sync>;

struct Observed<'a>(&'a str, Mutex<&'a mut BTreeMap<String, f64>>);

impl AsyncInstrument<f64> for Observed<'_> {
    fn observe(&self, value: f64, attributes: &[KeyValue]) {
        let mut key = self.0.to_owned();
        for attribute in attributes {
            key += &format!(" {}={}", attribute.key, attribute.value);
        }
        self.1.lock().unwrap().insert(key, value);
    }
}

impl InstrumentProvider for Gauges {
    fn f64_observable_gauge(
        &self,
        builder: AsyncInstrumentBuilder<'_, ObservableGauge<f64>, f64>,
    ) -> ObservableGauge<f64> {
        let name = format!("{}[{}]", builder.name, builder.unit.unwrap_or_default());
        let callbacks = builder.callbacks;
        self.0.lock().unwrap().push(Box::new(move |into| {
            for callback in &callbacks {
                callback(&Observed(&name, Mutex::new(&mut *into)));
            }
        }));
        ObservableGauge::new()
    }
}

impl Gauges {
    fn read(&self) -> BTreeMap<String, f64> {
        let mut into = BTreeMap::new();
        self.0
            .lock()
            .unwrap()
            .iter()
            .for_each(|read| read(&mut into));
        into
    }
}

#[test]
fn the_state_is_there_as_metrics() {
    let builder = AdaptiveSampler::builder()
        .target_per_second(TARGET)
        .load_signal(|| 0.5);
    let mut simulation = Simulation::with(builder, 1, 3);
    simulation.run(60, 2_000.0);
    let (gauges, meter) = (Gauges::default(), SelfMeter::new());
    simulation.sampler.report_to(&meter);
    meter.bind(Meter::new(Arc::new(gauges.clone())));

    let (read, state) = (gauges.read(), simulation.sampler.state());
    assert_eq!(read["throughline.sampler.target[{trace}/s]"], TARGET);
    let sampled = read["throughline.sampler.sampled[{trace}/s]"];
    assert_eq!(sampled, state.sampled_per_second);
    assert!((sampled / TARGET - 1.0).abs() < 0.1, "{sampled}");
    assert!((read["throughline.sampler.load[1]"] - 0.5).abs() < 0.01);
    for operation in &state.operations {
        let name = format!(
            "throughline.sampler.rate[1] sampler.operation={}",
            operation.name
        );
        assert_eq!(read[&name], operation.rate);
    }
    assert_eq!(read.len(), 3 + 3);

    drop(simulation);
    assert!(gauges.read().is_empty());
}

#[test]
fn the_state_is_a_table() {
    let builder = AdaptiveSampler::builder()
        .high_value("GET /2", 0.25)
        .load_signal(|| 0.0);
    let mut simulation = Simulation::with(builder, 2, 3);
    simulation.run(60, 100.0);
    let table = simulation.sampler.state().to_string();
    let lines: Vec<_> = table.lines().collect();
    assert!(lines[0].contains("of 100.0 traces/s sampled"), "{table}");
    assert!(lines[1].ends_with("GET /1"), "{table}");
    assert!(
        lines[2].ends_with("25.000 %  GET /2  (high value)"),
        "{table}"
    );
    assert_eq!(lines.len(), 4, "{table}");
}
