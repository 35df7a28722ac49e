//! Attribute values as strings (specification: `common/README.md`, "AnyValue representation for non-OTLP
//! protocols").

use std::fmt::Write;

use opentelemetry::{Array, Value};

use super::number::{Style, push_f64, push_i64};

/// Appends `value` as it is: strings without quotes, arrays as JSON.
pub(super) fn push_value(out: &mut String, value: &Value) {
    match value {
        Value::Bool(value) => push_bool(out, *value),
        Value::I64(value) => push_i64(out, *value),
        Value::F64(value) => push_float(out, *value, ""),
        Value::String(value) => out.push_str(value.as_str()),
        Value::Array(Array::Bool(items)) => {
            push_array(out, items, |out, item| push_bool(out, *item));
        }
        Value::Array(Array::I64(items)) => push_array(out, items, |out, item| push_i64(out, *item)),
        Value::Array(Array::F64(items)) => {
            push_array(out, items, |out, item| push_float(out, *item, "\""));
        }
        Value::Array(Array::String(items)) => {
            push_array(out, items, |out, item| push_json_string(out, item.as_str()));
        }
        // The API may grow kinds of values; their own text is the best that is known of them.
        other => {
            let _ = write!(out, "{other}");
        }
    }
}

fn push_bool(out: &mut String, value: bool) {
    out.push_str(if value { "true" } else { "false" });
}

/// A JSON number; what JSON has no number for is a word between `quotes`.
fn push_float(out: &mut String, value: f64, quotes: &str) {
    if value.is_finite() {
        push_f64(out, value, Style::Plain);
    } else {
        out.push_str(quotes);
        out.push_str(match value {
            f64::INFINITY => "Infinity",
            f64::NEG_INFINITY => "-Infinity",
            _ => "NaN",
        });
        out.push_str(quotes);
    }
}

fn push_array<T>(out: &mut String, items: &[T], push: impl Fn(&mut String, &T)) {
    out.push('[');
    for (at, item) in items.iter().enumerate() {
        if at > 0 {
            out.push(',');
        }
        push(out, item);
    }
    out.push(']');
}

fn push_json_string(out: &mut String, text: &str) {
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            c if c < ' ' => {
                let _ = write!(out, "\\u{:04x}", c as u32);
            }
            c => out.push(c),
        }
    }
    out.push('"');
}
