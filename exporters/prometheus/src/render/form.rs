//! What all points of the same keys have in common.

use std::hash::BuildHasher as _;

use foldhash::fast::RandomState;
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
    /// The hash of the labels in there.
    fixed: u64,
}

/// Where the value of an attribute goes.
struct Place {
    /// What stands before it: names, quotes, commas and what the scope gives.
    before: String,
    /// The hash of the labels in there, without its own one.
    fixed: u64,
    /// Where in there its own label begins.
    label: usize,
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
            fixed: 0,
        }
    }

    /// The next label, whose value is that of an attribute. The quote behind the value belongs to the value.
    pub(super) fn attribute(&mut self, label: &str, attribute: usize) {
        let label = self.label(label);
        self.values.push(Place {
            before: std::mem::take(&mut self.tail),
            fixed: std::mem::take(&mut self.fixed),
            label,
            attribute,
        });
    }

    /// The next label, whose value is the same in all points.
    pub(super) fn fixed(&mut self, label: &str, value: &str, hasher: &RandomState) {
        let label = self.label(label);
        push_escaped(&mut self.tail, value);
        self.tail.push('"');
        self.fixed = (self.fixed).wrapping_add(hasher.hash_one(&self.tail[label..]));
    }

    /// Begins a label and says where it begins.
    fn label(&mut self, label: &str) -> usize {
        if !self.values.is_empty() || !self.tail.is_empty() {
            self.tail.push(',');
        }
        let start = self.tail.len();
        self.tail.push_str(label);
        self.tail.push_str("=\"");
        start
    }

    /// Appends the labels of a point and gives the sum of their hashes. `None`, with a part of them written, where it has
    /// other keys, a value that is empty, which makes no label, or an array.
    ///
    /// A fragment of this form was made of one of its keys. Keys of a set ascend, so that as many fragments as there are
    /// keys are in their places.
    // Out of line: within its one caller it takes more instructions a point.
    #[inline(never)]
    pub(super) fn write(
        &self,
        out: &mut String,
        attributes: &'a Attributes,
        fragments: &mut Fragments<'a>,
        hasher: &RandomState,
    ) -> Option<u64> {
        if attributes.len() != self.keys.len() {
            return None;
        }
        let mut hash = self.fixed;
        for place in &self.values {
            let pair = attributes.at(place.attribute)?;
            let (fragment, of_fragment) = fragments.of(self.id, pair, |text| {
                if pair.key.as_str() != self.keys[place.attribute] {
                    return None;
                }
                text.push_str(&place.before);
                push_value(text, &pair.value)?;
                Some(
                    place
                        .fixed
                        .wrapping_add(hasher.hash_one(&text[place.label..])),
                )
            })?;
            out.push_str(fragment);
            hash = hash.wrapping_add(of_fragment);
        }
        out.push_str(&self.tail);
        Some(hash)
    }
}

/// Appends a value and the quote behind it; `None` where it is empty or an array.
fn push_value(text: &mut String, value: &Value) -> Option<()> {
    match value {
        Value::String(value) if !value.as_str().is_empty() => push_escaped(text, value.as_str()),
        // Nothing in them is to be escaped.
        Value::I64(_) | Value::Bool(_) | Value::F64(_) => attribute::push_value(text, value),
        _ => return None,
    }
    text.push('"');
    Some(())
}
