//! The `le` labels of a histogram's bounds, rendered once for all points that share them.

use super::number::{Style, push_f64};

/// The bounds of the histogram at hand, as numbers and as text.
#[derive(Debug, Default)]
pub(super) struct Bounds {
    values: Vec<f64>,
    /// What follows `le="` at each of them, up to the bucket's count.
    texts: Vec<String>,
}

impl Bounds {
    /// Renders `bounds` unless they are those at hand.
    pub(super) fn set(&mut self, bounds: &[f64], style: Style) {
        if self.values == bounds {
            return;
        }
        self.values.clear();
        self.values.extend_from_slice(bounds);
        self.texts.resize_with(bounds.len(), String::new);
        for (text, bound) in self.texts.iter_mut().zip(bounds) {
            text.clear();
            // `+ 0.0` makes -0 a 0.
            push_f64(text, *bound + 0.0, style);
            text.push_str("\"} ");
        }
    }

    /// What follows `le="` at bound `at`, `+Inf` past the last, up to the bucket's count.
    pub(super) fn text(&self, at: usize) -> &str {
        self.texts.get(at).map_or("+Inf\"} ", String::as_str)
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
