use super::*;
use proptest::prelude::*;
use std::time::Duration;

fn float(value: f64, style: Style) -> String {
    let mut out = String::new();
    push_f64(&mut out, value, style);
    out
}

fn time(time: SystemTime) -> String {
    let mut out = String::new();
    push_time(&mut out, time);
    out
}

#[test]
fn floats_are_written_as_go_writes_them() {
    // What `strconv.FormatFloat(value, 'g', -1, 64)` prints.
    for (expected, value) in [
        ("0", 0.0),
        ("-0", -0.0),
        ("1", 1.0),
        ("10", 10.0),
        ("100000", 1e5),
        ("1e+06", 1e6),
        ("123456.7", 1.234567e5),
        ("1.2345678e+06", 1.2345678e6),
        ("1.23456789e+08", 1.23456789e8),
        ("1e+21", 1e21),
        ("1e+23", 1e23),
        ("1.1e+23", 1.1e23),
        ("0.001", 1e-3),
        ("0.0001", 1e-4),
        ("1e-05", 1e-5),
        ("1e-09", 1e-9),
        ("1.7976931348623157e+308", f64::MAX),
        ("5e-324", 5e-324),
        ("0.1", 0.1),
        ("2.5", 2.5),
        ("-3", -3.0),
        ("-1e+07", -1e7),
        ("-0.00025", -0.00025),
        ("999999", 999_999.0),
        ("999999.5", 999_999.5),
        ("1.0000005e+06", 1_000_000.5),
        ("NaN", f64::NAN),
        ("+Inf", f64::INFINITY),
        ("-Inf", f64::NEG_INFINITY),
    ] {
        assert_eq!(float(value, Style::Plain), expected);
    }
}

#[test]
fn openmetrics_canonical_numbers_are_those_of_its_examples() {
    for (expected, value) in [
        ("0.0", 0.0),
        ("-0.0", -0.0),
        ("0.001", 0.001),
        ("0.002", 0.002),
        ("0.01", 0.01),
        ("0.9", 0.9),
        ("0.999", 0.999),
        ("1.0", 1.0),
        ("1.7", 1.7),
        ("10.0", 10.0),
        ("1e-10", 1e-10),
        ("1e-09", 1e-9),
        ("1e-05", 1e-5),
        ("0.0001", 1e-4),
        ("100000.0", 1e5),
        ("1e+06", 1e6),
        ("1e+10", 1e10),
        ("1e+23", 1e23),
        ("1.1e+23", 1.1e23),
        ("+Inf", f64::INFINITY),
    ] {
        assert_eq!(float(value, Style::Float), expected);
    }
}

#[test]
fn integers_are_exact_and_have_no_point() {
    for (expected, value) in [
        ("18446744073709551615", Number::U64(u64::MAX)),
        ("0", Number::U64(0)),
        ("9223372036854775807", Number::I64(i64::MAX)),
        ("-9223372036854775808", Number::I64(i64::MIN)),
    ] {
        let mut out = String::new();
        push_number(&mut out, value, Style::Float);
        assert_eq!(out, expected);
    }
}

#[test]
fn times_are_exact_to_the_nanosecond() {
    let epoch = UNIX_EPOCH;
    assert_eq!(time(epoch), "0");
    assert_eq!(
        time(epoch + Duration::new(1_604_676_851, 123_456_789)),
        "1604676851.123456789"
    );
    assert_eq!(time(epoch + Duration::from_millis(1500)), "1.5");
    assert_eq!(time(epoch + Duration::new(7, 1)), "7.000000001");
    assert_eq!(time(epoch - Duration::from_millis(250)), "-0.25");
}

proptest! {
    #[test]
    fn every_float_reads_back_as_itself(bits: u64) {
        let value = f64::from_bits(bits);
        for style in [Style::Plain, Style::Float] {
            let text = float(value, style);
            let read: f64 = text.parse().unwrap();
            prop_assert!(read == value || (read.is_nan() && value.is_nan()), "{text}");
            let looks_like_an_integer = text.bytes().all(|b| b.is_ascii_digit() || b == b'-');
            prop_assert!(style == Style::Plain || !looks_like_an_integer, "{text}");
        }
    }

    #[test]
    fn every_integer_is_as_the_standard_library_writes_it(value: u64) {
        let mut out = String::new();
        push_u64(&mut out, value);
        push_i64(&mut out, value as i64);
        prop_assert_eq!(out, format!("{value}{}", value as i64));
    }
}
