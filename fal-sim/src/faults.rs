//! Faults: disturbances of calls, armed through the control interface for the next calls of a kind, or asked for by a
//! scenario for the first calls about one subject. Bounded: at most [`MOST_ARMED`] lines, scenario counters by subject
//! are dropped oldest first.

use crate::scenario::Scenario;
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use std::collections::{HashMap, VecDeque};

/// Most fault lines armed at once.
pub const MOST_ARMED: usize = 1_000;
/// Most subjects whose scenario uses are remembered.
const MOST_SUBJECTS: usize = 20_000;

/// A kind of call, as faults and counters name it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Call {
    /// Queue submit.
    Submit,
    /// Status poll.
    Status,
    /// Status stream.
    Stream,
    /// Result.
    Result,
    /// Cancel.
    Cancel,
    /// Sync run or run stream.
    Run,
    /// Storage initiate, plain or multipart.
    Initiate,
    /// CDN token.
    Token,
    /// Any call that brings file bytes, and completing a multipart upload.
    Upload,
    /// GET or HEAD of a file.
    Download,
    /// Request history.
    History,
    /// Delivery of a webhook.
    Webhook,
    /// Everything else (keys, metadata).
    Other,
}

/// What happens to a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Kind {
    /// The ingress's HTML 502, without `x-fal-request-id`.
    BadGateway,
    /// The ingress's HTML 503, without `x-fal-request-id`.
    NginxUnavailable,
    /// JSON 500 without `x-fal-request-id`.
    ServerError,
    /// JSON 500 with `x-fal-request-id`.
    ServerErrorWithId,
    /// JSON 503 `runner_connection_error` with `x-fal-request-id`.
    UnavailableWithId,
    /// 429 with `Retry-After: 1`.
    TooManyRequests,
    /// 401.
    Unauthorized,
    /// 403, exhausted balance.
    Balance,
    /// 404.
    NotFound,
    /// The connection closes without an answer.
    Drop,
    /// The connection is reset (TCP RST).
    Reset,
    /// The answer's body ends half-way, its length matching: broken JSON.
    TruncatedBody,
    /// The answer promises its whole length and breaks off half-way.
    BrokenBody,
    /// The answer's body trickles over about three seconds.
    SlowBody,
    /// The answer comes two seconds late.
    Delay,
    /// Webhooks only: never delivered.
    Lost,
    /// Webhooks only: delivered twice.
    Duplicate,
}

/// Whether the call is handled before it is disturbed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum When {
    /// The call is never handled.
    #[default]
    Before,
    /// The call is handled in full (a submit is accepted and paid), then its answer is disturbed.
    After,
}

/// One disturbance.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fault {
    /// What happens.
    pub kind: Kind,
    /// Before or after the call is handled.
    pub when: When,
}

/// A fault armed for the next calls of a kind.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Armed {
    /// The kind of call.
    pub call: Call,
    /// What happens to it.
    pub fault: Kind,
    /// Before or after it is handled; kinds that alter an answer always work after.
    #[serde(default)]
    pub when: When,
    /// How many calls it meets.
    #[serde(default = "once")]
    pub times: u32,
    /// Only calls whose path contains this.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path_contains: Option<String>,
}

fn once() -> u32 {
    1
}

impl Armed {
    /// `fault` for the next `times` calls of kind `call`.
    pub fn new(call: Call, fault: Kind, when: When, times: u32) -> Self {
        Self { call, fault, when, times, path_contains: None }
    }

    fn effective(&self) -> Fault {
        let alters = matches!(self.fault, Kind::TruncatedBody | Kind::BrokenBody | Kind::SlowBody | Kind::Delay);
        Fault { kind: self.fault, when: if alters { When::After } else { self.when } }
    }
}

/// Everything armed and every scenario use so far.
#[derive(Debug, Default)]
pub struct Faults {
    armed: Mutex<VecDeque<Armed>>,
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
        let mut lines = self.armed.lock();
        let room = lines.len() < MOST_ARMED;
        if room && armed.times > 0 {
            lines.push_back(armed);
        }
        room
    }

    /// What is still armed.
    pub fn armed(&self) -> Vec<Armed> {
        self.armed.lock().iter().cloned().collect()
    }

    /// Disarms everything.
    pub fn disarm(&self) {
        self.armed.lock().clear();
    }

    /// The armed fault that this call meets, used up by one.
    pub(crate) fn take(&self, call: Call, path: &str) -> Option<Fault> {
        let mut lines = self.armed.lock();
        let fits =
            |line: &Armed| line.call == call && line.path_contains.as_deref().is_none_or(|part| path.contains(part));
        let index = lines.iter().position(fits)?;
        let line = lines.get_mut(index)?;
        let fault = line.effective();
        line.times -= 1;
        if line.times == 0 {
            lines.remove(index);
        }
        Some(fault)
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
            assert_eq!(faults.take(Call::Submit, "/x"), Some(Fault { kind: Kind::Drop, when: When::After }));
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
}
