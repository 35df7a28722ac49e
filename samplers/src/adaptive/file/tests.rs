use super::*;

fn parsed(fields: &str) -> Result<AdaptiveSettings, String> {
    let text = format!("[sampler]\nkind = \"adaptive\"\n{fields}");
    parse(None, &text).map_err(|error| error.to_string())
}

#[test]
fn a_file_says_what_code_says() {
    let fields = r#"
        target_per_second = 50
        base_rate = 0.2
        error_rate = 0.9
        slow_rate = 0.8
        slow_threshold = "1.5s"
        load_threshold = 0.7
        load_factor = 0.4
        max_operations = 500
        high_value = [
            { operation = { prefix = "POST /pay" }, rate = 1.0 },
            { operation = "GET /cart", rate = 0.5 },
        ]
    "#;
    let settings = AdaptiveSettings::new()
        .target_per_second(50.0)
        .base_rate(0.2)
        .error_rate(0.9)
        .slow_rate(0.8)
        .slow_threshold(Duration::from_millis(1_500))
        .load_threshold(0.7)
        .load_factor(0.4)
        .max_operations(500)
        .high_value(Pattern::prefix("POST /pay"), 1.0)
        .high_value("GET /cart", 0.5);
    assert_eq!(parsed(fields), Ok(settings));
    assert_eq!(parsed(""), Ok(AdaptiveSettings::new()));
}

#[test]
fn what_is_wrong_is_named_with_its_line() {
    let refused = |fields| parsed(fields).unwrap_err();
    assert_eq!(
        refused("base_rate = nan"),
        "line 3: sampler.base_rate is NaN: expected 0 to 1"
    );
    assert_eq!(
        refused("\n\n[[sampler.high_value]]\noperation = \"a\"\nrate = 0.01"),
        "line 7: sampler.high_value[0].rate is 0.01: expected at least the base_rate, 0.1"
    );
    let unknown = refused("base_rate = 0.5\nbase_rat = 0.1");
    assert!(
        unknown.starts_with("line 4: sampler.base_rat is unknown: "),
        "{unknown}"
    );
    let bare = refused("slow_threshold = 500");
    assert!(
        bare.starts_with("line 3: sampler.slow_threshold is 500: "),
        "{bare}"
    );
    let unit = refused("slow_threshold = \"500\"");
    assert!(unit.contains("a time with its unit"), "{unit}");
    let missing = refused("[[sampler.high_value]]\nrate = 1.0");
    assert!(
        missing.contains("sampler.high_value[0].operation is missing"),
        "{missing}"
    );
}

#[test]
fn times_have_units() {
    let ms = Duration::from_millis;
    assert_eq!(time("500ms"), Some(ms(500)));
    assert_eq!(time("2.5 s"), Some(ms(2_500)));
    assert_eq!(time("1m"), Some(ms(60_000)));
    assert_eq!(time("2.5us"), Some(Duration::from_nanos(2_500)));
    for wrong in [
        "",
        "5",
        "s",
        "1.2.3s",
        "-1s",
        "1 fortnight",
        "ms5",
        "99999999999999999h",
    ] {
        assert_eq!(time(wrong), None, "{wrong}");
    }
}
