//! Attributes, resources and scopes.

use std::sync::Arc;

use opentelemetry_proto::tonic::common::v1::{
    AnyValue, InstrumentationScope, KeyValue, any_value::Value as Proto,
};
use opentelemetry_proto::tonic::resource::v1::Resource;

use crate::data::{Attributes, Origin, Scope, SpanId, TraceId, Value};

pub(super) fn attributes(pairs: Vec<KeyValue>) -> Attributes {
    let pairs = pairs.into_iter();
    pairs.map(|pair| (pair.key, value(pair.value))).collect()
}

// The nesting is bounded: prost refuses messages more than 100 deep, and serde_json 128.
pub(super) fn value(any: Option<AnyValue>) -> Value {
    match any.and_then(|any| any.value) {
        Some(Proto::StringValue(text)) => Value::Text(text.into()),
        Some(Proto::BoolValue(truth)) => Value::Bool(truth),
        Some(Proto::IntValue(number)) => Value::Int(number),
        Some(Proto::DoubleValue(number)) => Value::Double(number),
        Some(Proto::BytesValue(bytes)) => Value::Bytes(bytes.into()),
        Some(Proto::ArrayValue(list)) => {
            let values = list.values.into_iter();
            Value::List(values.map(|any| value(Some(any))).collect())
        }
        Some(Proto::KvlistValue(map)) => Value::Map(attributes(map.values)),
        // The index into a table of strings is for profiles alone.
        Some(Proto::StringValueStrindex(_)) | None => Value::Empty,
    }
}

pub(super) fn origin(
    resource: &Option<Resource>,
    scope: Option<InstrumentationScope>,
) -> Arc<Origin> {
    let scope = scope.unwrap_or_default();
    let resource = resource
        .as_ref()
        .map(|resource| resource.attributes.clone());
    Arc::new(Origin {
        resource: attributes(resource.unwrap_or_default()),
        scope: Scope {
            name: scope.name.into(),
            version: scope.version.into(),
            attributes: attributes(scope.attributes),
        },
    })
}

/// A trace id, if the bytes are one. None at all, or all zero, is no id.
pub(super) fn trace_id(field: &str, bytes: &[u8]) -> Result<Option<TraceId>, String> {
    match bytes.len() {
        0 | 16 => Ok(TraceId::from_bytes(bytes)),
        length => Err(format!("{field} has {length} bytes, expected 16")),
    }
}

/// A span id, if the bytes are one. None at all, or all zero, is no id.
pub(super) fn span_id(field: &str, bytes: &[u8]) -> Result<Option<SpanId>, String> {
    match bytes.len() {
        0 | 8 => Ok(SpanId::from_bytes(bytes)),
        length => Err(format!("{field} has {length} bytes, expected 8")),
    }
}
