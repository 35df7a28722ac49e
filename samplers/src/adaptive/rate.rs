//! How often something is called, known early after a change and well in between.

/// Two speeds: a mean over the last half second, and one over all that is known since the last change, at
/// most [`LONG`]. The long one counts; where the short one, or the last look alone, is too far off to be
/// chance, it starts anew from there.
#[derive(Clone, Debug)]
pub(super) struct Rate {
    per_second: f64,
    /// Seconds that the long mean was taken over, at most [`LONG`].
    evidence: f64,
    /// Calls, weighted by how long ago they were: [`Elapsed::span`] times their rate, on average.
    recent: f64,
}

/// In seconds.
const LONG: f64 = 20.0;
/// In seconds.
const SHORT: f64 = 0.5;

/// Time that has passed since the last look.
#[derive(Clone, Copy, Debug)]
pub(super) struct Elapsed {
    /// More than none.
    pub(super) seconds: f64,
    /// What of [`Rate::recent`] is left after it.
    decay: f64,
    /// Seconds that the weights of what is recent add up to, if looks are so far apart.
    span: f64,
}

impl Elapsed {
    pub(super) fn new(seconds: f64) -> Self {
        let decay = (-seconds / SHORT).exp();
        let span = seconds / (1.0 - decay);
        Self {
            seconds,
            decay,
            span,
        }
    }
}

impl Rate {
    /// Nothing is known.
    pub(super) fn new() -> Self {
        Self {
            per_second: 0.0,
            evidence: 0.0,
            recent: 0.0,
        }
    }

    pub(super) fn per_second(&self) -> f64 {
        self.per_second
    }

    /// So many calls came since the last look. Whether the rate has changed all at once.
    pub(super) fn observe(&mut self, calls: f64, elapsed: Elapsed) -> bool {
        let Elapsed { seconds, span, .. } = elapsed;
        self.recent = self.recent * elapsed.decay + calls;
        if self.evidence == 0.0 || self.is_off(calls, seconds) {
            let changed = self.evidence > 0.0;
            self.start(calls / seconds, seconds, span);
            return changed;
        }
        if self.is_off(self.recent, span) {
            self.start(self.recent / span, span, span);
            return true;
        }
        self.evidence = (self.evidence + seconds).min(LONG.max(seconds));
        self.per_second += (calls / seconds - self.per_second) * seconds / self.evidence;
        false
    }

    /// The same with what is likely to come where little is known: the mean of one over it is one over the rate,
    /// while that of a count is larger, as small counts come by chance.
    pub(super) fn careful(&self) -> f64 {
        // A mean whose weights fade counts twice as much as they last.
        self.per_second + 0.5 / self.evidence.max(SHORT)
    }

    /// Everything is called so many times as often: what took ten minutes now takes one, and counts for that
    /// much.
    pub(super) fn scale(&mut self, by: f64) {
        self.per_second *= by;
        self.recent *= by;
        self.evidence = (self.evidence / by).min(LONG);
    }

    fn start(&mut self, per_second: f64, evidence: f64, span: f64) {
        self.per_second = per_second;
        self.evidence = evidence.min(LONG);
        self.recent = per_second * span;
    }

    /// Whether so many calls in so many seconds are not chance. The constant is for small numbers, whose
    /// tails are longer than the normal ones.
    fn is_off(&self, calls: f64, seconds: f64) -> bool {
        let expected = self.per_second * seconds;
        let variance = expected * (1.0 + seconds / self.evidence);
        (calls - expected).abs() > 5.0 * variance.sqrt() + 5.0
    }
}

/// Whether many rates, each too small to tell, have changed together.
#[derive(Clone, Debug, Default)]
pub(super) struct Together {
    /// As [`Rate::recent`], of all: what came, and what had been expected.
    recent: f64,
    expected: f64,
}

impl Together {
    /// So many calls came where so many were expected. The factor by which that was wrong, 1 if it was
    /// chance.
    pub(super) fn observe(&mut self, calls: f64, expected: f64, elapsed: Elapsed) -> f64 {
        self.recent = self.recent * elapsed.decay + calls;
        self.expected = self.expected * elapsed.decay + expected;
        let factor = if is_off(calls, expected) {
            calls / expected
        } else if is_off(self.recent, self.expected) {
            self.recent / self.expected
        } else {
            return 1.0;
        };
        *self = Self::default();
        // Where nothing came, or next to nothing had been expected, little is known.
        if factor.is_finite() {
            factor.clamp(0.01, 100.0)
        } else {
            1.0
        }
    }
}

fn is_off(calls: f64, expected: f64) -> bool {
    (calls - expected).abs() > 4.0 * expected.sqrt() + 4.0
}

#[cfg(test)]
mod tests {
    use super::*;

    const TENTH: f64 = 0.1;

    /// Looks ten times a second at evenly spread calls.
    fn observe(rate: &mut Rate, per_second: f64, seconds: f64) -> usize {
        let mut carried = 0.0;
        (0..(seconds / TENTH).round() as usize)
            .filter(|_| {
                carried += per_second * TENTH;
                let calls = f64::floor(carried);
                carried -= calls;
                rate.observe(calls, Elapsed::new(TENTH))
            })
            .count()
    }

    fn near(rate: &Rate, expected: f64) -> bool {
        (rate.per_second() / expected - 1.0).abs() < 0.05
    }

    #[test]
    fn a_steady_rate_is_found_and_never_changes() {
        for per_second in [0.7, 4.0, 90.0, 30_000.0] {
            let mut rate = Rate::new();
            assert_eq!(observe(&mut rate, per_second, 60.0), 0, "{per_second}");
            assert!(near(&rate, per_second), "{rate:?}");
        }
    }

    #[test]
    fn a_step_is_seen_within_two_looks() {
        for (from, to) in [(2_000.0, 20_000.0), (20_000.0, 2_000.0), (0.1, 5_000.0)] {
            let mut rate = Rate::new();
            observe(&mut rate, from, 30.0);
            assert!(observe(&mut rate, to, 0.2) > 0);
            assert!(near(&rate, to), "{from} to {to}: {rate:?}");
        }
    }

    #[test]
    fn a_small_step_is_learned() {
        let mut rate = Rate::new();
        observe(&mut rate, 1.0, 60.0);
        observe(&mut rate, 2.0, 60.0);
        assert!(near(&rate, 2.0), "{rate:?}");
    }

    #[test]
    fn after_a_long_time_only_that_counts() {
        let mut rate = Rate::new();
        observe(&mut rate, 10.0, 60.0);
        rate.observe(1.0, Elapsed::new(3_600.0));
        assert!(rate.per_second() < 0.001);
    }

    #[test]
    fn many_small_rates_are_seen_to_change_together() {
        let mut together = Together::default();
        let tenth = Elapsed::new(TENTH);
        assert_eq!(together.observe(42.0, 40.0, tenth), 1.0);
        assert_eq!(together.observe(400.0, 40.0, tenth), 10.0);
        // One and a half times as many are seen after a while.
        let factors = (0..5).map(|_| together.observe(60.0, 40.0, tenth));
        assert!(factors.into_iter().any(|factor| factor > 1.3));
        assert_eq!(Together::default().observe(30.0, 0.0, tenth), 1.0);
    }
}
