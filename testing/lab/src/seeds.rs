//! Whether an estimate is right on average.

use serde::Serialize;

use crate::recording::Recording;

/// The bias of the estimated totals over runs with different seeds.
///
/// One run's estimate is off by chance; the mean of many is off by less. `z` says by how many standard
/// errors: where nothing is biased it is beyond 3 in one of 370 experiments, beyond 5 in one of 1.7 million.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Bias {
    /// How many runs.
    pub runs: usize,
    /// The mean of the relative errors; 0.01 is 1 %.
    pub mean: f64,
    /// Its standard error, from how much the runs differ.
    pub standard_error: f64,
    /// The one over the other.
    pub z: f64,
}

impl Bias {
    /// The bias over these runs, at least two.
    pub fn over<'a>(runs: impl IntoIterator<Item = &'a Recording>) -> Self {
        let errors: Vec<f64> = runs
            .into_iter()
            .map(|run| run.estimate / run.totals.offered as f64 - 1.0)
            .collect();
        let count = errors.len() as f64;
        let mean = errors.iter().sum::<f64>() / count;
        let squares = errors.iter().map(|error| (error - mean).powi(2));
        let standard_error = (squares.sum::<f64>() / (count - 1.0) / count).sqrt();
        let z = if mean == 0.0 {
            0.0
        } else {
            mean / standard_error
        };
        Self {
            runs: errors.len(),
            mean,
            standard_error,
            z,
        }
    }
}
