//! A trace as a tree of lines.
//!
//! Traces are as broken as networks are: parents that never arrive, clocks that disagree, ids that form a
//! circle. Every span shows exactly once, whatever the ids say: without its parent at the root; of a circle, the
//! earliest at the root. Nothing here recurses, since a trace may be as deep as it is long.

use std::collections::HashMap;
use std::sync::Arc;

use crate::data::{LogRecord, Severity, Span, SpanEvent, SpanId, Time, Value};
use crate::store::Trace;

/// A line of the waterfall.
#[derive(Clone, Debug)]
pub(super) struct Line<'a> {
    /// For each level above, and for this line: whether another line of the same parent follows.
    pub(super) follows: Vec<bool>,
    pub(super) entry: Entry<'a>,
}

/// What stands on a line.
#[derive(Clone, Copy, Debug)]
pub(super) enum Entry<'a> {
    /// A span, whether its parent is missing, and the service of the line above it in the tree.
    Span {
        span: &'a Span,
        orphan: bool,
        above: Option<&'a str>,
    },
    /// A log record.
    Log(&'a LogRecord),
    /// An event of a span.
    Event(&'a SpanEvent),
}

/// The lines, and what was left out.
#[derive(Debug)]
pub(super) struct Tree<'a> {
    pub(super) lines: Vec<Line<'a>>,
    pub(super) spans_hidden: usize,
    pub(super) errors_hidden: usize,
    pub(super) notes_hidden: usize,
}

/// Builds the tree with at most `spans` spans and `notes` log records and events. The `marked` spans come
/// first, then errors, then the longest, each with those above it where there is room.
pub(super) fn tree<'a>(
    trace: &'a Trace,
    marked: &[SpanId],
    spans: usize,
    notes: usize,
) -> Tree<'a> {
    let (parents, order) = forest(&trace.spans);
    let shown = select(&trace.spans, &parents, &order, marked, spans);
    let place: HashMap<SpanId, usize> = places(&trace.spans);

    // Above a shown span stands the nearest shown one, since those between may be hidden.
    let mut above: Vec<Option<usize>> = vec![None; trace.spans.len()];
    for &at in &order {
        above[at] = parents[at].and_then(|parent| {
            if shown[parent] {
                Some(parent)
            } else {
                above[parent]
            }
        });
    }
    let mut children: HashMap<Option<usize>, Vec<(Time, Child<'a>)>> = HashMap::new();
    for at in (0..trace.spans.len()).filter(|at| shown[*at]) {
        children
            .entry(above[at])
            .or_default()
            .push((trace.spans[at].start, Child::Span(at)));
    }
    let (kept, notes_hidden) = gravest(trace, notes);
    for (time, span, note) in kept {
        let of = span.and_then(|span| place.get(&span)).copied();
        let of = of.and_then(|at| if shown[at] { Some(at) } else { above[at] });
        children.entry(of).or_default().push((time, note));
    }
    // Stable: of equal times, spans stand before notes, and each in the order of the trace.
    children
        .values_mut()
        .for_each(|children| children.sort_by_key(|(time, _)| *time));

    let hidden = || (0..trace.spans.len()).filter(|at| !shown[*at]);
    Tree {
        lines: lines(trace, children, &parents, &above),
        spans_hidden: hidden().count(),
        errors_hidden: hidden().filter(|at| trace.spans[*at].is_error()).count(),
        notes_hidden,
    }
}

