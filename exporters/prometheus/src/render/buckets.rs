//! The `le` labels of a histogram's bounds, rendered once for all points that share them.

use super::number::{Style, push_f64};

/// The bounds of the histogram at hand as text. `text` holds them end to end, `ends[i]` where bound `i` ends.
#[derive(Debug, Default)]
pub(super) struct Bounds {
    values: Vec<f64>,
    text: String,
    ends: Vec<usize>,
}

impl Bounds {
    /// Renders `bounds` unless they are those at hand.
    pub(super) fn set(&mut self, bounds: &[f64], style: Style) {
        if self.values == bounds {
            return;
        }
        self.values.clear();
        self.values.extend_from_slice(bounds);
        self.text.clear();
        self.ends.clear();
        for bound in bounds {
            // `+ 0.0` makes -0 a 0.
            push_f64(&mut self.text, *bound + 0.0, style);
            self.ends.push(self.text.len());
        }
    }

    /// The text of bound `at`, `+Inf` past the last.
    pub(super) fn text(&self, at: usize) -> &str {
        match self.ends.get(at) {
            Some(end) => {
                let start = at.checked_sub(1).map_or(0, |before| self.ends[before]);
                &self.text[start..*end]
            }
            None => "+Inf",
        }
    }

    /// The bucket that `value`, which is not NaN, belongs to.
    pub(super) fn bucket(&self, value: f64) -> usize {
        self.values.partition_point(|bound| *bound < value)
    }

    /// Whether there are negative bounds, which OpenMetrics allows no sum beside.
    pub(super) fn has_negative(&self) -> bool {
        self.values.first().is_some_and(|bound| *bound < 0.0)
    }
}

/// Whether the bounds are finite and strictly increasing and the counts fit them.
pub(super) fn are_valid(bounds: &[f64], counts: &[u64]) -> bool {
    counts.len() == bounds.len() + 1
        && bounds.iter().all(|bound| bound.is_finite())
        && bounds.windows(2).all(|pair| pair[0] < pair[1])
}
