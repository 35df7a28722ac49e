//! From an instrument, the views and the readers to streams.

use std::borrow::Cow;
use std::fmt::Debug;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use opentelemetry::InstrumentationScope;
use opentelemetry::metrics::SyncInstrument;
use throughline_cells::Collection;
use throughline_model::{Metric, Temporality};

use crate::aggregate::{Explicit, Exponential, Hdr, LastValue, Sum};
use crate::exemplar::Factory;
use crate::number::{Measured, NumberType};
use crate::observed::ObservedStream;
use crate::parts::Parts;
use crate::select::Candidate;
use crate::stream::Stream;
use crate::view::AttributeFilter;
use crate::{Aggregation, InstrumentKind, Outliers, View};

/// What identifies an instrument in its meter (specification: `metrics/api.md`, "Instrument"). The registry, the instrument's
/// streams and their entries share one.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Descriptor {
    pub(crate) name: Cow<'static, str>,
    pub(crate) description: Cow<'static, str>,
    pub(crate) unit: Cow<'static, str>,
    pub(crate) kind: InstrumentKind,
    pub(crate) number: NumberType,
}

/// What makes two streams the same.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct StreamConfig {
    /// What it is to its readers: the instrument, unless a view renames or describes it.
    pub(crate) descriptor: Arc<Descriptor>,
    pub(crate) attributes: AttributeFilter,
    pub(crate) limit: usize,
    pub(crate) reservoir: Option<Factory>,
    /// Of histograms alone.
    pub(crate) outliers: Option<Outliers>,
    /// Never `Default` nor `Drop`.
    pub(crate) aggregation: Aggregation,
}

/// A stream as collections see it.
pub(crate) trait Readable: Debug + Send + Sync {
    /// What one reader is to be told; `None` where there is nothing to tell, or nothing for this reader.
    fn collect(&self, reader: usize, cells: &Collection, now: SystemTime) -> Option<Metric>;

    /// Brings what follows from its latest measurements up to date. `now` is the monotonic clock's.
    fn tick(&self, _cells: &Collection, _now: Duration) {}

    /// Decides on the exemplars of the metric that `collect` made: no lock is held, since others are asked.
    fn settle(&self, _reader: usize, _metric: &mut Metric) {}

    /// How many series it has.
    fn series(&self) -> usize;
}

/// A stream to be, and the readers that share it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Planned {
    pub(crate) config: Arc<StreamConfig>,
    pub(crate) readers: Vec<(usize, Temporality)>,
}

/// The streams of an instrument: for each reader and each matching view one, where readers that agree share it
/// (specification: `metrics/sdk.md`, "Measurement processing").
pub(crate) fn plan(
    parts: &Parts,
    scope: &InstrumentationScope,
    instrument: &Arc<Descriptor>,
    advice: Option<&[f64]>,
    warnings: &mut Vec<String>,
) -> Vec<Planned> {
    let candidate = Candidate {
        name: &instrument.name,
        kind: instrument.kind,
        unit: &instrument.unit,
        scope,
    };
    let views: Vec<_> = parts
        .views
        .iter()
        .filter(|view| view.matches(candidate))
        .filter(|view| {
            let fits = view.aggregation.fits(instrument.kind);
            if !fits {
                warnings.push(format!(
                    "view.aggregation is {:?}, expected one that fits a {}; the view is ignored for the instrument {:?} of the meter {:?}",
                    view.aggregation,
                    instrument.kind,
                    instrument.name,
                    scope.name(),
                ));
            }
            fits
        })
        .collect();

    let default_outliers = parts
        .outliers
        .iter()
        .find(|(selector, _)| selector.matches(candidate))
        .map(|(_, outliers)| *outliers);
    let mut planned: Vec<Planned> = Vec::new();
    for (reader, settings) in parts.readers.iter().enumerate() {
        let temporality = settings.temporality.temporality(instrument.kind);
        let config = |view: Option<&&View>| {
            let aggregation = view
                .map(|view| view.aggregation.clone())
                .unwrap_or_default()
                .or_default(instrument.kind, &settings.histogram, advice);
            StreamConfig {
                descriptor: described(instrument, view.copied()),
                attributes: view.map(|view| view.attributes.clone()).unwrap_or_default(),
                limit: view
                    .and_then(|view| view.cardinality_limit)
                    .unwrap_or(settings.cardinality_limit),
                reservoir: view.and_then(|view| view.reservoir.clone()),
                outliers: view
                    .and_then(|view| view.outliers)
                    .or(default_outliers)
                    .filter(|_| aggregation.is_histogram()),
                aggregation,
            }
        };
        let mut configs: Vec<StreamConfig> = views.iter().map(|view| config(Some(view))).collect();
        if configs.is_empty() {
            configs.push(config(None));
        }
        for config in configs {
            if config.aggregation == Aggregation::Drop {
                continue;
            }
            let same = planned.iter_mut().find(|planned| *planned.config == config);
            match same {
                // Two views that say the same make one stream: nothing is counted twice.
                Some(same) if same.readers.iter().any(|(r, _)| *r == reader) => {}
                Some(same) => same.readers.push((reader, temporality)),
                None => planned.push(Planned {
                    config: Arc::new(config),
                    readers: vec![(reader, temporality)],
                }),
            }
        }
    }
    planned
}

