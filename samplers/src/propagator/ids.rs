//! `00-<trace id>-<span id>-<flags>`: what `traceparent` and `traceresponse` have in common.

use std::fmt;

use opentelemetry::trace::{SpanId, TraceFlags, TraceId};

/// The flag that says that the last 56 bits of the trace id are random.
pub(super) const RANDOM: TraceFlags = TraceFlags::new(0x02);

/// The flags that version 00 knows. Others are ignored where they come in and are zero where they go out.
const KNOWN: TraceFlags = TraceFlags::new(0x03);

/// ```text
/// 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01
/// 0  3                                36               53 55
/// ```
const LENGTH: usize = 55;

/// Both ids are valid: neither is all zeros.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Ids {
    pub(super) trace: TraceId,
    pub(super) span: SpanId,
    pub(super) flags: TraceFlags,
}

impl Ids {
    /// Reads version 00 to the letter, and of a later version, which may be longer, what it shares with 00.
    pub(super) fn parse(header: &str) -> Option<Self> {
        let known = header.as_bytes().get(..LENGTH)?;
        let well_formed = known.iter().enumerate().all(|(at, byte)| match at {
            2 | 35 | 52 => *byte == b'-',
            _ => matches!(byte, b'0'..=b'9' | b'a'..=b'f'),
        });
        let ends = match header.as_bytes().get(LENGTH) {
            None => true,
            Some(next) => *next == b'-' && !known.starts_with(b"00"),
        };
        if !well_formed || !ends || known.starts_with(b"ff") {
            return None;
        }
        // All of it is ASCII: no cut is within a character.
        let ids = Self {
            trace: TraceId::from_hex(&header[3..35]).ok()?,
            span: SpanId::from_hex(&header[36..52]).ok()?,
            flags: TraceFlags::new(u8::from_str_radix(&header[53..55], 16).ok()?) & KNOWN,
        };
        (ids.trace != TraceId::INVALID && ids.span != SpanId::INVALID).then_some(ids)
    }
}

impl fmt::Display for Ids {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "00-{}-{}-{:02x}",
            self.trace,
            self.span,
            self.flags & KNOWN
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

    #[test]
    fn what_is_well_formed_comes_back_as_it_was() {
        for flags in ["00", "01", "02", "03"] {
            let header = format!("{}{flags}", &GOOD[..53]);
            assert_eq!(Ids::parse(&header).unwrap().to_string(), header);
        }
    }

    #[test]
    fn flags_that_are_unknown_are_zeroed() {
        let header = format!("{}ff", &GOOD[..53]);
        assert_eq!(
            Ids::parse(&header).unwrap().to_string(),
            format!("{}03", &GOOD[..53])
        );
    }

    #[test]
    fn a_later_version_may_be_longer_and_version_00_may_not() {
        let later = GOOD.replacen("00", "01", 1);
        for good in [
            later.clone(),
            format!("{later}-"),
            format!("{later}-what-the-future-will-bring"),
        ] {
            assert_eq!(
                Ids::parse(&good).map(|it| it.to_string()).as_deref(),
                Some(GOOD),
                "{good}"
            );
        }
        for bad in [
            format!("{later}."),
            format!("{GOOD}-"),
            format!("{GOOD}-00"),
            GOOD.replacen("00", "ff", 1),
        ] {
            assert_eq!(Ids::parse(&bad), None, "{bad}");
        }
    }

    #[test]
    fn anything_else_is_no_header() {
        let mut bad: Vec<String> = (0..GOOD.len()).map(|at| GOOD[..at].to_owned()).collect();
        // Each character in turn: a digit that is none, a capital, a sign, a character of two bytes.
        for at in 0..GOOD.len() {
            for wrong in ["g", "A", "+", " ", "é", "\0"] {
                bad.push(format!("{}{wrong}{}", &GOOD[..at], &GOOD[at + 1..]));
            }
        }
        bad.push(format!("00-{}-00f067aa0ba902b7-01", "0".repeat(32)));
        bad.push(format!(
            "00-4bf92f3577b34da6a3ce929d0e0e4736-{}-01",
            "0".repeat(16)
        ));
        bad.push("-".repeat(55));
        bad.push("f".repeat(1 << 20));
        for header in bad {
            assert_eq!(Ids::parse(&header), None, "{header:.80}");
        }
    }
}
