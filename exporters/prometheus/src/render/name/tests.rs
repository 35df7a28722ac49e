use super::*;
use Suffix::{Nothing, Ratio, Total};

fn full(name: &str, unit: &str, suffix: Suffix) -> String {
    let name = Name::new(name, unit, suffix).unwrap();
    match suffix {
        Total => name.base + "_total",
        Ratio | Nothing => name.base,
    }
}

fn unit(unit: &str) -> String {
    Name::new("x", unit, Nothing).unwrap().unit
}

fn label(key: &str) -> String {
    let mut out = String::new();
    push_label(&mut out, key);
    out
}

#[test]
fn invalid_characters_become_one_underscore() {
    assert_eq!(
        full("http.server.request.duration", "", Nothing),
        "http_server_request_duration"
    );
    assert_eq!(full("a@b#c$d", "", Nothing), "a_b_c_d");
    assert_eq!(full("a@@##$$b", "", Nothing), "a_b");
    assert_eq!(full("a__b___c", "", Nothing), "a_b_c");
    assert_eq!(full("größe", "", Nothing), "gr_e");
    assert_eq!(full("rule:level", "", Nothing), "rule:level");
}

#[test]
fn underscores_at_the_ends_go() {
    // OpenMetrics reserves names that begin with one.
    assert_eq!(full("_private_", "", Nothing), "private");
    assert_eq!(full(".a.", "s", Nothing), "a_seconds");
}

#[test]
fn a_leading_digit_gets_an_underscore() {
    assert_eq!(full("2xx.responses", "", Total), "_2xx_responses_total");
}

#[test]
fn a_name_without_letters_and_digits_is_none() {
    assert_eq!(Name::new("@#$%", "s", Nothing), None);
    assert_eq!(Name::new("", "", Total), None);
    assert_eq!(Name::new("___", "", Total), None);
}

#[test]
fn counters_end_in_total_once() {
    assert_eq!(full("requests", "", Total), "requests_total");
    assert_eq!(full("requests.total", "", Total), "requests_total");
    assert_eq!(full("requests_total", "", Total), "requests_total");
    // The suffix has to be a suffix: these do not end in `_total`.
    assert_eq!(full("total", "", Total), "total_total");
    assert_eq!(full("total.requests", "", Total), "total_requests_total");
    assert_eq!(full("subtotal", "", Total), "subtotal_total");
}

#[test]
fn the_unit_stands_before_the_type_once() {
    assert_eq!(full("cpu.time", "s", Total), "cpu_time_seconds_total");
    assert_eq!(full("cpu_time_total", "s", Total), "cpu_time_seconds_total");
    assert_eq!(full("cpu_seconds_total", "s", Total), "cpu_seconds_total");
    assert_eq!(full("cpu.seconds", "s", Nothing), "cpu_seconds");
    assert_eq!(full("seconds", "s", Nothing), "seconds");
    // Only at the end: the words elsewhere say something else.
    assert_eq!(
        full("seconds.since.start", "s", Nothing),
        "seconds_since_start_seconds"
    );
    assert_eq!(full("milliseconds", "s", Nothing), "milliseconds_seconds");
}

#[test]
fn a_name_that_ends_in_the_first_half_of_a_rate_gets_the_second() {
    assert_eq!(full("sent.bytes", "By/s", Nothing), "sent_bytes_per_second");
    assert_eq!(full("sent", "By/s", Nothing), "sent_bytes_per_second");
    assert_eq!(
        full("sent_bytes_per_second", "By/s", Nothing),
        "sent_bytes_per_second"
    );
    assert_eq!(
        full("sent_bytes_per_second_total", "By/s", Total),
        "sent_bytes_per_second_total"
    );
}

