//! A stream of an asynchronous instrument: what callbacks observe during one collection of one reader.
//!
//! Observations belong to the reader that collects and to that collection alone (specification: `metrics/sdk.md`,
//! "Observations inside asynchronous callbacks"). They are totals: a cumulative reader passes them on, a delta reader
//! subtracts what was observed before. Two observations of the same attributes in one collection: the last one counts.
//! Where a view drops attributes, the sums of what falls together are added, and of gauges the last one counts.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use foldhash::fast::RandomState;
use hashbrown::HashTable;
use opentelemetry::KeyValue;
use throughline_cells::Collection;
use throughline_model::{Attributes, Data, Exemplar, Gauge, Metric, NumberPoint, Sum, Temporality};

use crate::number::Measured;
use crate::pairs;
use crate::parts::Parts;
use crate::pipeline::{Readable, StreamConfig};
use crate::table::Table;
use crate::view::AttributeFilter;
use crate::{Aggregation, ExemplarFilter, exemplar};

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
    /// What earlier collections reported, by the attributes of the point.
    known: Sets<Known<T>>,
    /// Counts collections.
    round: u64,
}

/// What is remembered of a point from collection to collection.
#[derive(Clone, Copy, Debug)]
struct Known<T> {
    value: T,
    began: SystemTime,
    round: u64,
}

/// What falls into one point.
#[derive(Debug)]
struct Gathered<T> {
    value: T,
    /// Places of the observations, where exemplars are wanted.
    from: Vec<usize>,
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
            let all = pairs::canonical(attributes, &AttributeFilter::All);
            *state.observed.entry(self.parts.pairs.set(&all), || value) = value;
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

    /// What was observed, by the attributes that points have, in the order it was first observed. What is over the limit
    /// falls into the overflow (specification: `metrics/sdk.md`, "Asynchronous instrument cardinality limits").
    fn gather(&self, observed: &Sets<T>) -> Sets<Gathered<T>> {
        let mut points: Sets<Gathered<T>> = Sets::default();
        let with_exemplars = self.parts.exemplar_filter == ExemplarFilter::AlwaysOn;
        let mut sets = 0;
        for (place, (all, value)) in observed.list.iter().enumerate() {
            let mut kept = match self.config.attributes {
                AttributeFilter::All => all.clone(),
                ref filter => all.filter(|pair| filter.keeps(pair)),
            };
            if !points.has(&kept) && !Table::is_overflow_set(&kept) {
                if sets < self.config.limit {
                    sets += 1;
                } else {
                    self.parts.tally.overflowed();
                    kept = Table::overflow_set();
                }
            }
            let gathered = points.entry(kept, || Gathered {
                value: T::from_bits(0),
                from: Vec::new(),
            });
            gathered.value = if self.is_sum() {
                gathered.value.plus(*value)
            } else {
                *value
            };
            if with_exemplars {
                gathered.from.push(place);
            }
        }
        points
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
        let monotonic = self.config.descriptor.kind.is_monotonic();
        let mut points = Vec::with_capacity(observed.list.len());
        for (attributes, Gathered { value, from }) in self.gather(&observed).list {
            let known = state.known.entry(attributes.clone(), || Known {
                value: T::from_bits(0),
                // Specification: `metrics/sdk.md`, "Start timestamps": the previous collection, or the making of the
                // instrument.
                began: start,
                round: 0,
            });
            let fell = monotonic && value.is_below(known.value);
            let (begin, reported) = match temporality {
                Temporality::Cumulative => {
                    if fell {
                        // A total that begins anew: a reset, which a new start time tells.
                        known.began = start;
                    }
                    (known.began, value)
                }
                Temporality::Delta if !self.is_sum() || fell => (start, value),
                Temporality::Delta => (start, value.minus(known.value)),
            };
            known.value = value;
            known.round = round;
            points.push(NumberPoint {
                start: begin,
                time,
                value: reported.number(),
                exemplars: self.exemplars(&observed, &from, &attributes, time),
                attributes,
            });
        }
        // A total that is not observed for a while and comes back goes on where it was; but what is gone for good must not
        // stay for ever.
        if state.known.list.len() > 2 * self.config.limit.max(points.len()) {
            state.known.retain(|known| known.round == round);
        }
        (!points.is_empty()).then(|| Metric {
            name: self.config.descriptor.name.clone(),
            description: self.config.descriptor.description.clone(),
            unit: self.config.descriptor.unit.clone(),
            data: if self.is_sum() {
                Data::Sum(Sum {
                    temporality,
                    monotonic,
                    points,
                })
            } else {
                Data::Gauge(Gauge { points })
            },
        })
    }

    fn discard(&self, reader: usize) {
        if let Some((_, mut state)) = self.state(reader) {
            state.observed = Sets::default();
        }
    }

    fn series(&self) -> usize {
        let of = |feed: &Feed<T>| {
            let state = feed.state.lock().unwrap_or_else(PoisonError::into_inner);
            state.known.list.len()
        };
        self.feeds.iter().map(of).max().unwrap_or(0)
    }
}

/// Values by attribute set, in the order the sets came.
#[derive(Debug)]
struct Sets<V> {
    hasher: RandomState,
    index: HashTable<usize>,
    list: Vec<(Attributes, V)>,
}

impl<V> Default for Sets<V> {
    fn default() -> Self {
        Self {
            hasher: RandomState::default(),
            index: HashTable::new(),
            list: Vec::new(),
        }
    }
}

impl<V> Sets<V> {
    fn place(&self, hash: u64, set: &Attributes) -> Option<usize> {
        let is = |place: &usize| pairs::is_set(&self.list[*place].0, set);
        self.index.find(hash, is).copied()
    }

    fn has(&self, set: &Attributes) -> bool {
        self.place(pairs::hash(&self.hasher, set), set).is_some()
    }

    /// The value of a set, made if it is new.
    fn entry(&mut self, set: Attributes, make: impl FnOnce() -> V) -> &mut V {
        let hash = pairs::hash(&self.hasher, &set);
        let place = self.place(hash, &set).unwrap_or_else(|| {
            let place = self.list.len();
            self.list.push((set, make()));
            self.insert(hash, place);
            place
        });
        &mut self.list[place].1
    }

    fn insert(&mut self, hash: u64, place: usize) {
        let Self {
            hasher,
            index,
            list,
        } = self;
        index.insert_unique(hash, place, |place| pairs::hash(hasher, &list[*place].0));
    }

    fn retain(&mut self, keep: impl Fn(&V) -> bool) {
        self.list.retain(|(_, value)| keep(value));
        self.index.clear();
        for place in 0..self.list.len() {
            let hash = pairs::hash(&self.hasher, &self.list[place].0);
            self.insert(hash, place);
        }
    }
}
