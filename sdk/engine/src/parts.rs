//! What every part of one provider shares.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use throughline_model::{Clock, Random, Resource};

use crate::reader::ReaderSettings;
use crate::self_telemetry::Tally;
use crate::{ExemplarFilter, View};

/// What every part of one provider shares. Fixed when the provider is built, but for the tally and the end.
#[derive(Debug)]
pub(crate) struct Parts {
    pub(crate) resource: Arc<Resource>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) random: Arc<dyn Random>,
    pub(crate) exemplar_filter: ExemplarFilter,
    pub(crate) views: Vec<View>,
    /// By the index that feeds know their reader by.
    pub(crate) readers: Vec<ReaderSettings>,
    pub(crate) tally: Tally,
    pub(crate) shut_down: AtomicBool,
}
