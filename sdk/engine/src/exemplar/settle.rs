//! Which of the exemplars that a collection took are published, where they must be resolvable.
//!
//! ```text
//! taken ──► the fate of its span?  ── Delivered ──► published
//!             │                    ── Lost ───────► withdrawn
//!             └─ Pending ─► a cumulative reader asks again at its next two collections ─► undecided
//!                           a delta reader does not: the next point would not hold the measurement
//! ```

use std::sync::Arc;

use throughline_model::{
    Data, Exemplar, ExponentialHistogramPoint, Fate, HistogramPoint, NumberPoint, Temporality,
    TraceKeeper,
};

use crate::guard::guarded;
use crate::self_telemetry::{Outcome, Tally};

/// How many collections ask for the fate of a span, until it is known.
const ASKED: u8 = 3;

/// An exemplar that is not published yet.
#[derive(Debug)]
pub(crate) struct Waiting {
    /// The series' place in the table.
    pub(crate) series: usize,
    pub(crate) exemplar: Exemplar,
    /// How many collections have asked already.
    asked: u8,
}

impl Waiting {
    pub(crate) fn new(series: usize, exemplar: Exemplar) -> Self {
        Self {
            series,
            exemplar,
            asked: 0,
        }
    }
}

/// Asks what became of each exemplar's span, with no lock held, and gives what is to be published and what waits on.
pub(crate) fn settle(
    taken: Vec<Waiting>,
    temporality: Temporality,
    keeper: &dyn TraceKeeper,
    tally: &Tally,
) -> (Vec<Waiting>, Vec<Waiting>) {
    let (mut published, mut waiting) = (Vec::new(), Vec::new());
    for mut taken in taken {
        let fate = match taken.exemplar.span {
            // What a keeper that panics does not say is not known yet.
            Some((trace, span)) => {
                guarded(tally, || keeper.fate(trace, span)).unwrap_or(Fate::Pending)
            }
            // It points at nothing, so it cannot dangle.
            None => Fate::Delivered,
        };
        taken.asked += 1;
        match fate {
            Fate::Delivered => published.push(taken),
            Fate::Lost => tally.exemplar(Outcome::Withdrawn),
            Fate::Pending if temporality == Temporality::Cumulative && taken.asked < ASKED => {
                waiting.push(taken);
            }
            Fate::Pending => tally.exemplar(Outcome::Undecided),
        }
    }
    (published, waiting)
}

/// A point that carries exemplars.
pub(crate) trait Carries {
    fn exemplars(&mut self) -> &mut Vec<Exemplar>;
}

impl Carries for NumberPoint {
    fn exemplars(&mut self) -> &mut Vec<Exemplar> {
        &mut self.exemplars
    }
}

impl Carries for HistogramPoint {
    fn exemplars(&mut self) -> &mut Vec<Exemplar> {
        &mut self.exemplars
    }
}

impl Carries for ExponentialHistogramPoint {
    fn exemplars(&mut self) -> &mut Vec<Exemplar> {
        &mut self.exemplars
    }
}

/// Adds an exemplar to a point, by its place. It may have waited while its reservoir took others: of those in one bucket, or
/// of all where there are none, the newest `size` stay.
pub(crate) fn publish(
    data: &mut Data,
    point: usize,
    size: usize,
    exemplar: Exemplar,
    tally: &Tally,
) {
    let bounds = match data {
        Data::Histogram(it) => it.points.get(point).map(|point| Arc::clone(&point.bounds)),
        _ => None,
    };
    let Some(exemplars) = exemplars_of(data, point) else {
        return;
    };
    let bucket = |exemplar: &Exemplar| {
        let value = exemplar.value.as_f64();
        let bounds = bounds.as_deref().unwrap_or_default();
        bounds.partition_point(|bound| *bound < value)
    };
    let new = bucket(&exemplar);
    exemplars.push(exemplar);
    let in_bucket = || {
        exemplars
            .iter()
            .enumerate()
            .filter(|(_, it)| bucket(it) == new)
    };
    let oldest = in_bucket().min_by_key(|(_, it)| it.time);
    match oldest.filter(|_| in_bucket().count() > size) {
        None => tally.exemplar(Outcome::Published),
        // As many are published as before.
        Some((oldest, _)) => {
            exemplars.remove(oldest);
            tally.exemplar(Outcome::Superseded);
        }
    }
}

/// The exemplars of a point, by its place.
fn exemplars_of(data: &mut Data, point: usize) -> Option<&mut Vec<Exemplar>> {
    match data {
        Data::Sum(sum) => sum.points.get_mut(point).map(Carries::exemplars),
        Data::Gauge(gauge) => gauge.points.get_mut(point).map(Carries::exemplars),
        Data::Histogram(it) => it.points.get_mut(point).map(Carries::exemplars),
        Data::ExponentialHistogram(it) => it.points.get_mut(point).map(Carries::exemplars),
    }
}
