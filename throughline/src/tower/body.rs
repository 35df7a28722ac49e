//! The body of a response, until its end.

use std::fmt;
use std::pin::Pin;
use std::task::{Context as TaskContext, Poll};

use bytes::Buf;
use http::header::{CONTENT_LENGTH, TRAILER};
use http::{HeaderMap, HeaderName, HeaderValue, Response};
use http_body::{Body, Frame, SizeHint};
use throughline_samplers::propagator::TraceResponse;

use super::exchange::{End, Exchange};

const ANSWER: HeaderName = HeaderName::from_static(TraceResponse::HEADER);

/// The body of a response that passed a [`ServerLayer`](super::ServerLayer) or a
/// [`ClientLayer`](super::ClientLayer). Its span is current while it is polled and while it is dropped, and ends with
/// it.
///
/// ```
/// use throughline::tower::ResponseBody;
///
/// /// What a client behind the layer gets.
/// fn status<B>(response: http::Response<ResponseBody<B>>) -> http::StatusCode
/// where
///     B: http_body::Body<Error: std::fmt::Display> + Unpin,
/// {
///     response.status()
/// }
/// ```
pub struct ResponseBody<B: Body> {
    /// `None` while it is dropped.
    body: Option<B>,
    exchange: Exchange,
    /// What was there when the head left.
    first: Option<Polled<B>>,
    /// How many bytes are to come, where the head says it. Whoever has them all may not ask for the end.
    left: Option<u64>,
    /// The head announced an answer after the body.
    announced: bool,
    /// The body said that it is over, or failed.
    over: bool,
}

/// What a body gives, until it is over.
type Polled<B> = Result<Frame<<B as Body>::Data>, <B as Body>::Error>;

impl<B: Body<Error: fmt::Display> + Unpin> ResponseBody<B> {
    /// What a server sends. Where the body is there at once, the request ends now and the head has the last word.
    pub(super) fn sent(
        response: Response<B>,
        mut exchange: Exchange,
        task: &mut TaskContext<'_>,
    ) -> Response<Self> {
        exchange.head(&response);
        let (mut head, body) = response.into_parts();
        let mut body = Self::new(body, exchange, &head.headers);
        body.look(task);
        body.announced = body.is_streamed(&head.headers);
        if body.announced {
            head.headers
                .append(TRAILER, HeaderValue::from_static(TraceResponse::HEADER));
        }
        if let Some(answer) = body.exchange.answer() {
            head.headers.insert(ANSWER, answer);
        }
        Response::from_parts(head, body)
    }

    /// What a client receives.
    pub(super) fn received(response: Response<B>, mut exchange: Exchange) -> Response<Self> {
        exchange.head(&response);
        let (head, body) = response.into_parts();
        let mut body = Self::new(body, exchange, &head.headers);
        if body.is_complete() {
            body.exchange.end(End::Complete);
        }
        Response::from_parts(head, body)
    }

    fn new(body: B, exchange: Exchange, head: &HeaderMap) -> Self {
        let length = head.get(CONTENT_LENGTH).and_then(|it| it.to_str().ok());
        Self {
            body: Some(body),
            exchange,
            first: None,
            left: length.and_then(|length| length.parse().ok()),
            announced: false,
            over: false,
        }
    }

    /// Asks once for the first frame. A body that is made already gives all that it has, and one that is still being
    /// made is not waited for. gRPC has trailers for its last word.
    fn look(&mut self, task: &mut TaskContext<'_>) {
        let request = self.exchange.request();
        if !request.head && !request.grpc && !self.is_complete() {
            let _in_span = self.exchange.attach();
            if let Poll::Ready(first) = self.poll_body(task) {
                self.over = first.is_none();
                self.first = first;
            }
        }
        let rest = matches!(&self.first, Some(first) if !first.as_ref().is_ok_and(Frame::is_data));
        if self.exchange.request().head || (self.is_complete() && !rest) {
            self.exchange.end(End::Complete);
        }
    }

    /// Whether there is to be an answer after the body: somebody reads it, and the body has no length that was
    /// promised already.
    fn is_streamed(&self, head: &HeaderMap) -> bool {
        let request = self.exchange.request();
        let length_known = head.contains_key(CONTENT_LENGTH) || self.size_hint().exact().is_some();
        let answers = request.answers && request.wants_trailers;
        answers && !request.grpc && !self.exchange.has_ended() && !length_known
    }

