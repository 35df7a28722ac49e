//! What is known of one operation.

use std::time::Duration;

use super::ladder::RungId;
use super::rate::Rate;

/// What is known of one operation, and what it was last given.
#[derive(Debug)]
pub(super) struct Operation {
    pub(super) name: Box<str>,
    pub(super) hash: u64,
    /// Its own rate.
    pub(super) high_value: Option<f64>,
    pub(super) rate: Rate,
    /// At the last look its rate had not changed all at once.
    pub(super) steady: bool,
    /// Its counter's state at the last look.
    pub(super) counted: u32,
    pub(super) last_called: Duration,
    pub(super) turn: Turn,
    /// Where it stands on the ladder.
    pub(super) rung: RungId,
}

/// When an operation is seen for certain.
///
/// What is sampled about once in some seconds may be missed for a minute by chance. So a part of its share
/// is spent on calls that are certain, one in 20 s: whoever looks at a minute sees it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Turn {
    /// When it was seen for certain last.
    taken: Duration,
    /// It is its turn: the next call is certain.
    promised: bool,
}

/// In seconds.
const TURN: f64 = 20.0;

impl Operation {
    /// An operation whose first call is being sampled, for certain.
    pub(super) fn new(name: &str, hash: u64, counted: u32, now: Duration) -> Self {
        Self {
            name: name.into(),
            hash,
            high_value: None,
            rate: Rate::new(),
            steady: true,
            counted,
            last_called: now,
            turn: Turn {
                taken: now,
                promised: false,
            },
            rung: RungId::ALWAYS,
        }
    }
}

impl Turn {
    /// It is seen anyway. Should that end, its first turn is within the time of one, at a moment that the
    /// operation's number says: what ends together does not come together.
    pub(super) fn rests(&mut self, number: u16, now: Duration) {
        // Multiples of the golden ratio fall far from each other between 0 and 1.
        let waited = TURN * (f64::from(number) * 0.618_033_988_749_894_8).fract();
        self.taken = now.saturating_sub(Duration::from_secs_f64(waited));
    }

    /// How often a second it should be its turn, of a share of so many traces a second: at most half of it.
    pub(super) fn frequency(share: f64) -> f64 {
        (1.0 / TURN).min(share / 2.0)
    }

    /// Whether the next call is to be certain from now on. `is_promised`: so it was, and no call came.
    pub(super) fn comes(&mut self, frequency: f64, is_promised: bool, now: Duration) -> bool {
        if self.promised && !is_promised {
            self.promised = false;
            self.taken = now;
        }
        let waited = now.saturating_sub(self.taken).as_secs_f64();
        if self.promised || waited * frequency < 1.0 {
            return false;
        }
        self.promised = true;
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn turns_come_in_time_and_wait_for_a_call() {
        let second = Duration::from_secs(1);
        let mut turn = Operation::new("a", 1, 0, second).turn;
        let frequency = Turn::frequency(5.0);
        assert!(!turn.comes(frequency, false, 20 * second));
        assert!(turn.comes(frequency, false, 21 * second));
        assert!(!turn.comes(frequency, true, 90 * second));
        // It was taken within the last look.
        assert!(!turn.comes(frequency, false, 91 * second));
        assert!(!turn.comes(frequency, false, 110 * second));
        assert!(turn.comes(frequency, false, 111 * second));
    }

    #[test]
    fn turns_that_begin_together_are_spread() {
        let start = Duration::from_secs(100);
        let mut firsts: Vec<_> = (0..20)
            .map(|number| {
                let mut turn = Operation::new("a", 1, 0, start).turn;
                turn.rests(number, start);
                let at = |second| start + Duration::from_secs(second);
                (0..21).find(|second| turn.comes(1.0 / TURN, false, at(*second)))
            })
            .collect();
        firsts.sort_unstable();
        assert_eq!(firsts[19], Some(20));
        let together = firsts.chunk_by(|a, b| a == b).map(<[_]>::len).max();
        assert!(together <= Some(2), "{firsts:?}");
    }

    #[test]
    fn turns_take_half_of_a_share_at_most() {
        assert_eq!(Turn::frequency(0.01), 0.005);
        assert_eq!(Turn::frequency(7.0), 1.0 / 20.0);
    }
}
