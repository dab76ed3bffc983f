//! A batch of entries in one write: an `XADD` each, and one count for each hour, log and level, so that statistics
//! outlive the entries. No transaction: `MULTI` has no key, so that a node which has not ours would take it, and nobody would
//! hear where they are.

use std::collections::BTreeMap;

use ::redis::Pipeline;
use image2model_domain::Keyspace;
use image2model_domain::log::{FIELD, LogKind};
use image2model_domain::time::rfc3339;

use super::queue::Record;

/// What a batch is written with.
#[derive(Debug, Clone)]
pub(super) struct Form {
    pub keys: Keyspace,
    pub host: String,
    /// About how many entries a log keeps.
    pub max_entries: u64,
    /// How long a day's counts are kept, in seconds.
    pub counts_ttl: u64,
}

impl Form {
    /// The batch, and a count of entries that were lost before it.
    pub fn pipeline(&self, batch: &[Record], lost: u64, now_ms: i64) -> Pipeline {
        let mut pipeline = ::redis::pipe();
        let mut counts = BTreeMap::<(String, String), u64>::new();
        let mut count = |at: i64, what: &str, by: u64| {
            let time = rfc3339(at);
            let (date, hour) = (time.get(..10).unwrap_or_default(), time.get(11..13).unwrap_or_default());
            *counts.entry((date.to_owned(), format!("{hour}:{what}"))).or_default() += by;
        };
        for Record { kind, entry } in batch {
            count(entry.time, &format!("{}:{}", kind.name(), entry.level.name()), 1);
            if let (LogKind::Access, Some(status)) = (kind, entry.number("status")) {
                count(entry.time, &format!("status:{}xx", status / 100), 1);
            }
            let mut entry = entry.clone();
            entry.host = Some(self.host.clone());
            let add = pipeline.cmd("XADD").arg(self.keys.log(*kind)).arg("MAXLEN").arg("~").arg(self.max_entries);
            add.arg("*").arg(FIELD).arg(entry.to_json()).ignore();
        }
        if lost > 0 {
            count(now_ms, "lost", lost);
        }
        let mut dates: Vec<&String> = counts.keys().map(|(date, _)| date).collect();
        dates.dedup();
        for ((date, field), by) in &counts {
            pipeline.cmd("HINCRBY").arg(self.keys.log_day(date)).arg(field).arg(*by).ignore();
        }
        for date in dates {
            pipeline.cmd("EXPIRE").arg(self.keys.log_day(date)).arg(self.counts_ttl).ignore();
        }
        pipeline
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use image2model_domain::log::{LogEntry, LogLevel};

    #[test]
    fn entries_are_added_and_counted_by_hour_log_and_level() {
        let form = Form { keys: Keyspace::single(), host: "h".into(), max_entries: 7, counts_ttl: 60 };
        let record = |time, kind, status: Option<u64>| {
            let mut entry = LogEntry::new(time, LogLevel::Info, "t", "m");
            status.map(|status| entry.fields.insert("status".into(), status.into()));
            Record { kind, entry }
        };
        let batch = [
            record(0, LogKind::Access, Some(204)),
            record(5, LogKind::Access, Some(500)),
            record(86_400_000, LogKind::App, None),
        ];
        let sent = form.pipeline(&batch, 4, 3_600_000).get_packed_pipeline();
        let sent = String::from_utf8(sent).unwrap().replace("\r\n", " ");
        let words: Vec<&str> = sent.split(' ').filter(|word| !word.starts_with(['$', '*'])).collect();
        let sent = words.join(" ");
        assert_eq!(sent.matches("XADD").count(), 3);
        for part in [
            "XADD logs:access MAXLEN ~ 7",
            "HINCRBY logs:day:1970-01-01 00:access:INFO 2",
            "HINCRBY logs:day:1970-01-01 00:status:2xx 1",
            "HINCRBY logs:day:1970-01-01 00:status:5xx 1",
            "HINCRBY logs:day:1970-01-01 01:lost 4",
            "HINCRBY logs:day:1970-01-02 00:app:INFO 1",
            "EXPIRE logs:day:1970-01-02 60",
        ] {
            assert!(sent.contains(part), "{part} is not in {sent}");
        }
    }
}
