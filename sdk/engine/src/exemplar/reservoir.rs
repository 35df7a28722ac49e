//! What is kept until a collection takes it.

use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use opentelemetry::KeyValue;
use opentelemetry::trace::{SpanId, TraceId};
use throughline_model::{Exemplar, Number};

use super::custom::Custom;
use crate::series::Series;

/// Generations are 1 to this, so that a word of zeros belongs to none.
const LAST_GENERATION: u32 = (1 << 26) - 2;

/// The reservoirs of one series.
#[derive(Debug)]
pub(crate) enum Reservoirs {
    /// The engine's own.
    Uniform(Uniform),
    /// Users' own.
    Custom(Custom),
}

/// For each reader one reservoir per slot.
#[derive(Debug)]
pub(crate) struct Uniform {
    /// By feed. A slot has `size` entries at most.
    feeds: Box<[Vec<Kept>]>,
}

/// A measurement that was kept.
#[derive(Clone, Debug)]
pub(crate) struct Kept {
    pub(crate) slot: usize,
    pub(crate) key: f64,
    pub(crate) time: SystemTime,
    pub(crate) value: Number,
    pub(crate) span: Option<(TraceId, SpanId)>,
    pub(crate) left_out: Arc<[KeyValue]>,
}

impl Uniform {
    pub(crate) fn new(feeds: usize) -> Self {
        Self {
            feeds: (0..feeds).map(|_| Vec::new()).collect(),
        }
    }

    /// Whether some reader's reservoir would keep a measurement of this key.
    pub(crate) fn wants(&self, slot: usize, size: usize, key: f64) -> bool {
        key > self.threshold(slot, size)
    }

    /// Keys up to this are of no use to any reader, 1 where outliers hold all its places.
    pub(crate) fn threshold(&self, slot: usize, size: usize) -> f64 {
        self.feeds
            .iter()
            .map(|kept| threshold(kept, slot, size).1)
            .fold(1.0, f64::min)
    }

    /// Keeps it in each reservoir whose smallest key is smaller, in place of that one.
    pub(crate) fn keep(&mut self, size: usize, new: &Kept) {
        for kept in &mut self.feeds {
            match threshold(kept, new.slot, size) {
                (Some(smallest), threshold) if new.key > threshold => kept[smallest] = new.clone(),
                (None, _) => kept.push(new.clone()),
                _ => {}
            }
        }
    }
}

/// The entry with the smallest key and that key, once the reservoir is full; before, every key will do.
fn threshold(kept: &[Kept], slot: usize, size: usize) -> (Option<usize>, f64) {
    let of_slot = kept
        .iter()
        .enumerate()
        .filter(|(_, kept)| kept.slot == slot);
    let (count, smallest) =
        of_slot.fold((0, (None, f64::INFINITY)), |(count, least), (at, kept)| {
            let least = if kept.key < least.1 {
                (Some(at), kept.key)
            } else {
                least
            };
            (count + 1, least)
        });
    if count < size { (None, 0.0) } else { smallest }
}

/// Takes what a reader's reservoirs hold, of the slots that `from` picks, times within `start..=end`. Moves the generation
/// on, so that each thread offers its next measurement.
///
/// Most series have none.
#[inline]
pub(crate) fn take(
    series: &Series,
    feed: usize,
    from: impl Fn(usize) -> bool,
    times: (SystemTime, SystemTime),
) -> Vec<Exemplar> {
    match series.exemplars() {
        Some(exemplars) => take_some(series, exemplars, feed, from, times),
        None => Vec::new(),
    }
}

fn take_some(
    series: &Series,
    exemplars: &Mutex<Option<Box<Reservoirs>>>,
    feed: usize,
    from: impl Fn(usize) -> bool,
    (start, end): (SystemTime, SystemTime),
) -> Vec<Exemplar> {
    let mut exemplars = exemplars.lock().unwrap_or_else(PoisonError::into_inner);
    match exemplars.as_deref_mut() {
        None => Vec::new(),
        Some(Reservoirs::Custom(custom)) => {
            let mut taken = custom.collect(feed);
            for exemplar in &mut taken {
                exemplar.time = exemplar.time.clamp(start, end);
            }
            taken
        }
        Some(Reservoirs::Uniform(uniform)) => {
            let mut taken: Vec<Kept> = uniform.feeds[feed]
                .extract_if(.., |kept| from(kept.slot))
                .collect();
            if !taken.is_empty() {
                // Relaxed: writers want to know soon, no more. Only collections write it, under the series' mutex.
                let now = series.generation.load(Ordering::Relaxed);
                let next = now % LAST_GENERATION + 1;
                series.generation.store(next, Ordering::Relaxed);
            }
            taken.sort_by_key(|kept| (kept.slot, kept.time));
            let exemplars = taken.into_iter().map(|kept| Exemplar {
                filtered_attributes: kept.left_out.to_vec(),
                time: kept.time.clamp(start, end),
                value: kept.value,
                span: kept.span,
            });
            exemplars.collect()
        }
    }
}
