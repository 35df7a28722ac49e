use super::*;

const OPENMETRICS: Format = Format {
    protocol: Protocol::OpenMetrics1_0_0,
    escaping: Escaping::Underscores,
};

fn negotiate(accept: &str) -> Format {
    Format::negotiate(Some(accept))
}

#[test]
fn no_header_means_text_0_0_4_with_underscores() {
    assert_eq!(Format::negotiate(None), Format::default());
    assert_eq!(Format::default().protocol, Protocol::Text0_0_4);
    assert_eq!(Format::default().escaping, Escaping::Underscores);
}

#[test]
fn anything_means_text_0_0_4() {
    assert_eq!(negotiate("*/*"), Format::default());
    assert_eq!(negotiate("text/*"), Format::default());
    let browser = "text/html,application/xhtml+xml,application/xml;q=0.9,image/webp,*/*;q=0.8";
    assert_eq!(negotiate(browser), Format::default());
}

#[test]
fn nothing_we_have_means_text_0_0_4() {
    assert_eq!(negotiate("application/json"), Format::default());
    assert_eq!(negotiate(""), Format::default());
    assert_eq!(negotiate(";;,,q=1"), Format::default());
    let protobuf = "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited";
    assert_eq!(negotiate(protobuf), Format::default());
}

#[test]
fn prometheus_2_gets_openmetrics() {
    let accept = "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1";
    assert_eq!(negotiate(accept), OPENMETRICS);
}

#[test]
fn prometheus_3_gets_openmetrics_with_its_escaping() {
    let accept = "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.5,application/openmetrics-text;version=0.0.1;q=0.4,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.3,text/plain;version=0.0.4;q=0.2,/;q=0.1";
    assert_eq!(
        negotiate(accept),
        Format {
            escaping: Escaping::AllowUtf8,
            ..OPENMETRICS
        }
    );
}

#[test]
fn the_highest_weight_wins_wherever_it_stands() {
    let accept = "text/plain;version=0.0.4;q=0.3,application/openmetrics-text;version=1.0.0;q=0.9";
    assert_eq!(negotiate(accept), OPENMETRICS);
    let accept = "application/openmetrics-text;version=1.0.0;q=0.3,text/plain;version=0.0.4;q=0.9";
    assert_eq!(negotiate(accept), Format::default());
}

#[test]
fn the_header_order_decides_between_equal_weights() {
    let accept = "application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4";
    assert_eq!(negotiate(accept), OPENMETRICS);
    let accept = "text/plain,application/openmetrics-text;version=1.0.0";
    assert_eq!(negotiate(accept), Format::default());
}

#[test]
fn a_named_type_comes_before_a_wildcard_of_the_same_weight() {
    assert_eq!(
        negotiate("*/*,application/openmetrics-text;version=1.0.0"),
        OPENMETRICS
    );
}

#[test]
fn the_most_specific_range_gives_the_weight() {
    let accept = "text/plain;version=0.0.4;q=0.1,text/*;q=0.9,application/openmetrics-text;q=0.5";
    // `text/*` weighs text 1.0.0 at 0.9, while text 0.0.4 has its own 0.1.
    assert_eq!(negotiate(accept).protocol, Protocol::Text1_0_0);
}

#[test]
fn a_weight_of_zero_rules_a_format_out() {
    let accept = "application/openmetrics-text;version=1.0.0;q=0,*/*;q=0.1";
    assert_eq!(negotiate(accept).protocol, Protocol::Text0_0_4);
    assert_eq!(
        negotiate("text/plain;q=0,application/openmetrics-text;q=0.001"),
        OPENMETRICS
    );
    assert_eq!(
        negotiate("application/openmetrics-text;q=0.000"),
        Format::default()
    );
}

#[test]
fn a_version_that_is_not_given_is_the_oldest_published_one() {
    assert_eq!(negotiate("application/openmetrics-text"), OPENMETRICS);
    assert_eq!(negotiate("text/plain"), Format::default());
}

#[test]
fn a_version_that_we_do_not_have_is_passed_over() {
    let accept = "application/openmetrics-text;version=2.0.0,text/plain;version=0.0.4;q=0.2";
    assert_eq!(negotiate(accept), Format::default());
}

#[test]
fn the_draft_is_answered_as_the_draft() {
    let format = negotiate("application/openmetrics-text;version=0.0.1");
    assert_eq!(format.protocol, Protocol::OpenMetrics0_0_1);
    assert_eq!(
        format.content_type(),
        "application/openmetrics-text; version=0.0.1; charset=utf-8"
    );
}

#[test]
fn a_scheme_that_our_names_do_not_follow_is_answered_as_underscores() {
    // `dots` doubles each `_` (prometheus/docs: `escaping_schemes.md`), which names that were translated have many of.
    for (name, escaping, answered) in [
        ("allow-utf-8", Escaping::AllowUtf8, "allow-utf-8"),
        ("underscores", Escaping::Underscores, "underscores"),
        ("values", Escaping::Values, "values"),
        ("dots", Escaping::Underscores, "underscores"),
        ("sparkles", Escaping::Underscores, "underscores"),
    ] {
        for (mime, protocol) in [
            ("application/openmetrics-text", Protocol::OpenMetrics1_0_0),
            ("text/plain", Protocol::Text1_0_0),
        ] {
            let format = negotiate(&format!("{mime};version=1.0.0;escaping={name}"));
            assert_eq!(format, Format { protocol, escaping });
            let suffix = format!("; escaping={answered}");
            assert!(format.content_type().ends_with(&suffix), "{name}");
        }
    }
}

#[test]
fn text_0_0_4_has_no_escaping_but_underscores() {
    assert_eq!(
        negotiate("text/plain;version=0.0.4;escaping=values"),
        Format::default()
    );
}

#[test]
fn case_spaces_and_quotes_do_not_matter() {
    assert_eq!(
        negotiate(" Application/OpenMetrics-Text ; Version=\"1.0.0\" ; Q=0.5 , text/plain;q=0.4"),
        OPENMETRICS
    );
}

#[test]
fn malformed_elements_are_passed_over() {
    assert_eq!(
        negotiate("text/plain;q=high,application/openmetrics-text;q=0.1"),
        OPENMETRICS
    );
    assert_eq!(
        negotiate("nonsense,application/openmetrics-text;version=1.0.0;charset"),
        Format::default()
    );
}
