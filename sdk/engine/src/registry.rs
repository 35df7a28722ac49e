//! The instruments and streams of one meter, and what happens when one is registered twice.
//!
//! Specification: `metrics/sdk.md`, "Duplicate instrument registration".

use std::any::Any;
use std::sync::Arc;

use opentelemetry::InstrumentationScope;

use crate::parts::Parts;
use crate::pipeline::{Descriptor, Planned, Readable, plan};

/// The instruments and streams of one meter.
#[derive(Debug, Default)]
pub(crate) struct Registry {
    instruments: Vec<Registered>,
    streams: Vec<Entry>,
}

#[derive(Debug)]
struct Registered {
    descriptor: Arc<Descriptor>,
    advice: Option<Arc<[f64]>>,
    /// What was warned of already: an instrument may be made again for each call.
    told: Told,
}

#[derive(Debug, Default)]
struct Told {
    /// That it was asked for under a name in another case.
    name: bool,
    /// That it was asked for with other boundaries.
    advice: bool,
}

#[derive(Debug)]
struct Entry {
    planned: Planned,
    readable: Arc<dyn Readable>,
    /// What instruments write to: an `Arc` whose type follows from the configuration.
    writer: Box<dyn Any + Send + Sync>,
}

impl Registry {
    /// What instruments of this descriptor write to: the streams that are there, or new ones from `build`. What there is
    /// to warn about goes to `warnings`, to be told when the registry is not locked any more.
    pub(crate) fn streams<W: Clone + Send + Sync + 'static>(
        &mut self,
        parts: &Parts,
        scope: &InstrumentationScope,
        instrument: Descriptor,
        advice: Option<Vec<f64>>,
        warnings: &mut Vec<String>,
        build: impl Fn(&Planned) -> Option<(W, Arc<dyn Readable>)>,
    ) -> Vec<W> {
        let before = self.instruments.len();
        let (instrument, advice) = self.admit(scope, instrument, advice, warnings);
        let mut of_views = Vec::new();
        let planned = plan(parts, scope, &instrument, advice.as_deref(), &mut of_views);
        if self.instruments.len() > before {
            // The views never change: what they say of an instrument is told when it is new.
            warnings.append(&mut of_views);
        }
        let mut writers = Vec::with_capacity(planned.len());
        for planned in planned {
            let found = self.streams.iter().find(|entry| entry.planned == planned);
            if let Some(writer) = found.and_then(|entry| entry.writer.downcast_ref::<W>()) {
                writers.push(writer.clone());
                continue;
            }
            if let Some((writer, readable)) = build(&planned) {
                warnings.extend(self.conflict(scope, &instrument, &planned));
                writers.push(writer.clone());
                self.streams.push(Entry {
                    planned,
                    readable,
                    writer: Box::new(writer),
                });
            }
        }
        writers
    }

    /// The streams, in the order they were made.
    pub(crate) fn all(&self) -> impl Iterator<Item = &Arc<dyn Readable>> {
        self.streams.iter().map(|entry| &entry.readable)
    }

    /// How many instruments there are.
    pub(crate) fn instruments(&self) -> usize {
        self.instruments.len()
    }

    /// The instrument under its first-seen name and with its first-seen advice.
    fn admit(
        &mut self,
        scope: &InstrumentationScope,
        mut instrument: Descriptor,
        advice: Option<Vec<f64>>,
        warnings: &mut Vec<String>,
    ) -> (Arc<Descriptor>, Option<Arc<[f64]>>) {
        let first = self
            .instruments
            .iter_mut()
            .find(|known| is_same_name(&known.descriptor.name, &instrument.name));
        if let Some(first) = first {
            if first.descriptor.name != instrument.name
                && !std::mem::replace(&mut first.told.name, true)
            {
                warnings.push(format!(
                    "instrument.name is {:?}, expected {:?} as it was first registered with the meter {:?} (names ignore case); that one is used",
                    instrument.name,
                    first.descriptor.name,
                    scope.name(),
                ));
            }
            instrument.name = first.descriptor.name.clone();
        }
        let known = self
            .instruments
            .iter_mut()
            .find(|known| *known.descriptor == instrument);
        if let Some(known) = known {
            if known.advice.as_deref() != advice.as_deref()
                && !std::mem::replace(&mut known.told.advice, true)
            {
                warnings.push(format!(
                    "instrument.boundaries of {:?} is {advice:?}, expected {:?} as it was first registered with the meter {:?}; those are used",
                    instrument.name,
                    known.advice,
                    scope.name(),
                ));
            }
            return (Arc::clone(&known.descriptor), known.advice.clone());
        }
        let (descriptor, advice) = (Arc::new(instrument), advice.map(Arc::from));
        self.instruments.push(Registered {
            descriptor: Arc::clone(&descriptor),
            advice: advice.clone(),
            told: Told::default(),
        });
        (descriptor, advice)
    }

    /// Both streams are exported; whoever receives them may be confused, so say how to keep them apart.
    fn conflict(
        &self,
        scope: &InstrumentationScope,
        instrument: &Descriptor,
        new: &Planned,
    ) -> Option<String> {
        let conflict = self.streams.iter().map(|entry| &entry.planned).find(|old| {
            is_same_name(&old.config.descriptor.name, &new.config.descriptor.name)
                && old
                    .readers
                    .iter()
                    .any(|(reader, _)| new.readers.iter().any(|(other, _)| reader == other))
        });
        let (old, new) = (&conflict?.config.descriptor, &new.config.descriptor);
        let remedy = if old.kind != new.kind {
            format!(
                "View::select(Selector::name({:?}).kind(InstrumentKind::{:?})).rename(\"…\")",
                instrument.name, new.kind
            )
        } else if old.unit != new.unit {
            format!(
                "View::select(Selector::name({:?}).unit({:?})).rename(\"…\")",
                instrument.name, new.unit
            )
        } else if old.description != new.description {
            format!(
                "View::select(Selector::name({:?})).describe({:?})",
                instrument.name, old.description
            )
        } else if old.number != new.number {
            "one number type where the instruments are made".to_owned()
        } else {
            "a view that renames one of them".to_owned()
        };
        Some(format!(
            "two streams of the meter {:?} have the name {:?}: a {} ({:?}, unit {:?}, description {:?}) and a {} ({:?}, unit {:?}, description {:?}); both are exported; to resolve it use {remedy}",
            scope.name(),
            new.name,
            old.kind,
            old.number,
            old.unit,
            old.description,
            new.kind,
            new.number,
            new.unit,
            new.description,
        ))
    }
}

/// Names of instruments ignore case, and are ASCII; those that views give need not be.
fn is_same_name(a: &str, b: &str) -> bool {
    a.eq_ignore_ascii_case(b)
}
