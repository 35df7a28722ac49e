//! `tracestate` where it comes in.

use opentelemetry::trace::TraceState;

/// What a list holds at most.
const MAX_MEMBERS: usize = 32;

/// Reads one list that may be spread over several headers. A list of which any part is malformed is dropped as a
/// whole, as W3C asks, and so is one with more than 32 members.
///
/// Specification: W3C Trace Context, "tracestate Header Field Values" and "Parse the tracestate".
pub(super) fn parse<'a>(headers: impl IntoIterator<Item = &'a str>) -> TraceState {
    read(headers).unwrap_or(TraceState::NONE)
}

fn read<'a>(headers: impl IntoIterator<Item = &'a str>) -> Option<TraceState> {
    let mut members: Vec<(&str, &str)> = Vec::new();
    let given = headers.into_iter().flat_map(|header| header.split(','));
    for member in given.map(|member| member.trim_matches([' ', '\t'])) {
        // Empty members are allowed, for those who add to a list without a look at it.
        if member.is_empty() {
            continue;
        }
        let (key, value) = member.split_once('=')?;
        let repeated = members.iter().any(|(known, _)| *known == key);
        if key.is_empty() || repeated || members.len() == MAX_MEMBERS || !is_value(value) {
            return None;
        }
        members.push((key, value));
    }
    // It looks at the characters of the keys itself.
    TraceState::from_key_value(members).ok()
}

/// 1 to 256 printable ASCII characters but `,` and `=`. A space at the end was trimmed with the member.
fn is_value(value: &str) -> bool {
    let printable = |byte: u8| matches!(byte, 0x20..=0x7e) && byte != b',' && byte != b'=';
    (1..=256).contains(&value.len()) && value.bytes().all(printable)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(header: &str) -> String {
        parse([header]).header()
    }

    #[test]
    fn a_foreign_member_survives_to_the_letter() {
        for list in [
            "a=1",
            "rojo=00f067aa0ba902b7,congo=t61rcWkgMzE",
            "ot=th:fd70a;rv:6e6d1a75832a2f,fw529a3039@dt=FfAJ/x. y!",
        ] {
            assert_eq!(read(list), list);
        }
    }

    #[test]
    fn several_headers_are_one_list() {
        assert_eq!(parse(["a=1, b=2", "c=3"]).header(), "a=1,b=2,c=3");
    }

    #[test]
    fn space_around_members_and_empty_members_are_allowed() {
        assert_eq!(read(" a=1\t,,\t b=2 ,"), "a=1,b=2");
        assert_eq!(read(""), "");
    }

    #[test]
    fn a_list_with_something_malformed_is_dropped() {
        for bad in [
            "a", "a=", "=1", "a=1,b", "a==1", "a=1=2", "A=1", "a=1,a=2", "a=é", "a=\u{7}", "a b=1",
            "🦀=1",
        ] {
            assert_eq!(read(bad), "", "{bad}");
        }
        assert_eq!(read(&format!("a={}", "x".repeat(257))), "");
        assert_eq!(read(&format!("{}=1", "x".repeat(257))), "");
    }

    #[test]
    fn a_list_with_more_than_32_members_is_dropped() {
        let list = |members: u32| {
            (0..members)
                .map(|at| format!("k{at}=v"))
                .collect::<Vec<_>>()
                .join(",")
        };
        assert_eq!(read(&list(32)), list(32));
        assert_eq!(read(&list(33)), "");
    }

    #[test]
    fn a_megabyte_is_dropped() {
        for unit in ["a=1,", "x", "=", "é", "a=x=", ",\t,k"] {
            assert_eq!(read(&unit.repeat((1 << 20) / unit.len())), "");
        }
        assert_eq!(read(&",".repeat(1 << 20)), "");
    }
}
