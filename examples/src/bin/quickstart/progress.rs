//! A line that shows how far the run is.

use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};

use crate::ledger::Ledger;

/// The line; draws nothing where standard error is not a terminal.
pub(crate) struct Progress(ProgressBar);

impl Progress {
    /// For a run of this length; `None` is a run without end.
    pub(crate) fn new(length: Option<Duration>) -> Self {
        let (bar, style) = match length {
            Some(length) => (
                ProgressBar::new(length.as_secs()),
                "{bar:30} {pos}/{len} s  {msg}",
            ),
            None => (
                ProgressBar::no_length(),
                "{spinner} {elapsed_precise}  {msg}  (Ctrl-C ends)",
            ),
        };
        if let Ok(style) = ProgressStyle::with_template(style) {
            bar.set_style(style);
        }
        Self(bar)
    }

    /// Redraws the line every second; runs until it is dropped.
    pub(crate) async fn follow(&self, ledger: &Ledger) {
        let mut second = tokio::time::interval(Duration::from_secs(1));
        second.tick().await; // the first one is at once
        loop {
            second.tick().await;
            self.0.inc(1);
            let (total, refused) = (ledger.total(), ledger.refused());
            self.0
                .set_message(format!("{total} requests, {refused} of them refused"));
        }
    }

    /// Takes the line away.
    pub(crate) fn end(self) {
        self.0.finish_and_clear();
    }
}
