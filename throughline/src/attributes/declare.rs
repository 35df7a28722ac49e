//! The macro that declares attribute sets.

/// Declares attribute sets (`struct`) and their values (`enum`), in any number and order.
///
/// A struct names the key of each field, an enum the text of each variant. Both become ordinary types
/// that are `Copy`, comparable and hashable; structs implement [`AttributeSet`](crate::AttributeSet),
/// enums [`AttributeValue`](crate::AttributeValue). Documentation, other attributes and visibility are
/// kept.
///
/// # Example
/// ```
/// throughline::attributes! {
///     /// What a charge is counted by.
///     pub struct Charge {
///         /// The scheme of the card.
///         pub provider: Provider => "card.provider",
///         pub retried: bool => "card.retried",
///     }
///
///     pub enum Provider {
///         Visa => "visa",
///         Mastercard => "mastercard",
///     }
/// }
///
/// let telemetry = throughline::Telemetry::disabled();
/// let charges = telemetry.counter::<u64>("charges").attributes::<Charge>().build();
/// charges.with(Charge { provider: Provider::Visa, retried: false }).add(1);
/// ```
#[macro_export]
macro_rules! attributes {
    () => {};
    (
        $(#[$meta:meta])*
        $vis:vis struct $name:ident {
            $( $(#[$field_meta:meta])* $field_vis:vis $field:ident : $type:ty => $key:literal ),* $(,)?
        }
        $($rest:tt)*
    ) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        $vis struct $name {
            $( $(#[$field_meta])* $field_vis $field: $type, )*
        }

        impl $crate::AttributeSet for $name {
            fn key_values(&self) -> ::std::vec::Vec<$crate::opentelemetry::KeyValue> {
                let pairs: ::std::vec::Vec<::std::option::Option<_>> = ::std::vec![$(
                    $crate::AttributeValue::value(&self.$field)
                        .map(|value| $crate::opentelemetry::KeyValue::new($key, value)),
                )*];
                pairs.into_iter().flatten().collect()
            }
        }

        $crate::attributes! { $($rest)* }
    };
    (
        $(#[$meta:meta])*
        $vis:vis enum $name:ident {
            $( $(#[$variant_meta:meta])* $variant:ident => $text:literal ),* $(,)?
        }
        $($rest:tt)*
    ) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        $vis enum $name {
            $( $(#[$variant_meta])* $variant, )*
        }

        impl $crate::AttributeValue for $name {
            fn value(&self) -> ::std::option::Option<$crate::opentelemetry::Value> {
                ::std::option::Option::Some(match *self {
                    $( $name::$variant => $crate::opentelemetry::Value::from($text), )*
                })
            }
        }

        $crate::attributes! { $($rest)* }
    };
}
