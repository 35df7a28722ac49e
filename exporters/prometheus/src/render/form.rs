//! What all points of the same keys have in common.

use opentelemetry::Value;
use throughline_model::Attributes;

use super::attribute;
use super::fragments::Fragments;
use super::labels::push_escaped;

/// The labels of points of the same keys, where no two keys became one label: what is fixed, and where values go.
pub(super) struct Form<'a> {
    /// Tells it from the others of a rendering.
    id: u32,
    /// Of the attributes, in their order.
    keys: Vec<&'a str>,
    /// By label.
    values: Vec<Place>,
    /// What stands behind the last value.
    tail: String,
}

/// Where the value of an attribute goes.
struct Place {
    /// What stands before it: names, quotes, commas and what the scope gives.
    before: String,
    /// Which attribute it is.
    attribute: usize,
}

impl<'a> Form<'a> {
    pub(super) fn new(id: u32, keys: Vec<&'a str>) -> Self {
        Self {
            id,
            values: Vec::with_capacity(keys.len()),
            keys,
            tail: String::new(),
        }
    }

    /// The next label, whose value is that of an attribute. The quote behind the value belongs to the value.
    pub(super) fn attribute(&mut self, label: &str, attribute: usize) {
        self.label(label);
        let before = std::mem::take(&mut self.tail);
        self.values.push(Place { before, attribute });
    }

    /// The next label, whose value is the same in all points.
    pub(super) fn fixed(&mut self, label: &str, value: &str) {
        self.label(label);
        push_escaped(&mut self.tail, value);
        self.tail.push('"');
    }

    fn label(&mut self, label: &str) {
        if !self.values.is_empty() || !self.tail.is_empty() {
            self.tail.push(',');
        }
        self.tail.push_str(label);
        self.tail.push_str("=\"");
    }

    /// Appends the labels of a point. `false`, with a part of them written, where it has other keys, a value that is empty,
    /// which makes no label, or an array.
    ///
    /// A fragment of this form was made of one of its keys. Keys of a set ascend, so that as many fragments as there are
    /// keys are in their places.
    #[inline]
    pub(super) fn write(
        &self,
        out: &mut String,
        attributes: &'a Attributes,
        fragments: &mut Fragments<'a>,
    ) -> bool {
        if attributes.len() != self.keys.len() {
            return false;
        }
        for Place { before, attribute } in &self.values {
            let Some(pair) = attributes.at(*attribute) else {
                return false;
            };
            let fragment = fragments.of(self.id, pair, |text| {
                if pair.key.as_str() != self.keys[*attribute] {
                    return false;
                }
                text.push_str(before);
                push_value(text, &pair.value)
            });
            let Some(fragment) = fragment else {
                return false;
            };
            out.push_str(fragment);
        }
        out.push_str(&self.tail);
        true
    }
}

/// Appends a value and the quote behind it; not where it is empty or an array.
fn push_value(text: &mut String, value: &Value) -> bool {
    match value {
        Value::String(value) if !value.as_str().is_empty() => push_escaped(text, value.as_str()),
        // Nothing in them is to be escaped.
        Value::I64(_) | Value::Bool(_) | Value::F64(_) => attribute::push_value(text, value),
        _ => return false,
    }
    text.push('"');
    true
}
