//! The cases, a file a theme.

mod attributes;
mod bound;
mod collecting;
mod exemplars;
pub(crate) mod hdr;
mod histogram;
mod machine;
pub(crate) mod operation;
mod retention;
mod sampling;
mod scrape;
mod spans;
mod touch;
mod unbound;

use crate::case::Case;

/// All of them, in the order they are measured.
pub fn all() -> Vec<Case> {
    [
        machine::cases(),
        bound::cases(),
        attributes::cases(),
        histogram::cases(),
        hdr::cases(),
        unbound::cases(),
        exemplars::cases(),
        collecting::cases(),
        touch::cases(),
        operation::cases(),
        spans::cases(),
        sampling::cases(),
        retention::cases(),
        scrape::cases(),
    ]
    .into_iter()
    .flatten()
    .collect()
}
