//! The lines of a waterfall: spans with their bars, and what was noted in them.

use super::bar::bar;
use super::clean::width;
use super::guides;
use super::paint::{Canvas, Style};
use super::tree::Line;
use super::units;
use crate::data::{Attributes, LogRecord, Severity, Span, SpanEvent, Time};
use crate::report::Sighting;
use crate::store::Trace;

/// Columns of the duration.
const DURATION: usize = 9;

/// The time that the bars stand for.
pub(super) struct Scale {
    start: Time,
    nanos: i64,
}

impl Scale {
    /// From the first start to the last end, of spans that have a start.
    pub(super) fn of(trace: &Trace) -> Self {
        let known = || trace.spans.iter().filter(|span| span.start.is_known());
        let logged = || trace.logs.iter().map(|log| log.time);
        let start = known()
            .map(|span| span.start)
            .min()
            .or_else(|| logged().min());
        let start = start.unwrap_or(Time::UNKNOWN);
        let end = known()
            .map(|span| span.end.max(span.start))
            .max()
            .unwrap_or(start);
        Self {
            start,
            nanos: end.nanos_since(start).max(1),
        }
    }

    fn share(&self, time: Time) -> f64 {
        time.nanos_since(self.start) as f64 / self.nanos as f64
    }
}

pub(super) fn span_line(
    line: &Line<'_>,
    span: &Span,
    seen: &[&Sighting],
    (orphan, above): (bool, Option<&str>),
    scale: &Scale,
    canvas: &mut Canvas,
) {
    let ascii = canvas.ascii;
    let room = canvas.width - 3 - DURATION - 2;
    let name_columns = room * 6 / 10;
    let bar_columns = room - name_columns;

    let mark = match (seen.is_empty(), ascii) {
        (true, _) => "   ",
        (false, false) => " ◆ ",
        (false, true) => " * ",
    };
    let guides = guides::of_span(&line.follows, canvas);
    let service = span.origin.service();
    let service = if above == Some(service) {
        String::new()
    } else {
        format!("{service}: ")
    };
    let columns = name_columns.saturating_sub(width(&guides));
    let name = canvas.fit(&format!("{service}{}", span.name), columns);
    let style = match (seen.is_empty(), span.is_error()) {
        (false, _) => Style::Marked,
        (true, true) => Style::Error,
        (true, false) => Style::Plain,
    };
    let left = columns.saturating_sub(width(&name));
    let details = format!("  {}", brief(&span.attributes));
    let details = canvas.left(if left > 6 { &details } else { "" }, left);

    let (bar, duration) = if !span.start.is_known() {
        (" ".repeat(bar_columns), "no start".to_owned())
    } else if !span.end.is_known() {
        (
            bar(scale.share(span.start), 1.0, bar_columns, ascii),
            "no end".to_owned(),
        )
    } else {
        let bar = bar(
            scale.share(span.start),
            scale.share(span.end),
            bar_columns,
            ascii,
        );
        (bar, units::nanos(span.nanos(), ascii))
    };
    let bar_style = if span.is_error() {
        Style::Error
    } else {
        Style::Bar
    };
    canvas.line(&[
        (Style::Marked, mark),
        (Style::Dim, &guides),
        (style, &name),
        (Style::Dim, &details),
        (Style::Plain, " "),
        (bar_style, &bar),
        (Style::Plain, " "),
        (Style::Plain, &canvas.right(&duration, DURATION)),
    ]);

    let below = guides::below(&line.follows, canvas);
    for sighting in seen {
        let arrow = if ascii { "^" } else { "↑" };
        let text = format!(
            "{arrow} {} {}",
            sighting.metric,
            units::seconds(sighting.seconds, ascii)
        );
        note(&below, (Style::Marked, &text), None, canvas);
    }
    if !seen.is_empty() && !span.attributes.is_empty() {
        note(
            &below,
            (Style::Dim, &span.attributes.to_string()),
            None,
            canvas,
        );
    }
    if span.is_error() {
        let cross = if ascii { "x" } else { "✗" };
        let text = format!("{cross} ERROR {}", span.status.message);
        note(&below, (Style::Error, text.trim_end()), None, canvas);
    }
    let oddities = [
        (orphan, "its parent was not received (yet)"),
        (
            span.start.is_known() && span.end.is_known() && span.nanos() < 0,
            "it ends before it starts: the clock was set back",
        ),
        (
            span.dropped > 0,
            "some of its attributes, events or links were dropped",
        ),
    ];
    for (_, text) in oddities.iter().filter(|(odd, _)| *odd) {
        note(&below, (Style::Warning, &format!("! {text}")), None, canvas);
    }
}

