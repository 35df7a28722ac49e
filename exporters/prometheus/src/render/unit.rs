//! UCUM units as the words that Prometheus' names end in.

/// Appends the words of `unit`, joined by `_`: `s` → `seconds`, `By/s` → `bytes_per_second`.
///
/// What stands in braces is dropped, and so is a `1` (specification:
/// `compatibility/prometheus_and_openmetrics.md`, "Metric Metadata"). A unit that the table does not
/// have stays as it is, its invalid characters made `_`.
pub(super) fn push_words(out: &mut String, unit: &str) {
    let bare = without_annotations(unit);
    let (main, per) = bare.split_once('/').unwrap_or((&bare, ""));
    let main = main.trim();
    super::name::push_words(out, word(main).unwrap_or(main));
    let per = per.trim();
    if !per.is_empty() && per != "1" {
        super::name::push_words(out, "per");
        super::name::push_words(out, per_word(per).unwrap_or(per));
    }
}

/// The unit's word; `Some("")` for what has none.
fn word(unit: &str) -> Option<&'static str> {
    Some(match unit {
        "d" => "days",
        "h" => "hours",
        "min" => "minutes",
        "s" => "seconds",
        "ms" => "milliseconds",
        // UCUM writes `us`; people write either of Unicode's two micro signs.
        "us" | "\u{b5}s" | "\u{3bc}s" => "microseconds",
        "ns" => "nanoseconds",
        "By" => "bytes",
        "KiBy" => "kibibytes",
        "MiBy" => "mebibytes",
        "GiBy" => "gibibytes",
        "TiBy" => "tebibytes",
        // UCUM's prefix is `k`; `KBy` is what prometheus/otlptranslator knows.
        "kBy" | "KBy" => "kilobytes",
        "MBy" => "megabytes",
        "GBy" => "gigabytes",
        "TBy" => "terabytes",
        "m" => "meters",
        "V" => "volts",
        "A" => "amperes",
        "J" => "joules",
        "W" => "watts",
        "g" => "grams",
        "Cel" => "celsius",
        "Hz" => "hertz",
        "%" => "percent",
        "1" => "",
        _ => return None,
    })
}

/// The word after `per`. `m` is a minute here, as in prometheus/otlptranslator and the Collector.
fn per_word(unit: &str) -> Option<&'static str> {
    Some(match unit {
        "s" => "second",
        "m" | "min" => "minute",
        "h" => "hour",
        "d" => "day",
        "w" | "wk" => "week",
        "mo" => "month",
        "y" | "a" => "year",
        _ => return None,
    })
}

/// The unit without what stands in braces. A brace that is never closed takes the rest with it.
fn without_annotations(unit: &str) -> String {
    let mut bare = String::with_capacity(unit.len());
    let mut depth = 0u32;
    for c in unit.chars() {
        match c {
            '{' => depth += 1,
            '}' => depth = depth.saturating_sub(1),
            _ if depth == 0 => bare.push(c),
            _ => {}
        }
    }
    bare
}
