//! What instruments and series take of the heap, to the byte: what is asked of the allocator, before it rounds up.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use opentelemetry::KeyValue;
use opentelemetry::metrics::{Meter, MeterProvider as _};
use throughline_engine::{MeterProvider, Reader};
use throughline_model::Collect as _;

/// Bytes that `f` allocates on this thread and leaves allocated, by the number of things that it makes.
fn bytes_each(things: usize, f: impl FnMut(usize)) -> usize {
    let mut f = f;
    let held = allocation_counter::measure(|| (0..things).for_each(&mut f)).bytes_current;
    usize::try_from(held).unwrap() / things
}

/// Lets one test measure at a time: a process's series share chunks of words, so that what a thread needs of them depends on
/// what others make meanwhile.
fn alone() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::new(());
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A meter on whose thread something was measured before.
fn meter() -> (MeterProvider, Meter) {
    let builder = MeterProvider::builder().reader(Reader::default());
    let provider = builder.build().unwrap();
    let meter = provider.meter("memory");
    meter.u64_counter("first").build().add(1, &[]);
    (provider, meter)
}

#[test]
fn an_instrument_with_its_first_series_takes_less_than_a_kilobyte() {
    let _alone = alone();
    let (_provider, meter) = meter();
    let mut counters = Vec::with_capacity(1000);
    let each = bytes_each(1000, |at| {
        let counter = meter.u64_counter(format!("counter_{at}")).build();
        counter.add(1, &[]);
        counters.push(counter);
    });
    // The allocator rounds a dozen pieces up.
    assert!(each <= 896, "{each} bytes for each instrument");
}

#[test]
fn series_share_their_attributes_with_others() {
    let _alone = alone();
    let (_provider, meter) = meter();
    let counter = meter.u64_counter("counter").build();
    // Bound, since what a thread's look-up remembers is another thing.
    let each = bytes_each(1000, |at| counter.bind(&attributes(at)).add(1));
    // Texts of its own would take more than that.
    assert!(each <= 192, "{each} bytes for each counter series");
    let histogram = meter.f64_histogram("histogram").build();
    let each = bytes_each(1000, |at| histogram.bind(&attributes(at)).record(1.0));
    assert!(each <= 512, "{each} bytes for each histogram series");
}

#[test]
fn a_thread_pays_for_the_series_that_it_measures() {
    let _alone = alone();
    let (_provider, meter) = meter();
    let counter = &meter.u64_counter("counter").build();
    (0..1000).for_each(|at| counter.add(1, &attributes(at)));
    let measure = || bytes_each(1, |_| counter.add(1, &attributes(7)));
    let bytes = std::thread::scope(|scope| scope.spawn(measure).join().unwrap());
    // One chunk of 4 KiB, a directory and what it remembers; its words of all series would be 24 KiB.
    assert!(bytes <= 6 * 1024, "{bytes} bytes for one series of 1000");
}

#[test]
fn a_provider_that_is_dropped_takes_its_series_with_it() {
    let _alone = alone();
    let (provider, meter) = meter();
    let counter = meter.u64_counter("counter").build();
    (0..1000).for_each(|at| counter.add(1, &attributes(at)));
    let mut all = Some((provider, meter, counter));
    let freed = -allocation_counter::measure(|| drop(all.take())).bytes_current;
    // What this thread's look-up has room for stays; a series and its attributes are 128 bytes.
    assert!(freed >= 1000 * 128, "{freed} bytes");
}

/// Asking the system for the number of its processors, for each point, took files and their buffers.
#[test]
fn a_point_without_exemplars_asks_for_nothing_that_exemplars_need() {
    let _alone = alone();
    let collected = |points: i64| {
        let reader = Reader::default();
        let builder = MeterProvider::builder().reader(reader.clone());
        let provider = builder.build().unwrap();
        let _ = provider
            .meter("memory")
            .i64_observable_gauge("gauge")
            .with_callback(move |o| {
                (0..points).for_each(|k| o.observe(k, &[KeyValue::new("k", k)]));
            })
            .build();
        let collect = || drop(reader.collect(Duration::from_secs(60)).unwrap());
        collect();
        allocation_counter::measure(collect).count_total
    };
    let each = (collected(1_500) - collected(500)) as f64 / 1000.0;
    assert!(each < 4.0, "{each} allocations for each point");
}

/// Of 1000 sets, made of thirty pairs.
fn attributes(at: usize) -> [KeyValue; 3] {
    let value = |digit: usize| format!("value {}", digit % 10);
    [
        KeyValue::new("method", value(at)),
        KeyValue::new("status", value(at / 10)),
        KeyValue::new("route", value(at / 100)),
    ]
}
