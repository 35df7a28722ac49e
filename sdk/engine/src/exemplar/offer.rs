//! From a measurement to a reservoir: the hot path's countdown and the cold offer.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use opentelemetry::KeyValue;
use opentelemetry::trace::{SpanId, TraceId};
use throughline_cells::OwnWord;
use throughline_model::{Number, Random};

use super::ExemplarFilter;
use super::custom::{Custom, Factory, Measurement};
use super::outlier;
use super::reservoir::{Kept, Reservoirs, Uniform};
use super::span::read_span;
use crate::aggregate::Recorded;
use crate::parts::Parts;
use crate::series::Series;

/// Where the exemplar words of a stream without exemplars stand: nowhere.
pub(crate) const NONE: usize = usize::MAX / 2;

const LEVEL: u64 = 0x3f;
const LEVEL_MAX: u32 = 30;
const SKIP_SHIFT: u32 = 6;
const SKIP_MAX: u64 = u32::MAX as u64;
const GENERATION_SHIFT: u32 = 38;

/// Counts a measurement down in the exemplar word of its reservoir, if there is one, and says whether it is due.
#[inline(always)]
pub(crate) fn pass(word: Option<&OwnWord>, series: &Series) -> Recorded {
    let Some(word) = word else {
        return Recorded::Done;
    };
    let seen = word.get();
    // Relaxed: a thread that sees the new generation late offers late.
    let generation = u64::from(series.generation.load(Ordering::Relaxed));
    // A skip of 0 borrows from the generation, so that one compare tells both.
    let next = seen.wrapping_sub(1 << SKIP_SHIFT);
    if next >> GENERATION_SHIFT == generation {
        word.set(next);
        Recorded::Done
    } else if seen & LEVEL == 0 {
        Recorded::Due
    } else {
        Recorded::Offer
    }
}

/// What an offer brings.
#[derive(Debug)]
pub(crate) struct Offered<'a> {
    pub(crate) slot: usize,
    pub(crate) value: Number,
    /// Whether it is an outlier, which asks that its trace be kept.
    pub(crate) outlier: bool,
    /// The thread's exemplar word.
    pub(crate) word: u64,
    /// How many reservoirs the series has, per reader.
    pub(crate) feeds: usize,
    /// How many exemplars each reservoir holds.
    pub(crate) size: usize,
    /// What makes the user's own reservoirs, if there are to be any.
    pub(crate) custom: Option<&'a Factory>,
    pub(crate) parts: &'a Arc<Parts>,
}

/// Offers a measurement. Gives the thread's exemplar word back if it changes.
///
/// It calls nothing that is not the engine's but the clock, the source of randomness and, for an outlier, the keeper of
/// traces. It keeps no context.
pub(crate) fn offer(
    series: &Series,
    offered: &Offered<'_>,
    left_out: impl FnOnce() -> Vec<KeyValue>,
) -> Option<u64> {
    let random = &*offered.parts.random;
    let span = if offered.outlier {
        outlier::claim(offered.parts)
    } else {
        eligible(offered.parts.exemplar_filter)
    };
    let Some(span) = span else {
        // Its key would have decided nothing, so the countdown begins anew at the level it had. At level 0, where a
        // reservoir is not full, the next measurement is offered: without a sampled span it ends here.
        let generation = series.generation.load(Ordering::Relaxed);
        return Some(match level_of(offered.word, generation) {
            // Nor does what an older generation drew: then the measurements to come are only due.
            0 => 0,
            level => next_word(generation, level, random),
        });
    };
    let Ok(mut exemplars) = series.room_for_exemplars().try_lock() else {
        // Another thread offers, or a collection takes: this one is left out, whatever its key.
        return Some(0);
    };
    let reservoirs = exemplars.get_or_insert_with(|| {
        Box::new(match offered.custom {
            None => Reservoirs::Uniform(Uniform::new(offered.feeds)),
            Some(factory) => Reservoirs::Custom(Custom::new(factory, offered.feeds, offered.parts)),
        })
    });
    let uniform = match &mut **reservoirs {
        Reservoirs::Uniform(uniform) => uniform,
        Reservoirs::Custom(custom) => {
            custom.offer(&Measurement {
                value: offered.value,
                time: offered.parts.clock.now(),
                span,
                filtered_attributes: &left_out(),
            });
            // The word stays as it is: every measurement is offered.
            return None;
        }
    };
    // Under the lock no collection moves it on.
    let generation = series.generation.load(Ordering::Relaxed);
    let key = if offered.outlier {
        // Above all keys of what is none: an outlier's exemplar goes before theirs, and of several outliers each is as
        // likely to stay.
        1.0 + random.open01()
    } else {
        let floor = floor_of(level_of(offered.word, generation));
        floor + (1.0 - floor) * random.open01()
    };
    if uniform.wants(offered.slot, offered.size, key) {
        let kept = Kept {
            slot: offered.slot,
            key,
            time: offered.parts.clock.now(),
            value: offered.value,
            span,
            left_out: left_out().into(),
        };
        uniform.keep(offered.size, &kept);
    }
    let level = level_below(uniform.threshold(offered.slot, offered.size));
    Some(next_word(generation, level, random))
}

/// The level that a word was drawn at: keys since then are above `1 - 2^-level` if they are offered at all. A word
/// of an older generation says nothing.
fn level_of(word: u64, generation: u32) -> u32 {
    if word >> GENERATION_SHIFT == u64::from(generation) {
        (word & LEVEL) as u32
    } else {
        0
    }
}

/// `1 - 2^-level`.
fn floor_of(level: u32) -> f64 {
    1.0 - (-f64::from(level)).exp2()
}

/// The largest level whose floor is not above `threshold`.
fn level_below(threshold: f64) -> u32 {
    // Of a threshold in 0..=1: 2^-level >= 1 - threshold. At 1, which outliers hold, that is so at all levels.
    let level = -(1.0 - threshold).log2();
    (level.max(0.0) as u32).min(LEVEL_MAX)
}

/// A word that skips as many measurements as have keys up to the floor of `level`: geometric with success
/// probability `2^-level`.
fn next_word(generation: u32, level: u32, random: &dyn Random) -> u64 {
    let skip = if level == 0 {
        0
    } else {
        let success = (-f64::from(level)).exp2();
        (random.open01().ln() / (-success).ln_1p()).min(SKIP_MAX as f64) as u64
    };
    u64::from(generation) << GENERATION_SHIFT | skip << SKIP_SHIFT | u64::from(level)
}

/// The span of a measurement that may become an exemplar: `None` where the filter refuses it, `Some(None)` where
/// there is no span and none is needed.
fn eligible(filter: ExemplarFilter) -> Option<Option<(TraceId, SpanId)>> {
    let span = read_span(|span| ((span.trace_id(), span.span_id()), span.is_sampled()));
    match filter {
        ExemplarFilter::TraceBased | ExemplarFilter::Resolvable => span
            .filter(|(_, sampled)| *sampled)
            .map(|(ids, _)| Some(ids)),
        ExemplarFilter::AlwaysOn => Some(span.map(|(ids, _)| ids)),
        ExemplarFilter::AlwaysOff => None,
    }
}

#[cfg(test)]
mod tests;
