//! Many series, each measured once by each of some threads: what is read, and what takes memory.

use std::sync::{Arc, Barrier, LazyLock, Mutex};
use std::thread;

use ::measured::metric::histogram::Thresholds;
use ::measured::{CounterVec, HistogramVec};
use metrics_exporter_prometheus::{PrometheusHandle, PrometheusRecorder};
use opentelemetry::metrics::Meter;
use prometheus::{HistogramOpts, HistogramVec as PrometheusHistograms, IntCounterVec, Opts};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;
use throughline_cells::lock;
use throughline_hdr::{Range, Recorder};

use super::key_values;
use super::ours::Engine;
use super::peers::{self, Request, RequestSet};
use super::sdk::Sdk;
use crate::values::{BOUNDS, KEYS, SETS, pairs, set};

/// What is measured once.
const LATENCY: f64 = 42.0;

/// What there is much of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// 100 counters of 1,000 series each.
    Counters,
    /// 10 histograms of 15 bounds and 1,000 series each.
    Histograms,
}

impl Kind {
    /// How many instruments there are.
    pub(crate) fn instruments(self) -> usize {
        match self {
            Self::Counters => 100,
            Self::Histograms => 10,
        }
    }

    /// How many series there are.
    pub(crate) fn series(self) -> usize {
        self.instruments() * SETS
    }
}

/// The name of an instrument.
pub(crate) fn name(at: usize) -> &'static str {
    static NAMES: LazyLock<Vec<&'static str>> = LazyLock::new(|| {
        let leak = |at| &*Box::leak(format!("bench_{at}").into_boxed_str());
        (0..100).map(leak).collect()
    });
    NAMES[at]
}

/// Throughline's engine.
pub(crate) fn engine(kind: Kind, threads: usize) -> Engine {
    let engine = Engine::new();
    fill(&engine.meter(), kind, threads);
    engine
}

/// `opentelemetry_sdk`.
pub(crate) fn sdk(kind: Kind, threads: usize) -> Sdk {
    let sdk = Sdk::new();
    fill(&sdk.meter(), kind, threads);
    sdk
}

fn fill(meter: &Meter, kind: Kind, threads: usize) {
    // All live at once: a thread that comes when another has ended adopts that one's cells.
    let all = Barrier::new(threads);
    thread::scope(|scope| {
        for _ in 1..threads {
            scope.spawn(|| {
                measure_each(meter, kind);
                all.wait();
            });
        }
        measure_each(meter, kind);
        all.wait();
    });
}

fn measure_each(meter: &Meter, kind: Kind) {
    for instrument in 0..kind.instruments() {
        let name = name(instrument);
        match kind {
            Kind::Counters => {
                let counter = meter.u64_counter(name).build();
                (0..SETS).for_each(|at| counter.add(1, &key_values(3, at)));
            }
            Kind::Histograms => {
                let histogram = meter.f64_histogram(name).build();
                (0..SETS).for_each(|at| histogram.record(LATENCY, &key_values(3, at)));
            }
        }
    }
}

/// `prometheus-client`, labels of static strings.
pub(crate) fn prometheus_client(kind: Kind) -> Arc<Registry> {
    type Pairs = [(&'static str, &'static str); 3];
    let mut registry = Registry::default();
    for instrument in 0..kind.instruments() {
        match kind {
            Kind::Counters => {
                let family = Family::<Pairs, Counter>::default();
                for at in 0..SETS {
                    family.get_or_create(&pairs(at)).inc();
                }
                registry.register(name(instrument), "help", family);
            }
            Kind::Histograms => {
                type Histograms = Family<Pairs, Histogram, fn() -> Histogram>;
                let family = Histograms::new_with_constructor(|| Histogram::new(BOUNDS));
                for at in 0..SETS {
                    family.get_or_create(&pairs(at)).observe(LATENCY);
                }
                registry.register(name(instrument), "help", family);
            }
        }
    }
    Arc::new(registry)
}

