//! Declared attributes: a closed set of keys, each with a small set of values.
//!
//! What is declared here reaches metrics and spans alike, so every combination of values is a series that
//! is kept and sent. The types make an accident hard: an attribute is an enum of your own, a `bool`, an
//! integer or a `&'static str`, never a `String`. What varies without bound (an order id, a user) belongs
//! on the span alone: [`Call::span_attribute`](crate::Call::span_attribute).

mod declare;
mod value;

use std::fmt::Debug;
use std::hash::Hash;

use opentelemetry::KeyValue;

pub use value::AttributeValue;

/// A declared set of attributes. [`attributes!`](crate::attributes) implements it; `()` is the empty set.
///
/// Sets are compared and hashed on each measurement, so they are small and `Copy`.
///
/// # Example
/// ```
/// use throughline::AttributeSet;
///
/// throughline::attributes! {
///     struct Charge { provider: Provider => "card.provider", retried: bool => "card.retried" }
///     enum Provider { Visa => "visa", Mastercard => "mastercard" }
/// }
///
/// let set = Charge { provider: Provider::Visa, retried: false };
/// let pairs = set.key_values();
/// assert_eq!(pairs[0].key.as_str(), "card.provider");
/// assert_eq!(pairs[0].value.as_str(), "visa");
/// assert_eq!(pairs.len(), 2);
/// ```
pub trait AttributeSet: Copy + Eq + Hash + Debug + Send + Sync + 'static {
    /// The keys with the values of this set, in the order they were declared. A `None` is left out.
    fn key_values(&self) -> Vec<KeyValue>;
}

impl AttributeSet for () {
    fn key_values(&self) -> Vec<KeyValue> {
        Vec::new()
    }
}

#[cfg(test)]
mod tests;
