//! How much one span or log record may hold.

use crate::reader::{MAX, Reader};

/// Attribute limits (`common/README.md`, Attribute Limits), with the fall-back to the general
/// variables already applied: a variable of spans or log records beats `OTEL_ATTRIBUTE_*`.
///
/// ```
/// use throughline_config::Environment;
///
/// let (environment, _) = Environment::read(|name| match name {
///     "OTEL_ATTRIBUTE_COUNT_LIMIT" => Some("64".into()),
///     "OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT" => Some("32".into()),
///     _ => None,
/// });
/// assert_eq!(environment.limits.span.attributes, Some(32));
/// assert_eq!(environment.limits.log_record.attributes, Some(64));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Limits {
    /// Of a span, its events and its links.
    pub span: SpanLimits,
    /// Of a log record.
    pub log_record: LogRecordLimits,
}

/// The limits of one span. 0 keeps nothing.
///
/// ```
/// use throughline_config::Environment;
///
/// let (environment, _) = Environment::read(|name| match name {
///     "OTEL_SPAN_EVENT_COUNT_LIMIT" => Some("0".into()),
///     "OTEL_EVENT_ATTRIBUTE_COUNT_LIMIT" => Some("8".into()),
///     _ => None,
/// });
/// let span = environment.limits.span;
/// assert_eq!((span.events, span.attributes_per_event, span.links), (Some(0), Some(8), None));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct SpanLimits {
    /// The longest attribute value, in characters. Default: no limit.
    pub attribute_value_length: Option<u32>,
    /// Attributes of the span. Default 128.
    pub attributes: Option<u32>,
    /// Events of the span. Default 128.
    pub events: Option<u32>,
    /// Links of the span. Default 128.
    pub links: Option<u32>,
    /// Attributes of one event. Default 128.
    pub attributes_per_event: Option<u32>,
    /// Attributes of one link. Default 128.
    pub attributes_per_link: Option<u32>,
}

/// The limits of one log record. 0 keeps nothing.
///
/// ```
/// use throughline_config::Environment;
///
/// let (environment, _) = Environment::read(|name| {
///     (name == "OTEL_LOGRECORD_ATTRIBUTE_VALUE_LENGTH_LIMIT").then(|| "4096".into())
/// });
/// let log_record = environment.limits.log_record;
/// assert_eq!(log_record.attribute_value_length, Some(4096));
/// assert_eq!(log_record.attributes, None);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct LogRecordLimits {
    /// The longest attribute value, in characters. Default: no limit.
    pub attribute_value_length: Option<u32>,
    /// Attributes of the record. Default 128.
    pub attributes: Option<u32>,
}

impl Limits {
    pub(crate) fn read(reader: &mut Reader<'_>) -> Self {
        let length = reader.integer("OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT", 0..=MAX);
        let count = reader.integer("OTEL_ATTRIBUTE_COUNT_LIMIT", 0..=MAX);
        let mut limit = |name| reader.integer(name, 0..=MAX);
        Self {
            span: SpanLimits {
                attribute_value_length: limit("OTEL_SPAN_ATTRIBUTE_VALUE_LENGTH_LIMIT").or(length),
                attributes: limit("OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT").or(count),
                events: limit("OTEL_SPAN_EVENT_COUNT_LIMIT"),
                links: limit("OTEL_SPAN_LINK_COUNT_LIMIT"),
                attributes_per_event: limit("OTEL_EVENT_ATTRIBUTE_COUNT_LIMIT").or(count),
                attributes_per_link: limit("OTEL_LINK_ATTRIBUTE_COUNT_LIMIT").or(count),
            },
            log_record: LogRecordLimits {
                attribute_value_length: limit("OTEL_LOGRECORD_ATTRIBUTE_VALUE_LENGTH_LIMIT")
                    .or(length),
                attributes: limit("OTEL_LOGRECORD_ATTRIBUTE_COUNT_LIMIT").or(count),
            },
        }
    }
}
