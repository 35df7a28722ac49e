//! One outlier: what was measured, and its trace as a waterfall.

use super::TextOptions;
use super::lines::{Scale, event_line, log_line, span_line};
use super::paint::{Canvas, Style};
use super::tree::{Entry, tree};
use super::units;
use crate::data::{SpanId, TraceId};
use crate::report::{Outlier, Sighting};
use crate::store::Losses;

pub(super) fn outlier(
    number: usize,
    outlier: &Outlier,
    losses: &Losses,
    options: &TextOptions,
    canvas: &mut Canvas,
) {
    let sighting = &outlier.sighting;
    header(number, outlier, canvas);
    let Some(trace) = &outlier.trace else {
        let evicted = match losses.traces_evicted {
            0 => String::new(),
            some => format!(", or evicted: {} traces were so far", units::count(some)),
        };
        let text = format!("   trace not received (yet){evicted}");
        canvas.line(&[(Style::Warning, &text)]);
        return;
    };
    if trace.spans.is_empty() {
        canvas.line(&[(
            Style::Warning,
            "   no span of the trace received (yet), its logs alone",
        )]);
    }
    let sightings: Vec<&Sighting> = std::iter::once(sighting).chain(&outlier.also).collect();
    let marked: Vec<SpanId> = sightings
        .iter()
        .filter_map(|sighting| sighting.span)
        .collect();
    let tree = tree(trace, &marked, options.spans, options.notes);
    let scale = Scale::of(trace);
    for line in &tree.lines {
        match line.entry {
            Entry::Span {
                span,
                orphan,
                above,
            } => {
                let seen = sightings.iter().filter(|s| s.span == Some(span.id));
                let seen: Vec<&Sighting> = seen.copied().collect();
                span_line(line, span, &seen, (orphan, above), &scale, canvas);
            }
            Entry::Log(log) => log_line(line, log, &scale, canvas),
            Entry::Event(event) => event_line(line, event, &scale, canvas),
        }
    }
    if let Some(span) = sighting.span
        && !trace.spans.is_empty()
        && !trace.spans.iter().any(|have| have.id == span)
    {
        let text = format!("   the exemplar's own span {span} was not received (yet)");
        canvas.line(&[(Style::Warning, &text)]);
    }
    if tree.spans_hidden > 0 {
        let (hidden, all) = (tree.spans_hidden as u64, trace.spans.len() as u64);
        let errors = match tree.errors_hidden {
            0 => "no error".to_owned(),
            some => format!("{} errors", units::count(some as u64)),
        };
        let text = format!(
            "   {} of {} spans not shown ({errors} among them)",
            units::count(hidden),
            units::count(all)
        );
        canvas.line(&[(Style::Dim, &text)]);
    }
    if tree.notes_hidden > 0 {
        let hidden = units::count(tree.notes_hidden as u64);
        canvas.line(&[(
            Style::Dim,
            &format!("   {hidden} log records and events not shown"),
        )]);
    }
}

/// What was measured, and where.
fn header(number: usize, outlier: &Outlier, canvas: &mut Canvas) {
    let sighting = &outlier.sighting;
    let ascii = canvas.ascii;
    let value = units::seconds(sighting.seconds, ascii);
    let place = format!("{} {}", sighting.service, sighting.metric);
    let place = canvas.fit(&place, canvas.width.saturating_sub(36));
    let usual = outlier.p50.map(|p50| {
        let times = match sighting.seconds / p50.seconds {
            times if times.is_finite() && times >= 2.0 => format!(", {times:.0} times that"),
            _ => String::new(),
        };
        format!("  (p50 {}{times})", units::seconds(p50.seconds, ascii))
    });
    canvas.line(&[
        (Style::Heading, &format!("{number}. ")),
        (Style::Marked, &value),
        (Style::Heading, &format!("  {place}")),
        (Style::Dim, &usual.unwrap_or_default()),
    ]);
    let trace: TraceId = sighting.trace;
    canvas.line(&[(
        Style::Dim,
        &format!("   {} UTC  trace {trace}", sighting.time),
    )]);
    if !sighting.attributes.is_empty() {
        let attributes = canvas.fit(&sighting.attributes.to_string(), canvas.width - 3);
        canvas.line(&[(Style::Dim, &format!("   {attributes}"))]);
    }
}
