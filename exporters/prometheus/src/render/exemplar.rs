//! Exemplars: which one a sample gets, and how it is written.

use opentelemetry::trace::{SpanId, TraceId};
use throughline_model::Exemplar;

use super::buckets::Bounds;
use super::labels::Labels;
use super::number::{Style, push_hex, push_number, push_time};

/// Names and values of an exemplar's labels together (OpenMetrics, "Exemplars").
const MAX_CHARACTERS: usize = 128;

/// The exemplar of a counter: the latest (specification: `compatibility/prometheus_and_openmetrics.md`,
/// "Sums").
pub(super) fn latest(exemplars: &[Exemplar]) -> Option<&Exemplar> {
    let valid = exemplars.iter().filter(|exemplar| is_valid(exemplar));
    valid.max_by_key(|exemplar| exemplar.time)
}

/// The exemplar of each bucket: the latest whose value lies in it (same page, "Histograms").
/// `chosen[bucket]` is the index in `exemplars`; nothing is chosen of none.
pub(super) fn latest_per_bucket(
    exemplars: &[Exemplar],
    bounds: &Bounds,
    buckets: usize,
    chosen: &mut Vec<Option<usize>>,
) {
    chosen.clear();
    if exemplars.is_empty() {
        return;
    }
    chosen.resize(buckets, None);
    for (at, exemplar) in exemplars.iter().enumerate() {
        if !is_valid(exemplar) {
            continue;
        }
        if let Some(place) = chosen.get_mut(bounds.bucket(exemplar.value.as_f64()))
            && place.is_none_or(|before| exemplars[before].time <= exemplar.time)
        {
            *place = Some(at);
        }
    }
}

fn is_valid(exemplar: &Exemplar) -> bool {
    !exemplar.value.as_f64().is_nan()
}

/// Appends ` # {trace_id="…",span_id="…"} value time` and returns how many filtered attributes had to go.
///
/// The ids take precedence over filtered attributes of the same name; where all labels together would
/// be longer than 128 characters, the ids alone are written (same page, "Exemplar Conversion").
pub(super) fn push<'a>(out: &mut String, exemplar: &'a Exemplar, labels: &mut Labels<'a>) -> u64 {
    out.push_str(" # {");
    let start = out.len();
    let mut characters = 0;
    if let Some((trace, span)) = exemplar.span {
        // An id of zeros is no id: a label without meaning is worse than none.
        if trace != TraceId::INVALID {
            out.push_str("trace_id=\"");
            push_hex(out, &trace.to_bytes());
            out.push('"');
            characters += "trace_id".len() + 32;
        }
        if span != SpanId::INVALID {
            comma(out, start);
            out.push_str("span_id=\"");
            push_hex(out, &span.to_bytes());
            out.push('"');
            characters += "span_id".len() + 16;
        }
    }
    let mut dropped = 0;
    if !exemplar.filtered_attributes.is_empty() {
        let ids = out.len();
        comma(out, start);
        let attributes = out.len();
        characters += labels.exemplar(out, &exemplar.filtered_attributes, ids > start);
        if characters > MAX_CHARACTERS {
            out.truncate(ids);
            dropped = exemplar.filtered_attributes.len() as u64;
        } else if out.len() == attributes {
            out.truncate(ids);
        }
    }
    out.push_str("} ");
    push_number(out, exemplar.value, Style::Float);
    out.push(' ');
    push_time(out, exemplar.time);
    dropped
}

fn comma(out: &mut String, start: usize) {
    if out.len() > start {
        out.push(',');
    }
}
