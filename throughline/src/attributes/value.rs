//! The types an attribute may have.

use std::fmt::Debug;
use std::hash::Hash;

use opentelemetry::Value;

/// A type with few values, which an attribute of a metric may have.
///
/// Implemented for enums declared with [`attributes!`](crate::attributes), `bool`, integers that fit an
/// `i64`, `&'static str`, and `Option` of these (`None` leaves the attribute out). Implement it for an
/// enum of another crate to use it as it is.
///
/// # Example
/// ```
/// use throughline::AttributeValue;
/// use throughline::opentelemetry::Value;
///
/// #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
/// struct Shard(u8);
///
/// impl AttributeValue for Shard {
///     fn value(&self) -> Option<Value> {
///         Some(Value::I64(self.0.into()))
///     }
/// }
///
/// throughline::attributes! {
///     struct Query { shard: Shard => "db.shard", replica: Option<bool> => "db.replica" }
/// }
/// ```
///
/// A `String` has no bound on its values, so it is no attribute of a metric:
/// ```compile_fail
/// throughline::attributes! {
///     struct Order { customer: String => "customer.id" }
/// }
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not an attribute of a metric: its values have no bound",
    note = "declare an enum in `attributes!`, or use `bool`, an integer, `&'static str` or an `Option` of these",
    note = "what varies without bound goes to the span alone: `.span_attribute(key, value)`"
)]
pub trait AttributeValue: Copy + Eq + Hash + Debug + Send + Sync + 'static {
    /// The value as OpenTelemetry carries it; `None` leaves the attribute out.
    fn value(&self) -> Option<Value>;
}

impl AttributeValue for bool {
    fn value(&self) -> Option<Value> {
        Some(Value::Bool(*self))
    }
}

impl AttributeValue for &'static str {
    fn value(&self) -> Option<Value> {
        Some(Value::from(*self))
    }
}

impl<T: AttributeValue> AttributeValue for Option<T> {
    fn value(&self) -> Option<Value> {
        self.as_ref().and_then(AttributeValue::value)
    }
}

macro_rules! integers {
    ($($integer:ty),*) => {$(
        impl AttributeValue for $integer {
            fn value(&self) -> Option<Value> {
                Some(Value::I64(i64::from(*self)))
            }
        }
    )*};
}

integers!(i8, i16, i32, i64, u8, u16, u32);
