//! A file of sampling rules as a user wrote it.
#![no_main]

use libfuzzer_sys::fuzz_target;
use opentelemetry::KeyValue;
use throughline_samplers::probability::{ComposableSampler, SpanStart};
use throughline_samplers::{Error, PriorityRules, PrioritySampler};

fuzz_target!(|text: &str| {
    // What is past the header is where rules are.
    let text = format!("[sampler]\nkind = \"priority\"\n{text}");
    match PriorityRules::from_toml(&text) {
        Ok(rules) => {
            let sampler = PrioritySampler::new(rules).expect("rules from a file are checked");
            decide(&sampler, &text);
        }
        Err(Error::InFile { line, field, .. }) => {
            assert!(
                (1..=text.lines().count() + 1).contains(&line),
                "line {line}"
            );
            assert!(!field.is_empty());
        }
        Err(other) => panic!("{other} is not about a place in the text"),
    }
});

/// The index gives the answer that trying one rule after the other gives, for spans that are made of pieces
/// of the file, which are the likeliest to match.
fn decide(sampler: &PrioritySampler, text: &str) {
    let rules = sampler.rules();
    let mut pieces = text.split(['"', '\'', '\n']);
    while let (Some(name), Some(value)) = (pieces.next(), pieces.next()) {
        let attributes = [
            KeyValue::new("http.route", value.to_owned()),
            KeyValue::new(name.to_owned(), value.to_owned()),
            KeyValue::new("a", 1),
        ];
        let mut span = SpanStart::root(name);
        span.attributes = &attributes;
        let before = sampler.counts();
        sampler.intent(&span);
        let mut counts = sampler.counts().into_iter().zip(before);
        let decided = counts.find(|(now, before)| now.matched > before.matched);
        let first = rules.first_match(&span).map_or("default", |rule| rule.id());
        assert_eq!(decided.as_ref().map(|(now, _)| &*now.rule), Some(first));
    }
}
