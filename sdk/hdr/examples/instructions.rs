//! A million measurements of one kind, to be counted by callgrind: instructions do not wander on a shared machine.
//!
//! ```text
//! cargo build --release -p throughline-hdr --example instructions
//! for kind in hdrhistogram recorder floats; do
//!     valgrind --tool=callgrind --callgrind-out-file=/dev/null --toggle-collect='*measured*' \
//!         target/release/examples/instructions $kind 2>&1 | grep Collected
//! done
//! ```
//!
//! Divided by a million, that is instructions per measurement, the loop and the making of a value included.
//! `hdrhistogram` is the crate on one thread, the yardstick.

use std::hint::black_box;

use hdrhistogram::Histogram;
use throughline_hdr::{Range, Recorder};

const TIMES: u64 = 1_000_000;
const HOUR: u64 = 3_600_000_000_000;

/// Latencies in nanoseconds over three octaves, as cheap as they come.
#[inline(always)]
fn latency(n: u64) -> u64 {
    1_000_000 + n.wrapping_mul(0x9e37_79b9) % 0x80_0000
}

#[inline(never)]
fn measured_hdrhistogram(histogram: &mut Histogram<u64>) {
    for n in 0..TIMES {
        black_box(&mut *histogram).saturating_record(latency(n));
    }
}

#[inline(never)]
fn measured_recorder(recorder: &Recorder) {
    for n in 0..TIMES {
        black_box(recorder).record(latency(n));
    }
}

#[inline(never)]
fn measured_floats(recorder: &Recorder) {
    for n in 0..TIMES {
        black_box(recorder).record_f64(latency(n) as f64 * 1e-9);
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut histogram = Histogram::new_with_bounds(1, HOUR, 3)?;
    let integers = Recorder::new(Range::new(1, HOUR, 3)?);
    let floats = Recorder::new(Range::floats(1e-9, 3600.0, 3)?);
    let kind = std::env::args().nth(1);
    // The first touches are not what is counted.
    for n in 0..TIMES {
        integers.record(latency(n));
        floats.record_f64(latency(n) as f64 * 1e-9);
    }
    let start = std::time::Instant::now();
    match kind.as_deref() {
        Some("hdrhistogram") => measured_hdrhistogram(&mut histogram),
        Some("recorder") => measured_recorder(&integers),
        Some("floats") => measured_floats(&floats),
        other => eprintln!("expected hdrhistogram, recorder or floats, got {other:?}"),
    }
    println!("{:?} for a million", start.elapsed());
    Ok(())
}