#[derive(Clone, Copy, Debug)]
enum Child<'a> {
    Span(usize),
    Log(&'a LogRecord),
    Event(&'a SpanEvent),
}

/// Where each id stands; of spans with the same id, the first.
fn places(spans: &[Arc<Span>]) -> HashMap<SpanId, usize> {
    let mut places = HashMap::new();
    for (at, span) in spans.iter().enumerate() {
        places.entry(span.id).or_insert(at);
    }
    places
}

/// The parent of each span with every circle cut open, and all spans, parents before children.
fn forest(spans: &[Arc<Span>]) -> (Vec<Option<usize>>, Vec<usize>) {
    let places = places(spans);
    let mut parents: Vec<Option<usize>> = spans
        .iter()
        .map(|span| span.parent.and_then(|parent| places.get(&parent)).copied())
        .collect();
    let mut children: Vec<Vec<usize>> = vec![Vec::new(); spans.len()];
    for (at, parent) in parents.iter().enumerate() {
        if let Some(parent) = parent {
            children[*parent].push(at);
        }
    }
    let mut seen = vec![false; spans.len()];
    let mut order = Vec::with_capacity(spans.len());
    let roots = (0..spans.len())
        .filter(|at| parents[*at].is_none())
        .collect::<Vec<_>>();
    // What no root leads to hangs on a circle; spans are by time, so the first found is the earliest.
    for at in roots.into_iter().chain(0..spans.len()) {
        if seen[at] {
            continue;
        }
        parents[at] = None;
        seen[at] = true;
        let mut open = vec![at];
        while let Some(at) = open.pop() {
            order.push(at);
            for &child in children[at].iter().rev() {
                if !seen[child] {
                    seen[child] = true;
                    open.push(child);
                }
            }
        }
    }
    (parents, order)
}

/// Which spans are shown.
fn select(
    spans: &[Arc<Span>],
    parents: &[Option<usize>],
    order: &[usize],
    marked: &[SpanId],
    most: usize,
) -> Vec<bool> {
    if spans.len() <= most {
        return vec![true; spans.len()];
    }
    let mut shown = vec![false; spans.len()];
    let mut room = most;
    let mut by_worth: Vec<usize> = order.to_vec();
    by_worth.sort_by_key(|at| {
        let span = &spans[*at];
        let marked = marked.contains(&span.id);
        std::cmp::Reverse((marked, span.is_error(), span.nanos()))
    });
    for at in by_worth {
        // The span itself, then those above it from the nearest up, while there is room.
        let mut next = Some(at);
        while let Some(at) = next.filter(|at| room > 0 && !shown[*at]) {
            shown[at] = true;
            room -= 1;
            next = parents[at];
        }
        if room == 0 {
            break;
        }
    }
    shown
}

type Note<'a> = (Time, Option<SpanId>, Child<'a>);

/// The gravest log records and events, and how many others there are.
fn gravest(trace: &Trace, most: usize) -> (Vec<Note<'_>>, usize) {
    let mut notes: Vec<(Severity, Note<'_>)> = Vec::new();
    let mut of_span: HashMap<SpanId, Vec<&LogRecord>> = HashMap::new();
    for log in &trace.logs {
        notes.push((log.severity, (log.time, log.span, Child::Log(log))));
        if let Some(span) = log.span {
            of_span.entry(span).or_default().push(log);
        }
    }
    for span in &trace.spans {
        for event in &span.events {
            let logs = of_span.get(&span.id).map_or(&[][..], Vec::as_slice);
            if logs.iter().any(|log| says_the_same(log, event)) {
                continue;
            }
            let severity = if event.name.as_ref() == "exception" {
                Severity::ERROR
            } else {
                Severity(9)
            };
            notes.push((severity, (event.time, Some(span.id), Child::Event(event))));
        }
    }
    notes.sort_by_key(|(severity, _)| std::cmp::Reverse(*severity));
    let hidden = notes.len().saturating_sub(most);
    notes.truncate(most);
    (notes.into_iter().map(|(_, note)| note).collect(), hidden)
}

/// Whether the event is the log record once more: a bridge may send a message as both.
fn says_the_same(log: &LogRecord, event: &SpanEvent) -> bool {
    const SAME_MOMENT: u64 = 1_000_000;
    log.time.nanos_since(event.time).unsigned_abs() <= SAME_MOMENT
        && matches!(&log.body, Value::Text(text) if **text == *event.name)
}

/// Walks the tree, parents before children.
fn lines<'a>(
    trace: &'a Trace,
    mut children: HashMap<Option<usize>, Vec<(Time, Child<'a>)>>,
    parents: &[Option<usize>],
    above: &[Option<usize>],
) -> Vec<Line<'a>> {
    let mut lines = Vec::new();
    // What is still to be written, the next on top; guides are shared as few levels are drawn.
    let mut open: Vec<(Vec<bool>, Child<'a>)> = Vec::new();
    let roots = children.remove(&None).unwrap_or_default();
    open.extend(
        roots
            .into_iter()
            .rev()
            .map(|(_, child)| (Vec::new(), child)),
    );
    while let Some((follows, child)) = open.pop() {
        let entry = match child {
            Child::Log(log) => Entry::Log(log),
            Child::Event(event) => Entry::Event(event),
            Child::Span(at) => {
                let below = children.remove(&Some(at)).unwrap_or_default();
                let last = below.len().saturating_sub(1);
                for (place, (_, child)) in below.into_iter().enumerate().rev() {
                    let mut guides = follows.clone();
                    guides.push(place < last);
                    open.push((guides, child));
                }
                let span = &trace.spans[at];
                Entry::Span {
                    span,
                    orphan: span.parent.is_some() && parents[at].is_none(),
                    above: above[at].map(|above| trace.spans[above].origin.service()),
                }
            }
        };
        lines.push(Line { follows, entry });
    }
    lines
}

#[cfg(test)]
mod tests;
