//! Both layers with services made by hand, a keeper made by hand, and a provider that records what it does not
//! sample.

mod stage;

use std::convert::Infallible;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Request, Response, StatusCode};
use http_body::{Body as _, Frame};
use http_body_util::{BodyExt, Empty, Full, StreamBody};
use opentelemetry::trace::{SpanId, Status, TraceContextExt, TraceId};
use opentelemetry::{Context, trace::SpanKind};
use throughline_model::KeepReason;
use throughline_samplers::Retention;
use throughline_samplers::probability::Predicate;

use self::stage::{Channel, Stage, TRACE, attribute, caller, channel, poll_once};

/// The flags in an answer, which is for the trace of [`caller`].
fn flags(headers: &HeaderMap) -> &str {
    let answer = headers["traceresponse"].to_str().unwrap();
    assert_eq!(&answer[3..35], TRACE);
    &answer[53..]
}

fn response(status: u16, body: &'static str) -> Response<Full<Bytes>> {
    let response = Response::builder().status(status);
    response.body(Full::from(body)).unwrap()
}

#[test]
fn a_server_answers_with_what_is_known_when_the_head_leaves() {
    for (kept, expected) in [(false, "00"), (true, "01")] {
        let stage = Stage::recording();
        let keeper = stage.keeper.clone();
        let answer = stage.serve(caller("00"), |_| {
            if kept {
                keeper.keep_current(KeepReason::Outlier);
            }
            response(200, "tea")
        });
        assert_eq!(flags(answer.headers()), expected);
        assert!(!answer.headers().contains_key("trailer"));
    }
}

/// What the request is for is known when it comes: its own calls and its answer say that its trace is kept.
#[test]
fn what_a_rule_wants_of_a_request_is_announced_up_and_down() {
    for (path, expected) in [("/checkout", "01"), ("/cart", "00")] {
        let checkout = Predicate::attribute("url.path", "/checkout");
        let stage = Stage::retaining(Retention::new().rule(checkout, 1.0));
        let mut request = caller("00");
        *request.uri_mut() = path.parse().unwrap();
        let (body, _sender) = channel();
        let answer = stage.serve(request, |_| {
            let onwards = Request::get("http://stock/left").body(()).unwrap();
            stage.call(onwards, |request| {
                let parent = request.headers()["traceparent"].to_str().unwrap();
                assert!(
                    parent.contains(TRACE) && parent.ends_with(expected),
                    "{parent}"
                );
                response(200, "")
            });
            Response::new(body)
        });
        assert_eq!(flags(answer.headers()), expected);
    }
}

#[test]
fn a_body_that_is_there_at_once_ends_the_request_before_the_head_leaves() {
    let stage = Stage::recording();
    stage.keeper.keep_errors();
    let answer = stage.serve(caller("00"), |_| response(503, "out of tea"));
    assert_eq!(
        flags(answer.headers()),
        "01",
        "the policy saw the span's end"
    );

    let mut body = answer.into_body();
    assert_eq!(
        (body.size_hint().exact(), body.is_end_stream()),
        (Some(10), false)
    );
    let frame = poll_once(&mut body).unwrap().unwrap();
    assert_eq!(frame.into_data().unwrap(), "out of tea");
    assert_eq!(
        (body.size_hint().exact(), body.is_end_stream()),
        (Some(0), true)
    );
    assert!(poll_once(&mut body).is_none());
}

#[test]
fn a_sampled_request_is_kept_and_its_span_and_metric_say_the_same() {
    let stage = Stage::sampling();
    let answer = stage.serve(caller("01"), |_| {
        stage.clock.advance(Duration::from_millis(20));
        assert_eq!(
            Context::current()
                .span()
                .span_context()
                .trace_id()
                .to_string(),
            TRACE
        );
        response(404, "")
    });
    assert_eq!(flags(answer.headers()), "01");
    let span = stage.span();
    assert_eq!(
        (span.name.as_ref(), span.span_kind.clone()),
        ("GET", SpanKind::Server)
    );
    assert_eq!(
        span.parent_span_id,
        SpanId::from_hex("00f067aa0ba902b7").unwrap()
    );
    assert_eq!(attribute(&span, "http.response.status_code"), "404");
    // The caller is at fault.
    assert_eq!(span.status, Status::Unset);
    assert_eq!(
        span.end_time.duration_since(span.start_time).unwrap(),
        Duration::from_millis(20)
    );
    let measured = stage.measured("http.server.request.duration");
    assert_eq!(measured.sum, 0.02);
    assert_eq!(
        measured.attributes,
        "http.request.method=GET,http.response.status_code=404,network.protocol.version=1.1,url.scheme=http"
    );
}

