//! HDR histograms: recording, alone and shared, and the merge of 64 threads' counts.

use std::hint::black_box;
use std::sync::{Arc, Barrier, Mutex};
use std::thread;

use hdrhistogram::Histogram as Hdr;
use hdrhistogram::sync::{Recorder as SyncRecorder, SyncHistogram};
use throughline_hdr::{Range, Recorder};

use super::histogram::engine;
use crate::case::{Case, Subject};
use crate::rigs::ours::Engine;
use crate::values::{LATENCIES, latencies, latency};
use crate::work::{Work, Workload, about, counts};

type Table = &'static [f64; LATENCIES];

pub(super) fn cases() -> Vec<Case> {
    let shared = || {
        vec![
            Subject::new("throughline-hdr", ours),
            Subject::new("throughline-hdr, floats", floats),
            Subject::new("throughline, bound", || engine(&Engine::hdr())),
            Subject::new("hdrhistogram, sync recorder", sync_recorder),
            Subject::new("hdrhistogram, in a mutex", in_a_mutex),
        ]
    };
    let mut on_one_thread = shared();
    on_one_thread.push(Subject::new("hdrhistogram, alone", alone));
    let merge = vec![
        Subject::new("throughline-hdr", merge_ours),
        Subject::new("throughline-hdr, to a histogram", merge_to_histogram),
        Subject::new("hdrhistogram, add", merge_theirs),
    ];
    vec![
        Case::new("hdr", on_one_thread),
        Case::new("hdr, shared", shared()).threads(&[2, 4]),
        Case::new("collect/HDR histogram of 64 threads", merge),
    ]
}

fn ours() -> Box<dyn Workload> {
    let recorder = Arc::new(Recorder::new(
        Range::new(1, 60_000, 3).expect("valid bounds"),
    ));
    let shared = Arc::clone(&recorder);
    let step = |(it, table): &mut (Arc<Recorder>, Table), at| {
        it.record(black_box(latency(table, at)) as u64);
    };
    let total = move || records_of(&recorder.collect().histogram());
    Work::new(
        move |_| (Arc::clone(&shared), latencies()),
        step,
        about(total),
    )
    .boxed()
}

fn floats() -> Box<dyn Workload> {
    let range = Range::floats(1.0, 60_000.0, 3).expect("valid bounds");
    let recorder = Arc::new(Recorder::new(range));
    let shared = Arc::clone(&recorder);
    let step = |(it, table): &mut (Arc<Recorder>, Table), at| {
        it.record_f64(black_box(latency(table, at)));
    };
    let total = move || records_of(&recorder.collect().histogram());
    Work::new(
        move |_| (Arc::clone(&shared), latencies()),
        step,
        about(total),
    )
    .boxed()
}

/// Three digits, up to a minute: what covers the latencies.
fn empty() -> Hdr<u64> {
    Hdr::new_with_bounds(1, 60_000, 3).expect("valid bounds")
}

fn alone() -> Box<dyn Workload> {
    // One thread at a time, so the lock is taken once a run, and never waited for.
    let histogram = Arc::new(Mutex::new(empty()));
    let shared = Arc::clone(&histogram);
    let local = move |_| Returned {
        own: std::mem::replace(
            &mut *shared.lock().expect("nobody panics"),
            Hdr::new(3).expect("valid"),
        ),
        home: Arc::clone(&shared),
    };
    let step = |(it, table): &mut (Returned, Table), at| {
        let value = black_box(latency(table, at)) as u64;
        it.own.record(value).expect("within bounds");
    };
    let total = move || records_of(&histogram.lock().expect("nobody panics"));
    Work::new(
        move |thread| (local(thread), latencies()),
        step,
        about(total),
    )
    .boxed()
}

/// A histogram that goes back where it came from.
struct Returned {
    own: Hdr<u64>,
    home: Arc<Mutex<Hdr<u64>>>,
}

impl Drop for Returned {
    fn drop(&mut self) {
        if let Ok(mut home) = self.home.lock() {
            std::mem::swap(&mut *home, &mut self.own);
        }
    }
}

