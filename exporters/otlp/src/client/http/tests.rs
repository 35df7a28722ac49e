use super::*;

fn response(status: u16, content_type: Option<&str>, body: impl Into<Bytes>) -> Response<Bytes> {
    let mut response = Response::new(body.into());
    *response.status_mut() = StatusCode::from_u16(status).unwrap();
    if let Some(value) = content_type {
        let value = HeaderValue::from_str(value).unwrap();
        response.headers_mut().insert(CONTENT_TYPE, value);
    }
    response
}

fn answered(
    status: u16,
    content_type: Option<&str>,
    body: impl Into<Bytes>,
) -> Result<Bytes, Failure> {
    answer(response(status, content_type, body), SystemTime::UNIX_EPOCH).result
}

#[test]
fn a_success_is_protobuf_or_says_nothing() {
    assert_eq!(answered(200, Some(PROTOBUF), "\n\0"), Ok("\n\0".into()));
    let with_parameter = Some("application/x-protobuf; charset=binary");
    assert_eq!(answered(200, with_parameter, "\n\0"), Ok("\n\0".into()));
    assert_eq!(answered(200, None, "\n\0"), Ok("\n\0".into()));
    assert_eq!(answered(200, Some("text/plain"), ""), Ok("".into()));
    assert_eq!(answered(204, None, ""), Ok("".into()));
    assert_eq!(
        answered(200, Some("application/json"), " {} "),
        Ok("".into())
    );
}

#[test]
fn a_page_is_not_an_acknowledgement_and_the_error_says_what_it_was() {
    let failure = answered(200, Some("text/html"), "<html>").unwrap_err();
    assert_eq!(failure.verdict, Verdict::Fatal);
    assert_eq!(failure.code, "invalid_response");
    assert!(failure.message.contains("text/html"), "{}", failure.message);
}

/// OTLP, "Failures": the body is a `google.rpc.Status`.
#[test]
fn a_failure_says_what_the_receiver_said() {
    let status = tonic_types::Status {
        message: "unknown tenant".to_owned(),
        ..Default::default()
    };
    let failure = answered(403, Some(PROTOBUF), status.encode_to_vec()).unwrap_err();
    assert_eq!(
        (&*failure.code, &*failure.message),
        ("403", "unknown tenant")
    );

    let failure = answered(502, Some("text/plain"), " proxy error\n").unwrap_err();
    assert_eq!((&*failure.code, &*failure.message), ("502", "proxy error"));
    assert_eq!(failure.verdict, Verdict::Transient);

    let failure = answered(404, Some(PROTOBUF), vec![0xff; 9]).unwrap_err();
    assert_eq!(failure.message, "Not Found");

    let failure = answered(500, Some("text/html"), "é".repeat(5_000)).unwrap_err();
    assert!(failure.message.chars().count() <= 301);
}

#[test]
fn a_redirect_is_a_failure() {
    let failure = answered(307, None, "").unwrap_err();
    assert_eq!(failure.verdict, Verdict::Fatal);
    assert_eq!(failure.message, "Temporary Redirect");
}

#[test]
fn retry_after_is_heard_where_the_code_allows_another_attempt() {
    let mut busy = response(503, None, "");
    let value = HeaderValue::from_static("Thu, 01 Jan 1970 00:00:07 GMT");
    busy.headers_mut().insert(RETRY_AFTER, value);
    let failure = answer(busy, SystemTime::UNIX_EPOCH).result.unwrap_err();
    let seven = std::time::Duration::from_secs(7);
    assert_eq!(failure.verdict, Verdict::Throttled(seven));
}