#[test]
fn a_streamed_body_ends_the_request_and_its_trailers_have_the_last_word() {
    let stage = Stage::recording();
    let (body, sender) = channel();
    let mut request = caller("00");
    request
        .headers_mut()
        .insert("te", "trailers".parse().unwrap());
    let answer = stage.serve(request, |_| Response::new(body));
    assert_eq!(flags(answer.headers()), "00");
    assert_eq!(answer.headers()["trailer"], "traceresponse");

    let mut body = answer.into_body();
    sender.data("tea");
    assert!(poll_once(&mut body).unwrap().unwrap().is_data());
    // Long after the head, and before the end.
    stage.keeper.keep(TraceId::from_hex(TRACE).unwrap());
    drop(sender);
    assert!(!body.is_end_stream());
    let trailers = poll_once(&mut body)
        .unwrap()
        .unwrap()
        .into_trailers()
        .unwrap();
    assert_eq!(flags(&trailers), "01");
    assert!(poll_once(&mut body).is_none() && body.is_end_stream());
}

#[test]
fn nobody_gets_trailers_who_did_not_ask() {
    let stage = Stage::recording();
    let (body, sender) = channel();
    let answer = stage.serve(caller("00"), |_| Response::new(body));
    assert!(!answer.headers().contains_key("trailer"));
    drop(sender);
    assert!(poll_once(&mut answer.into_body()).is_none());
}

fn grpc(mut request: Request<()>) -> Request<()> {
    *request.uri_mut() = "/shop.Stock/Left".parse().unwrap();
    let kind = "application/grpc".parse().unwrap();
    request.headers_mut().insert("content-type", kind);
    request
}

fn grpc_body(
    status: &'static str,
) -> impl http_body::Body<Data = Bytes, Error = Infallible> + Unpin {
    let trailers =
        HeaderMap::from_iter([("grpc-status".parse().unwrap(), status.parse().unwrap())]);
    let frames = [
        Frame::data(Bytes::from("message")),
        Frame::trailers(trailers),
    ];
    StreamBody::new(futures_of(frames))
}

fn futures_of(
    frames: impl IntoIterator<Item = Frame<Bytes>>,
) -> impl tokio_stream::Stream<Item = Result<Frame<Bytes>, Infallible>> + Unpin {
    tokio_stream::iter(frames.into_iter().map(Ok).collect::<Vec<_>>())
}

#[test]
fn grpc_has_the_last_word_in_its_trailing_metadata() {
    let stage = Stage::recording();
    stage.keeper.keep_errors();
    let answer = stage.serve(grpc(caller("00")), |_| Response::new(grpc_body("13")));
    assert_eq!(flags(answer.headers()), "00");
    let mut body = answer.into_body();
    assert!(poll_once(&mut body).unwrap().unwrap().is_data());
    let trailers = poll_once(&mut body)
        .unwrap()
        .unwrap()
        .into_trailers()
        .unwrap();
    assert_eq!(flags(&trailers), "01");
    assert_eq!(trailers["grpc-status"], "13");
    let measured = stage.measured("rpc.server.call.duration");
    assert_eq!(
        measured.attributes,
        "error.type=INTERNAL,network.protocol.version=1.1,rpc.method=shop.Stock/Left,\
         rpc.response.status_code=INTERNAL,rpc.system.name=grpc"
    );
}

#[test]
fn a_grpc_error_without_body_has_it_in_its_head() {
    let stage = Stage::recording();
    stage.keeper.keep_errors();
    let answer = stage.serve(grpc(caller("00")), |_| {
        let response = Response::builder().header("grpc-status", "14");
        response.body(Empty::<Bytes>::new()).unwrap()
    });
    assert_eq!(flags(answer.headers()), "01");
}

#[test]
fn methods_that_do_not_exist_make_no_series() {
    let stage = Stage::sampling();
    stage.serve(grpc(caller("01")), |_| {
        let response = Response::builder().header("grpc-status", "12");
        response.body(Empty::<Bytes>::new()).unwrap()
    });
    let measured = stage.measured("rpc.server.call.duration").attributes;
    assert!(measured.contains("rpc.method=_OTHER"), "{measured}");
    assert_eq!(attribute(&stage.span(), "rpc.method"), "shop.Stock/Left");
    assert_eq!(stage.span().name, "grpc");
}

