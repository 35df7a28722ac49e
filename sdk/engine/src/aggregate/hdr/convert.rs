//! From HDR slots to the buckets of an exponential histogram.
//!
//! A slot goes, whole, to the bucket that its middle is in. Slots are at most `10^-digits` of their values wide, so a
//! measurement is half of that from the middle at most, and counted either in its own bucket or in one whose bound is that
//! near. The scale is the one at which an octave has as many buckets as it has slots, or the finest coarser one at which
//! `max_size` buckets hold all there are.
//!
//! Which bucket a slot goes to depends on the slot alone, and coarser scales join neighbours: counts of a total never
//! move from one bucket to another.

use throughline_hdr::{Counts, Slot};
use throughline_model::ExponentialBuckets;

use crate::aggregate::exponential::bucket_index;

/// The scale for a total.
pub(super) fn scale(total: &Counts, max_size: usize) -> i32 {
    // Bounds of all middles, so that two logarithms do.
    let index = |value: u64| bucket_index(value as f64 * total.range().unit(), finest(total));
    let lowest = total.slots().find(|slot| slot.lowest > 0);
    let highest = total.slots().map(|slot| slot.highest).max();
    let (Some(lowest), Some(highest)) = (lowest, highest) else {
        return finest(total);
    };
    let (lowest, highest) = (index(lowest.lowest), index(highest));
    let fits = |shift: &i32| ((highest >> shift) - (lowest >> shift)) < max_size as i32;
    finest(total) - (0..31).find(fits).unwrap_or(31)
}

/// How many are zero, and the buckets of the others.
pub(super) fn buckets(counts: &Counts, scale: i32) -> (u64, ExponentialBuckets) {
    let shift = finest(counts) - scale;
    let mut zeros = 0;
    let mut buckets = ExponentialBuckets::default();
    for slot in counts.slots() {
        let Some(index) = index(counts, slot).map(|index| index >> shift) else {
            zeros += slot.count;
            continue;
        };
        if buckets.counts.is_empty() {
            buckets.offset = index;
        }
        // Where precision fell, a wide slot comes before narrow ones that it covers, and its middle after theirs.
        while index < buckets.offset {
            buckets.counts.insert(0, 0);
            buckets.offset -= 1;
        }
        let at = (index - buckets.offset) as usize;
        if at >= buckets.counts.len() {
            buckets.counts.resize(at + 1, 0);
        }
        buckets.counts[at] += slot.count;
    }
    (zeros, buckets)
}

/// As many buckets per octave as slots.
fn finest(counts: &Counts) -> i32 {
    // At most 17.
    counts.range().resolution() as i32
}

/// The bucket of a slot at the finest scale; `None` for that of 0.
fn index(counts: &Counts, slot: Slot) -> Option<i32> {
    let range = counts.range();
    let middle = slot.lowest as f64 / 2.0 + slot.highest as f64 / 2.0;
    (slot.lowest > 0).then(|| bucket_index(middle * range.unit(), finest(counts)))
}
