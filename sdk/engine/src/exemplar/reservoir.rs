//! What is kept until a collection takes it.

use std::sync::PoisonError;
use std::sync::atomic::Ordering;
use std::time::SystemTime;

use opentelemetry::KeyValue;
use opentelemetry::trace::{SpanId, TraceId};
use throughline_model::{Exemplar, Number};

use crate::series::Series;

/// Generations are 1 to this, so that a word of zeros belongs to none.
const LAST_GENERATION: u32 = (1 << 26) - 1;

/// The reservoirs of one series: for each reader one per slot.
#[derive(Debug)]
pub(crate) struct Reservoirs {
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
    pub(crate) left_out: std::sync::Arc<[KeyValue]>,
}

impl Reservoirs {
    pub(crate) fn new(feeds: usize) -> Self {
        Self {
            feeds: (0..feeds).map(|_| Vec::new()).collect(),
        }
    }

    /// Whether some reader's reservoir would keep a measurement of this key.
    pub(crate) fn wants(&self, slot: usize, size: usize, key: f64) -> bool {
        key > self.threshold(slot, size)
    }

    /// Keys up to this are of no use to any reader.
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

/// Exemplars that were taken.
#[derive(Debug, Default)]
pub(crate) struct Taken(Vec<Kept>);

/// Takes what a reader's reservoirs hold, of the slots that `from` picks, and moves the generation on, so that each
/// thread offers its next measurement.
pub(crate) fn take(series: &Series, feed: usize, from: impl Fn(usize) -> bool) -> Taken {
    let mut exemplars = series
        .exemplars
        .lock()
        .unwrap_or_else(PoisonError::into_inner);
    let Some(reservoirs) = exemplars.as_mut() else {
        return Taken::default();
    };
    let taken: Vec<Kept> = reservoirs.feeds[feed]
        .extract_if(.., |kept| from(kept.slot))
        .collect();
    if !taken.is_empty() {
        // Relaxed: writers want to know soon, no more. Only collections write it, under the series' mutex.
        let now = series.generation.load(Ordering::Relaxed);
        series
            .generation
            .store(now % LAST_GENERATION + 1, Ordering::Relaxed);
    }
    Taken(taken)
}

impl Taken {
    /// As the model has them, by reservoir and time, with times within `start..=end`.
    pub(crate) fn within(mut self, start: SystemTime, end: SystemTime) -> Vec<Exemplar> {
        self.0.sort_by_key(|kept| (kept.slot, kept.time));
        let exemplars = self.0.into_iter().map(|kept| Exemplar {
            filtered_attributes: kept.left_out.to_vec(),
            time: kept.time.clamp(start, end),
            value: kept.value,
            span: kept.span,
        });
        exemplars.collect()
    }
}
