//! A stream as collections see it: what each reader is told.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use throughline_cells::Collection;
use throughline_model::{Attributes, Metric, Temporality};

use super::Stream;
use super::leaving::Leaving;
use crate::aggregate::{Aggregate, Interval};
use crate::exemplar::{self, Carries, Waiting};
use crate::lookup;
use crate::pairs;
use crate::pipeline::Readable;

/// What one reader takes from a stream.
#[derive(Debug)]
pub(super) struct Feed<A: Aggregate> {
    reader: usize,
    temporality: Temporality,
    /// Whether it resets minimum and maximum: the first delta feed does.
    resets: bool,
    state: Mutex<FeedState<A>>,
}

#[derive(Debug)]
struct FeedState<A: Aggregate> {
    /// When this feed was collected last, or when the stream was made.
    previous: SystemTime,
    /// By the series' place in the table.
    reported: Vec<A::Reported>,
    /// What has left the table; nothing where a reader tells totals.
    leaving: Leaving<A>,
    /// How many points the last collection made: the next one mostly makes as many.
    points: usize,
    /// Where exemplars must be resolvable.
    settling: Option<Box<Settling>>,
}

/// What is to be settled.
#[derive(Debug, Default)]
struct Settling {
    /// Exemplars that are not published yet.
    waiting: Vec<Waiting>,
    /// Of the points that the collection under way made, the places of their series.
    places: Vec<usize>,
}

impl<A: Aggregate> Readable for Stream<A> {
    fn collect(&self, reader: usize, cells: &Collection, now: SystemTime) -> Option<Metric> {
        let at = self.feeds.iter().position(|feed| feed.reader == reader)?;
        let feed = &self.feeds[at];
        let mut state = feed.lock();
        let state = &mut *state;
        let interval = Interval {
            temporality: feed.temporality,
            start: state.previous,
            time: now.max(state.previous),
            feed: at,
            resets: feed.resets,
        };
        let mut settling = self.parts.resolver().map(|_| {
            let settling = state.settling.get_or_insert_default();
            settling.places.clear();
            settling
        });
        let mut settle = |place, point: &mut A::Point| {
            if let Some(settling) = &mut settling {
                settling.places.push(place);
                let taken = std::mem::take(point.exemplars()).into_iter();
                let waiting = taken.map(|exemplar| Waiting::new(place, exemplar));
                settling.waiting.extend(waiting);
            }
        };
        let late = state.leaving.points(&self.aggregate, cells, &interval);
        let mut idle = Vec::new();
        let mut points = Vec::with_capacity(state.points);
        let mut places = 0;
        // Series are added behind these, and only collections take some out.
        let mut more = true;
        while more {
            more = self.table.with_some(places, |some| {
                let from = places;
                places += some.len();
                if state.reported.len() < places {
                    state.reported.resize_with(places, Default::default);
                }
                let each = some.iter().zip(&mut state.reported[from..]);
                for ((series, reported), place) in each.zip(from..) {
                    if late.iter().any(|(told, _)| *told == series.attributes) {
                        continue;
                    }
                    match self.aggregate.point(series, cells, &interval, reported) {
                        Some(mut point) => {
                            settle(place, &mut point);
                            points.push(point);
                        }
                        None if self.forgets => idle.push(place),
                        None => {}
                    }
                }
                !some.is_empty()
            });
        }
        // Their places are behind those of the table.
        for ((_, mut point), place) in late.into_iter().zip(places..) {
            settle(place, &mut point);
            points.push(point);
        }
        self.take_out(&idle, state);
        state.points = points.len();
        state.previous = interval.time;
        (!points.is_empty()).then(|| Metric {
            name: self.config.descriptor.name.clone(),
            description: self.config.descriptor.description.clone(),
            unit: self.config.descriptor.unit.clone(),
            data: self.aggregate.data(feed.temporality, points),
        })
    }

    fn tick(&self, cells: &Collection, now: Duration) {
        self.watch.tick(cells, now);
    }

    fn settle(&self, reader: usize, metric: &mut Metric) {
        let Some(keeper) = self.parts.resolver() else {
            return;
        };
        let Some(feed) = self.feeds.iter().find(|feed| feed.reader == reader) else {
            return;
        };
        let Some(settling) = feed.lock().settling.take() else {
            return;
        };
        let Settling { waiting, places } = *settling;
        // A reservoir of the user's has its own mind about how many.
        let size = match self.config.reservoir {
            Some(_) => usize::MAX,
            None => self.reservoir_size,
        };
        let (published, waiting) =
            exemplar::settle(waiting, feed.temporality, keeper, &self.parts.tally);
        for published in published {
            // A series that is once in a total stays in it, and a delta has no exemplars of other intervals.
            if let Ok(point) = places.binary_search(&published.series) {
                let data = &mut metric.data;
                exemplar::publish(data, point, size, published.exemplar, &self.parts.tally);
            }
        }
        // A reader collects one at a time: nothing came in between.
        if !waiting.is_empty() {
            let places = Vec::new();
            feed.lock().settling = Some(Box::new(Settling { waiting, places }));
        }
    }

    fn series(&self) -> usize {
        self.table.with_all(<[_]>::len)
    }
}

impl<A: Aggregate> Stream<A> {
    /// Whether series that are not measured any more are taken out: where one reader is told what changed, and no other one
    /// anything else.
    pub(super) fn forgets(readers: &[(usize, Temporality)]) -> bool {
        matches!(readers, [(_, Temporality::Delta)])
    }

    /// Takes idle series out of the table, in ascending order of their places.
    fn take_out(&self, idle: &[usize], state: &mut FeedState<A>) {
        if idle.is_empty() {
            return;
        }
        let hash_of = |attributes: &Attributes| pairs::hash(self.parts.pairs.hasher(), attributes);
        let FeedState {
            reported, leaving, ..
        } = state;
        let mut taken = 0;
        self.table.take_out(idle, hash_of, |place, len, series| {
            taken += 1;
            // As long as the table: there may be new series.
            reported.resize_with(len, Default::default);
            leaving.add(series, reported.swap_remove(place));
        });
        if reported.len() < reported.capacity() / 4 {
            reported.shrink_to(2 * reported.len());
        }
        lookup::forget_dropped(taken);
    }
}

impl<A: Aggregate> Feed<A> {
    /// One for each reader.
    pub(super) fn of(readers: &[(usize, Temporality)], created: SystemTime) -> Box<[Self]> {
        let first_delta = readers.iter().position(|(_, t)| *t == Temporality::Delta);
        let feed = |(at, (reader, temporality)): (usize, &(usize, Temporality))| Self {
            reader: *reader,
            temporality: *temporality,
            resets: first_delta == Some(at),
            state: Mutex::new(FeedState {
                previous: created,
                reported: Vec::new(),
                leaving: Leaving::default(),
                points: 0,
                settling: None,
            }),
        };
        readers.iter().enumerate().map(feed).collect()
    }

    fn lock(&self) -> MutexGuard<'_, FeedState<A>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
