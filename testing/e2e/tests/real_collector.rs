//! The configuration of the Collector does what it says: all three signals arrive in the file, whole.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

use throughline_e2e::{Collector, Failure, Scratch, Value, post, tool, unresolved};

const JSON: &str = "application/json";
const METRICS: &str = r#"{"resourceMetrics":[{"resource":{"attributes":[{"key":"service.name","value":{"stringValue":"shop"}}]},
    "scopeMetrics":[{"scope":{"name":"by hand"},"metrics":[
        {"name":"orders","unit":"{order}","sum":{"aggregationTemporality":2,"isMonotonic":true,"dataPoints":[
            {"attributes":[{"key":"outcome","value":{"stringValue":"success"}}],"startTimeUnixNano":"1","timeUnixNano":"2","asInt":"7"}]}},
        {"name":"wait","unit":"s","histogram":{"aggregationTemporality":2,"dataPoints":[
            {"startTimeUnixNano":"1","timeUnixNano":"2","count":"3","sum":4.5,"bucketCounts":["1","2"],"explicitBounds":[1],
             "exemplars":[{"timeUnixNano":"2","asDouble":2.5,"traceId":"0af7651916cd43dd8448eb211c80319c","spanId":"b7ad6b7169203331"}]}]}}]}]}]}"#;
const SPANS: &str = r#"{"resourceSpans":[{"scopeSpans":[{"spans":[
    {"traceId":"0af7651916cd43dd8448eb211c80319c","spanId":"b7ad6b7169203331","name":"place order","kind":2,
     "startTimeUnixNano":"1","endTimeUnixNano":"2","status":{"code":2}}]}]}]}"#;
const LOGS: &str = r#"{"resourceLogs":[{"scopeLogs":[{"logRecords":[
    {"timeUnixNano":"2","severityText":"WARN","body":{"stringValue":"out of stock"},
     "traceId":"0af7651916cd43dd8448eb211c80319c","spanId":"b7ad6b7169203331"}]}]}]}"#;

#[test]
fn all_three_signals_arrive_whole() -> Result<(), Failure> {
    let Some(program) = tool("THROUGHLINE_COLLECTOR")? else {
        return Ok(());
    };
    let scratch = Scratch::new("all_three_signals_arrive_whole")?;
    let collector = Collector::start(&program, &scratch)?;
    for (path, body) in [
        ("/v1/metrics", METRICS),
        ("/v1/traces", SPANS),
        ("/v1/logs", LOGS),
    ] {
        post(collector.http(), path, JSON, body)?.ok()?;
    }

    let received = collector.stop()?;

    assert_eq!(received.total("orders", &[("outcome", "success")]), 7.0);
    let series = received.series("wait");
    let [wait] = &series[..] else {
        panic!("{series:?}")
    };
    let Value::Histogram { histogram, .. } = &wait.value else {
        panic!("{wait:?}")
    };
    assert_eq!(
        (histogram.count, histogram.sum, histogram.buckets.as_slice()),
        (3, Some(4.5), &[1, 2][..])
    );
    assert_eq!(received.exemplars().count(), 1);
    let [span] = &received.spans[..] else {
        panic!("{:?}", received.spans)
    };
    assert_eq!((span.name.as_str(), span.failed), ("place order", true));
    let [log] = &received.logs[..] else {
        panic!("{:?}", received.logs)
    };
    assert_eq!(
        (log.body.as_str(), log.severity.as_str()),
        ("out of stock", "WARN")
    );
    assert_eq!(unresolved(&received), Vec::<String>::new());
    scratch.passed();
    Ok(())
}
