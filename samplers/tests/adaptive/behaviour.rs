//! Fairness, bounds, overload and settings.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use throughline_samplers::{AdaptiveSampler, AdaptiveState, Pattern};

use super::simulation::{Simulation, TARGET, Tenth, extremes, sampled_per_second};

fn sampled_by_operation(tenths: &[Tenth]) -> BTreeMap<usize, usize> {
    let mut sampled = BTreeMap::new();
    for operation in tenths.iter().flat_map(|tenth| &tenth.seen) {
        *sampled.entry(*operation).or_default() += 1;
    }
    sampled
}

fn rate(state: &AdaptiveState, name: &str) -> f64 {
    let mut operations = state.operations.iter();
    operations
        .find(|operation| &*operation.name == name)
        .unwrap()
        .rate
}

#[test]
fn a_flood_in_one_operation_leaves_the_others_three_quarters() {
    let mut simulation = Simulation::new(1, 20);
    simulation.run(30, 500.0);
    let calm = sampled_by_operation(&simulation.run(30, 500.0));
    let mut flooded = Vec::new();
    for _ in 0..300 {
        let mut tenth = simulation.tenth(500.0);
        for _ in 0..500 {
            simulation.request(19, &mut tenth);
        }
        flooded.push(tenth);
    }
    let total = sampled_per_second(&flooded[50..]);
    assert!(total < 1.1 * TARGET, "{total}");
    let flooded = sampled_by_operation(&flooded);
    let others = |sampled: &BTreeMap<usize, usize>| (0..19).map(|n| sampled[&n]).sum::<usize>();
    let (calm, flooded) = (others(&calm), others(&flooded));
    assert!(10 * flooded > 7 * calm, "{calm} and then {flooded}");
}

#[test]
fn what_is_called_once_a_minute_is_seen_each_time_whatever_the_base_rate() {
    for base_rate in [0.001, 0.1, 1.0] {
        for (load, minutes) in [(0.0, 5), (200.0, 5), (2_000.0, 3)] {
            let builder = AdaptiveSampler::builder()
                .target_per_second(TARGET)
                .base_rate(base_rate)
                .load_signal(|| 0.0);
            let mut simulation = Simulation::with(builder, 2, 50);
            for minute in 0..minutes {
                simulation.run(30, load);
                let (mut tenth, rare) = (Tenth::default(), simulation.rare());
                simulation.request(rare, &mut tenth);
                assert_eq!(tenth.sampled, 1.0, "{base_rate}, {load}, {minute}");
                simulation.run(30, load);
            }
        }
    }
}

#[test]
fn what_comes_less_often_than_the_target_is_sampled_at_the_base_rate() {
    for (base_rate, expected) in [(1.0, 40.0), (0.5, 20.0)] {
        let builder = AdaptiveSampler::builder()
            .base_rate(base_rate)
            .load_signal(|| 0.0);
        let mut simulation = Simulation::with(builder, 3, 1);
        simulation.run(10, 40.0);
        let sampled = sampled_per_second(&simulation.run(50, 40.0));
        assert!(
            (sampled / expected - 1.0).abs() < 0.1,
            "{sampled} for {expected}"
        );
    }
}

#[test]
fn beyond_the_bound_operations_share_and_the_target_holds() {
    let builder = AdaptiveSampler::builder()
        .target_per_second(TARGET)
        .max_operations(20)
        .load_signal(|| 0.0);
    let mut simulation = Simulation::with(builder, 4, 1_000);
    simulation.run(60, 2_000.0);
    let sampled = sampled_per_second(&simulation.run(60, 2_000.0));
    assert!((sampled / TARGET - 1.0).abs() < 0.05, "{sampled}");
    let state = simulation.sampler.state();
    assert_eq!(state.operations.len(), 20);
    assert!(state.others.calls_per_second > 100.0, "{state}");
    assert!(
        state.others.rate > 0.0 && state.others.rate < 0.2,
        "{state}"
    );
}

#[test]
fn operations_that_are_not_called_any_more_make_room() {
    let builder = AdaptiveSampler::builder()
        .max_operations(20)
        .load_signal(|| 0.0);
    let mut simulation = Simulation::with(builder, 5, 20);
    simulation.run(10, 2_000.0);
    simulation.rename("new");
    simulation.run(90, 100.0);
    let state = simulation.sampler.state();
    let new = |name: &str| name.starts_with("new");
    assert!(
        state
            .operations
            .iter()
            .all(|operation| new(&operation.name)),
        "{state}"
    );
}

/// Names without end, as from someone who puts an id into them.
#[test]
fn a_flood_of_new_names_is_held_down() {
    let mut simulation = Simulation::new(6, 50);
    simulation.run(30, 2_000.0);
    let mut flooded = Vec::new();
    for round in 0..100 {
        simulation.rename(&format!("GET /users/{round}"));
        flooded.push(simulation.tenth(20_000.0));
    }
    let (peak, _) = extremes(&flooded, 10);
    assert!(peak < 2.5 * TARGET, "{peak}");
}

