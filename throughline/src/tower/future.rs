//! A response in the making.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context as TaskContext, Poll};

use http::Response;
use http_body::Body;

use super::ResponseBody;
use super::exchange::{End, Exchange};

pin_project_lite::pin_project! {
    /// The future of a response that passes a [`ServerLayer`](super::ServerLayer) or a
    /// [`ClientLayer`](super::ClientLayer). Its span is current while it is polled and while it is dropped.
    ///
    /// ```
    /// use throughline::tower::ResponseFuture;
    ///
    /// async fn answer<F, B, E>(response: ResponseFuture<F>) -> Result<http::StatusCode, E>
    /// where
    ///     F: Future<Output = Result<http::Response<B>, E>>,
    ///     B: http_body::Body<Error: std::fmt::Display> + Unpin,
    ///     E: std::fmt::Display,
    /// {
    ///     Ok(response.await?.status())
    /// }
    /// ```
    #[must_use = "futures do nothing unless polled"]
    pub struct ResponseFuture<F> {
        // `None` once it is ready: it is dropped inside the span.
        #[pin]
        future: Option<F>,
        // `None` once it is handed on.
        exchange: Option<Exchange>,
    }

    impl<F> PinnedDrop for ResponseFuture<F> {
        fn drop(this: Pin<&mut Self>) {
            let mut this = this.project();
            let Some(exchange) = this.exchange.take() else { return };
            let _in_span = exchange.attach();
            this.future.set(None);
        }
    }
}

impl<F> ResponseFuture<F> {
    /// Calls a service inside the span.
    pub(super) fn new(exchange: Exchange, call: impl FnOnce() -> F) -> Self {
        let mut exchange = UnlessUnwound(Some(exchange));
        let in_span = exchange.0.as_ref().map(Exchange::attach);
        let future = call();
        drop(in_span);
        Self {
            future: Some(future),
            exchange: exchange.0.take(),
        }
    }
}

impl<F, B, E> Future for ResponseFuture<F>
where
    F: Future<Output = Result<Response<B>, E>>,
    B: Body<Error: fmt::Display> + Unpin,
    E: fmt::Display,
{
    type Output = Result<Response<ResponseBody<B>>, E>;

    fn poll(self: Pin<&mut Self>, task: &mut TaskContext<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        // Taken for the time of the poll: one that unwinds drops it, as a panic.
        let (Some(exchange), Some(future)) =
            (this.exchange.take(), this.future.as_mut().as_pin_mut())
        else {
            return Poll::Pending;
        };
        let mut exchange = UnlessUnwound(Some(exchange));
        let in_span = exchange.0.as_ref().map(Exchange::attach);
        let polled = future.poll(task);
        let Poll::Ready(response) = polled else {
            *this.exchange = exchange.0.take();
            return Poll::Pending;
        };
        this.future.set(None);
        drop(in_span);
        let Some(mut exchange) = exchange.0.take() else {
            return Poll::Pending;
        };
        Poll::Ready(match response {
            Ok(response) if exchange.side().server => {
                Ok(ResponseBody::sent(response, exchange, task))
            }
            Ok(response) => Ok(ResponseBody::received(response, exchange)),
            Err(error) => {
                exchange.end(End::Failed {
                    error_type: std::any::type_name::<E>(),
                    description: error.to_string(),
                });
                Err(error)
            }
        })
    }
}

impl<F> fmt::Debug for ResponseFuture<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResponseFuture")
            .field("exchange", &self.exchange)
            .finish_non_exhaustive()
    }
}

struct UnlessUnwound(Option<Exchange>);

impl Drop for UnlessUnwound {
    fn drop(&mut self) {
        if let Some(exchange) = &mut self.0 {
            exchange.end(End::Panic);
        }
    }
}
