//! Sliding windows: a ring of what was recorded between ticks.

use std::collections::VecDeque;
use std::time::Duration;

use crate::{Counts, Error, Range};

/// The counts of the last minutes: a ring of parts, each what was recorded in one stretch of time.
///
/// ```text
///   span = 60 s, parts = 4                now = 97 s
///      │ 30 .. 45 │ 45 .. 60 │ 60 .. 75 │ 75 .. 90 │ 90 .. 105 │
///      └─ dropped ┘└──────────────── merged ───────────────────┘
/// ```
///
/// Time is an argument, counted from any origin that stays the same. What was recorded counts as
/// of the tick that found it, so that a window is as sharp as its ticks are frequent. It covers the last `span`, or up to
/// a part less.
///
/// ```
/// use std::time::Duration;
/// use throughline_hdr::{Range, Recorder, Window};
///
/// let millis = Recorder::new(Range::new(1, 60_000, 3)?);
/// let mut minute = Window::new(*millis.range(), Duration::from_secs(60), 6)?;
/// millis.record(900);
/// minute.tick(Duration::from_secs(5), millis.collect());
/// millis.record(20);
/// minute.tick(Duration::from_secs(50), millis.collect());
/// assert_eq!(minute.counts().quantile(1.0), Some(900));
/// // A minute later the slow one is out of sight.
/// minute.tick(Duration::from_secs(65), millis.collect());
/// assert_eq!(minute.counts().quantile(1.0), Some(20));
/// # Ok::<(), throughline_hdr::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Window {
    /// How long a part is.
    part: Duration,
    parts: u32,
    /// By number of the part, ascending; none is empty.
    ring: VecDeque<(u128, Counts)>,
    /// The number of the part of the last tick. Never goes back.
    newest: u128,
    /// All that was recorded until the last tick.
    before: Counts,
}

impl Window {
    /// One of `span`, which moves in `parts` steps. What its recorder counted before the first tick counts as of that.
    ///
    /// # Errors
    ///
    /// Where `parts` is 0, or `span` is less than a nanosecond per part.
    pub fn new(range: Range, span: Duration, parts: u32) -> Result<Self, Error> {
        if parts == 0 {
            return Err(Error::invalid("window.parts", parts, "at least 1"));
        }
        let part = span / parts;
        if part.is_zero() {
            let expected = "at least a nanosecond per part";
            return Err(Error::invalid("window.span", span, expected));
        }
        Ok(Self {
            part,
            parts,
            ring: VecDeque::new(),
            newest: 0,
            before: Counts::new(range),
        })
    }

    /// Takes in what was recorded since the last tick, of all that ever was (`total`), and drops what is too old.
    pub fn tick(&mut self, now: Duration, total: Counts) {
        self.newest = self.newest.max(now.as_nanos() / self.part.as_nanos());
        let recorded = total.since(&self.before);
        self.before = total;
        let oldest = (self.newest + 1).saturating_sub(self.parts.into());
        while self.ring.front().is_some_and(|(part, _)| *part < oldest) {
            self.ring.pop_front();
        }
        if recorded.is_empty() {
            return;
        }
        match self.ring.back_mut() {
            Some((part, counts)) if *part == self.newest => counts.merge_same(&recorded),
            _ => self.ring.push_back((self.newest, recorded)),
        }
    }

    /// What the window holds, as of the last tick.
    pub fn counts(&self) -> Counts {
        let mut merged = Counts::new(*self.before.range());
        for (_, counts) in &self.ring {
            merged.merge_same(counts);
        }
        merged
    }
}
