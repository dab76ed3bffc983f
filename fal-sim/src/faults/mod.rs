//! Faults: disturbances of calls, armed through the control interface, rolled by chaos, or asked for by a scenario for the
//! first calls about one subject. Bounded: at most [`MOST_ARMED`] lines, scenario counters by subject are dropped oldest
//! first.

mod armed;
mod chaos;
mod kind;

pub use armed::Armed;
pub use chaos::Chaos;
pub use kind::{Call, Fault, Kind, RetryAfter, When};

use crate::scenario::Scenario;
use armed::Line;
use chaos::Raging;
use parking_lot::Mutex;
use std::collections::{HashMap, VecDeque};

/// Most fault lines armed at once.
pub const MOST_ARMED: usize = 1_000;
/// Most subjects whose scenario uses are remembered.
const MOST_SUBJECTS: usize = 20_000;

/// Everything armed and every scenario use so far.
#[derive(Debug, Default)]
pub struct Faults {
    armed: Mutex<VecDeque<Line>>,
    chaos: Mutex<Option<Raging>>,
    uses: Mutex<Uses>,
}

#[derive(Debug, Default)]
struct Uses {
    counts: HashMap<(Call, String), u32>,
    order: VecDeque<(Call, String)>,
}

impl Faults {
    /// Arms a fault; false when too many are armed already.
    pub fn arm(&self, armed: Armed) -> bool {
        let (mut lines, line) = (self.armed.lock(), Line::new(armed));
        let room = lines.len() < MOST_ARMED;
        if room && !line.is_spent() {
            lines.push_back(line);
        }
        room
    }

    /// What is still armed.
    pub fn armed(&self) -> Vec<Armed> {
        self.armed.lock().iter().map(|line| line.armed.clone()).collect()
    }

    /// Lets chaos loose, or ends it.
    pub fn set_chaos(&self, chaos: Option<Chaos>) {
        *self.chaos.lock() = chaos.map(Raging::new);
    }

    /// The chaos there is.
    pub fn chaos(&self) -> Option<Chaos> {
        self.chaos.lock().as_ref().map(|raging| raging.chaos.clone())
    }

    /// Disarms everything and ends chaos.
    pub fn disarm(&self) {
        self.armed.lock().clear();
        self.set_chaos(None);
    }

    /// The fault that this call meets: an armed one, used up by one, or one of chaos.
    pub(crate) fn take(&self, call: Call, path: &str) -> Option<Fault> {
        let mut lines = self.armed.lock();
        let armed = lines.iter_mut().find_map(|line| line.meet(call, path));
        if armed.is_some() {
            lines.retain(|line| !line.is_spent());
            return armed;
        }
        drop(lines);
        self.chaos.lock().as_mut().and_then(|raging| raging.meet(call))
    }

    /// The fault that `scenario` has for this call about `subject`, used up by one.
    pub(crate) fn take_for(&self, scenario: Scenario, call: Call, subject: &str) -> Option<Fault> {
        let (wanted, fault, times) = scenario.transport()?;
        (wanted == call && self.uses.lock().count(call, subject) < times).then_some(fault)
    }
}

impl Uses {
    /// How often this was asked before; counts this time too.
    fn count(&mut self, call: Call, subject: &str) -> u32 {
        let key = (call, subject.to_owned());
        if let Some(count) = self.counts.get_mut(&key) {
            *count = count.saturating_add(1);
            return *count - 1;
        }
        if self.order.len() >= MOST_SUBJECTS
            && let Some(oldest) = self.order.pop_front()
        {
            self.counts.remove(&oldest);
        }
        self.order.push_back(key.clone());
        self.counts.insert(key, 1);
        0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_armed_fault_is_used_up() {
        let faults = Faults::default();
        faults.arm(Armed::new(Call::Submit, Kind::Drop, When::After, 2));
        assert_eq!(faults.take(Call::Status, "/x"), None);
        for _ in 0..2 {
            assert_eq!(faults.take(Call::Submit, "/x"), Some(Fault::new(Kind::Drop, When::After)));
        }
        assert_eq!(faults.take(Call::Submit, "/x"), None);
    }

    #[test]
    fn a_scenario_counts_per_subject() {
        let faults = Faults::default();
        for subject in ["a", "b"] {
            let met = (0..4).filter(|_| faults.take_for(Scenario::TooMany, Call::Submit, subject).is_some()).count();
            assert_eq!(met, 2, "{subject}");
        }
        assert_eq!(faults.take_for(Scenario::TooMany, Call::Status, "a"), None);
    }

    #[test]
    fn the_same_seed_meets_the_same_calls() {
        let met = |seed| {
            let faults = Faults::default();
            faults.arm(Armed::likely(Call::Submit, Kind::Drop, When::After, 0.3, seed));
            (0..200).map(|_| faults.take(Call::Submit, "/x").is_some()).collect::<Vec<bool>>()
        };
        assert_eq!(met(7), met(7));
        assert_ne!(met(7), met(8));
        let share = met(7).into_iter().filter(|met| *met).count();
        assert!((30..90).contains(&share), "{share} of 200");
    }

    #[test]
    fn chaos_is_seeded_too_and_ends_when_disarmed() {
        let met = |seed| {
            let faults = Faults::default();
            faults.set_chaos(Some(Chaos { seed, probability: 0.5, calls: vec![Call::Status], faults: Vec::new() }));
            assert_eq!(faults.take(Call::Submit, "/x"), None);
            let met: Vec<_> = (0..100).map(|_| faults.take(Call::Status, "/x")).collect();
            faults.disarm();
            assert!((0..100).all(|_| faults.take(Call::Status, "/x").is_none()));
            met
        };
        assert_eq!(met(1), met(1));
        assert_ne!(met(1), met(2));
    }
}
