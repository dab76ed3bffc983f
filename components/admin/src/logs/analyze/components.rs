//! Components by how often they fail: their own errors and warnings, and requests they answered with a 5xx.

use std::collections::BTreeMap;

use image2model_domain::log::{LogKind, LogLevel};
use serde_json::{Value, json};

use crate::logs::store::Stored;

/// Components kept apart; an application has a dozen.
const MOST: usize = 100;

#[derive(Debug, Default)]
struct Tally {
    errors: u64,
    warnings: u64,
    requests: u64,
    failed_requests: u64,
}

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Components(BTreeMap<String, Tally>);

impl Components {
    pub(super) fn add(&mut self, stored: &Stored) {
        let entry = &stored.entry;
        let Some(component) = entry.component.as_deref().filter(|_| stored.kind != LogKind::Audit) else { return };
        if self.0.len() >= MOST && !self.0.contains_key(component) {
            return;
        }
        let tally = self.0.entry(component.to_owned()).or_default();
        if stored.kind == LogKind::Access {
            tally.requests += 1;
            tally.failed_requests += u64::from(entry.number("status").is_some_and(|status| status >= 500));
        } else {
            tally.errors += u64::from(entry.level == LogLevel::Error);
            tally.warnings += u64::from(entry.level == LogLevel::Warn);
        }
    }

    /// Those that fail most come first.
    pub(super) fn shown(&self) -> Vec<Value> {
        let mut all: Vec<_> = self.0.iter().collect();
        all.sort_by_key(|(_, t)| std::cmp::Reverse((t.errors + t.failed_requests, t.warnings, t.requests)));
        let shown = all.iter().map(|(component, t)| {
            json!({
                "component": component, "failing": t.errors + t.failed_requests > 0, "errors": t.errors,
                "warnings": t.warnings, "requests": t.requests, "failed_requests": t.failed_requests,
            })
        });
        shown.collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::logs::store::tests::stored;

    #[test]
    fn the_failing_component_comes_first() {
        let mut components = Components::default();
        let mut add = |component: &str, kind, level, status: u64| {
            let mut said = stored(kind, level, "m", &[("status", status.into())]);
            said.entry.component = Some(component.to_owned());
            components.add(&said);
        };
        add("status", LogKind::Access, LogLevel::Info, 200);
        add("status", LogKind::Components, LogLevel::Warn, 0);
        add("upload", LogKind::Access, LogLevel::Warn, 502);
        add("upload", LogKind::Error, LogLevel::Error, 0);
        add("nobody", LogKind::Audit, LogLevel::Error, 500);
        let shown = components.shown();
        assert_eq!((&shown[0]["component"], &shown[0]["failing"]), (&"upload".into(), &true.into()));
        assert_eq!((&shown[0]["failed_requests"], &shown[0]["errors"]), (&1.into(), &1.into()));
        assert_eq!((&shown[1]["warnings"], &shown[1]["failing"]), (&1.into(), &false.into()));
        assert_eq!(shown.len(), 2);
    }
}
