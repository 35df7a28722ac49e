//! The law: from what was called to what is sampled. Synchronous, with time as an argument.
//!
//! Ten times a second:
//!
//! 1. Each operation's [`Rate`](super::rate::Rate) observes its calls, and those that are too rare to tell
//!    are observed [`Together`].
//! 2. The budget is shared between the operations ([`Shares`]): first what is of high value, then the rest. None
//!    is given more than its own rate or the base rate, and those that are rare are given [`FLOOR`].
//! 3. Each operation is put on the rung of its share of its calls, with its [`Turn`] where the share is small.
//! 4. What was given is compared with the budget over the last [`MEMORY`], and the next filling trimmed: so
//!    the many small errors of many small rates leave none in the sum.
//!
//! The [`Guard`] does the rest, between two looks.

use std::time::Duration;

use super::calls::Calls;
use super::guard::{Guard, ONE, Window};
use super::ladder::{Ladder, RungId};
use super::load::Overload;
use super::operation::{Operation, Turn};
use super::plan::{Plan, Plans};
use super::rate::{Elapsed, Together};
use super::settings::AdaptiveSettings;
use super::shares::Shares;
use super::table::Table;

/// What decisions read, and the law writes.
#[derive(Debug)]
pub(super) struct Published {
    pub(super) table: Table,
    pub(super) calls: Calls,
    pub(super) plans: Plans,
    pub(super) ladder: Ladder,
    pub(super) guard: Guard,
}

/// The operations that are told apart stand for themselves; this number is for all others.
pub(super) const OTHERS: u16 = 0;

/// Held by one thread at a time.
#[derive(Debug)]
pub(super) struct Law {
    settings: AdaptiveSettings,
    /// By number; [`OTHERS`] is always there.
    operations: Vec<Option<Operation>>,
    free: Vec<u16>,
    together: Together,
    overload: Overload,
    window: Window,
    /// At the last look.
    looked: Duration,
    spent: u64,
    /// What the budget is multiplied by before it is poured.
    trim: f64,
    /// Traces per second, a mean over [`MEMORY`].
    sampled: f64,
    /// Reused.
    demands: Vec<f64>,
}

/// What an operation may have whatever the base rate is, in traces per second, if the budget allows it.
const FLOOR: f64 = 0.25;
/// What of the budget is first for what is of high value.
const FIRST: f64 = 0.75;
/// Over so many seconds budget and cost should be even.
const MEMORY: f64 = 20.0;
/// Over so many traces, if that takes longer.
const MEMORABLE: f64 = 500.0;
/// Calls per second up to which an operation is so rare that the guard has patience with it.
const RARE: f64 = 0.15;
/// Above so many traces a second chance does not miss an operation for a minute.
const OFTEN: f64 = 0.5;
/// When there is no room, operations that were not called for so long make some.
const IDLE: Duration = Duration::from_secs(60);

impl Law {
    pub(super) fn new(settings: AdaptiveSettings, now: Duration, published: &Published) -> Self {
        let room = settings.max_operations;
        let others = Operation::new("", 0, 0, now);
        let mut law = Self {
            operations: std::iter::once(Some(others))
                .chain((0..room).map(|_| None))
                .collect(),
            free: (1..=room as u16).rev().collect(),
            settings,
            together: Together::default(),
            overload: Overload::default(),
            window: Window::default(),
            looked: now,
            spent: 0,
            trim: 1.0,
            sampled: 0.0,
            demands: Vec::new(),
        };
        let before = law.window.slide(now, 0);
        published.guard.set(before, law.budget());
        law.fill(now, published);
        law
    }

    pub(super) fn settings(&self) -> &AdaptiveSettings {
        &self.settings
    }

    /// Others from now on, for as many operations as before.
    pub(super) fn replace(&mut self, settings: AdaptiveSettings, published: &Published) {
        self.settings = settings;
        for operation in self.operations.iter_mut().skip(1).flatten() {
            operation.high_value = own_rate(&self.settings, &operation.name);
        }
        self.fill(self.looked, published);
    }

    /// Makes room for an operation that is called for the first time; whether there was some.
    pub(super) fn admit(
        &mut self,
        name: &str,
        hash: u64,
        now: Duration,
        published: &Published,
    ) -> bool {
        // Another thread may have been faster.
        if published.table.find(hash).is_some() {
            return true;
        }
        let Some(number) = self.free.pop() else {
            return false;
        };
        let counted = published.calls.total(number);
        let mut operation = Operation::new(name, hash, counted, now);
        operation.high_value = own_rate(&self.settings, name);
        // Until more is known of it than one call.
        let most = operation.high_value.unwrap_or(self.base_rate());
        operation.rung = published.ladder.named(most);
        published.ladder.prepare(operation.rung);
        published.plans.reset(number, plan(&operation));
        self.operations[usize::from(number)] = Some(operation);
        published.table.insert(hash, number);
        true
    }

    pub(super) fn is_full(&self) -> bool {
        self.free.is_empty()
    }

    pub(super) fn observe_load(&mut self, load: f64) {
        self.overload.observe(load, self.settings.load_threshold);
    }

    /// Looks at what was called since the last time.
    pub(super) fn look(&mut self, now: Duration, published: &Published) {
        let seconds = now.saturating_sub(self.looked).as_secs_f64();
        if seconds <= 0.0 {
            return;
        }
        self.looked = now;
        self.count(now, Elapsed::new(seconds), &published.calls);
        if self.is_full() {
            self.make_room(now, published);
        }
        let spent = published.guard.spent();
        let given = spent.wrapping_sub(self.spent) as f64 / ONE as f64 / seconds;
        self.spent = spent;
        self.sampled += (given - self.sampled) * (seconds / MEMORY).min(1.0);
        // With a small budget it takes long to tell chance from error.
        let memory = MEMORY.max(MEMORABLE / self.budget());
        let weight = seconds.min(1.0) / memory;
        if self.fill(now, published) {
            let missed = 1.0 - given / self.budget();
            self.trim = (self.trim + missed * weight).clamp(0.5, 2.0);
        } else {
            self.trim += (1.0 - self.trim) * weight;
        }
        let before = self.window.slide(now, spent);
        published.guard.set(before, self.budget());
    }

