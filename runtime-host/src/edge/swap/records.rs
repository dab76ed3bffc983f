//! Writes what the fleet is to serve of a component, on whatever stands there by then, and tells the audit log how it ended.

use std::time::Duration;

use image2model_domain::commands::{AppendLog, ReadRollouts, SetRollout};
use image2model_domain::log::{LogEntry, LogKind, LogLevel};
use image2model_domain::rollout::{Change, Outcome, Rollout};
use serde_json::json;

use crate::redis::sign_of_life::now_ms;
use crate::redis::{RedisError, Store};

/// How often a record is written anew when somebody else was faster.
const TRIES: u32 = 20;

/// The components' records, and who writes them.
#[derive(Clone)]
pub struct Records {
    /// Where they are.
    pub store: Store,
    /// Names this host among all, as its sign of life does.
    pub host: String,
    /// How much of the audit log is kept; 0 for none.
    pub log_entries: u64,
    /// How long its counts are kept, in seconds.
    pub log_counts_ttl: u64,
}

impl Records {
    /// Takes a step and writes it. What stands there then, if there was anything to write.
    ///
    /// # Errors
    /// When Redis does not answer; it may have been written all the same.
    pub async fn change(
        &self,
        id: &str,
        mut step: impl FnMut(&mut Rollout) -> bool,
    ) -> Result<Option<Rollout>, RedisError> {
        for tried in 0..TRIES {
            let read = self.store.run(&ReadRollouts { component: Some(id) }).await?;
            let before = read.into_iter().next().map(|(_, rollout)| rollout).unwrap_or_default();
            let mut next = before.clone();
            if !step(&mut next) {
                return Ok(None);
            }
            let set = SetRollout { component: id, from: before.revision, rollout: &next };
            if self.store.run(&set).await? {
                if next.last != before.last
                    && let Some(ended) = &next.last
                {
                    self.audit(id, ended).await;
                }
                next.revision = before.revision + 1;
                return Ok(Some(next));
            }
            tokio::time::sleep(Duration::from_millis(u64::from(5 + 5 * tried) + u64::from(rand::random::<u8>() / 8)))
                .await;
        }
        Ok(None)
    }

    /// How a change ended, for the audit log. Its beginning the admin route has written there.
    async fn audit(&self, id: &str, ended: &Change) {
        let bad = matches!(ended.outcome, Outcome::Refused | Outcome::Failed | Outcome::RolledBackByItself);
        let level = if bad { LogLevel::Warn } else { LogLevel::Info };
        let mut entry = LogEntry::new(now_ms(), level, "audit", "component change");
        entry.component = Some(id.to_owned());
        let fields = json!({
            "caller": ended.by, "action": ended.action, "outcome": ended.outcome, "change": ended.change,
            "from": { "source": ended.from.source, "digest": ended.from.digest },
            "to": { "source": ended.to.source, "digest": ended.to.digest },
            "reasons": ended.reasons, "host": self.host,
        });
        if let serde_json::Value::Object(fields) = fields {
            entry.fields = fields.into_iter().collect();
        }
        let (outcome, action) = (ended.outcome, ended.action);
        tracing::info!(
            component = id,
            ?action,
            ?outcome,
            by = ended.by,
            digest = ended.to.digest,
            "component change ended"
        );
        if self.log_entries == 0 {
            return;
        }
        let append = AppendLog {
            kind: LogKind::Audit,
            level,
            entry: &entry.to_json(),
            max_entries: self.log_entries,
            counts_ttl: self.log_counts_ttl,
        };
        if let Err(error) = self.store.run(&append).await {
            tracing::warn!(code = error.code(), "the audit log could not be written");
        }
    }
}
