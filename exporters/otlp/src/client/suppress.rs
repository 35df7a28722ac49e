//! No telemetry about sending telemetry.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context as TaskContext, Poll};

use opentelemetry::Context;

/// A future whose polls and whose drop run with telemetry suppressed (specification:
/// `context/README.md`; `opentelemetry`'s guard for it is `!Send`, so it cannot be held over an await, and
/// its `WithContext` drops the future outside of the context).
///
/// The context is otherwise the one current at the poll, which keeps spans of the caller from being held.
#[derive(Debug)]
pub(crate) struct Suppressed<F>(Option<Pin<Box<F>>>);

/// Runs `future` with telemetry suppressed.
pub(crate) fn suppressed<F: Future>(future: F) -> Suppressed<F> {
    Suppressed(Some(Box::pin(future)))
}

impl<F: Future> Future for Suppressed<F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, cx: &mut TaskContext<'_>) -> Poll<F::Output> {
        let _guard = Context::enter_telemetry_suppressed_scope();
        match &mut self.0 {
            Some(future) => future.as_mut().poll(cx),
            // Only `drop` takes the future out.
            None => Poll::Pending,
        }
    }
}

impl<F> Drop for Suppressed<F> {
    fn drop(&mut self) {
        let _guard = Context::enter_telemetry_suppressed_scope();
        self.0 = None;
    }
}

/// Spawns the connections' own tasks so that they are suppressed too.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Executor;

impl<F> hyper::rt::Executor<F> for Executor
where
    F: Future + Send + 'static,
    F::Output: Send,
{
    fn execute(&self, future: F) {
        tokio::spawn(suppressed(future));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Notes whether telemetry is suppressed where it is dropped.
    struct OnDrop<'a>(&'a mut Option<bool>);

    impl Drop for OnDrop<'_> {
        fn drop(&mut self) {
            *self.0 = Some(Context::is_current_telemetry_suppressed());
        }
    }

    #[tokio::test]
    async fn telemetry_is_suppressed_inside_and_not_after() {
        let inside = suppressed(async {
            tokio::task::yield_now().await;
            Context::is_current_telemetry_suppressed()
        });
        assert!(inside.await);
        assert!(!Context::is_current_telemetry_suppressed());
    }

    #[tokio::test]
    async fn telemetry_is_suppressed_where_a_future_is_given_up() {
        let mut seen = None;
        let noted = OnDrop(&mut seen);
        let never = suppressed(async move {
            let _noted = noted;
            std::future::pending::<()>().await;
        });
        drop(never);
        assert_eq!(seen, Some(true));
    }

    #[tokio::test]
    async fn tasks_of_the_executor_are_suppressed() {
        let (send, receive) = tokio::sync::oneshot::channel();
        hyper::rt::Executor::execute(&Executor, async move {
            let _ = send.send(Context::is_current_telemetry_suppressed());
        });
        assert_eq!(receive.await, Ok(true));
    }
}
