//! OpenTelemetry's own entry of `tracestate`.

use opentelemetry::trace::{TraceId, TraceState};

use super::randomness::Randomness;
use super::threshold::Threshold;

/// What the `ot` entry of a `tracestate` says about sampling.
///
/// ```text
/// tracestate: ot=th:fd70a;rv:6e6d1a75832a2f,vendor=anything
///             └┬┘└───┬──┘ └───────┬───────┘ └──────┬──────┘
///            entry threshold  randomness      never touched
/// ```
///
/// Whatever the string, reading it never fails: what is not understood is not there.
///
/// - The entry is a list of `key:value`, separated by `;`, of at most 256 characters. A member that is not
///   of that form, a `th` that is not 1 to 14 and an `rv` that is not 14 lower-case hexadecimal digits are
///   malformed; a key counts once, with the last of its values, malformed or not.
/// - Sub-keys other than `th` and `rv` are kept, in order and to the letter.
/// - An entry that needs no change leaves byte for byte as it came, at its place. One that is changed moves
///   to the front of the list (W3C Trace Context, "Mutating the tracestate Field"), with `th` first and
///   without what was malformed. One of which nothing is left goes.
/// - So what leaves is well-formed, even where what came was not, and `rv` is never altered.
/// - Should there be several `ot` entries, which W3C forbids, the first counts and the others go.
/// - Entries of other vendors stay as they are, in order. The list holds 32; an `ot` entry that is new to a
///   full list pushes the last one out, as W3C asks.
///
/// Specification: `trace/tracestate-handling.md`.
///
/// # Example
///
/// ```
/// use opentelemetry::trace::TraceState;
/// use throughline_samplers::probability::OtelTraceState;
///
/// let state: TraceState = "vendor=1,ot=rv:6e6d1a75832a2f;th:8".parse().unwrap();
/// let ot = OtelTraceState::of(&state);
/// assert_eq!(ot.threshold(), Some("8".parse()?));
/// assert_eq!(ot.randomness(), Some("6e6d1a75832a2f".parse()?));
///
/// // A span that is dropped carries no threshold.
/// assert_eq!(ot.with_threshold(None).header(), "ot=rv:6e6d1a75832a2f,vendor=1");
/// # Ok::<(), throughline_samplers::Error>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct OtelTraceState<'a> {
    state: &'a TraceState,
    /// The first `ot` entry's, or empty.
    value: &'a str,
    threshold: Option<Threshold>,
    randomness: Option<Randomness>,
    /// Whether the one entry may leave as it came: every member is well-formed and no key occurs twice.
    well_formed: bool,
}

/// The key of the entry.
const OT: &str = "ot";
/// The longest value of the entry, in bytes; all that may be in it is ASCII.
const MAX_LENGTH: usize = 256;
/// `th:`, 14 digits and `;`.
const LONGEST_TH: usize = 18;

impl<'a> OtelTraceState<'a> {
    /// Reads the entry, if there is one.
    ///
    /// ```
    /// use opentelemetry::trace::TraceState;
    /// use throughline_samplers::probability::OtelTraceState;
    ///
    /// assert_eq!(OtelTraceState::of(&TraceState::NONE).threshold(), None);
    /// ```
    pub fn of(state: &'a TraceState) -> Self {
        let mut ot = Self {
            state,
            value: "",
            threshold: None,
            randomness: None,
            well_formed: true,
        };
        if !is_empty(state) {
            ot.find();
        }
        ot
    }

    /// `th`, if it is there and well-formed.
    ///
    /// ```
    /// use opentelemetry::trace::TraceState;
    /// use throughline_samplers::probability::{OtelTraceState, Threshold};
    ///
    /// let state: TraceState = "ot=th:0".parse().unwrap();
    /// assert_eq!(OtelTraceState::of(&state).threshold(), Some(Threshold::ALWAYS));
    /// ```
    pub fn threshold(&self) -> Option<Threshold> {
        self.threshold
    }

    /// `rv`, if it is there and well-formed.
    ///
    /// ```
    /// use opentelemetry::trace::TraceState;
    /// use throughline_samplers::probability::OtelTraceState;
    ///
    /// let too_short: TraceState = "ot=rv:0123".parse().unwrap();
    /// assert_eq!(OtelTraceState::of(&too_short).randomness(), None);
    /// ```
    pub fn randomness(&self) -> Option<Randomness> {
        self.randomness
    }

    /// The same `tracestate` with this threshold, or with none.
    ///
    /// Where a threshold does not fit into 256 characters beside the other sub-keys, it is left out, and
    /// the one that was there goes all the same: a span says nothing rather than something wrong.
    ///
    /// ```
    /// use opentelemetry::trace::TraceState;
    /// use throughline_samplers::probability::{OtelTraceState, Threshold};
    ///
    /// let state: TraceState = "vendor=1,ot=p:8".parse().unwrap();
    /// let sampled = OtelTraceState::of(&state).with_threshold(Some(Threshold::ALWAYS));
    /// assert_eq!(sampled.header(), "ot=th:0;p:8,vendor=1");
    /// ```
    pub fn with_threshold(&self, threshold: Option<Threshold>) -> TraceState {
        self.written_to(self.state, threshold)
    }

    /// The randomness of a trace that has this: its `rv`, else the last 56 bits of its id.
    pub(crate) fn randomness_of(&self, trace: TraceId) -> Randomness {
        let explicit = self.randomness();
        explicit.unwrap_or_else(|| Randomness::from_trace_id(trace))
    }

