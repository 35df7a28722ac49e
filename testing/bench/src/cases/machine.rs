//! What the machine can do at best.

use std::cell::Cell;
use std::hint::black_box;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Instant, SystemTime};

use opentelemetry::trace::TraceContextExt;
use opentelemetry::{Context, KeyValue};

use crate::case::{Case, Subject};
use crate::values::{BOUNDS, latencies, latency};
use crate::work::{Work, counts, nothing};

thread_local! {
    static OWN: Cell<u64> = const { Cell::new(0) };
}

/// A cell that one thread alone writes, on cache lines of its own.
#[repr(align(128))]
#[derive(Default)]
struct Padded(AtomicU64);

pub(super) fn cases() -> Vec<Case> {
    vec![
        Case::new(
            "machine",
            vec![empty(), thread_local_add(), search(), pairs()],
        ),
        Case::new("machine/clock", vec![instant(), system_time()]),
        Case::new("machine/current span", vec![ids(), context_clone()]),
        Case::new("machine/add", vec![own_cell(), fetch_add(), mutex()]).threads(&[1, 2, 4]),
    ]
}

fn empty() -> Subject {
    Subject::new("empty loop", || {
        let step = |(): &mut (), at| {
            black_box(at);
        };
        Work::new(|_| (), step, nothing()).boxed()
    })
}

pub(super) fn thread_local_add() -> Subject {
    Subject::new("machine: thread-local add", || {
        // Single-threaded: what was there before is not counted.
        let before = OWN.get();
        let step = |(): &mut (), _| OWN.with(|own| own.set(own.get() + black_box(1)));
        let total = move || OWN.get() - before;
        Work::new(|_| (), step, counts(total)).boxed()
    })
}

/// A look-up of the thread's own directory, a chunk, a cell: the least that thread-owned cells can take.
pub(super) fn look_up_add() -> Subject {
    thread_local! {
        static DIRECTORY: Cell<&'static [&'static Padded]> = const { Cell::new(&[]) };
    }
    Subject::new("machine: thread-local look-up, chunk, cell", || {
        let cell: &'static Padded = Box::leak(Box::default());
        DIRECTORY.set(Box::leak(Box::new([cell])));
        let step = |index: &mut usize, _| {
            if let Some(cell) = DIRECTORY.get().get(*index) {
                let sum = cell.0.load(Ordering::Relaxed) + black_box(1);
                cell.0.store(sum, Ordering::Relaxed);
            }
        };
        let total = || cell.0.load(Ordering::Relaxed);
        Work::new(|_| 0, step, counts(total)).boxed()
    })
}

fn own_cell() -> Subject {
    Subject::new("load and store, a padded cell per thread", || {
        let cells: Arc<[Padded; 4]> = Arc::default();
        let local = {
            let cells = Arc::clone(&cells);
            move |thread| (Arc::clone(&cells), thread)
        };
        let step = |(cells, thread): &mut (Arc<[Padded; 4]>, usize), _| {
            let cell = &cells[*thread].0;
            cell.store(
                cell.load(Ordering::Relaxed) + black_box(1),
                Ordering::Relaxed,
            );
        };
        let total = move || cells.iter().map(|it| it.0.load(Ordering::Relaxed)).sum();
        Work::new(local, step, counts(total)).boxed()
    })
}

pub(super) fn fetch_add() -> Subject {
    Subject::new("machine: relaxed fetch_add, shared", || {
        let cell: Arc<Padded> = Arc::default();
        let shared = Arc::clone(&cell);
        let step = |cell: &mut Arc<Padded>, _| {
            cell.0.fetch_add(black_box(1), Ordering::Relaxed);
        };
        let total = move || cell.0.load(Ordering::Relaxed);
        Work::new(move |_| Arc::clone(&shared), step, counts(total)).boxed()
    })
}

fn mutex() -> Subject {
    Subject::new("mutex, shared", || {
        let cell: Arc<Mutex<u64>> = Arc::default();
        let shared = Arc::clone(&cell);
        let step = |cell: &mut Arc<Mutex<u64>>, _| {
            *cell.lock().expect("nobody panics") += black_box(1);
        };
        let total = move || *cell.lock().expect("nobody panics");
        Work::new(move |_| Arc::clone(&shared), step, counts(total)).boxed()
    })
}

fn instant() -> Subject {
    Subject::new("Instant::now", || {
        let step = |(): &mut (), _| {
            black_box(Instant::now());
        };
        Work::new(|_| (), step, nothing()).boxed()
    })
}

fn system_time() -> Subject {
    Subject::new("SystemTime::now", || {
        let step = |(): &mut (), _| {
            black_box(SystemTime::now());
        };
        Work::new(|_| (), step, nothing()).boxed()
    })
}

fn ids() -> Subject {
    Subject::new("ids and flags of a sampled span by map_current", || {
        let step = |_: &mut _, _| {
            black_box(Context::map_current(|context| {
                let span = context.span();
                let span = span.span_context();
                (span.trace_id(), span.span_id(), span.is_sampled())
            }));
        };
        Work::new(|_| super::exemplars::in_sampled_span(), step, nothing()).boxed()
    })
}

fn context_clone() -> Subject {
    Subject::new("Context::current, a clone, in a sampled span", || {
        let step = |_: &mut _, _| {
            black_box(Context::current());
        };
        Work::new(|_| super::exemplars::in_sampled_span(), step, nothing()).boxed()
    })
}

fn search() -> Subject {
    Subject::new("bucket of 15 bounds", || {
        let step = |table: &mut &'static [f64; 1024], at| {
            let value = latency(table, at);
            black_box(BOUNDS.partition_point(|bound| *bound < value));
        };
        Work::new(|_| latencies(), step, nothing()).boxed()
    })
}

fn pairs() -> Subject {
    Subject::new("making 3 attributes of static strings", || {
        let step = |values: &mut [&'static str; 3], _| {
            black_box([
                KeyValue::new("method", values[0]),
                KeyValue::new("status", values[1]),
                KeyValue::new("route", values[2]),
            ]);
        };
        Work::new(|_| ["GET", "200", "/orders"], step, nothing()).boxed()
    })
}