#[test]
fn units_follow_the_table() {
    for (ucum, words) in [
        ("d", "days"),
        ("h", "hours"),
        ("min", "minutes"),
        ("s", "seconds"),
        ("ms", "milliseconds"),
        ("us", "microseconds"),
        ("µs", "microseconds"),
        ("ns", "nanoseconds"),
        ("By", "bytes"),
        ("KiBy", "kibibytes"),
        ("MiBy", "mebibytes"),
        ("GiBy", "gibibytes"),
        ("TiBy", "tebibytes"),
        ("kBy", "kilobytes"),
        ("KBy", "kilobytes"),
        ("MBy", "megabytes"),
        ("GBy", "gigabytes"),
        ("TBy", "terabytes"),
        ("m", "meters"),
        ("V", "volts"),
        ("A", "amperes"),
        ("J", "joules"),
        ("W", "watts"),
        ("g", "grams"),
        ("Cel", "celsius"),
        ("Hz", "hertz"),
        ("%", "percent"),
    ] {
        assert_eq!(unit(ucum), words, "{ucum}");
    }
}

#[test]
fn rates_are_words() {
    for (ucum, words) in [
        ("m/s", "meters_per_second"),
        ("By/s", "bytes_per_second"),
        ("1/s", "per_second"),
        ("{packet}/s", "per_second"),
        ("By/min", "bytes_per_minute"),
        ("By/m", "bytes_per_minute"),
        ("J/h", "joules_per_hour"),
        ("1/d", "per_day"),
        ("1/wk", "per_week"),
        ("1/mo", "per_month"),
        ("1/a", "per_year"),
        ("By/furlong", "bytes_per_furlong"),
        (" By / s ", "bytes_per_second"),
    ] {
        assert_eq!(unit(ucum), words, "{ucum}");
    }
}

#[test]
fn annotations_in_braces_are_dropped() {
    for (ucum, words) in [
        ("{request}", ""),
        ("By{transmitted}", "bytes"),
        ("By/{request}", "bytes"),
        ("{a{b}c}s", "seconds"),
        ("s{never closed", "seconds"),
        ("}s", "seconds"),
    ] {
        assert_eq!(unit(ucum), words, "{ucum}");
    }
    assert_eq!(full("orders", "{order}", Total), "orders_total");
}

#[test]
fn units_outside_of_the_table_stay_with_valid_characters() {
    assert_eq!(unit("custom__unit"), "custom_unit");
    assert_eq!(unit("a@b#c/d.e"), "a_b_c_per_d_e");
    assert_eq!(unit("/"), "");
    assert_eq!(unit("@"), "");
}

#[test]
fn one_is_a_ratio_on_gauges_alone() {
    assert_eq!(full("cpu.utilization", "1", Ratio), "cpu_utilization_ratio");
    assert_eq!(full("cpu_ratio", "1", Ratio), "cpu_ratio");
    assert_eq!(full("items", "1", Total), "items_total");
    assert_eq!(full("balance", "1", Nothing), "balance");
    assert_eq!(full("per.item", "{item}", Ratio), "per_item");
}

#[test]
fn the_unit_comment_is_a_suffix_of_the_name_or_nothing() {
    assert_eq!(Name::new("cpu.time", "s", Total).unwrap().unit, "seconds");
    assert_eq!(Name::new("use", "1", Ratio).unwrap().unit, "ratio");
    // The name is the unit: there is no `_seconds` that it ends in.
    assert_eq!(Name::new("seconds", "s", Nothing).unwrap().unit, "");
}

#[test]
fn label_names_have_no_colon_and_no_leading_digit() {
    assert_eq!(label("http.request.method"), "http_request_method");
    assert_eq!(label("a:b"), "a_b");
    assert_eq!(label("2xx"), "key_2xx");
    assert_eq!(label("a..b--c"), "a_b_c");
    assert_eq!(label("größe"), "gr_e");
    assert_eq!(label("_private"), "_private");
    assert_eq!(label("trailing."), "trailing_");
    assert_eq!(label(""), "_");
    assert_eq!(label("@"), "_");
}

#[test]
fn no_label_begins_with_two_underscores() {
    // Prometheus keeps those for itself: `__name__` would rename the series.
    assert_eq!(label("__name__"), "_name_");
}
