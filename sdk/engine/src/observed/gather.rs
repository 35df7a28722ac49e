//! From what was observed to points, at most `limit` of them and the overflow.
//!
//! Where more sets are observed than there are seats, a set that had a point at the last collection keeps it, and the other
//! seats go to the sets that were observed first (specification: `metrics/sdk.md`, "Asynchronous instrument cardinality
//! limits"). So a callback that tells its sets in another order each time moves none of them, and a set that is not observed
//! any more leaves its seat to another.

use throughline_model::Attributes;

use super::sets::Sets;
use crate::number::Measured;
use crate::pipeline::StreamConfig;
use crate::self_telemetry::Tally;
use crate::table::Table;
use crate::view::AttributeFilter;

/// What falls into one point.
#[derive(Debug)]
pub(super) struct Gathered<T> {
    pub(super) value: T,
    /// Places of the observations, where exemplars are wanted.
    pub(super) from: Vec<usize>,
    /// The place of the latest observation.
    last: usize,
    /// How many observations there are.
    count: usize,
}

/// How a stream's observations are gathered.
pub(super) struct Gathering<'a> {
    pub(super) config: &'a StreamConfig,
    pub(super) tally: &'a Tally,
    /// Whether values are added up; else the latest one counts.
    pub(super) adds_up: bool,
    /// Whether places are wanted.
    pub(super) with_places: bool,
}

impl Gathering<'_> {
    /// The points of the observations, each of which counts with its `value`.
    pub(super) fn points<T: Measured>(
        &self,
        observed: &Sets<T>,
        value: impl Fn(usize) -> T,
        has_seat: impl Fn(&Attributes) -> bool,
    ) -> Sets<Gathered<T>> {
        let mut points = Sets::default();
        for (place, (all, _)) in observed.list.iter().enumerate() {
            let kept = match self.config.attributes {
                AttributeFilter::All => all.clone(),
                ref filter => all.filter(|pair| filter.keeps(pair)),
            };
            let one = Gathered {
                value: value(place),
                from: if self.with_places {
                    vec![place]
                } else {
                    Vec::new()
                },
                last: place,
                count: 1,
            };
            self.add(&mut points, kept, one);
        }
        self.seat(points, has_seat)
    }

    /// Leaves `limit` points and the overflow.
    fn seat<T: Measured>(
        &self,
        all: Sets<Gathered<T>>,
        has_seat: impl Fn(&Attributes) -> bool,
    ) -> Sets<Gathered<T>> {
        let limit = self.config.limit;
        // The overflow itself may be among them, and takes no seat.
        if all.list.len() <= limit {
            return all;
        }
        let mut seats: Vec<bool> = all.list.iter().map(|(set, _)| has_seat(set)).collect();
        let is_overflow = |place: usize| Table::is_overflow_set(&all.list[place].0);
        let taken = (0..seats.len())
            .filter(|place| seats[*place] && !is_overflow(*place))
            .count();
        let mut free = limit.saturating_sub(taken);
        for (place, seat) in seats.iter_mut().enumerate() {
            if is_overflow(place) {
                *seat = true;
            } else if !*seat && free > 0 {
                *seat = true;
                free -= 1;
            }
        }
        let mut points = Sets::default();
        for ((set, gathered), has_seat) in all.list.into_iter().zip(seats) {
            let set = if has_seat {
                set
            } else {
                (0..gathered.count).for_each(|_| self.tally.overflowed());
                Table::overflow_set()
            };
            self.add(&mut points, set, gathered);
        }
        points
    }

    fn add<T: Measured>(&self, points: &mut Sets<Gathered<T>>, set: Attributes, more: Gathered<T>) {
        let point = points.entry(set, || Gathered {
            value: T::from_bits(0),
            from: Vec::new(),
            last: 0,
            count: 0,
        });
        if self.adds_up {
            point.value = point.value.plus(more.value);
        } else if more.last >= point.last {
            point.value = more.value;
        }
        point.last = point.last.max(more.last);
        point.count += more.count;
        point.from.extend(more.from);
    }
}
