//! From OTLP's messages to plain data. What cannot be read is left out, counted, and its sender is told why.

mod common;
mod logs;
mod metrics;
mod traces;

pub(crate) use logs::logs;
pub(crate) use metrics::metrics;
pub(crate) use traces::traces;

/// What a request held.
#[derive(Debug)]
pub(crate) struct Decoded<T> {
    pub(crate) items: Vec<T>,
    /// How many items were left out.
    pub(crate) rejected: u64,
    /// Why the first of them was.
    pub(crate) reason: String,
}

impl<T> Decoded<T> {
    fn new() -> Self {
        Self {
            items: Vec::new(),
            rejected: 0,
            reason: String::new(),
        }
    }

    fn push(&mut self, item: Result<T, String>) {
        match item {
            Ok(item) => self.items.push(item),
            Err(reason) => {
                self.rejected += 1;
                if self.reason.is_empty() {
                    self.reason = reason;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests;
