//! What of a series' attributes tells one operation from another.

use crate::data::{Attributes, Value};

/// The kind of error: what has one counts as a failure.
pub(super) const ERROR_TYPE: &str = "error.type";

/// Attributes that say how an operation ended, or over what it went: series that differ in these alone are one
/// operation.
const MINOR: [&str; 14] = [
    ERROR_TYPE,
    "db.response.status_code",
    "http.response.status_code",
    "network.peer.address",
    "network.peer.port",
    "network.protocol.name",
    "network.protocol.version",
    "network.transport",
    "network.type",
    "rpc.grpc.status_code",
    "rpc.response.status_code",
    "rpc.status_code",
    "server.port",
    "url.scheme",
];

/// The attributes that name the operation.
pub(super) fn main(attributes: &Attributes) -> Attributes {
    let pairs = attributes.iter().filter(|(key, _)| !MINOR.contains(key));
    pairs.map(|(key, value)| (key, value.clone())).collect()
}

/// Whether the attributes say that it failed.
pub(super) fn failed(attributes: &Attributes) -> bool {
    match attributes.get(ERROR_TYPE) {
        None | Some(Value::Empty) => false,
        Some(Value::Text(text)) => !text.is_empty(),
        Some(_) => true,
    }
}
