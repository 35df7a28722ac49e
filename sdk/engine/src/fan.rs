//! An instrument with several streams, since views or readers want different things of it.

use std::sync::Arc;

use opentelemetry::KeyValue;
use opentelemetry::metrics::{BoundSyncInstrument, SyncInstrument};

use crate::number::Measured;
use crate::parts::Parts;

/// Passes each measurement on to several streams.
pub(crate) struct Fan<T> {
    pub(crate) parts: Arc<Parts>,
    /// Whether negative values are refused.
    pub(crate) monotonic: bool,
    pub(crate) streams: Box<[Arc<dyn SyncInstrument<T> + Send + Sync>]>,
}

struct BoundFan<T> {
    parts: Arc<Parts>,
    monotonic: bool,
    streams: Box<[Box<dyn BoundSyncInstrument<T> + Send + Sync>]>,
}

impl<T: Measured> SyncInstrument<T> for Fan<T> {
    fn measure(&self, value: T, attributes: &[KeyValue]) {
        // Here, so that a refused measurement counts once however many streams there are.
        if let Some(why) = value.refusal(self.monotonic) {
            return self.parts.tally.refused(why);
        }
        for stream in &self.streams {
            stream.measure(value, attributes);
        }
    }

    fn bind(&self, attributes: &[KeyValue]) -> Box<dyn BoundSyncInstrument<T> + Send + Sync> {
        Box::new(BoundFan {
            parts: Arc::clone(&self.parts),
            monotonic: self.monotonic,
            streams: self.streams.iter().map(|s| s.bind(attributes)).collect(),
        })
    }
}

impl<T: Measured> BoundSyncInstrument<T> for BoundFan<T> {
    fn measure(&self, value: T) {
        if let Some(why) = value.refusal(self.monotonic) {
            return self.parts.tally.refused(why);
        }
        for stream in &self.streams {
            stream.measure(value);
        }
    }
}