/// Whoever scans for methods meets a proxy, a panic or a login page, or does not wait for the answer.
#[test]
fn a_scanner_makes_no_series() {
    type Answer = fn() -> Response<Full<Bytes>>;
    let answers: [Answer; 5] = [
        || response(401, "log in"),
        || response(403, ""),
        || response(405, ""),
        || response(200, "welcome"),
        || panic!("no such page"),
    ];
    for answer in answers {
        let stage = Stage::sampling();
        let served = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            stage.serve(grpc(caller("01")), |_| answer())
        }));
        // Dropped before its end.
        drop(served);
        let measured = stage.measured("rpc.server.call.duration").attributes;
        assert!(measured.contains("rpc.method=_OTHER"), "{measured}");
        assert_eq!(stage.span().name, "grpc");
    }
}

#[test]
fn a_layer_shows_nothing_of_what_is_kept() {
    let shown = format!("{:?}", Stage::recording().layers());
    assert!(shown.contains("keeper: true"), "{shown}");
    assert!(!shown.contains("Keeper"), "{shown}");
}

#[test]
fn a_request_that_is_not_served_to_its_end_is_cancelled() {
    let stage = Stage::sampling();
    let (body, sender) = channel();
    let answer = stage.serve(caller("01"), |_| Response::new(body));
    sender.data("te");
    let mut body = answer.into_body();
    assert!(poll_once(&mut body).unwrap().is_ok());
    drop(body);
    assert_eq!(attribute(&stage.span(), "error.type"), "cancelled");
    assert_eq!(stage.span().status, Status::Unset);
}

#[test]
fn a_body_that_has_all_its_promised_bytes_is_complete_without_being_asked_again() {
    let stage = Stage::sampling();
    let (body, sender) = channel();
    let answer = stage.serve(caller("01"), |_| {
        Response::builder()
            .header("content-length", "3")
            .body(body)
            .unwrap()
    });
    sender.data("tea");
    let mut body = answer.into_body();
    assert!(poll_once(&mut body).unwrap().is_ok());
    drop(body);
    assert_eq!(attribute(&stage.span(), "error.type"), "");
}

#[test]
fn a_body_for_nobody_is_complete_at_once() {
    let stage = Stage::sampling();
    let mut request = caller("01");
    *request.method_mut() = http::Method::HEAD;
    let (body, _sender) = channel();
    drop(stage.serve(request, |_| Response::new(body)));
    assert_eq!(attribute(&stage.span(), "error.type"), "");
}

#[test]
fn a_handler_that_panics_is_recorded_and_the_panic_goes_on() {
    let stage = Stage::sampling();
    let panicked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        stage.serve(caller("01"), |_| -> Response<Full<Bytes>> {
            panic!("no tea")
        })
    }));
    assert!(panicked.is_err());
    assert_eq!(attribute(&stage.span(), "error.type"), "panic");
    assert_eq!(stage.span().status, Status::error("panicked"));
}

#[test]
fn a_client_hands_the_trace_on_and_its_span_ends_with_the_body() {
    let stage = Stage::sampling();
    let answer = stage.call(
        Request::get("http://stock/left").body(()).unwrap(),
        |request| {
            let span = Context::current().span().span_context().clone();
            let parent = request.headers()["traceparent"].to_str().unwrap();
            assert_eq!(
                parent,
                format!("00-{}-{}-03", span.trace_id(), span.span_id())
            );
            assert_eq!(request.headers()["te"], "trailers");
            response(500, "out of tea")
        },
    );
    assert!(stage.spans().is_empty());
    let body = stage
        .runtime
        .block_on(answer.into_body().collect())
        .unwrap();
    assert_eq!(body.to_bytes(), "out of tea");
    let span = stage.span();
    assert_eq!(
        (span.name.as_ref(), span.span_kind.clone()),
        ("GET", SpanKind::Client)
    );
    assert_eq!(attribute(&span, "error.type"), "500");
    assert_eq!(span.status, Status::error(""));
    assert_eq!(
        stage.measured("http.client.request.duration").attributes,
        "error.type=500,http.request.method=GET,http.response.status_code=500,server.address=stock,server.port=80"
    );
}

#[test]
fn a_client_does_not_hand_on_what_it_was_given_for_another_span() {
    let stage = Stage::sampling();
    let request = Request::get("http://stock/left")
        .header(
            "traceparent",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00",
        )
        .header("tracestate", "ot=th:0");
    stage.call(request.body(()).unwrap(), |request| {
        assert_eq!(request.headers().get_all("traceparent").iter().count(), 1);
        assert!(
            !request.headers()["traceparent"]
                .to_str()
                .unwrap()
                .contains(TRACE)
        );
        assert!(!request.headers().contains_key("tracestate"));
        response(200, "")
    });
}

