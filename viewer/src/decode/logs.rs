//! Log records.

use std::sync::Arc;

use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::logs::v1 as proto;

use super::Decoded;
use super::common::{attributes, origin, span_id, trace_id, value};
use crate::data::{LogRecord, Origin, Severity, Time};

pub(crate) fn logs(request: ExportLogsServiceRequest) -> Decoded<LogRecord> {
    let mut decoded = Decoded::new();
    for resource in request.resource_logs {
        for scope in resource.scope_logs {
            let origin = origin(&resource.resource, scope.scope);
            for sent in scope.log_records {
                decoded.push(log(&origin, sent));
            }
        }
    }
    decoded
}

fn log(origin: &Arc<Origin>, sent: proto::LogRecord) -> Result<LogRecord, String> {
    let named = |reason: String| format!("log record: {reason}");
    let time = match sent.time_unix_nano {
        0 => sent.observed_time_unix_nano,
        time => time,
    };
    Ok(LogRecord {
        origin: Arc::clone(origin),
        time: Time::from_nanos(time),
        severity: Severity(u8::try_from(sent.severity_number).unwrap_or(0)),
        trace: trace_id("trace_id", &sent.trace_id).map_err(named)?,
        span: span_id("span_id", &sent.span_id).map_err(named)?,
        body: value(sent.body),
        attributes: attributes(sent.attributes),
        event: sent.event_name.into(),
    })
}
