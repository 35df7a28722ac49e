//! A stream of an asynchronous instrument: what callbacks observe during one collection of one reader.
//!
//! Observations belong to the reader that collects and to that collection alone (specification: `metrics/sdk.md`,
//! "Observations inside asynchronous callbacks"). They are totals: a cumulative reader passes them on, a delta reader
//! subtracts what was observed before. Two observations of the same attributes in one collection: the last one counts.
//! Where a view drops attributes, the sums of what falls together are added, and of gauges the last one counts.
//!
//! A difference is that of a set as it was observed, taken before sets fall together. So deltas add up to what was observed,
//! whichever sets share a point or the overflow in one collection and in the next.

mod gather;
mod sets;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use opentelemetry::KeyValue;
use throughline_cells::Collection;
use throughline_model::{Attributes, Data, Exemplar, Gauge, Metric, NumberPoint, Sum, Temporality};

use crate::number::Measured;
use crate::pairs::Canonical;
use crate::parts::Parts;
use crate::pipeline::{Readable, StreamConfig};
use crate::view::AttributeFilter;
use crate::{Aggregation, ExemplarFilter, exemplar};
use gather::{Gathered, Gathering};
use sets::Sets;

/// A stream of an asynchronous instrument.
#[derive(Debug)]
pub(crate) struct ObservedStream<T> {
    config: Arc<StreamConfig>,
    parts: Arc<Parts>,
    feeds: Box<[Feed<T>]>,
}

#[derive(Debug)]
struct Feed<T> {
    reader: usize,
    temporality: Temporality,
    state: Mutex<State<T>>,
}

#[derive(Debug)]
struct State<T> {
    /// When this feed was collected last, or when the stream was made.
    previous: SystemTime,
    /// What the collection under way has observed, by all attributes.
    observed: Sets<T>,
    /// What earlier collections observed, by all attributes. Of sums alone, and where differences are told.
    totals: Sets<Total<T>>,
    /// What earlier collections reported, by the attributes of the point.
    known: Sets<Known<T>>,
    /// Counts collections.
    round: u64,
}

/// A set's total when it was observed last.
#[derive(Clone, Copy, Debug)]
struct Total<T> {
    value: T,
    round: u64,
}

/// What is remembered of a point from collection to collection.
#[derive(Clone, Copy, Debug)]
struct Known<T> {
    value: T,
    began: SystemTime,
    round: u64,
}

impl<T: Measured> ObservedStream<T> {
    pub(crate) fn new(
        config: Arc<StreamConfig>,
        readers: &[(usize, Temporality)],
        parts: &Arc<Parts>,
    ) -> Self {
        let created = parts.clock.now();
        let feed = |(reader, temporality): &(usize, Temporality)| Feed {
            reader: *reader,
            temporality: *temporality,
            state: Mutex::new(State {
                previous: created,
                observed: Sets::default(),
                totals: Sets::default(),
                known: Sets::default(),
                round: 0,
            }),
        };
        Self {
            config,
            parts: Arc::clone(parts),
            feeds: readers.iter().map(feed).collect(),
        }
    }

    pub(crate) fn has_reader(&self, reader: usize) -> bool {
        self.feeds.iter().any(|feed| feed.reader == reader)
    }

    /// Takes an observation that was not refused.
    pub(crate) fn observe(&self, reader: usize, value: T, attributes: &[KeyValue]) {
        if let Some((_, mut state)) = self.state(reader) {
            let shared = &self.parts.pairs;
            let all = Canonical::of(shared.hasher(), &AttributeFilter::All, attributes);
            *state.observed.entry(shared.set(&all), || value) = value;
        }
    }

    fn state(&self, reader: usize) -> Option<(Temporality, MutexGuard<'_, State<T>>)> {
        let feed = self.feeds.iter().find(|feed| feed.reader == reader)?;
        let state = feed.state.lock().unwrap_or_else(PoisonError::into_inner);
        Some((feed.temporality, state))
    }

    fn is_sum(&self) -> bool {
        self.config.aggregation == Aggregation::Sum
    }

    /// Whether a total is smaller than it was, which means that it began anew.
    fn fell(&self, from: T, to: T) -> bool {
        self.config.descriptor.kind.is_monotonic() && to.is_below(from)
    }

