//! What every part of one provider shares.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64};

use throughline_model::{Clock, Random, Resource, TraceKeeper};

use crate::reader::ReaderSettings;
use crate::self_telemetry::Tally;
use crate::shared_pairs::SharedPairs;
use crate::{ExemplarFilter, Outliers, Selector, View};

/// What every part of one provider shares. Fixed when the provider is built, but for the tally and the end.
#[derive(Debug)]
pub(crate) struct Parts {
    pub(crate) resource: Arc<Resource>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) random: Arc<dyn Random>,
    pub(crate) exemplar_filter: ExemplarFilter,
    /// Who keeps the traces of outliers.
    pub(crate) keeper: Option<Arc<dyn TraceKeeper>>,
    pub(crate) views: Vec<View>,
    /// What is an outlier where no view says so. The first that matches holds.
    pub(crate) outliers: Vec<(Selector, Outliers)>,
    /// By the index that feeds know their reader by.
    pub(crate) readers: Vec<ReaderSettings>,
    /// By reader, the producer that its last collection had no time for.
    pub(crate) left_out: Box<[AtomicU64]>,
    pub(crate) tally: Tally,
    pub(crate) pairs: SharedPairs,
    pub(crate) shut_down: AtomicBool,
}

impl Parts {
    /// Who says whether an exemplar may be published, where that is asked.
    pub(crate) fn resolver(&self) -> Option<&dyn TraceKeeper> {
        self.keeper
            .as_deref()
            .filter(|_| self.exemplar_filter == ExemplarFilter::Resolvable)
    }
}
