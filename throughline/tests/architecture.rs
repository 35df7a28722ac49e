//! Who may know whom: the arrows of ARCHITECTURE.md, read off `cargo metadata`.
//!
//! The engine, the samplers and the exporters never see each other; they meet in `throughline-model`, and this crate
//! assembles them. Everything that the tests of a crate use is held to the same, but for what is made for tests.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

use std::collections::{BTreeMap, BTreeSet};

use cargo_metadata::{DependencyKind, Metadata, MetadataCommand};

/// Each crate of the workspace with those that it may depend on.
const MAY_KNOW: &[(&str, &[&str])] = &[
    // The leaves.
    ("throughline-cells", &[]),
    ("throughline-config", &[]),
    ("throughline-hdr", &["throughline-cells"]),
    // The waist.
    ("throughline-model", &[]),
    // The parts, which meet in the waist alone.
    (
        "throughline-engine",
        &["throughline-cells", "throughline-hdr", "throughline-model"],
    ),
    ("throughline-samplers", &["throughline-model"]),
    ("throughline-otlp", &["throughline-model"]),
    ("throughline-prometheus", &["throughline-model"]),
    // The face.
    (
        "throughline",
        &[
            "throughline-config",
            "throughline-engine",
            "throughline-model",
            "throughline-otlp",
            "throughline-prometheus",
            "throughline-samplers",
        ],
    ),
    // Beside them. The viewer speaks OTLP alone.
    ("throughline-viewer", &[]),
    ("throughline-testkit", &["throughline-model"]),
    (
        "throughline-examples",
        &["throughline", "throughline-viewer"],
    ),
    // Only its tests know the face: they run services.
    ("throughline-e2e", &["throughline"]),
    // They run on the manual clock and the seeded randomness.
    (
        "throughline-lab",
        &[
            "throughline-model",
            "throughline-samplers",
            "throughline-testkit",
        ],
    ),
    (
        "throughline-hotpath",
        &[
            "throughline-engine",
            "throughline-model",
            "throughline-samplers",
            "throughline-testkit",
        ],
    ),
    ("xtask", &[]),
];

/// What the tests of any crate may use besides.
const FOR_TESTS: &[&str] = &["throughline-testkit", "throughline-e2e"];

/// Crates that speak the wire's language, and who may.
const WIRE: &[&str] = &[
    "opentelemetry-otlp",
    "opentelemetry-proto",
    "prost",
    "tonic",
];
const MAY_SPEAK_WIRE: &[&str] = &[
    "throughline-otlp",
    "throughline-viewer",
    "throughline-testkit",
];

#[test]
fn every_crate_knows_only_whom_it_may() {
    let metadata = metadata();
    let ours: BTreeSet<&str> = metadata
        .packages
        .iter()
        .map(|package| package.name.as_str())
        .collect();
    let may_know: BTreeMap<&str, &[&str]> = MAY_KNOW.iter().copied().collect();

    let mut wrong = Vec::new();
    for package in &metadata.packages {
        let Some(allowed) = may_know.get(package.name.as_str()) else {
            wrong.push(format!(
                "{} has no line in MAY_KNOW: say whom it may know",
                package.name
            ));
            continue;
        };
        for dependency in package
            .dependencies
            .iter()
            .filter(|dependency| ours.contains(dependency.name.as_str()))
        {
            let in_tests = dependency.kind == DependencyKind::Development
                && FOR_TESTS.contains(&dependency.name.as_str());
            if !in_tests && !allowed.contains(&dependency.name.as_str()) {
                wrong.push(format!(
                    "{} must not know {}",
                    package.name, dependency.name
                ));
            }
        }
    }
    assert_eq!(wrong, Vec::<String>::new());
}

#[test]
fn the_wire_is_spoken_where_it_belongs() {
    let metadata = metadata();
    let mut wrong = Vec::new();
    for package in metadata
        .packages
        .iter()
        .filter(|package| !MAY_SPEAK_WIRE.contains(&package.name.as_str()))
    {
        let shipped = package
            .dependencies
            .iter()
            .filter(|dependency| dependency.kind == DependencyKind::Normal);
        let wire = shipped.filter(|dependency| WIRE.contains(&dependency.name.as_str()));
        wrong.extend(
            wire.map(|dependency| {
                format!("{} must not depend on {}", package.name, dependency.name)
            }),
        );
    }
    assert_eq!(wrong, Vec::<String>::new());
}

fn metadata() -> Metadata {
    let manifest = concat!(env!("CARGO_MANIFEST_DIR"), "/../Cargo.toml");
    MetadataCommand::new()
        .manifest_path(manifest)
        .no_deps()
        .exec()
        .unwrap()
}
