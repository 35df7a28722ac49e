//! The word that ends the run: Ctrl-C, or the end of the time.

use std::sync::Arc;

use tokio::sync::watch;

/// Ends everything that waits for it, once. Clones share the word.
#[derive(Clone)]
pub(crate) struct Stop(Arc<watch::Sender<bool>>);

impl Stop {
    /// A word that Ctrl-C speaks. A second Ctrl-C ends the program at once, as ever.
    pub(crate) fn on_ctrl_c() -> Self {
        let stop = Self(Arc::new(watch::Sender::new(false)));
        let spoken = stop.clone();
        tokio::spawn(async move {
            if tokio::signal::ctrl_c().await.is_ok() {
                spoken.now();
                if tokio::signal::ctrl_c().await.is_ok() {
                    std::process::exit(130);
                }
            }
        });
        stop
    }

    /// Speaks it.
    pub(crate) fn now(&self) {
        self.0.send_replace(true);
    }

    /// Waits for it.
    pub(crate) async fn wait(&self) {
        let mut spoken = self.0.subscribe();
        // The sender lives as long as `self`, so waiting cannot fail.
        let _ = spoken.wait_for(|stop| *stop).await;
    }
}
