use throughline_config::Environment;
use throughline_testkit::SeededRandom;

use super::*;

fn environment(variables: &'static [(&str, &str)]) -> Environment {
    Environment::read(|name| {
        let mut variables = variables.iter();
        variables
            .find(|(it, _)| *it == name)
            .map(|(_, value)| (*value).to_owned())
    })
    .0
}

fn detect(variables: &'static [(&str, &str)], service: &str, code: &[KeyValue]) -> Detected {
    Detected::new(
        &SeededRandom::new(1),
        &environment(variables),
        service,
        code,
    )
}

fn text(detected: &Detected, key: &str) -> Option<String> {
    detected.get(key).map(ToString::to_string)
}

#[test]
fn code_beats_the_environment_which_beats_what_is_detected() {
    let variables = &[
        ("OTEL_SERVICE_NAME", "of the environment"),
        (
            "OTEL_RESOURCE_ATTRIBUTES",
            "host.name=given,team=shop,deployment.environment.name=dev",
        ),
    ];
    let code = [KeyValue::new("team", "payments")];
    let detected = detect(variables, "checkout", &code);
    assert_eq!(text(&detected, "service.name").as_deref(), Some("checkout"));
    assert_eq!(text(&detected, "team").as_deref(), Some("payments"));
    assert_eq!(text(&detected, "host.name").as_deref(), Some("given"));
    assert_eq!(
        text(&detected, "deployment.environment.name").as_deref(),
        Some("dev")
    );

    let unnamed = detect(variables, "", &code);
    assert_eq!(
        text(&unnamed, "service.name").as_deref(),
        Some("of the environment")
    );
    let sources: Vec<_> = unnamed
        .attributes
        .iter()
        .filter(|(it, _)| ["host.name", "team", "os.type"].contains(&it.key.as_str()))
        .map(|(_, source)| *source)
        .collect();
    let variable = Source::Variable("OTEL_RESOURCE_ATTRIBUTES");
    let beats = Source::CodeBeats("OTEL_RESOURCE_ATTRIBUTES");
    assert_eq!(sources, [variable, Source::Detected, beats]);
}

#[test]
fn a_service_that_nobody_named_is_called_by_its_executable() {
    let name = text(&detect(&[], "", &[]), "service.name").unwrap();
    assert!(name.starts_with("unknown_service:throughline-"), "{name}");
}

#[test]
fn the_instance_is_a_random_uuid() {
    let ids: Vec<String> = (0..100)
        .map(|seed| uuid(&SeededRandom::new(seed)))
        .collect();
    for id in &ids {
        let groups: Vec<usize> = id.split('-').map(str::len).collect();
        assert_eq!(groups, [8, 4, 4, 4, 12], "{id}");
        assert_eq!(&id[14..15], "4", "{id}: version");
        assert!(
            matches!(&id[19..20], "8" | "9" | "a" | "b"),
            "{id}: variant"
        );
    }
    let distinct: std::collections::BTreeSet<_> = ids.iter().collect();
    assert_eq!(distinct.len(), ids.len());
}

#[test]
fn both_forms_hold_the_same() {
    let detected = detect(&[], "checkout", &[]);
    let (metrics, sdk) = (detected.for_metrics(), detected.for_sdk());
    assert_eq!(metrics.attributes.len(), sdk.len());
    for pair in &metrics.attributes {
        assert_eq!(sdk.get(&pair.key).as_ref(), Some(&pair.value));
    }
    for key in [
        "service.name",
        "service.instance.id",
        "host.arch",
        "os.type",
        "process.pid",
        "process.executable.name",
        "process.runtime.version",
        "telemetry.sdk.name",
        "telemetry.sdk.language",
        "telemetry.sdk.version",
    ] {
        assert!(metrics.attributes.get(key).is_some(), "{key}");
    }
}