/// `prometheus`.
pub(crate) fn prometheus(kind: Kind) -> prometheus::Registry {
    let registry = prometheus::Registry::new();
    for instrument in 0..kind.instruments() {
        let name = name(instrument);
        match kind {
            Kind::Counters => {
                let vec = IntCounterVec::new(Opts::new(name, "help"), &KEYS[..3]);
                let vec = vec.expect("valid names");
                (0..SETS).for_each(|at| vec.with_label_values(&set(at)[..3]).inc());
                registry.register(Box::new(vec)).expect("names differ");
            }
            Kind::Histograms => {
                let options = HistogramOpts::new(name, "help").buckets(BOUNDS.to_vec());
                let vec = PrometheusHistograms::new(options, &KEYS[..3]).expect("valid names");
                (0..SETS).for_each(|at| vec.with_label_values(&set(at)[..3]).observe(LATENCY));
                registry.register(Box::new(vec)).expect("names differ");
            }
        }
    }
    registry
}

/// `metrics` with its Prometheus recorder.
pub(crate) struct MetricsSeries {
    pub(crate) text: PrometheusHandle,
    /// It owns the series; shared between threads only to be kept.
    _recorder: Mutex<PrometheusRecorder>,
}

/// `metrics` with its Prometheus recorder.
pub(crate) fn metrics(kind: Kind) -> MetricsSeries {
    let recorder = peers::metrics_recorder();
    metrics::with_local_recorder(&recorder, || {
        for instrument in 0..kind.instruments() {
            let name = name(instrument);
            for at in 0..SETS {
                match kind {
                    Kind::Counters => metrics::counter!(name, &pairs::<3>(at)).increment(1),
                    Kind::Histograms => metrics::histogram!(name, &pairs::<3>(at)).record(LATENCY),
                }
            }
        }
    });
    MetricsSeries {
        text: recorder.handle(),
        _recorder: Mutex::new(recorder),
    }
}

/// `measured`, typed.
pub(crate) struct MeasuredSeries {
    pub(crate) counters: Vec<CounterVec<RequestSet>>,
    pub(crate) histograms: Vec<HistogramVec<RequestSet, 15>>,
}

/// `measured`, typed.
pub(crate) fn measured(kind: Kind) -> MeasuredSeries {
    let mut series = MeasuredSeries {
        counters: Vec::new(),
        histograms: Vec::new(),
    };
    for _ in 0..kind.instruments() {
        match kind {
            Kind::Counters => {
                let family = CounterVec::with_label_set(peers::request_set());
                (0..SETS).for_each(|at| family.inc(Request::of(at)));
                series.counters.push(family);
            }
            Kind::Histograms => {
                let thresholds = Thresholds::with_buckets(BOUNDS);
                let family =
                    HistogramVec::with_label_set_and_metadata(peers::request_set(), thresholds);
                (0..SETS).for_each(|at| family.observe(Request::of(at), LATENCY));
                series.histograms.push(family);
            }
        }
    }
    series
}

/// Counters of one series without attributes, `count` of them.
pub(crate) fn lone(meter: &Meter, count: usize) {
    for at in 0..count {
        meter.u64_counter(format!("lone_{at}")).build().add(1, &[]);
    }
}

/// Recorders of latencies up to an hour, in nanoseconds, to three digits, each with the same 20 values of each thread.
pub(crate) fn hdr(recorders: usize, threads: usize) -> Vec<Recorder> {
    let range = Range::new(1, HOUR, 3).expect("valid bounds");
    let recorders: Vec<_> = (0..recorders).map(|_| Recorder::new(range)).collect();
    let all = Barrier::new(threads);
    thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                for recorder in &recorders {
                    (0..20).for_each(|at| recorder.record(nanoseconds(at)));
                    // As a reader does now and then: it frees what the thread outgrew.
                    drop(lock());
                }
                all.wait();
            });
        }
    });
    recorders
}

/// The same as histograms of `hdrhistogram`, one for each thread, as its recorders have.
pub(crate) fn hdrhistogram(histograms: usize, threads: usize) -> Vec<hdrhistogram::Histogram<u64>> {
    let make = |_| {
        let mut histogram =
            hdrhistogram::Histogram::new_with_bounds(1, HOUR, 3).expect("valid bounds");
        (0..20).for_each(|at| histogram.record(nanoseconds(at)).expect("within bounds"));
        histogram
    };
    (0..histograms * threads).map(make).collect()
}

/// Nanoseconds of an hour.
const HOUR: u64 = 3_600_000_000_000;

/// 20 values over two decades, from 0.1 ms on.
fn nanoseconds(at: u64) -> u64 {
    (100_000.0 * 100f64.powf(at as f64 / 20.0)) as u64
}
