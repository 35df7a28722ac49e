//! The promise, checked from outside: whatever points at a trace points at one that arrived.

use std::collections::HashSet;

use crate::Received;

/// One line for each exemplar whose span, and each log whose trace, is not among the received spans, and for each
/// exemplar that names no span at all.
///
/// A log outside any trace points at nothing, and is fine.
pub fn unresolved(received: &Received) -> Vec<String> {
    let spans: HashSet<_> = received
        .spans
        .iter()
        .map(|span| (span.trace_id.as_str(), span.span_id.as_str()))
        .collect();
    let traces: HashSet<_> = received
        .spans
        .iter()
        .map(|span| span.trace_id.as_str())
        .collect();
    let exemplars = received.exemplars().filter(|(_, exemplar)| {
        !spans.contains(&(exemplar.trace_id.as_str(), exemplar.span_id.as_str()))
    });
    let exemplars = exemplars.map(|(metric, exemplar)| {
        format!(
            "an exemplar of {metric} ({}) is of trace {:?}, span {:?}",
            exemplar.value, exemplar.trace_id, exemplar.span_id
        )
    });
    let logs = received
        .logs
        .iter()
        .filter(|log| !log.trace_id.is_empty() && !traces.contains(log.trace_id.as_str()));
    let logs = logs.map(|log| format!("the log {:?} is of trace {}", log.body, log.trace_id));
    exemplars.chain(logs).collect()
}