    /// Another `tracestate` with this `ot` entry in place of its own.
    pub(super) fn written_to(
        &self,
        state: &TraceState,
        threshold: Option<Threshold>,
    ) -> TraceState {
        let as_it_came = self.well_formed && self.threshold == threshold;
        if as_it_came && (std::ptr::eq(state, self.state) || self.is_in(state)) {
            return state.clone();
        }
        if let Some(threshold) = threshold
            && is_empty(state)
            && self.value.is_empty()
        {
            return only(threshold);
        }
        let value = if as_it_came {
            self.value.to_owned()
        } else {
            self.rewritten(threshold)
        };
        let ot = (!value.is_empty()).then_some((OT, value.as_str()));
        let others = state.into_iter().filter(|(key, _)| *key != OT);
        // What came out of one `TraceState` goes into another: neither key nor value can be refused.
        TraceState::from_key_value(ot.into_iter().chain(others)).unwrap_or(TraceState::NONE)
    }

    /// Whether that `tracestate` has this entry and no other one.
    fn is_in(&self, state: &TraceState) -> bool {
        let mut entries = state.into_iter().filter(|(key, _)| *key == OT);
        let first = entries.next().map_or("", |(_, value)| value);
        first == self.value && entries.next().is_none()
    }

    /// The entry with this threshold, without what is malformed. Empty if nothing is left.
    fn rewritten(&self, threshold: Option<Threshold>) -> String {
        let mut entry = String::with_capacity(self.value.len() + LONGEST_TH);
        if let Some(threshold) = threshold {
            entry.push_str("th:");
            threshold.encode(&mut entry);
        }
        for (at, (key, value)) in self.members().enumerate() {
            let leaves = match key {
                "th" => false,
                "rv" => self.randomness.is_some(),
                _ => true,
            };
            if leaves && self.is_last_of_its_key(at, key) {
                for part in [if entry.is_empty() { "" } else { ";" }, key, ":", value] {
                    entry.push_str(part);
                }
            }
        }
        match threshold {
            Some(_) if entry.len() > MAX_LENGTH => self.rewritten(None),
            _ => entry,
        }
    }

    fn find(&mut self) {
        let mut entries = self.state.into_iter().filter(|(key, _)| *key == OT);
        if let Some((_, value)) = entries.next() {
            self.value = value;
            self.read();
            self.well_formed &= entries.next().is_none();
        }
    }

    fn read(&mut self) {
        if self.value.len() > MAX_LENGTH {
            // `TraceState` refuses it already.
            (self.value, self.well_formed) = ("", false);
            return;
        }
        let (mut thresholds, mut randomness, mut others) = (0, 0, 0);
        for given in split(self.value) {
            if let Some(th) = given.strip_prefix("th:") {
                thresholds += 1;
                self.threshold = Threshold::decode(th);
                self.well_formed &= self.threshold.is_some();
            } else if let Some(rv) = given.strip_prefix("rv:") {
                randomness += 1;
                self.randomness = Randomness::decode(rv);
                self.well_formed &= self.randomness.is_some();
            } else {
                others += 1;
                self.well_formed &= member(given).is_some();
            }
        }
        self.well_formed &= thresholds < 2 && randomness < 2;
        if others > 1 && self.well_formed {
            self.well_formed = self
                .members()
                .enumerate()
                .all(|(at, (key, _))| self.is_last_of_its_key(at, key));
        }
    }

    /// The well-formed members.
    fn members(&self) -> impl Iterator<Item = (&'a str, &'a str)> + use<'a> {
        split(self.value).filter_map(member)
    }

    fn is_last_of_its_key(&self, at: usize, key: &str) -> bool {
        self.members().skip(at + 1).all(|(later, _)| later != key)
    }
}

/// Whether there is no entry at all.
#[inline]
pub(crate) fn is_empty(state: &TraceState) -> bool {
    // Nearly every one is this one, which takes no call to see. A list may have become empty, too.
    *state == TraceState::NONE || state.into_iter().len() == 0
}

/// `ot=th:…` and nothing else.
pub(super) fn only(threshold: Threshold) -> TraceState {
    let mut value = String::with_capacity(LONGEST_TH);
    value.push_str("th:");
    threshold.encode(&mut value);
    TraceState::NONE
        .insert(OT, value)
        .unwrap_or(TraceState::NONE)
}

/// At each `;`. The entry is so short that a search made for long texts takes longer.
fn split(entry: &str) -> impl Iterator<Item = &str> {
    let mut rest = Some(entry);
    std::iter::from_fn(move || {
        let text = rest?;
        let end = text.bytes().position(|byte| byte == b';');
        rest = end.map(|end| &text[end + 1..]);
        Some(end.map_or(text, |end| &text[..end]))
    })
}

/// Key and value, if they are of the specified form (`tracestate-handling.md`, "Key" and "Value").
fn member(member: &str) -> Option<(&str, &str)> {
    let (key, value) = member.split_once(':')?;
    let key_is_good = key.starts_with(|first: char| first.is_ascii_lowercase())
        && key
            .bytes()
            .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit());
    let value_is_good = value
        .bytes()
        .all(|c| c.is_ascii_alphanumeric() || matches!(c, b'.' | b'_' | b'-'));
    (key_is_good && value_is_good).then_some((key, value))
}

#[cfg(test)]
mod tests;