    fn count(&mut self, now: Duration, elapsed: Elapsed, calls: &Calls) {
        let (mut came, mut expected) = (0.0, 0.0);
        for (number, operation) in (0..).zip(&mut self.operations) {
            let Some(operation) = operation else { continue };
            let total = calls.total(number);
            let count = total.wrapping_sub(operation.counted);
            operation.counted = total;
            if count > 0 {
                operation.last_called = now;
            }
            let before = operation.rate.per_second() * elapsed.seconds;
            operation.steady = !operation.rate.observe(f64::from(count), elapsed);
            if operation.steady {
                came += f64::from(count);
                expected += before;
            }
        }
        let factor = self.together.observe(came, expected, elapsed);
        if factor != 1.0 {
            let operations = self.operations.iter_mut().flatten();
            for operation in operations.filter(|operation| operation.steady) {
                operation.rate.scale(factor);
            }
        }
    }

    fn make_room(&mut self, now: Duration, published: &Published) {
        for (number, place) in (0..).zip(&mut self.operations).skip(1) {
            let idle = |operation: &&mut Operation| now > operation.last_called + IDLE;
            if let Some(operation) = place.as_mut().filter(idle) {
                published.table.remove(operation.hash);
                *place = None;
                self.free.push(number);
            }
        }
        if published.table.is_worn() {
            published.table.clear();
            for (number, operation) in (0..).zip(&self.operations).skip(1) {
                if let Some(operation) = operation {
                    published.table.insert(operation.hash, number);
                }
            }
        }
    }

    /// Shares the budget. Whether all of it was wanted.
    fn fill(&mut self, now: Duration, published: &Published) -> bool {
        let budget = self.budget() * self.trim;
        let first = self.shares(budget * FIRST, true);
        let rest = self.shares(budget - first.spent(), false);
        let base = self.base_rate();
        for (number, operation) in (0..).zip(&mut self.operations) {
            let Some(operation) = operation else { continue };
            let shares = if operation.high_value.is_some() {
                &first
            } else {
                &rest
            };
            let calls = operation.rate.per_second();
            let demand = demand(operation, base);
            let mut share = shares.of(demand);
            let is_all = share == demand;
            if operation.high_value.is_some() || share == calls || share >= OFTEN {
                operation.turn.rests(number, now);
            } else {
                let frequency = Turn::frequency(share);
                let promised = published.plans.get(number).is_certain();
                if operation.turn.comes(frequency, promised, now) {
                    published.plans.promise(number);
                }
                share -= frequency;
            }
            let most = operation.high_value.unwrap_or(base);
            operation.rung = if share == calls && operation.high_value.is_none() {
                RungId::ALWAYS
            } else if share == most * calls {
                published.ladder.named(most)
            } else if is_all {
                RungId::nearest(share / calls)
            } else {
                RungId::nearest(share / operation.rate.careful())
            };
            published.ladder.prepare(operation.rung);
            published.plans.set(number, plan(operation));
        }
        rest.are_short()
    }

    /// How this budget is shared between what is of high value, or the rest.
    fn shares(&mut self, budget: f64, high_value: bool) -> Shares {
        let base = self.base_rate();
        self.demands.clear();
        let operations = self.operations.iter().flatten();
        let those = operations.filter(|operation| operation.high_value.is_some() == high_value);
        self.demands
            .extend(those.map(|operation| demand(operation, base)));
        Shares::of_budget(budget, &mut self.demands)
    }

    /// Traces per second that may be sampled now.
    pub(super) fn budget(&self) -> f64 {
        self.settings.target_per_second * self.factor()
    }

    fn base_rate(&self) -> f64 {
        self.settings.base_rate * self.factor()
    }

    fn factor(&self) -> f64 {
        if self.overload.is_overloaded() {
            self.settings.load_factor
        } else {
            1.0
        }
    }

    /// All calls, per second.
    pub(super) fn calls_per_second(&self) -> f64 {
        let operations = self.operations.iter().flatten();
        operations
            .map(|operation| operation.rate.per_second())
            .sum()
    }

    pub(super) fn sampled_per_second(&self) -> f64 {
        self.sampled
    }

    pub(super) fn overload(&self) -> &Overload {
        &self.overload
    }

    /// All that are told apart, and the others before them.
    pub(super) fn operations(&self) -> impl Iterator<Item = &Operation> {
        self.operations.iter().flatten()
    }
}

fn own_rate(settings: &AdaptiveSettings, name: &str) -> Option<f64> {
    let mut high_value = settings.high_value.iter();
    let first = high_value.find(|high| high.operation.matches_text(name));
    first.map(|high| high.rate)
}

/// The traces per second that an operation would be given if there were enough.
fn demand(operation: &Operation, base_rate: f64) -> f64 {
    let calls = operation.rate.per_second();
    match operation.high_value {
        Some(rate) => rate * calls,
        None => calls.min(FLOOR.max(base_rate * calls)),
    }
}

fn plan(operation: &Operation) -> Plan {
    let high_value = operation.high_value.is_some();
    let rare = operation.rate.per_second() <= RARE;
    Plan::new(operation.rung)
        .high_value(high_value)
        .patient(high_value || rare)
}