/// What a stream is to its readers.
fn described(instrument: &Arc<Descriptor>, view: Option<&View>) -> Arc<Descriptor> {
    match view {
        Some(View {
            name: None,
            description: None,
            ..
        })
        | None => Arc::clone(instrument),
        Some(View {
            name, description, ..
        }) => {
            let mut descriptor = Descriptor::clone(instrument);
            descriptor.name = name.clone().unwrap_or(descriptor.name);
            descriptor.description = description.clone().unwrap_or(descriptor.description);
            Arc::new(descriptor)
        }
    }
}

/// A stream from both its sides.
pub(crate) type Built<T> = (Arc<dyn SyncInstrument<T> + Send + Sync>, Arc<dyn Readable>);

/// Builds a stream of a synchronous instrument.
pub(crate) fn build<T: Measured>(parts: &Arc<Parts>, planned: &Planned) -> Option<Built<T>> {
    fn both<A: crate::aggregate::Aggregate>(stream: Arc<Stream<A>>) -> Built<A::Value> {
        (Arc::clone(&stream) as _, stream)
    }
    let config = planned.config.clone();
    let readers = &planned.readers;
    let monotonic = config.descriptor.kind.is_monotonic();
    Some(match &planned.config.aggregation {
        Aggregation::Default | Aggregation::Drop => return None,
        Aggregation::Sum => both(Stream::new(
            Sum::<T>::new(monotonic),
            config,
            readers,
            parts,
        )),
        Aggregation::LastValue => both(Stream::new(LastValue::<T>::new(), config, readers, parts)),
        Aggregation::ExplicitBuckets {
            bounds,
            record_min_max,
        } => {
            let explicit = Explicit::<T>::new(bounds, *record_min_max, readers);
            both(Stream::new(explicit, config, readers, parts))
        }
        Aggregation::Exponential {
            max_size,
            max_scale,
            record_min_max,
        } => {
            let exponential =
                Exponential::<T>::new(*max_size, *max_scale, *record_min_max, readers);
            both(Stream::new(exponential, config, readers, parts))
        }
        Aggregation::Hdr { .. } => {
            let hdr = Hdr::<T>::new(&planned.config.aggregation, readers, parts)?;
            both(Stream::new(hdr, config, readers, parts))
        }
    })
}

/// Builds a stream of an asynchronous instrument.
pub(crate) fn build_observed<T: Measured>(
    parts: &Arc<Parts>,
    planned: &Planned,
) -> (Arc<ObservedStream<T>>, Arc<dyn Readable>) {
    let stream = Arc::new(ObservedStream::new(
        planned.config.clone(),
        &planned.readers,
        parts,
    ));
    (Arc::clone(&stream), stream)
}
