//! What came, and what was kept.

use std::time::Duration;

use crate::request::Request;
use crate::workload::Workload;

/// The width of a bin of the time series.
pub const BIN: Duration = Duration::from_millis(100);

const BINS_A_MINUTE: usize = (60_000 / BIN.as_millis()) as usize;

/// What came and what one candidate kept of it, over time, by operation, of errors and of outliers.
#[derive(Clone, Debug)]
pub struct Recording {
    /// Requests per bin, by the time when they came.
    pub offered: Vec<u32>,
    /// The same of those that were kept.
    pub kept: Vec<u32>,
    /// From here on the numbers below count.
    first_bin: usize,
    /// Requests, errors and outliers after the warm-up, and those of them that were kept.
    pub totals: Totals,
    /// What the kept ones stand for: the sum of the adjusted counts.
    pub estimate: f64,
    /// An unbiased estimate of the estimate's variance, after Horvitz and Thompson: the sum of w (w - 1).
    pub variance: f64,
    /// By minute: which operations were called, and which of these are among what was kept.
    called: Vec<Set>,
    seen: Vec<Set>,
}

/// Counts of requests.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// All of them.
    pub offered: u64,
    /// Those that were kept.
    pub kept: u64,
    /// Those that failed.
    pub errors: u64,
    /// Those that failed and were kept.
    pub errors_kept: u64,
    /// Those that took far too long.
    pub outliers: u64,
    /// Those that took far too long and were kept.
    pub outliers_kept: u64,
}

impl Recording {
    /// An empty one for this workload.
    pub fn of(workload: &Workload) -> Self {
        let bins = (workload.duration.as_millis()).div_ceil(BIN.as_millis()) as usize;
        let operations = workload.operations.len();
        let minutes = bins.div_ceil(BINS_A_MINUTE);
        Self {
            offered: vec![0; bins],
            kept: vec![0; bins],
            first_bin: bin(workload.warm_up),
            totals: Totals::default(),
            estimate: 0.0,
            variance: 0.0,
            called: vec![Set::of(operations); minutes],
            seen: vec![Set::of(operations); minutes],
        }
    }

    /// A request came.
    pub fn offer(&mut self, request: &Request) {
        let bin = self.bin(request);
        self.offered[bin] += 1;
        if bin < self.first_bin {
            return;
        }
        self.totals.offered += 1;
        self.totals.errors += u64::from(request.error);
        self.totals.outliers += u64::from(request.outlier);
        self.called[bin / BINS_A_MINUTE].insert(request.operation);
    }

    /// It was kept, and stands for so many, 0 where its sampler cannot tell.
    pub fn keep(&mut self, request: &Request, adjusted_count: f64) {
        let bin = self.bin(request);
        self.kept[bin] += 1;
        if bin < self.first_bin {
            return;
        }
        self.totals.kept += 1;
        self.totals.errors_kept += u64::from(request.error);
        self.totals.outliers_kept += u64::from(request.outlier);
        self.estimate += adjusted_count;
        self.variance += adjusted_count * (adjusted_count - 1.0);
        self.seen[bin / BINS_A_MINUTE].insert(request.operation);
    }

    /// Of the operations that were called, the share that was seen: for each minute that is measured whole.
    pub fn seen_per_minute(&self) -> impl Iterator<Item = f64> {
        let first = self.first_bin.div_ceil(BINS_A_MINUTE);
        let whole = self.offered.len() / BINS_A_MINUTE;
        (first..whole)
            .map(|minute| (&self.called[minute], &self.seen[minute]))
            .filter(|(called, _)| called.len() > 0)
            .map(|(called, seen)| seen.len() as f64 / called.len() as f64)
    }

    fn bin(&self, request: &Request) -> usize {
        bin(request.at).min(self.offered.len() - 1)
    }
}

/// The bin that this time falls into.
pub(crate) fn bin(at: Duration) -> usize {
    (at.as_nanos() / BIN.as_nanos()) as usize
}

/// A set of operations.
#[derive(Clone, Debug)]
struct Set(Vec<u64>);

impl Set {
    fn of(operations: usize) -> Self {
        Self(vec![0; operations.div_ceil(64)])
    }

    fn insert(&mut self, operation: u32) {
        self.0[operation as usize / 64] |= 1 << (operation % 64);
    }

    fn len(&self) -> u32 {
        self.0.iter().map(|word| word.count_ones()).sum()
    }
}
