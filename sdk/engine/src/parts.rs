//! What every part of one provider shares.

use std::sync::atomic::AtomicBool;
use std::sync::{Arc, PoisonError, RwLock};

use throughline_model::{Clock, Random, Resource, TraceKeeper};

use crate::reader::ReaderSettings;
use crate::self_telemetry::Tally;
use crate::{ExemplarFilter, Outliers, Selector, View};

/// What every part of one provider shares. Fixed when the provider is built, but for the tally, the keeper and
/// the end.
#[derive(Debug)]
pub(crate) struct Parts {
    pub(crate) resource: Arc<Resource>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) random: Arc<dyn Random>,
    pub(crate) exemplar_filter: ExemplarFilter,
    pub(crate) keeper: Keeper,
    pub(crate) views: Vec<View>,
    /// What is an outlier where no view says so. The first that matches holds.
    pub(crate) outliers: Vec<(Selector, Outliers)>,
    /// By the index that feeds know their reader by.
    pub(crate) readers: Vec<ReaderSettings>,
    pub(crate) tally: Tally,
    pub(crate) shut_down: AtomicBool,
}

/// Who keeps the traces of outliers, until the provider is shut down: it may hold instruments of the provider, and
/// would hold itself by them.
#[derive(Debug)]
pub(crate) struct Keeper {
    keeper: RwLock<Option<Arc<dyn TraceKeeper>>>,
    resolves: bool,
}

impl Keeper {
    pub(crate) fn new(keeper: Option<Arc<dyn TraceKeeper>>, filter: ExemplarFilter) -> Self {
        Self {
            resolves: keeper.is_some() && filter == ExemplarFilter::Resolvable,
            keeper: RwLock::new(keeper),
        }
    }

    /// The keeper, to be asked when this lock is free again.
    pub(crate) fn get(&self) -> Option<Arc<dyn TraceKeeper>> {
        let keeper = self.keeper.read().unwrap_or_else(PoisonError::into_inner);
        keeper.clone()
    }

    /// Whether exemplars are published only when it says so. That stays so when it is gone.
    pub(crate) fn resolves(&self) -> bool {
        self.resolves
    }

    /// Lets it go.
    pub(crate) fn take(&self) -> Option<Arc<dyn TraceKeeper>> {
        let mut keeper = self.keeper.write().unwrap_or_else(PoisonError::into_inner);
        keeper.take()
    }
}
