//! The simulation.

use std::time::Duration;

use crate::candidate::Candidate;
use crate::recording::Recording;
use crate::workload::Workload;

/// How often candidates are told the time.
pub const TICK: Duration = Duration::from_millis(100);

/// Offers the same requests to all candidates; what each kept, in their order. `progress` is told the
/// virtual time every second of it.
pub fn run(
    workload: &Workload,
    seed: u64,
    candidates: &mut [Box<dyn Candidate + '_>],
    progress: &dyn Fn(Duration),
) -> Vec<Recording> {
    let mut recordings = vec![Recording::of(workload); candidates.len()];
    let mut requests = workload.requests(seed).peekable();
    let mut batch = Vec::new();
    let mut now = Duration::ZERO;
    while now < workload.duration {
        let end = now + TICK;
        batch.clear();
        while let Some(request) = requests.next_if(|request| request.at < end) {
            batch.push(request);
        }
        for (candidate, recording) in candidates.iter_mut().zip(&mut recordings) {
            candidate.tick(now, recording);
            for request in &batch {
                recording.offer(request);
                candidate.offer(request, recording);
            }
        }
        now = end;
        if now.subsec_nanos() == 0 {
            progress(now);
        }
    }
    for (candidate, recording) in candidates.iter_mut().zip(&mut recordings) {
        candidate.finish(recording);
    }
    recordings
}
