//! The two doors of OTLP. Both decode on the caller's task and hand plain data to the store.
//!
//! What the store evicts later is no fault of the sender: it is told of what could not be read alone, as a
//! partial success (specification: `protocol/otlp.md`, "Partial Success").

mod body;
mod grpc;
mod http;
mod status;

pub(crate) use grpc::serve_grpc;
pub(crate) use http::serve_http;

use opentelemetry_proto::tonic::collector::logs::v1::{
    ExportLogsPartialSuccess, ExportLogsServiceRequest, ExportLogsServiceResponse,
};
use opentelemetry_proto::tonic::collector::metrics::v1::{
    ExportMetricsPartialSuccess, ExportMetricsServiceRequest, ExportMetricsServiceResponse,
};
use opentelemetry_proto::tonic::collector::trace::v1::{
    ExportTracePartialSuccess, ExportTraceServiceRequest, ExportTraceServiceResponse,
};

use crate::{Store, decode};

fn take_traces(store: &Store, request: ExportTraceServiceRequest) -> ExportTraceServiceResponse {
    let decoded = decode::traces(request);
    store.add_spans(decoded.items);
    ExportTraceServiceResponse {
        partial_success: rejected(store, decoded.rejected).map(|count| ExportTracePartialSuccess {
            rejected_spans: count,
            error_message: decoded.reason,
        }),
    }
}

fn take_metrics(
    store: &Store,
    request: ExportMetricsServiceRequest,
) -> ExportMetricsServiceResponse {
    let decoded = decode::metrics(request);
    store.add_points(decoded.items);
    ExportMetricsServiceResponse {
        partial_success: rejected(store, decoded.rejected).map(|count| {
            ExportMetricsPartialSuccess {
                rejected_data_points: count,
                error_message: decoded.reason,
            }
        }),
    }
}

fn take_logs(store: &Store, request: ExportLogsServiceRequest) -> ExportLogsServiceResponse {
    let decoded = decode::logs(request);
    store.add_logs(decoded.items);
    ExportLogsServiceResponse {
        partial_success: rejected(store, decoded.rejected).map(|count| ExportLogsPartialSuccess {
            rejected_log_records: count,
            error_message: decoded.reason,
        }),
    }
}

/// Counts what was left out; `None` if nothing was.
fn rejected(store: &Store, items: u64) -> Option<i64> {
    if items == 0 {
        return None;
    }
    store.count_malformed(items);
    Some(i64::try_from(items).unwrap_or(i64::MAX))
}
