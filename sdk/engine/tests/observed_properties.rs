//! Whatever callbacks observe, in whatever order: what a receiver adds up is what was observed.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod common;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use common::bench_with;
use opentelemetry::KeyValue;
use proptest::prelude::*;
use throughline_engine::{Selector, View};
use throughline_model::{Data, Snapshot};

/// More than three quarters of them are observed each time, so that none is forgotten.
const SETS: i64 = 8;

/// What each set grows by, and the order and number of those observed.
#[derive(Clone, Debug)]
struct Round {
    grows: Vec<i64>,
    observed: Vec<i64>,
}

fn round() -> impl Strategy<Value = Round> {
    let order = Just((0..SETS).collect::<Vec<_>>()).prop_shuffle();
    let grows = prop::collection::vec(0..100i64, SETS as usize);
    (grows, order, 6..=SETS as usize).prop_map(|(grows, mut observed, count)| {
        observed.truncate(count);
        Round { grows, observed }
    })
}

fn sum(snapshot: &Snapshot) -> i64 {
    match &snapshot.metric("total").unwrap().data {
        Data::Sum(sum) => sum.points.iter().map(|p| p.value.as_f64() as i64).sum(),
        other => panic!("{other:?}"),
    }
}

fn points(snapshot: &Snapshot) -> usize {
    snapshot.metric("total").unwrap().data.len()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn deltas_add_up_to_what_was_observed_last_of_each_set(
        rounds in prop::collection::vec(round(), 1..12),
        limit in 1..SETS as usize + 1,
        folded in any::<bool>(),
    ) {
        let bench = bench_with(|builder| {
            let view = View::select(Selector::name("total")).cardinality_limit(limit);
            // Two sets fall into each point.
            builder.view(if folded { view.keep(["half"]) } else { view })
        });
        let observed = Arc::new(Mutex::new(Vec::<(i64, i64)>::new()));
        let observing = Arc::clone(&observed);
        let _ = bench
            .meter
            .f64_observable_counter("total")
            .with_callback(move |o| {
                for (set, total) in observing.lock().unwrap().iter() {
                    let set = [KeyValue::new("set", *set), KeyValue::new("half", set / 2)];
                    o.observe(*total as f64, &set);
                }
            })
            .build();
        let mut totals = [0; SETS as usize];
        let (mut told, mut received) = (BTreeMap::new(), 0);
        for round in rounds {
            for (total, grows) in totals.iter_mut().zip(&round.grows) {
                *total += grows;
            }
            let now = round.observed.iter().map(|set| (*set, totals[*set as usize]));
            *observed.lock().unwrap() = now.clone().collect();
            told.extend(now.clone());
            let delta = bench.delta.collect();
            received += sum(&delta);
            prop_assert_eq!(received, told.values().sum::<i64>());
            prop_assert!(points(&delta) <= limit + 1);
            let total = bench.cumulative.collect();
            prop_assert_eq!(sum(&total), now.map(|(_, total)| total).sum::<i64>());
            prop_assert!(points(&total) <= limit + 1);
        }
    }
}
