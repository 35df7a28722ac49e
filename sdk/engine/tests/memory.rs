//! What instruments and series take of the heap, to the byte: what is asked of the allocator, before it rounds up.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

use opentelemetry::metrics::{Meter, MeterProvider as _};
use throughline_engine::{MeterProvider, Reader};

/// Bytes that `f` allocates on this thread and leaves allocated, by the number of things that it makes.
fn bytes_each(things: usize, f: impl FnMut(usize)) -> usize {
    let mut f = f;
    let held = allocation_counter::measure(|| (0..things).for_each(&mut f)).bytes_current;
    usize::try_from(held).unwrap() / things
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
    let (_provider, meter) = meter();
    let mut counters = Vec::with_capacity(1000);
    let each = bytes_each(1000, |at| {
        let counter = meter.u64_counter(format!("counter_{at}")).build();
        counter.add(1, &[]);
        counters.push(counter);
    });
    assert!(each <= 1024, "{each} bytes for each instrument");
}
