//! Bars of a waterfall.

/// A bar of `columns` columns that is filled from `start` to `end`, both shares of the whole, 0 to 1.
///
/// A column has eight steps on its right end and two on its left, as Unicode has blocks for; whatever is
/// filled at all shows.
pub(super) fn bar(start: f64, end: f64, columns: usize, ascii: bool) -> String {
    let steps = columns * 8;
    let place = |share: f64| share.clamp(0.0, 1.0) * steps as f64;
    let first = (place(start).floor() as usize).min(steps.saturating_sub(1));
    let last = (place(end).ceil() as usize).clamp(first + 1, steps.max(first + 1));
    (0..columns)
        .map(|column| {
            let from = first.saturating_sub(column * 8).min(8);
            let to = last.saturating_sub(column * 8).min(8);
            if to <= from {
                ' '
            } else if ascii {
                if to - from == 8 || last - first > 8 {
                    '#'
                } else {
                    '|'
                }
            } else {
                block(from, to)
            }
        })
        .collect()
}

/// The block that is nearest to being filled from `from` to `to`, in eighths of a column.
fn block(from: usize, to: usize) -> char {
    const LEFT: [char; 9] = [' ', '▏', '▎', '▍', '▌', '▋', '▊', '▉', '█'];
    match (from, to) {
        (0, to) => LEFT[to],
        (1..4, 8) => '█',
        (_, 8) => '▐',
        // Something short in the middle of a column.
        (4.., _) => '▕',
        (_, to) => LEFT[to - from],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bar_fills_its_share_and_shows_however_short() {
        assert_eq!(bar(0.0, 1.0, 4, false), "████");
        assert_eq!(bar(0.0, 0.5, 4, false), "██  ");
        assert_eq!(bar(0.5, 0.5, 4, false), "  ▏ ");
        assert_eq!(bar(0.25, 0.4, 4, false), " ▋  ");
        assert_eq!(bar(1.0, 1.0, 4, false), "   ▐");
        assert_eq!(bar(0.3, 0.9, 4, true), " ###");
        assert_eq!(bar(0.5, 0.5, 4, true), "  | ");
    }

    #[test]
    fn shares_outside_of_the_whole_stay_inside_of_the_bar() {
        for (start, end) in [(-1.0, 2.0), (2.0, -1.0), (f64::NAN, f64::NAN), (0.9, 0.1)] {
            assert_eq!(bar(start, end, 5, false).chars().count(), 5);
            assert_eq!(bar(start, end, 0, false), "");
        }
    }
}
