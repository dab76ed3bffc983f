//! What may be changed while a simulator runs: the key's balance, how the request history lags, what cancelling does.

use crate::{config::Config, errors::ApiError, queue::Request};
use chrono::{TimeDelta, Utc};
use serde::{Deserialize, Deserializer, Serialize};

/// Values in force now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Tuning {
    /// Credits left; without, there is no end of them.
    pub balance: Option<i64>,
    /// How long after its acceptance a request appears in the history, in milliseconds; after its end, where only
    /// finished ones are listed.
    pub history_lag_ms: u64,
    /// Whether the history lists requests that are not finished.
    pub history_lists_unfinished: bool,
    /// Whether it lists, of these, those that wait too.
    pub history_lists_waiting: bool,
    /// Whether a running request stops when it is cancelled.
    pub honour_cancel: bool,
    /// Whether a running request that was cancelled is billed.
    pub bill_cancelled: bool,
}

/// New values for some of them.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Change {
    /// `null` takes the balance away.
    #[serde(deserialize_with = "present")]
    balance: Option<Option<i64>>,
    /// Credits to add to the balance.
    top_up: i64,
    history_lag_ms: Option<u64>,
    history_lists_unfinished: Option<bool>,
    history_lists_waiting: Option<bool>,
    honour_cancel: Option<bool>,
    bill_cancelled: Option<bool>,
}

impl Tuning {
    /// What a simulator starts with.
    pub(crate) fn new(config: &Config) -> Self {
        Self {
            balance: config.balance,
            history_lag_ms: u64::try_from(config.history_lag.as_millis()).unwrap_or(u64::MAX),
            history_lists_unfinished: config.history_lists_unfinished,
            history_lists_waiting: config.history_lists_waiting,
            honour_cancel: config.honour_cancel,
            bill_cancelled: config.bill_cancelled,
        }
    }

    /// Takes over new values.
    pub(crate) fn change(&mut self, change: &Change) {
        self.balance = change.balance.unwrap_or(self.balance).map(|left| left.saturating_add(change.top_up));
        self.history_lag_ms = change.history_lag_ms.unwrap_or(self.history_lag_ms);
        self.history_lists_unfinished = change.history_lists_unfinished.unwrap_or(self.history_lists_unfinished);
        self.history_lists_waiting = change.history_lists_waiting.unwrap_or(self.history_lists_waiting);
        self.honour_cancel = change.honour_cancel.unwrap_or(self.honour_cancel);
        self.bill_cancelled = change.bill_cancelled.unwrap_or(self.bill_cancelled);
    }

    /// Charges credits. What runs is finished although the balance ends, so it may go below zero.
    pub(crate) fn spend(&mut self, units: u32) {
        self.balance = self.balance.map(|left| left.saturating_sub(i64::from(units)));
    }

    /// Refuses whoever has spent everything.
    pub(crate) fn check_balance(&self) -> Result<(), ApiError> {
        if self.balance.is_some_and(|left| left <= 0) { Err(ApiError::Locked) } else { Ok(()) }
    }

    /// Whether the history shows a request by now.
    pub(crate) fn shows(&self, request: &Request) -> bool {
        let (started, ended) = request.times();
        let since = match (self.history_lists_unfinished, self.history_lists_waiting) {
            (true, true) => Some(request.accepted_at),
            // One that was cancelled while it waited has ended without a start.
            (true, false) => started.or(ended),
            (false, _) => ended,
        };
        let lag = TimeDelta::milliseconds(i64::try_from(self.history_lag_ms).unwrap_or(i64::MAX));
        since.is_some_and(|since| Utc::now().signed_duration_since(since) >= lag)
    }
}

/// Tells a field that is `null` from one that is not there.
fn present<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Option<i64>>, D::Error> {
    Option::deserialize(deserializer).map(Some)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_balance_is_spent_topped_up_and_taken_away() {
        let mut tuning = Tuning::new(&Config { balance: Some(30), ..Config::default() });
        assert_eq!(tuning.check_balance(), Ok(()));
        tuning.spend(40);
        assert_eq!((tuning.balance, tuning.check_balance()), (Some(-10), Err(ApiError::Locked)));
        let change = |text| serde_json::from_str::<Change>(text).unwrap();
        tuning.change(&change(r#"{"top_up": 50}"#));
        assert_eq!((tuning.balance, tuning.check_balance()), (Some(40), Ok(())));
        tuning.change(&change(r#"{"balance": null, "history_lag_ms": 5}"#));
        assert_eq!((tuning.balance, tuning.history_lag_ms), (None, 5));
        assert!(serde_json::from_str::<Change>(r#"{"surprise": 1}"#).is_err());
    }
}
