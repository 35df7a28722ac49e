//! What runs on the delivery thread for as long as it does.

use std::any::Any;
use std::future::Future;

use tokio::task::JoinError;

/// Spawns it. Should it end by a panic, which the runtime catches, that is said once: nothing does its work any more.
pub(super) fn spawn(what: &'static str, work: impl Future<Output = ()> + Send + 'static) {
    let work = tokio::spawn(work);
    tokio::spawn(async move {
        if let Some(said) = obituary(what, work.await) {
            tracing::warn!(target: "throughline", "{said}");
        }
    });
}

/// `None` where it ended in peace: its queue was shut down, or the runtime.
fn obituary(what: &str, ended: Result<(), JoinError>) -> Option<String> {
    let panic = ended.err()?.try_into_panic().ok()?;
    let said = message(&*panic);
    Some(format!(
        "{what} has stopped until the next start: it panicked: {said}"
    ))
}

fn message(panic: &(dyn Any + Send)) -> &str {
    let said = panic.downcast_ref::<&str>().copied();
    let said = said.or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    said.unwrap_or("no message")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_panic_is_said_with_its_message() {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .build()
            .unwrap();
        runtime.block_on(async {
            let said = async |task: tokio::task::JoinHandle<()>| {
                obituary("the delivery of spans", task.await)
            };
            assert_eq!(said(tokio::spawn(async {})).await, None);
            let pending = tokio::spawn(std::future::pending());
            pending.abort();
            assert_eq!(said(pending).await, None);
            let count = 7;
            let said = said(tokio::spawn(async move { panic!("lost {count}") })).await;
            assert_eq!(
                said.as_deref(),
                Some("the delivery of spans has stopped until the next start: it panicked: lost 7")
            );
        });
    }
}
