//! The answer to a request that failed: `google.rpc.Status`, as OTLP over HTTP asks for.

/// The canonical codes that are used here.
pub(super) const INVALID_ARGUMENT: i32 = 3;

/// `google.rpc.Status` without details, in protobuf and in JSON.
#[derive(Clone, PartialEq, prost::Message, serde::Serialize)]
pub(super) struct RpcStatus {
    /// A canonical code.
    #[prost(int32, tag = "1")]
    pub(super) code: i32,
    /// For a developer, in English.
    #[prost(string, tag = "2")]
    pub(super) message: String,
}