fn in_a_mutex() -> Box<dyn Workload> {
    let histogram = Arc::new(Mutex::new(empty()));
    let shared = Arc::clone(&histogram);
    let step = |(it, table): &mut (Arc<Mutex<Hdr<u64>>>, Table), at| {
        let value = black_box(latency(table, at)) as u64;
        let mut histogram = it.lock().expect("nobody panics");
        histogram.record(value).expect("within bounds");
    };
    let total = move || records_of(&histogram.lock().expect("nobody panics"));
    Work::new(
        move |_| (Arc::clone(&shared), latencies()),
        step,
        about(total),
    )
    .boxed()
}

fn sync_recorder() -> Box<dyn Workload> {
    let histogram = Arc::new(Mutex::new(SyncHistogram::from(empty())));
    let shared = Arc::clone(&histogram);
    let local = move |_| {
        let recorder = shared.lock().expect("nobody panics").recorder();
        (recorder, latencies())
    };
    let step = |(it, table): &mut (SyncRecorder<u64>, Table), at| {
        let value = black_box(latency(table, at)) as u64;
        it.record(value).expect("within bounds");
    };
    let total = move || {
        let mut histogram = histogram.lock().expect("nobody panics");
        // Recorders that are gone have left what they had.
        histogram.refresh();
        records_of(&histogram)
    };
    Work::new(local, step, about(total)).boxed()
}

fn records_of(histogram: &Hdr<u64>) -> (u64, f64) {
    let values = histogram.iter_recorded();
    let sum = values.map(|it| it.value_iterated_to() as f64 * it.count_at_value() as f64);
    (histogram.len(), sum.sum())
}

/// How many threads recorded what is merged.
const SHARDS: u64 = 64;

/// How many values each of them recorded.
const VALUES: u64 = 100_000;

/// Nanoseconds up to an hour.
const HOUR: u64 = 3_600_000_000_000;

/// The `at`-th of them: 0.1 to 20 ms, no two threads alike, so that most slots of seven octaves are met by each.
fn nanoseconds(thread: u64, at: u64) -> u64 {
    let more = (at * SHARDS + thread).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    100_000 + (more >> 40) % 20_000_000
}

/// What 64 threads at once have recorded.
pub(crate) fn recorded() -> Recorder {
    let recorder = Recorder::new(Range::new(1, HOUR, 3).expect("valid bounds"));
    // All live at once: a thread that comes when another has ended adopts that one's counts.
    let all = Barrier::new(SHARDS as usize);
    thread::scope(|scope| {
        for shard in 0..SHARDS {
            let (recorder, all) = (&recorder, &all);
            scope.spawn(move || {
                (0..VALUES).for_each(|at| recorder.record(nanoseconds(shard, at)));
                all.wait();
            });
        }
    });
    recorder
}

/// A workload whose every step merges, and gets all values.
fn merges(merge: impl Fn() -> u64 + Send + Sync + 'static) -> Box<dyn Workload> {
    let done = Arc::new(Mutex::new(0));
    let counted = Arc::clone(&done);
    let step = move |(): &mut (), _| {
        assert_eq!(merge(), SHARDS * VALUES);
        *done.lock().expect("nobody panics") += 1;
    };
    let total = move || *counted.lock().expect("nobody panics");
    Work::new(|_| (), step, counts(total)).warm_up(2).boxed()
}

fn merge_ours() -> Box<dyn Workload> {
    let recorder = recorded();
    merges(move || black_box(recorder.collect()).len())
}

fn merge_to_histogram() -> Box<dyn Workload> {
    let recorder = recorded();
    merges(move || black_box(recorder.collect().histogram()).len())
}

fn merge_theirs() -> Box<dyn Workload> {
    let make = || Hdr::<u64>::new_with_bounds(1, HOUR, 3).expect("valid bounds");
    let shards: Vec<Hdr<u64>> = (0..SHARDS)
        .map(|shard| {
            let mut histogram = make();
            for at in 0..VALUES {
                let value = nanoseconds(shard, at);
                histogram.record(value).expect("within bounds");
            }
            histogram
        })
        .collect();
    merges(move || {
        let mut merged = make();
        for shard in &shards {
            merged.add(shard).expect("the same bounds");
        }
        black_box(merged).len()
    })
}
