//! Shortens attribute values, which `opentelemetry_sdk` does not do (specification: `common/README.md`,
//! "Attribute Limits").

use opentelemetry::{Array, KeyValue, StringValue, Value};
use opentelemetry_sdk::trace::SpanData;

/// Cuts every text in the attributes of these spans, their events and their links to `limit` characters.
pub(super) fn shorten(spans: &mut [SpanData], limit: usize) {
    for span in spans {
        shorten_values(&mut span.attributes, limit);
        for event in &mut span.events.events {
            shorten_values(&mut event.attributes, limit);
        }
        for link in &mut span.links.links {
            shorten_values(&mut link.attributes, limit);
        }
    }
}

fn shorten_values(attributes: &mut [KeyValue], limit: usize) {
    for pair in attributes {
        match &mut pair.value {
            Value::String(text) => shorten_text(text, limit),
            Value::Array(Array::String(texts)) => {
                for text in texts {
                    shorten_text(text, limit);
                }
            }
            _ => {}
        }
    }
}

fn shorten_text(text: &mut StringValue, limit: usize) {
    // A text has at least as many bytes as characters.
    if text.as_str().len() <= limit {
        return;
    }
    if let Some((end, _)) = text.as_str().char_indices().nth(limit) {
        *text = text.as_str()[..end].to_owned().into();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_cut_at_characters_and_the_rest_is_left_alone() {
        let mut attributes = [
            KeyValue::new("long", "żółw żółw"),
            KeyValue::new("short", "żółw"),
            KeyValue::new("number", 1_234_567),
            KeyValue::new(
                "list",
                Value::Array(Array::String(vec!["abcdef".into(), "ab".into()])),
            ),
        ];
        shorten_values(&mut attributes, 4);
        let values: Vec<String> = attributes.iter().map(|it| it.value.to_string()).collect();
        assert_eq!(values, ["żółw", "żółw", "1234567", "[\"abcd\",\"ab\"]"]);
    }
}