#[test]
fn what_is_kept_before_a_call_travels_downstream() {
    let stage = Stage::recording();
    let keeper = stage.keeper.clone();
    stage.call(
        Request::get("http://stock/left").body(()).unwrap(),
        |request| {
            assert!(
                request.headers()["traceparent"]
                    .to_str()
                    .unwrap()
                    .ends_with("-02")
            );
            keeper.keep_current(KeepReason::Outlier);
            response(200, "")
        },
    );
    let trace = stage.keeper.asked()[0].0;
    stage.call_in(trace, |request| {
        assert!(
            request.headers()["traceparent"]
                .to_str()
                .unwrap()
                .ends_with("-03")
        );
        assert!(!request.headers().contains_key("tracestate"));
        response(200, "")
    });
}

/// What a client asks of its keeper after this answer, where the ids of its own span stand in for `{ids}`.
fn asked(stage: &Stage, head: &'static str, trailer: &'static str) -> usize {
    let ids = || {
        let span = Context::current().span().span_context().clone();
        format!("{}-{}", span.trace_id(), SpanId::from(7))
    };
    let answer = stage.call(Request::get("http://stock/left").body(()).unwrap(), |_| {
        let mut trailers = HeaderMap::new();
        trailers.insert(
            "traceresponse",
            trailer.replace("{ids}", &ids()).parse().unwrap(),
        );
        let body = StreamBody::new(futures_of([
            Frame::data("tea".into()),
            Frame::trailers(trailers),
        ]));
        let response = Response::builder().header("traceresponse", head.replace("{ids}", &ids()));
        response.body(body).unwrap()
    });
    stage
        .runtime
        .block_on(answer.into_body().collect())
        .unwrap();
    stage.keeper.asked().len()
}

#[test]
fn a_client_keeps_its_part_where_the_server_says_so_in_head_or_trailers() {
    let stage = Stage::recording();
    assert_eq!(asked(&stage, "00-{ids}-00", "00-{ids}-00"), 0);
    assert_eq!(asked(&stage, "00-{ids}-01", "00-{ids}-01"), 2);
    assert_eq!(asked(&stage, "00-{ids}-00", "00-{ids}-03"), 3);
    let (_, _, why) = stage.keeper.asked()[0];
    assert_eq!(why, KeepReason::Neighbour);
}

#[test]
fn an_answer_for_another_trace_or_none_at_all_is_not_heeded() {
    let stage = Stage::recording();
    let foreign = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    assert_eq!(asked(&stage, foreign, "nonsense"), 0);
    assert_eq!(asked(&stage, "00-{ids}", "ff-{ids}-01"), 0);
}

#[test]
fn without_answers_a_client_heeds_none_and_a_server_gives_none() {
    let stage = Stage::recording().without_answers();
    assert_eq!(asked(&stage, "00-{ids}-01", "00-{ids}-01"), 0);

    let stage = Stage::recording().without_answers();
    let (body, sender) = channel();
    let mut request = caller("01");
    let trailers = "trailers".parse().unwrap();
    request.headers_mut().insert("te", trailers);
    let answer = stage.serve(request, |_| Response::new(body));
    assert!(!answer.headers().contains_key("traceresponse"));
    assert!(!answer.headers().contains_key("trailer"));
    drop(sender);
    assert!(poll_once(&mut answer.into_body()).is_none());
}

#[test]
fn a_client_that_is_sampled_has_nothing_to_ask_for() {
    let stage = Stage::sampling();
    assert_eq!(asked(&stage, "00-{ids}-01", "00-{ids}-01"), 0);
}

#[test]
fn a_call_that_fails_says_how() {
    let stage = Stage::sampling();
    let failed = stage.call_failing("connection refused");
    assert_eq!(failed, "connection refused");
    assert_eq!(
        attribute(&stage.span(), "error.type"),
        "alloc::string::String"
    );
    assert_eq!(stage.span().status, Status::error("connection refused"));
}

#[test]
fn a_response_that_a_client_does_not_read_is_no_error() {
    let stage = Stage::sampling();
    let (body, _sender) = channel();
    let answer = stage.call(Request::get("http://stock/left").body(()).unwrap(), |_| {
        Response::new(body)
    });
    assert_eq!(answer.status(), StatusCode::OK);
    drop::<Response<super::ResponseBody<Channel>>>(answer);
    assert_eq!(attribute(&stage.span(), "error.type"), "");
}