    /// What the observations of a round add to their points.
    fn differences(&self, totals: &mut Sets<Total<T>>, observed: &Sets<T>, round: u64) -> Vec<T> {
        let difference = |(set, value): &(Attributes, T)| {
            let zero = T::from_bits(0);
            let total = totals.entry(set.clone(), || Total { value: zero, round });
            let before = std::mem::replace(
                total,
                Total {
                    value: *value,
                    round,
                },
            )
            .value;
            if self.fell(before, *value) {
                *value
            } else {
                value.minus(before)
            }
        };
        observed.list.iter().map(difference).collect()
    }

    /// Some of the observations that a point was made of, each as likely as the others. They have no span: a callback
    /// runs for the reader, whatever span is current.
    fn exemplars(
        &self,
        observed: &Sets<T>,
        from: &[usize],
        point: &Attributes,
        time: SystemTime,
    ) -> Vec<Exemplar> {
        if from.is_empty() {
            return Vec::new();
        }
        let mut keyed: Vec<(f64, usize)> = from
            .iter()
            .map(|place| (self.parts.random.open01(), *place))
            .collect();
        keyed.sort_by(|a, b| b.0.total_cmp(&a.0));
        keyed.truncate(exemplar::default_size());
        let exemplars = keyed.into_iter().map(|(_, place)| {
            let (all, value) = &observed.list[place];
            let left_out = |pair: &&KeyValue| point.get(pair.key.as_str()).is_none();
            Exemplar {
                filtered_attributes: all.iter().filter(left_out).cloned().collect(),
                time,
                value: value.number(),
                span: None,
            }
        });
        exemplars.collect()
    }
}

impl<T: Measured> Readable for ObservedStream<T> {
    fn collect(&self, reader: usize, _cells: &Collection, now: SystemTime) -> Option<Metric> {
        let (temporality, mut state) = self.state(reader)?;
        let state = &mut *state;
        let observed = std::mem::take(&mut state.observed);
        let (start, time) = (state.previous, now.max(state.previous));
        state.previous = time;
        state.round += 1;
        let round = state.round;
        let tells_differences = self.is_sum() && temporality == Temporality::Delta;
        let differences =
            tells_differences.then(|| self.differences(&mut state.totals, &observed, round));
        let gathering = Gathering {
            config: &self.config,
            tally: &self.parts.tally,
            adds_up: self.is_sum(),
            with_places: self.parts.exemplar_filter == ExemplarFilter::AlwaysOn,
        };
        let has_seat = |known: &Known<T>| known.round + 1 == round;
        let gathered = gathering.points(
            &observed,
            |place| {
                differences
                    .as_ref()
                    .map_or(observed.list[place].1, |all| all[place])
            },
            |set| state.known.find(set).is_some_and(has_seat),
        );
        let mut points = Vec::with_capacity(gathered.list.len());
        for (attributes, Gathered { value, from, .. }) in gathered.list {
            let known = state.known.entry(attributes.clone(), || Known {
                value: T::from_bits(0),
                // Specification: `metrics/sdk.md`, "Start timestamps": the previous collection, or the making of the
                // instrument.
                began: start,
                round: 0,
            });
            // A total that begins anew: a reset, which a new start time tells.
            if temporality == Temporality::Delta || self.fell(known.value, value) {
                known.began = start;
            }
            known.value = value;
            known.round = round;
            points.push(NumberPoint {
                start: known.began,
                time,
                value: value.number(),
                exemplars: self.exemplars(&observed, &from, &attributes, time),
                attributes,
            });
        }
        // A total that is not observed for a while and comes back goes on where it was; but what is gone for good must not
        // stay for ever.
        if state.known.list.len() > 2 * self.config.limit.max(points.len()) {
            state.known.retain(|known| known.round == round);
        }
        if state.totals.list.len() > 2 * self.config.limit.max(observed.list.len()) {
            state.totals.retain(|total| total.round == round);
        }
        (!points.is_empty()).then(|| Metric {
            name: self.config.descriptor.name.clone(),
            description: self.config.descriptor.description.clone(),
            unit: self.config.descriptor.unit.clone(),
            data: if self.is_sum() {
                Data::Sum(Sum {
                    temporality,
                    monotonic: self.config.descriptor.kind.is_monotonic(),
                    points,
                })
            } else {
                Data::Gauge(Gauge { points })
            },
        })
    }

    fn series(&self) -> usize {
        let of = |feed: &Feed<T>| {
            let state = feed.state.lock().unwrap_or_else(PoisonError::into_inner);
            state.known.list.len()
        };
        self.feeds.iter().map(of).max().unwrap_or(0)
    }
}
