//! Spans on their way out: the bounded queue, the batches and the outcome of each.
