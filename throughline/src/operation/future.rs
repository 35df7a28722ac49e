//! A future that is an operation.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context as TaskContext, Poll};

use opentelemetry::Context;

use super::Call;
use super::outcome::End;
use super::running::Running;

pin_project_lite::pin_project! {
    /// A future that runs as an operation. Made by [`Call::wrap`](crate::Call::wrap) and
    /// [`Call::try_wrap`](crate::Call::try_wrap).
    ///
    /// The operation's span is current while the future is polled and while it is dropped, so that what its
    /// destructors do belongs to the span too.
    ///
    /// # Example
    /// ```
    /// use throughline::Observed;
    /// # let telemetry = throughline::Telemetry::disabled();
    /// # let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    /// # runtime.block_on(async move {
    /// let ping = telemetry.operation("ping").build();
    ///
    /// let pinging: Observed<_> = ping.wrap(async { "pong" }); // not started yet
    /// assert_eq!(pinging.await, "pong");
    /// # });
    /// ```
    #[must_use = "futures do nothing unless polled"]
    pub struct Observed<F: Future> {
        // `None` once it is ready: it is dropped before the operation ends, inside its span.
        #[pin]
        future: Option<F>,
        state: State,
        judge: Judge<F::Output>,
    }

    impl<F: Future> PinnedDrop for Observed<F> {
        fn drop(this: Pin<&mut Self>) {
            let mut this = this.project();
            // Dropping `Running` ends the call as cancelled, after the future, even if that panics.
            let running = std::mem::replace(this.state, State::Ended);
            let State::Running(running) = running else { return };
            let _in_span = running.context().clone().attach();
            this.future.set(None);
        }
    }
}

#[derive(Debug)]
enum State {
    /// Not polled yet.
    Waiting(Call),
    Running(Running),
    Ended,
}

type Judge<T> = fn(&Running, &T) -> End;

/// How a result ends the call; a function pointer of this type fits every future of a `Result`.
pub(super) fn judge<T, E: fmt::Display + 'static>(running: &Running, result: &Result<T, E>) -> End {
    running.judge(result)
}

impl<F: Future> Observed<F> {
    pub(super) fn new(call: Call, future: F, judge: Judge<F::Output>) -> Self {
        Self {
            future: Some(future),
            state: State::Waiting(call),
            judge,
        }
    }
}

impl<F: Future> Future for Observed<F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, task: &mut TaskContext<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        let mut running = match std::mem::replace(this.state, State::Ended) {
            State::Waiting(call) => UnlessPending::new(call.into_running()),
            State::Running(running) => UnlessPending::new(running),
            // Polled after it was ready: like a fused future.
            State::Ended => return Poll::Pending,
        };
        let in_span = running.context().map(|it| it.clone().attach());
        let Some(future) = this.future.as_mut().as_pin_mut() else {
            return Poll::Pending;
        };
        let Poll::Ready(output) = future.poll(task) else {
            *this.state = running.pending();
            return Poll::Pending;
        };
        this.future.set(None);
        drop(in_span);
        running.ready(|running| (this.judge)(running, &output));
        Poll::Ready(output)
    }
}

impl<F: Future> fmt::Debug for Observed<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Observed")
            .field("state", &self.state)
            .finish_non_exhaustive()
    }
}

/// The call during one poll. Dropped before the poll came to a result, which is by unwinding, it ends the
/// call as a panic.
struct UnlessPending(Option<Running>);

impl UnlessPending {
    fn new(running: Running) -> Self {
        Self(Some(running))
    }

    fn context(&self) -> Option<&Context> {
        self.0.as_ref().map(Running::context)
    }

    /// The future is not ready: the call goes on.
    fn pending(&mut self) -> State {
        self.0.take().map_or(State::Ended, State::Running)
    }

    /// The future is ready: the call ends as its output says.
    fn ready(&mut self, judge: impl FnOnce(&Running) -> End) {
        if let Some(running) = &mut self.0 {
            let end = judge(running);
            running.end(end);
        }
        self.0 = None;
    }
}

impl Drop for UnlessPending {
    fn drop(&mut self) {
        if let Some(running) = &mut self.0 {
            running.end(End::panic());
        }
    }
}