pub(super) fn log_line(line: &Line<'_>, log: &LogRecord, scale: &Scale, canvas: &mut Canvas) {
    let style = if log.severity >= Severity::ERROR {
        Style::Error
    } else if log.severity >= Severity::WARN {
        Style::Warning
    } else {
        Style::Dim
    };
    let body = match log.body.to_string() {
        body if body.is_empty() => log.event.to_string(),
        body => body,
    };
    let words = [log.severity.to_string(), body, brief(&log.attributes)];
    note_at(line, (style, &sentence(&words)), log.time, scale, canvas);
}

pub(super) fn event_line(line: &Line<'_>, event: &SpanEvent, scale: &Scale, canvas: &mut Canvas) {
    let text = |key: &str| event.attributes.text(key).unwrap_or_default().to_owned();
    let (style, words) = if event.name.as_ref() == "exception" {
        let words = vec![
            "exception".to_owned(),
            text("exception.type"),
            text("exception.message"),
        ];
        (Style::Error, words)
    } else {
        (
            Style::Dim,
            vec![event.name.to_string(), brief(&event.attributes)],
        )
    };
    note_at(line, (style, &sentence(&words)), event.time, scale, canvas);
}

fn sentence(words: &[String]) -> String {
    let words: Vec<&str> = words
        .iter()
        .map(String::as_str)
        .filter(|word| !word.is_empty())
        .collect();
    words.join(" ")
}

/// A line of text under a span, with its offset from the start of the trace.
fn note_at(line: &Line<'_>, text: (Style, &str), time: Time, scale: &Scale, canvas: &mut Canvas) {
    let guides = guides::of_note(&line.follows, canvas);
    let nanos = time.nanos_since(scale.start);
    let plus = if nanos < 0 { "" } else { "+" };
    let offset = match time.is_known() {
        true => format!("{plus}{}", units::nanos(nanos, canvas.ascii)),
        false => "no time".to_owned(),
    };
    note(&guides, text, Some(&offset), canvas);
}

fn note(guides: &str, (style, text): (Style, &str), offset: Option<&str>, canvas: &mut Canvas) {
    let offset = offset.unwrap_or_default();
    let columns = canvas
        .width
        .saturating_sub(3 + width(guides) + DURATION + 2);
    let text = canvas.left(text, columns);
    canvas.line(&[
        (Style::Plain, "   "),
        (Style::Dim, guides),
        (style, &text),
        (Style::Plain, " "),
        (Style::Dim, &canvas.right(offset, DURATION + 1)),
    ]);
}

/// The attributes worth a glance: those that say what was done first, nothing that is the same on every span.
fn brief(attributes: &Attributes) -> String {
    const FIRST: [&str; 9] = [
        "error.type",
        "http.request.method",
        "http.route",
        "http.response.status_code",
        "rpc.method",
        "db.operation.name",
        "db.collection.name",
        "db.query.text",
        "messaging.destination.name",
    ];
    const NOISE: [&str; 14] = [
        "busy_ns",
        "client.",
        "code.",
        "db.system",
        "idle_ns",
        "level",
        "network.",
        "otel.",
        "server.",
        "target",
        "thread.",
        "url.",
        "user_agent.",
        "exception.",
    ];
    let first = FIRST
        .iter()
        .filter_map(|key| attributes.get(key).map(|value| (*key, value)));
    let others = attributes.iter().filter(|(key, _)| {
        !FIRST.contains(key) && !NOISE.iter().any(|noise| key.starts_with(noise))
    });
    let words: Vec<String> = first
        .chain(others)
        .map(|(key, value)| format!("{key}={value}"))
        .collect();
    words.join(" ")
}
