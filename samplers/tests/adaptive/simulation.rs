//! Requests in virtual time, and what an adaptive sampler makes of them.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use throughline_model::Random;
use throughline_samplers::probability::{ComposableSampler, Randomness, SpanStart};
use throughline_samplers::{AdaptiveBuilder, AdaptiveSampler};
use throughline_testkit::{ManualClock, SeededRandom};

pub(crate) const TARGET: f64 = 100.0;

/// Requests by operation, Zipf 1.5, at a rate that a function of time says.
pub(crate) struct Simulation {
    pub(crate) sampler: AdaptiveSampler,
    clock: ManualClock,
    random: SeededRandom,
    names: Vec<String>,
    /// The share of each operation and those before it.
    cumulative: Vec<f64>,
}

/// What came and what was sampled in a tenth of a second.
#[derive(Clone, Default)]
pub(crate) struct Tenth {
    pub(crate) offered: f64,
    pub(crate) sampled: f64,
    /// The sum of adjusted counts, and an unbiased estimate of its variance.
    pub(crate) estimate: f64,
    pub(crate) variance: f64,
    pub(crate) called: Vec<usize>,
    pub(crate) seen: Vec<usize>,
}

impl Simulation {
    pub(crate) fn new(seed: u64, operations: usize) -> Self {
        let builder = AdaptiveSampler::builder()
            .target_per_second(TARGET)
            .load_signal(|| 0.0);
        Self::with(builder, seed, operations)
    }

    pub(crate) fn with(builder: AdaptiveBuilder, seed: u64, operations: usize) -> Self {
        let clock = ManualClock::new();
        let builder = builder.clock(Arc::new(clock.clone()));
        let sampler = builder.build().unwrap();
        let weights: Vec<f64> = (1..=operations).map(|n| (n as f64).powf(-1.5)).collect();
        let total: f64 = weights.iter().sum();
        let mut sum = 0.0;
        let cumulative = weights.iter().map(|weight| {
            sum += weight / total;
            sum
        });
        Self {
            sampler,
            clock,
            random: SeededRandom::new(seed.wrapping_mul(0x2545_f491_4f6c_dd1d)),
            names: (1..=operations).map(|n| format!("GET /{n}")).collect(),
            cumulative: cumulative.collect(),
        }
    }

    /// All operations get other names.
    pub(crate) fn rename(&mut self, prefix: &str) {
        let count = self.names.len();
        self.names = (1..=count).map(|n| format!("{prefix}/{n}")).collect();
    }

    /// An operation that no one calls but by this number.
    pub(crate) fn rare(&mut self) -> usize {
        let rare = self.cumulative.len();
        if self.names.len() == rare {
            self.names.push("rare".to_owned());
        }
        rare
    }

    /// A Poisson process for so many seconds.
    pub(crate) fn run(&mut self, seconds: u32, rate: f64) -> Vec<Tenth> {
        (0..10 * seconds).map(|_| self.tenth(rate)).collect()
    }

    pub(crate) fn tenth(&mut self, rate: f64) -> Tenth {
        let mut tenth = Tenth::default();
        let mut now = 0.0;
        loop {
            let gap = -self.random.open01().ln() / rate;
            if now + gap > 0.1 {
                self.clock.advance(Duration::from_secs_f64(0.1 - now));
                return tenth;
            }
            now += gap;
            self.clock.advance(Duration::from_secs_f64(gap));
            let which = self.random.open01();
            let operation = self.cumulative.partition_point(|share| *share < which);
            let operation = operation.min(self.cumulative.len() - 1);
            self.request(operation, &mut tenth);
        }
    }

    pub(crate) fn request(&mut self, operation: usize, tenth: &mut Tenth) {
        let intent = self
            .sampler
            .intent(&SpanStart::root(&self.names[operation]));
        tenth.offered += 1.0;
        tenth.called.push(operation);
        let randomness = Randomness::from_bits(self.random.next_u64() >> 8).unwrap();
        let threshold = intent.threshold();
        if let Some(threshold) = threshold.filter(|threshold| threshold.keeps(randomness)) {
            let count = threshold.adjusted_count();
            tenth.sampled += 1.0;
            tenth.estimate += count;
            tenth.variance += count * (count - 1.0);
            tenth.seen.push(operation);
        }
    }
}

impl Tenth {
    /// The mean of several runs, tenth by tenth; operations are left out.
    pub(crate) fn means<'r>(runs: impl ExactSizeIterator<Item = &'r Vec<Self>>) -> Vec<Self> {
        let part = 1.0 / runs.len() as f64;
        runs.fold(Vec::new(), |mut means: Vec<Self>, run| {
            means.resize(run.len(), Self::default());
            for (mean, tenth) in means.iter_mut().zip(run) {
                mean.offered += part * tenth.offered;
                mean.sampled += part * tenth.sampled;
            }
            means
        })
    }
}

/// Traces per second over this time.
pub(crate) fn sampled_per_second(tenths: &[Tenth]) -> f64 {
    let sampled: f64 = tenths.iter().map(|tenth| tenth.sampled).sum();
    sampled / (tenths.len() as f64 / 10.0)
}

/// The highest mean over so many tenths, and the lowest.
pub(crate) fn extremes(tenths: &[Tenth], window: usize) -> (f64, f64) {
    let means = tenths.windows(window).map(sampled_per_second);
    means.fold((0.0, f64::INFINITY), |(most, least), mean| {
        (mean.max(most), mean.min(least))
    })
}

/// Seconds after which the mean over 5 s, which may begin before, is within 20 % of the target for good.
pub(crate) fn settled(before: &[Tenth], after: &[Tenth]) -> f64 {
    let tenths: Vec<_> = before[before.len() - 49..]
        .iter()
        .chain(after)
        .cloned()
        .collect();
    let outside = |window: &[Tenth]| (sampled_per_second(window) / TARGET - 1.0).abs() > 0.2;
    tenths
        .windows(50)
        .rposition(outside)
        .map_or(0.0, |last| (last + 1) as f64 / 10.0)
}

/// Operations that were called in a minute and not seen in it.
pub(crate) fn missed(tenths: &[Tenth]) -> usize {
    tenths
        .chunks_exact(600)
        .map(|minute| {
            let of = |operations: fn(&Tenth) -> &Vec<usize>| -> BTreeSet<_> {
                minute.iter().flat_map(operations).collect()
            };
            of(|tenth| &tenth.called).len() - of(|tenth| &tenth.seen).len()
        })
        .sum()
}
