use super::*;

#[test]
fn a_field_is_written_as_the_way_to_it() {
    let steps = [
        Step::Key("sampler"),
        Step::Key("rules"),
        Step::Place(2),
        Step::Key("rate"),
    ];
    assert_eq!(field(&steps), "sampler.rules[2].rate");
}

#[test]
fn what_is_missing_is_where_it_is_missed() {
    let file = SettingsFile::parse(None, "\n[sampler]\n\n[sampler.a]\nb = 1").unwrap();
    let line = |steps: &[Step<'_>]| match file.in_section(steps, String::new(), String::new()) {
        Error::InFile { line, .. } => line,
        other => panic!("{other}"),
    };
    assert_eq!(line(&[Step::Key("x")]), 2);
    assert_eq!(line(&[Step::Key("a"), Step::Key("b")]), 5);
    assert_eq!(line(&[Step::Key("a"), Step::Place(0)]), 4);
}

#[test]
fn an_excerpt_is_one_short_line() {
    assert_eq!(excerpt("a\nb"), "a");
    assert_eq!(excerpt(&"é".repeat(80)), "é".repeat(80));
    assert_eq!(excerpt(&"é".repeat(81)), format!("{}…", "é".repeat(80)));
}
