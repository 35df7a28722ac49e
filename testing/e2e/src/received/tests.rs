use super::{Received, Temporality, Value};
use crate::unresolved;

/// Two exports of one delta counter and one cumulative histogram, with an exemplar.
const METRICS: &str = r#"{"resourceMetrics":[{"resource":{"attributes":[{"key":"service.name","value":{"stringValue":"shop"}}]},"scopeMetrics":[{"scope":{"name":"s"},"metrics":[{"name":"orders","unit":"{order}","sum":{"aggregationTemporality":1,"isMonotonic":true,"dataPoints":[{"attributes":[{"key":"ok","value":{"boolValue":true}}],"startTimeUnixNano":"1","timeUnixNano":"2","asInt":"9007199254740993"}]}},{"name":"wait","unit":"s","histogram":{"aggregationTemporality":2,"dataPoints":[{"startTimeUnixNano":"1","timeUnixNano":"2","count":"1","sum":0.5,"bucketCounts":["1","0"],"explicitBounds":[1]}]}}]}]}]}
{"resourceMetrics":[{"resource":{"attributes":[{"key":"service.name","value":{"stringValue":"shop"}}]},"scopeMetrics":[{"scope":{"name":"s"},"metrics":[{"name":"orders","unit":"{order}","sum":{"aggregationTemporality":1,"isMonotonic":true,"dataPoints":[{"attributes":[{"key":"ok","value":{"boolValue":true}}],"startTimeUnixNano":"2","timeUnixNano":"3","asInt":"2"}]}},{"name":"wait","unit":"s","histogram":{"aggregationTemporality":2,"dataPoints":[{"startTimeUnixNano":"1","timeUnixNano":"3","count":"3","sum":5.5,"bucketCounts":["1","2"],"explicitBounds":[1],"exemplars":[{"timeUnixNano":"3","asDouble":2.5,"traceId":"0af7651916cd43dd8448eb211c80319c","spanId":"b7ad6b7169203331"}]}]}}]}]}]}"#;

const SPAN: &str = r#"{"resourceSpans":[{"scopeSpans":[{"spans":[{"traceId":"0af7651916cd43dd8448eb211c80319c","spanId":"b7ad6b7169203331","name":"place order","startTimeUnixNano":"1","endTimeUnixNano":"2","status":{"code":2}}]}]}]}"#;

fn parse(text: &str) -> Received {
    Received::parse(text).unwrap()
}

#[test]
fn deltas_add_up_and_the_newest_cumulative_point_stands() {
    let received = parse(METRICS);

    assert_eq!(received.metrics(), ["orders", "wait"]);
    assert_eq!(
        received.total("orders", &[("ok", "true")]),
        9_007_199_254_740_994.0
    );
    assert_eq!(received.total("orders", &[("ok", "false")]), 0.0);
    assert_eq!(received.total("wait", &[]), 3.0);
    let series = received.series("wait");
    let [wait] = &series[..] else {
        panic!("{series:?}")
    };
    let Value::Histogram {
        histogram,
        temporality,
    } = &wait.value
    else {
        panic!("{wait:?}")
    };
    assert_eq!(
        (histogram.buckets.as_slice(), histogram.sum, *temporality),
        (&[1, 2][..], Some(5.5), Temporality::Cumulative)
    );
    assert_eq!(wait.resource["service.name"], "shop");
}

#[test]
fn an_exemplar_resolves_only_with_its_span() {
    assert_eq!(
        unresolved(&parse(&format!("{METRICS}\n{SPAN}"))),
        Vec::<String>::new()
    );
    assert_eq!(
        unresolved(&parse(METRICS)),
        [
            r#"an exemplar of wait (2.5) is of trace "0af7651916cd43dd8448eb211c80319c", span "b7ad6b7169203331""#
        ]
    );
    let other_span = SPAN.replace("b7ad6b7169203331", "b7ad6b7169203332");
    assert_eq!(
        unresolved(&parse(&format!("{METRICS}\n{other_span}"))).len(),
        1
    );
}

#[test]
fn a_log_resolves_by_its_trace_and_one_outside_any_trace_is_fine() {
    let log = r#"{"resourceLogs":[{"scopeLogs":[{"logRecords":[{"severityText":"WARN","body":{"stringValue":"slow"},"traceId":"0af7651916cd43dd8448eb211c80319c"},{"body":{"stringValue":"hello"}}]}]}]}"#;

    assert_eq!(
        unresolved(&parse(&format!("{SPAN}\n{log}"))),
        Vec::<String>::new()
    );
    assert_eq!(
        unresolved(&parse(log)),
        [r#"the log "slow" is of trace 0af7651916cd43dd8448eb211c80319c"#]
    );
}

#[test]
fn a_line_that_cannot_be_read_is_named() {
    let failure = Received::parse(&format!("{SPAN}\n{{\"resourceSpans\": 3}}")).unwrap_err();
    assert!(failure.to_string().starts_with("line 2: "), "{failure}");
}
