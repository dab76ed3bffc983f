//! The workers that live: each writes a sign of life to Redis, which carries how it stands with FAL.AI.

use image2model_kit::redis::{self, RedisError};
use serde::Deserialize;
use serde_json::Value;

/// A worker's last sign of life.
#[derive(Debug, Clone, Deserialize, PartialEq)]
pub(crate) struct Worker {
    #[serde(default)]
    fal: Fal,
    /// Everything it says, as it says it.
    #[serde(flatten)]
    rest: serde_json::Map<String, Value>,
}

/// How a worker stands with FAL.AI.
#[derive(Debug, Clone, Default, Deserialize, serde::Serialize, PartialEq)]
struct Fal {
    #[serde(default)]
    mode: String,
    #[serde(default)]
    breaker: String,
    /// FAL.AI answered when the worker last asked.
    #[serde(default)]
    reachable: Option<bool>,
    /// What FAL.AI's request history shows it.
    #[serde(default)]
    history: String,
}

impl Worker {
    fn parse(text: &str) -> Option<Self> {
        serde_json::from_str(text).ok()
    }

    /// As the answer shows it.
    pub(crate) fn shown(&self) -> Value {
        let mut all = self.rest.clone();
        all.insert("fal".to_owned(), serde_json::json!(self.fal));
        Value::Object(all)
    }

    /// Files it drives.
    pub(crate) fn running(&self) -> u64 {
        self.rest.get("running").and_then(Value::as_u64).unwrap_or_default()
    }
}

/// The workers whose sign of life has not run out.
pub(crate) async fn alive() -> Result<Vec<Worker>, RedisError> {
    let keys = redis::keys();
    let texts = super::records(&keys.workers(), |id| keys.worker(id)).await?;
    Ok(texts.iter().filter_map(|text| Worker::parse(text)).collect())
}

/// `live`, `simulated`, or `unknown` when no worker says.
pub(crate) fn fal_mode(workers: &[Worker]) -> &'static str {
    let is = |word: &str| workers.iter().any(|w| w.fal.mode.starts_with(word));
    match (is("live"), is("simul")) {
        (true, _) => "live",
        (false, true) => "simulated",
        (false, false) => "unknown",
    }
}

/// `closed` when at least one worker reaches FAL.AI, else the state that the others are in; `unknown` without workers.
pub(crate) fn fal_breaker(workers: &[Worker]) -> &str {
    let states = || workers.iter().map(|w| w.fal.breaker.as_str()).filter(|state| !state.is_empty());
    states().find(|state| *state == "closed").or_else(|| states().next()).unwrap_or("unknown")
}

/// Whether FAL.AI answers at least one worker; `None` while none has asked yet.
pub(crate) fn fal_reachable(workers: &[Worker]) -> Option<bool> {
    workers.iter().filter_map(|worker| worker.fal.reachable).reduce(|a, b| a || b)
}

/// How many workers' breakers are in that state.
pub(crate) fn breakers(workers: &[Worker], state: &str) -> usize {
    workers.iter().filter(|worker| worker.fal.breaker == state).count()
}

/// How many workers may not read FAL.AI's request history.
pub(crate) fn blind(workers: &[Worker]) -> usize {
    workers.iter().filter(|worker| worker.fal.history == "blind").count()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn worker(mode: &str, breaker: &str) -> Worker {
        let text =
            format!(r#"{{"id": "w", "host": "h", "running": 2, "fal": {{"mode": "{mode}", "breaker": "{breaker}"}}}}"#);
        Worker::parse(&text).unwrap()
    }

    #[test]
    fn one_worker_that_reaches_fal_is_enough() {
        assert_eq!((fal_mode(&[]), fal_breaker(&[])), ("unknown", "unknown"));
        let workers = [worker("simulated", "open"), worker("live", "closed")];
        assert_eq!((fal_mode(&workers), fal_breaker(&workers)), ("live", "closed"));
        assert_eq!(fal_breaker(&workers[..1]), "open");
        assert_eq!((fal_reachable(&workers), breakers(&workers, "open")), (None, 1));
        assert_eq!(fal_mode(&[worker("simulator", "closed")]), "simulated");
    }

    #[test]
    fn shows_what_a_worker_says_and_bears_an_older_one() {
        let shown = worker("live", "closed").shown();
        assert_eq!((&shown["running"], &shown["fal"]["breaker"]), (&Value::from(2), &Value::from("closed")));
        assert_eq!(worker("live", "closed").running(), 2);
        assert_eq!(fal_mode(&[Worker::parse("{}").unwrap()]), "unknown");
        assert!(Worker::parse("").is_none());
    }
}