#[test]
fn what_is_of_high_value_has_its_own_rate() {
    let builder = AdaptiveSampler::builder()
        .target_per_second(TARGET)
        .high_value(Pattern::glob("GET /1?"), 0.5)
        .load_signal(|| 0.0);
    let mut simulation = Simulation::with(builder, 7, 50);
    simulation.run(30, 500.0);
    let state = simulation.sampler.state();
    assert_eq!(rate(&state, "GET /10"), 0.5);
    assert_eq!(rate(&state, "GET /19"), 0.5);
    assert!(rate(&state, "GET /1") <= 0.1);
    let high = state
        .operations
        .iter()
        .filter(|operation| operation.high_value);
    assert_eq!(high.count(), 10);
}

#[test]
fn what_is_of_high_value_does_not_break_the_target() {
    let builder = AdaptiveSampler::builder()
        .target_per_second(TARGET)
        .high_value("GET /1", 1.0)
        .load_signal(|| 0.0);
    let mut simulation = Simulation::with(builder, 8, 50);
    simulation.run(30, 2_000.0);
    let run = simulation.run(60, 2_000.0);
    let sampled = sampled_per_second(&run);
    assert!((sampled / TARGET - 1.0).abs() < 0.05, "{sampled}");
    // Three quarters are for it.
    let its = sampled_by_operation(&run)[&0] as f64 / 60.0;
    assert!((its / 75.0 - 1.0).abs() < 0.1, "{its}");
}

#[test]
fn an_overload_leaves_a_part_of_the_target() {
    let busy = Arc::new(AtomicBool::new(false));
    let signal = Arc::clone(&busy);
    let builder = AdaptiveSampler::builder()
        .target_per_second(TARGET)
        .load_factor(0.25)
        .load_signal(|| 0.1);
    let mut simulation = Simulation::with(builder, 9, 50);
    simulation
        .sampler
        .watch(move || f64::from(u8::from(signal.load(Ordering::Relaxed))));
    simulation.run(20, 2_000.0);
    assert!(!simulation.sampler.state().overloaded);

    busy.store(true, Ordering::Relaxed);
    simulation.run(10, 2_000.0);
    let state = simulation.sampler.state();
    assert!(state.overloaded && state.load > 0.9, "{state}");
    assert_eq!(
        (state.target_per_second, state.budget_per_second),
        (TARGET, TARGET / 4.0)
    );
    let sampled = sampled_per_second(&simulation.run(30, 2_000.0));
    assert!((sampled / 25.0 - 1.0).abs() < 0.1, "{sampled}");

    busy.store(false, Ordering::Relaxed);
    simulation.run(10, 2_000.0);
    let sampled = sampled_per_second(&simulation.run(30, 2_000.0));
    assert!((sampled / TARGET - 1.0).abs() < 0.1, "{sampled}");
}

#[test]
fn a_signal_that_panics_or_says_nothing_is_no_load() {
    let builder = AdaptiveSampler::builder().load_signal(|| f64::NAN);
    let mut simulation = Simulation::with(builder, 10, 5);
    simulation.sampler.watch(|| panic!("no idea"));
    simulation.run(5, 100.0);
    assert_eq!(simulation.sampler.state().load, 0.0);
}

#[test]
fn settings_are_replaced_while_it_runs() {
    let mut simulation = Simulation::new(11, 50);
    simulation.run(30, 2_000.0);
    let sampler = simulation.sampler.clone();
    let calls = sampler.state().calls_per_second;
    let settings = sampler
        .settings()
        .target_per_second(20.0)
        .high_value("GET /50", 1.0);
    sampler.replace(settings.clone()).unwrap();
    assert_eq!(sampler.settings(), settings);
    let state = sampler.state();
    // At once, and with what was learned.
    assert_eq!(state.calls_per_second, calls);
    assert_eq!(rate(&state, "GET /50"), 1.0);
    simulation.run(5, 2_000.0);
    let sampled = sampled_per_second(&simulation.run(60, 2_000.0));
    assert!((sampled / 20.0 - 1.0).abs() < 0.1, "{sampled}");

    assert!(sampler.replace(settings.clone().base_rate(7.0)).is_err());
    for (settled, said) in [
        (settings.clone().max_operations(7), "max_operations is 7"),
        (settings.clone().error_rate(0.5), "error_rate is 0.5"),
        (settings.clone().slow_rate(0.1), "slow_rate is 0.1"),
        (
            settings.clone().slow_threshold(Duration::from_secs(2)),
            "slow_threshold is 2s: expected 500ms, as it was built with",
        ),
    ] {
        let refused = sampler.replace(settled).unwrap_err().to_string();
        assert!(refused.starts_with(said), "{refused}");
    }
    assert_eq!(sampler.settings(), settings);
}

#[test]
fn small_targets_are_held_too() {
    for target in [0.5, 5.0] {
        let builder = AdaptiveSampler::builder()
            .target_per_second(target)
            .load_signal(|| 0.0);
        let mut simulation = Simulation::with(builder, 12, 20);
        simulation.run(120, 200.0);
        let sampled = sampled_per_second(&simulation.run(600, 200.0));
        assert!(
            (sampled / target - 1.0).abs() < 0.15,
            "{sampled} for {target}"
        );
    }
}