    /// Whether nothing more will come from the body itself.
    fn is_complete(&self) -> bool {
        self.over || self.left == Some(0) || self.body.as_ref().is_none_or(Body::is_end_stream)
    }

    fn poll_body(&mut self, task: &mut TaskContext<'_>) -> Poll<Option<Polled<B>>> {
        let Some(body) = self.body.as_mut().filter(|_| !self.over) else {
            return Poll::Ready(None);
        };
        let polled = Pin::new(body).poll_frame(task);
        if let (Poll::Ready(Some(Ok(frame))), Some(left)) = (&polled, self.left.as_mut()) {
            let data = frame.data_ref().map_or(0, Buf::remaining);
            *left = left.saturating_sub(data as u64);
        }
        polled
    }

    /// What is to be sent on after this frame has come.
    fn passed(&mut self, frame: Frame<B::Data>) -> Frame<B::Data> {
        match frame.into_trailers() {
            Err(data) => {
                if self.is_complete() {
                    self.exchange.end(End::Complete);
                }
                data
            }
            Ok(mut trailers) => {
                self.exchange.trailers(&trailers);
                self.exchange.end(End::Complete);
                self.announced = false;
                if self.exchange.side().server
                    && let Some(answer) = self.exchange.answer()
                {
                    trailers.insert(ANSWER, answer);
                }
                Frame::trailers(trailers)
            }
        }
    }

    /// The answer after a body without trailers, if one was announced.
    fn last(&mut self) -> Option<Frame<B::Data>> {
        self.over = true;
        self.exchange.end(End::Complete);
        let announced = std::mem::take(&mut self.announced);
        let answer = self.exchange.answer().filter(|_| announced)?;
        Some(Frame::trailers(HeaderMap::from_iter([(ANSWER, answer)])))
    }
}

// Nothing but the body is ever pinned.
impl<B: Body + Unpin> Unpin for ResponseBody<B> {}

impl<B: Body<Error: fmt::Display> + Unpin> Body for ResponseBody<B> {
    type Data = B::Data;
    type Error = B::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        task: &mut TaskContext<'_>,
    ) -> Poll<Option<Result<Frame<B::Data>, B::Error>>> {
        let this = self.get_mut();
        let _in_span = this.exchange.attach();
        let polled = match this.first.take() {
            Some(first) => Poll::Ready(Some(first)),
            None => this.poll_body(task),
        };
        polled.map(|frame| match frame {
            Some(Ok(frame)) => Some(Ok(this.passed(frame))),
            Some(Err(error)) => {
                (this.over, this.announced) = (true, false);
                this.exchange.end(End::Failed {
                    error_type: std::any::type_name::<B::Error>(),
                    description: error.to_string(),
                });
                Some(Err(error))
            }
            None => this.last().map(Ok),
        })
    }

    fn is_end_stream(&self) -> bool {
        let over = self.over || self.body.as_ref().is_none_or(Body::is_end_stream);
        self.first.is_none() && !self.announced && over
    }

    fn size_hint(&self) -> SizeHint {
        let mut hint = match &self.body {
            Some(body) if !self.over => body.size_hint(),
            _ => SizeHint::with_exact(0),
        };
        if let Some(Ok(first)) = &self.first {
            let here = first.data_ref().map_or(0, Buf::remaining) as u64;
            let (lower, upper) = (hint.lower(), hint.upper());
            hint = SizeHint::new();
            hint.set_lower(lower.saturating_add(here));
            if let Some(upper) = upper {
                hint.set_upper(upper.saturating_add(here));
            }
        }
        hint
    }
}

impl<B: Body> Drop for ResponseBody<B> {
    fn drop(&mut self) {
        let _in_span = self.exchange.attach();
        self.body = None;
        // A caller that does not read to the end has what it wants, unless the status stands there. A server whose
        // caller does not is cancelled: that is the exchange's own end.
        if !self.exchange.side().server && !self.exchange.request().grpc {
            self.exchange.end(End::Complete);
        }
    }
}

impl<B: Body> fmt::Debug for ResponseBody<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResponseBody")
            .field("exchange", &self.exchange)
            .finish_non_exhaustive()
    }
}
