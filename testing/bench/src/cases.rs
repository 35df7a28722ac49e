//! The cases, a file a theme.

mod attributes;
mod bound;
mod collecting;
mod exemplars;
mod hdr;
mod histogram;
mod machine;
mod operation;
mod sampling;
mod scrape;

use crate::case::Case;

/// All of them, in the order they are measured.
pub fn all() -> Vec<Case> {
    [
        machine::cases(),
        bound::cases(),
        attributes::cases(),
        histogram::cases(),
        hdr::cases(),
        exemplars::cases(),
        collecting::cases(),
        operation::cases(),
        sampling::cases(),
        scrape::cases(),
    ]
    .into_iter()
    .flatten()
    .collect()
}
