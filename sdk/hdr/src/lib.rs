//! HDR histograms that threads record into without a lock.
//!
//! `hdrhistogram` keeps quantiles within a stated relative error, but recording wants `&mut`. Here every thread counts
//! into words of its own ([`throughline_cells`]), and a collection merges the counts of all of them: what leaves is an
//! [`hdrhistogram::Histogram`]. This crate knows nothing of metrics, nor of clocks: time is an argument.
//!
//! ```
//! use throughline_hdr::{Range, Recorder};
//!
//! // Seconds, told apart from a microsecond on, up to a minute, to three digits.
//! let latency = Recorder::new(Range::floats(1e-6, 60.0, 3)?);
//! std::thread::scope(|s| {
//!     for thread in 0..4 {
//!         let latency = &latency;
//!         s.spawn(move || (0..250).for_each(|n| latency.record_f64(f64::from(n * 4 + thread) * 1e-3)));
//!     }
//! });
//! let counts = latency.collect();
//! assert_eq!(counts.len(), 1000);
//! let p99 = counts.quantile_f64(0.99).unwrap();
//! assert!((p99 / 0.989 - 1.0).abs() < 1e-3);
//! // The same as a histogram of microseconds.
//! assert_eq!(counts.histogram().value_at_quantile(0.99), 989_183);
//! # Ok::<(), throughline_hdr::Error>(())
//! ```
//!
//! | type | what it is |
//! |---|---|
//! | [`Range`] | which values are told apart, and to how many digits |
//! | [`Recorder`] | where threads record |
//! | [`Counts`] | what they recorded, merged: quantiles, sums of several, differences, an `hdrhistogram::Histogram` |
//! | [`Window`] | a ring of counts: those of the last minutes |
//! | [`RollingQuantile`] | one quantile of such a window, ready to be compared with |
//! | [`Budget`] | the memory that recorders share; where it ends, precision falls from three digits to two |
//!
//! # Layout
//!
//! A thread's counts are one array ([`throughline_cells::Blocks`]). Slots are grouped in chunks of 32, which come to
//! life when they are touched, so that a thread pays for the values it saw and not for those that it could see:
//!
//! ```text
//!  [ fine window | coarse window | end ][ directory of fine chunks … | of coarse chunks … ][ chunk | chunk | … free ]
//!     first, len                           word of the chunk, or none                          32 counts each
//! ```
//!
//! A directory covers the chunks from the lowest to the highest that the thread touched. Where one more chunk does not
//! fit, the thread writes a larger array and publishes it; the next collection frees the old one, so there should be
//! one now and then. Fine slots have the digits asked for; coarse ones two. Coarse chunks come to life where fine ones
//! would have, once the budget is spent, and nothing that was counted ever moves: a slot's count never decreases.
//!
//! # The hot path
//!
//! [`Recorder::record`], all of it, when the thread has seen a value near by:
//!
//! ```text
//! if value > high                    → cold: clamp, count that
//! shift = highest bit of (value | mask) − half           // the octave decides how many bits are dropped
//! slot  = (shift − unit << half) + (value >> shift)
//! row   = this thread's array                            → cold: none yet, or the thread is ending
//! chunk = row.directory[slot / 32]                       → cold: outside the window, or not alive
//! row[chunk + slot % 32] += 1                            // load, add, store
//! ```
//!
//! The budget is 1.5 times what `hdrhistogram` costs on one thread; `examples/instructions.rs` counts both.

mod block;
mod budget;
mod chunks;
mod counts;
mod error;
mod layout;
mod range;
mod recorder;
mod rolling;
mod window;

pub use budget::Budget;
pub use counts::{Counts, Slot};
pub use error::Error;
pub use range::Range;
pub use recorder::{Outside, Recorder};
pub use rolling::RollingQuantile;
pub use window::Window;
