//! What is decided about an operation's calls until the next look.

use std::sync::atomic::{AtomicU32, Ordering};

use super::ladder::RungId;

/// A rung, and how it is to be taken; one word, so that it changes all at once.
///
/// ```text
/// bits  0 … 15     16        17         18
///       the rung   certain   patient    high value
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Plan(u32);

/// The next call is sampled for certain, as far as the guard lets it.
const CERTAIN: u32 = 1 << 16;
/// The guard sets in later.
const PATIENT: u32 = 1 << 17;
const HIGH_VALUE: u32 = 1 << 18;

impl Plan {
    pub(super) fn new(rung: RungId) -> Self {
        Self(u32::from(rung.0))
    }

    pub(super) fn patient(self, patient: bool) -> Self {
        self.with(PATIENT, patient)
    }

    pub(super) fn high_value(self, high_value: bool) -> Self {
        self.with(HIGH_VALUE, high_value)
    }

    fn with(self, bit: u32, set: bool) -> Self {
        Self(if set { self.0 | bit } else { self.0 & !bit })
    }

    #[inline]
    pub(super) fn rung(self) -> RungId {
        RungId(self.0 as u16)
    }

    #[inline]
    pub(super) fn is_certain(self) -> bool {
        self.0 & CERTAIN != 0
    }

    #[inline]
    pub(super) fn is_patient(self) -> bool {
        self.0 & PATIENT != 0
    }

    #[inline]
    pub(super) fn is_high_value(self) -> bool {
        self.0 & HIGH_VALUE != 0
    }
}

/// The plans of all operations, by number.
#[derive(Debug)]
pub(super) struct Plans(Box<[AtomicU32]>);

impl Plans {
    pub(super) fn new(operations: usize) -> Self {
        let never = Plan::new(RungId::NEVER);
        Self((0..operations).map(|_| AtomicU32::new(never.0)).collect())
    }

    #[inline]
    pub(super) fn get(&self, operation: u16) -> Plan {
        Plan(self.at(operation).load(Ordering::Relaxed))
    }

    /// Takes what is certain for one call; whether this call gets it.
    pub(super) fn claim(&self, operation: u16) -> bool {
        let before = self.at(operation).fetch_and(!CERTAIN, Ordering::Relaxed);
        Plan(before).is_certain()
    }

    /// The same operation from now on; a call that is certain remains so.
    pub(super) fn set(&self, operation: u16, plan: Plan) {
        if Plan(self.get(operation).0 & !CERTAIN) == plan {
            return; // The line stays where it is read.
        }
        let place = self.at(operation);
        let set = |before| Some(before & CERTAIN | plan.0);
        // It never says no.
        let _ = place.fetch_update(Ordering::Relaxed, Ordering::Relaxed, set);
    }

    /// The next call is certain.
    pub(super) fn promise(&self, operation: u16) {
        self.at(operation).fetch_or(CERTAIN, Ordering::Relaxed);
    }

    /// Another operation from now on.
    pub(super) fn reset(&self, operation: u16, plan: Plan) {
        self.at(operation).store(plan.0, Ordering::Relaxed);
    }

    fn at(&self, operation: u16) -> &AtomicU32 {
        &self.0[usize::from(operation)]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_promise_is_kept_once_whatever_is_planned_meanwhile() {
        let plans = Plans::new(2);
        plans.promise(1);
        plans.set(1, Plan::new(RungId(7)).patient(true));
        assert!(plans.get(1).is_certain() && plans.get(1).is_patient());
        assert_eq!(plans.get(1).rung(), RungId(7));
        assert!(plans.claim(1));
        assert!(!plans.claim(1));
        assert_eq!(plans.get(1), Plan::new(RungId(7)).patient(true));
        assert_eq!(plans.get(0), Plan::new(RungId::NEVER));
    }
}
