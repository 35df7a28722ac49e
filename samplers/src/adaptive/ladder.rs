//! Probabilities with all that a decision needs of them, made once each.

use std::sync::OnceLock;

use super::guard::ONE;
use crate::probability::{Prepared, SamplingIntent, Threshold};

/// Probabilities from 1 down to 2^-32 in steps of 2.2 %, and those that a user has named exactly.
///
/// A decision borrows a rung for as long as the sampler lives, so `tracestate` is cloned where a span is
/// sampled and not built, whatever the rates do meanwhile. The threshold of a rung is what
/// a sampled span carries: that rates come in steps makes no count wrong.
///
/// ```text
/// rung    0     1      …   32    …   64    …   1023       1024 … 1087
/// p       1     2^-1/32    1/2       1/4       2^-31.97   as named
/// ```
#[derive(Debug)]
pub(super) struct Ladder {
    grid: Box<[Rung]>,
    named: Box<[OnceLock<Rung>]>,
}

/// A place on the ladder, or below its end, where nothing is sampled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct RungId(pub(super) u16);

#[derive(Debug)]
pub(super) struct Rung {
    /// Which calls of an operation report what they cost: those whose number has these bits all zero.
    pub(super) stride: u32,
    /// What one of them reports, for all in its stride: 1/2 to 1 sampled trace, as a share of [`ONE`].
    pub(super) cost: u64,
    /// What `sample.rate` says: the named one, or the threshold's.
    rate: f64,
    /// Where on the grid it stands, or near to what.
    near: RungId,
    threshold: Threshold,
    /// Once an operation stands here. The guard takes others here without, so that a drop allocates nothing.
    prepared: OnceLock<Prepared>,
}

/// Rungs from a probability to half of it.
pub(super) const HALVING: u16 = 32;
const HALVINGS: u16 = 32;
const GRID: u16 = HALVING * HALVINGS;
/// Rates that a user may name, over all settings of a sampler's life; later ones are taken to the grid.
const NAMED: u16 = 64;

impl RungId {
    pub(super) const ALWAYS: Self = Self(0);
    pub(super) const NEVER: Self = Self(u16::MAX);

    /// The rung whose probability is the nearest one.
    pub(super) fn nearest(probability: f64) -> Self {
        if probability <= 0.0 {
            return Self::NEVER;
        }
        // Nothing of nothing is not a number, and all of it.
        let below = -probability.log2() * f64::from(HALVING);
        // A float that is out of range, or none, is cast to the nearest number there is, or to 0.
        Self((below.round() as u16).min(GRID - 1))
    }
}

impl Ladder {
    pub(super) fn new() -> Self {
        let grid = (0..GRID).map(|id| {
            let probability = (-f64::from(id) / f64::from(HALVING)).exp2();
            let rung = Rung::new(probability);
            let rate = rung.threshold.probability();
            Rung { rate, ..rung }
        });
        Self {
            grid: grid.collect(),
            named: (0..NAMED).map(|_| OnceLock::new()).collect(),
        }
    }

    /// The rung of exactly this probability, as far as a threshold can tell.
    pub(super) fn named(&self, probability: f64) -> RungId {
        let nearest = RungId::nearest(probability);
        if nearest == RungId::NEVER || probability >= 1.0 {
            return nearest;
        }
        for (place, rung) in (GRID..).zip(&self.named) {
            if rung.get_or_init(|| Rung::new(probability)).rate == probability {
                return RungId(place);
            }
        }
        nearest
    }

    /// The rung there; `None` where nothing is sampled.
    #[inline]
    pub(super) fn get(&self, id: RungId) -> Option<&Rung> {
        let id = usize::from(id.0);
        match self.grid.get(id) {
            Some(rung) => Some(rung),
            None => self.named.get(id - self.grid.len())?.get(),
        }
    }

    /// An operation will stand there.
    pub(super) fn prepare(&self, id: RungId) {
        if let Some(rung) = self.get(id) {
            rung.prepared.get_or_init(|| Prepared::new(rung.threshold));
        }
    }

    /// The share that is sampled there: as it was named, or as the threshold has it.
    pub(super) fn rate(&self, id: RungId) -> f64 {
        self.get(id).map_or(0.0, |rung| rung.rate)
    }

    /// So many rungs further down, but not below the last one.
    #[cold]
    #[inline(never)]
    pub(super) fn down(&self, id: RungId, rungs: u64) -> RungId {
        let Some(rung) = self.get(id) else {
            return id;
        };
        RungId((u64::from(rung.near.0).saturating_add(rungs)).min(u64::from(GRID - 1)) as u16)
    }
}

impl Rung {
    fn new(rate: f64) -> Self {
        let threshold = Threshold::rounded(rate, Threshold::DEFAULT_PRECISION);
        let probability = threshold.probability();
        let halvings = (-probability.log2()).floor().clamp(0.0, 31.0);
        Self {
            stride: (1 << halvings as u32) - 1,
            cost: (probability * halvings.exp2() * ONE as f64).round() as u64,
            rate,
            near: RungId::nearest(rate),
            threshold,
            prepared: OnceLock::new(),
        }
    }

    /// What a single call costs.
    pub(super) fn expected(&self) -> u64 {
        self.cost >> self.stride.count_ones()
    }

    #[inline]
    pub(super) fn intent(&self) -> SamplingIntent<'_> {
        let intent = match self.prepared.get() {
            Some(prepared) => prepared.intent(),
            None => SamplingIntent::reliable(self.threshold),
        };
        intent.with_sample_rate(self.rate)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_rung_is_near() {
        let ladder = Ladder::new();
        for probability in [1.0, 0.99, 0.5, 0.1, 0.01, 1.0 / 3.0, 1e-6, 3e-9] {
            let rung = ladder.rate(RungId::nearest(probability));
            assert!((rung / probability - 1.0).abs() < 0.011, "{probability}");
        }
        assert_eq!(RungId::nearest(7.0), RungId::ALWAYS);
        assert_eq!(RungId::nearest(1e-300), RungId(GRID - 1));
    }

    #[test]
    fn nothing_is_below_the_ladder() {
        let ladder = Ladder::new();
        for id in [
            RungId::nearest(0.0),
            RungId::nearest(-1.0),
            ladder.named(0.0),
        ] {
            assert_eq!(ladder.down(id, 1), RungId::NEVER);
            assert!(ladder.get(id).is_none());
        }
    }

    #[test]
    fn a_named_rate_is_exact_and_takes_one_place() {
        let ladder = Ladder::new();
        let id = ladder.named(0.1);
        assert_eq!(ladder.get(id).unwrap().threshold.to_string(), "e666");
        assert_eq!(ladder.named(0.1), id);
        assert_ne!(ladder.named(0.2), id);
        assert_eq!(ladder.down(id, 0), RungId::nearest(0.1));
    }

    #[test]
    fn what_finds_no_place_is_near() {
        let ladder = Ladder::new();
        let rates = (0..200).map(|n| 0.5 + f64::from(n) / 1_000.0);
        for rate in rates {
            let rung = ladder.rate(ladder.named(rate));
            assert!((rung / rate - 1.0).abs() < 0.011, "{rate}");
        }
    }

    #[test]
    fn a_stride_costs_what_its_calls_cost() {
        let ladder = Ladder::new();
        for id in (0..GRID).map(RungId) {
            let rung = ladder.get(id).unwrap();
            let calls = f64::from(rung.stride) + 1.0;
            let cost = rung.cost as f64 / ONE as f64 / calls;
            let probability = rung.threshold.probability();
            assert!((cost / probability - 1.0).abs() < 1e-3, "{id:?}");
        }
    }
}
