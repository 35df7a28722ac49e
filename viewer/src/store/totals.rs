//! Adding up: what one total becomes when another is added to it.

use std::sync::Arc;

use crate::data::{ExponentialBuckets, ExponentialHistogram, Histogram, Number, Total};

/// Adds `newer` to `total`.
///
/// Counts and sums always add up. Buckets add up where they can: exponential ones at the coarser scale of
/// the two, explicit ones if the bounds are the same; else those of `newer` alone are kept. A summary's
/// quantiles, and totals of different kinds, cannot be added: the newer stands.
pub(super) fn add(total: &mut Total, newer: Total) {
    match (total, newer) {
        (Total::Number(a), Total::Number(b)) => *a = add_numbers(*a, b),
        (Total::Histogram(a), Total::Histogram(b)) => add_histograms(a, b),
        (Total::Exponential(a), Total::Exponential(b)) => add_exponential(a, b),
        (Total::Summary(a), Total::Summary(b)) => {
            a.count = a.count.saturating_add(b.count);
            a.sum += b.sum;
            a.quantiles = b.quantiles;
        }
        (total, newer) => *total = newer,
    }
}

/// How many measurements, or how much: what shrinks only when a monotonic stream began anew.
pub(super) fn magnitude(total: &Total) -> f64 {
    match total {
        Total::Number(number) => number.as_f64(),
        Total::Histogram(histogram) => histogram.count as f64,
        Total::Exponential(histogram) => histogram.count as f64,
        Total::Summary(summary) => summary.count as f64,
    }
}

fn add_numbers(a: Number, b: Number) -> Number {
    match (a, b) {
        (Number::Int(a), Number::Int(b)) => Number::Int(a.saturating_add(b)),
        (a, b) => Number::Double(a.as_f64() + b.as_f64()),
    }
}

fn add_histograms(a: &mut Histogram, b: Histogram) {
    let same_shape = a.bounds == b.bounds && a.counts.len() == b.counts.len();
    let (min, max) = extremes((a.count, a.min, a.max), (b.count, b.min, b.max));
    a.sum = a.sum.zip(b.sum).map(|(a, b)| a + b);
    a.count = a.count.saturating_add(b.count);
    (a.min, a.max) = (min, max);
    if same_shape {
        for (a, b) in a.counts.iter_mut().zip(b.counts) {
            *a = a.saturating_add(b);
        }
    } else {
        a.bounds = Arc::clone(&b.bounds);
        a.counts = b.counts;
    }
}

fn add_exponential(a: &mut ExponentialHistogram, mut b: ExponentialHistogram) {
    let (min, max) = extremes((a.count, a.min, a.max), (b.count, b.min, b.max));
    a.sum = a.sum.zip(b.sum).map(|(a, b)| a + b);
    a.count = a.count.saturating_add(b.count);
    (a.min, a.max) = (min, max);
    a.zero_count = a.zero_count.saturating_add(b.zero_count);
    a.zero_threshold = a.zero_threshold.max(b.zero_threshold);
    let mut scale = a.scale.min(b.scale);
    // Far apart runs would need a bucket for everything between them: coarser until they fit.
    loop {
        rescale(a, scale);
        rescale(&mut b, scale);
        let widest = span(&a.positive, &b.positive).max(span(&a.negative, &b.negative));
        if widest <= MOST_BUCKETS || scale <= MIN_SCALE {
            break;
        }
        scale -= 1;
    }
    add_buckets(&mut a.positive, &b.positive);
    add_buckets(&mut a.negative, &b.negative);
}

/// Past this many buckets a merged histogram is made coarser.
const MOST_BUCKETS: i64 = 640;

/// The coarsest scale of the specification.
const MIN_SCALE: i32 = -10;

/// Of parts that counted something, the extremes; unknown if one of them did not say.
fn extremes(
    (a_count, a_min, a_max): (u64, Option<f64>, Option<f64>),
    (b_count, b_min, b_max): (u64, Option<f64>, Option<f64>),
) -> (Option<f64>, Option<f64>) {
    if a_count == 0 {
        return (b_min, b_max);
    }
    if b_count == 0 {
        return (a_min, a_max);
    }
    (
        a_min.zip(b_min).map(|(a, b)| a.min(b)),
        a_max.zip(b_max).map(|(a, b)| a.max(b)),
    )
}

/// Makes a histogram coarser: a bucket of index `i` goes to `i >> steps`, since each step joins two.
fn rescale(histogram: &mut ExponentialHistogram, scale: i32) {
    let steps = histogram.scale.saturating_sub(scale).clamp(0, 31);
    if steps == 0 {
        return;
    }
    histogram.scale -= steps;
    for buckets in [&mut histogram.positive, &mut histogram.negative] {
        let mut coarse = ExponentialBuckets {
            offset: buckets.offset >> steps,
            counts: Vec::new(),
        };
        for (at, count) in buckets.counts.iter().enumerate() {
            let index = (i64::from(buckets.offset) + at as i64) >> steps;
            let place = (index - i64::from(coarse.offset)) as usize;
            if coarse.counts.len() <= place {
                coarse.counts.resize(place + 1, 0);
            }
            coarse.counts[place] = coarse.counts[place].saturating_add(*count);
        }
        *buckets = coarse;
    }
}

/// How many buckets both runs together reach over.
fn span(a: &ExponentialBuckets, b: &ExponentialBuckets) -> i64 {
    match (a.counts.is_empty(), b.counts.is_empty()) {
        (true, _) => b.counts.len() as i64,
        (_, true) => a.counts.len() as i64,
        _ => {
            let first = i64::from(a.offset.min(b.offset));
            let a_end = i64::from(a.offset) + a.counts.len() as i64;
            let b_end = i64::from(b.offset) + b.counts.len() as i64;
            a_end.max(b_end) - first
        }
    }
}

/// Adds buckets of the same scale.
fn add_buckets(a: &mut ExponentialBuckets, b: &ExponentialBuckets) {
    if b.counts.is_empty() {
        return;
    }
    if a.counts.is_empty() {
        a.clone_from(b);
        return;
    }
    let width = span(a, b) as usize;
    if b.offset < a.offset {
        let shift = (i64::from(a.offset) - i64::from(b.offset)) as usize;
        a.counts.splice(0..0, std::iter::repeat_n(0, shift));
        a.offset = b.offset;
    }
    a.counts.resize(width.max(a.counts.len()), 0);
    let from = (i64::from(b.offset) - i64::from(a.offset)) as usize;
    for (place, count) in a.counts[from..].iter_mut().zip(&b.counts) {
        *place = place.saturating_add(*count);
    }
}

#[cfg(test)]
mod tests;
