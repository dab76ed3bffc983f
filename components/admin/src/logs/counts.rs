//! How much was logged, by the hour: counted when it is written, so that the numbers hold when entries are gone.

use std::collections::BTreeMap;

use image2model_domain::log::{LogKind, LogLevel};
use image2model_domain::time::{date, rfc3339};
use image2model_kit::redis::{self, RedisError};
use serde_json::{Map, Value, json};

use super::ask::{DAY_MS, HOUR_MS, Span};

/// What was counted in some time.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Counts(BTreeMap<String, u64>);

impl Counts {
    fn add(&mut self, what: &str, count: u64) {
        *self.0.entry(what.to_owned()).or_default() += count;
    }

    fn add_all(&mut self, other: &Self) {
        other.0.iter().for_each(|(what, count)| self.add(what, *count));
    }

    fn get(&self, what: &str) -> u64 {
        self.0.get(what).copied().unwrap_or_default()
    }

    pub(super) fn of(&self, kind: LogKind, level: LogLevel) -> u64 {
        self.get(&format!("{}:{}", kind.name(), level.name()))
    }

    pub(super) fn of_kind(&self, kind: LogKind) -> u64 {
        LogLevel::ALL.iter().map(|level| self.of(kind, *level)).sum()
    }

    pub(super) fn of_level(&self, level: LogLevel) -> u64 {
        LogKind::ALL.iter().map(|kind| self.of(*kind, level)).sum()
    }

    pub(super) fn total(&self) -> u64 {
        LogLevel::ALL.iter().map(|level| self.of_level(*level)).sum()
    }

    /// Entries that were lost before they were written.
    pub(super) fn lost(&self) -> u64 {
        self.get("lost")
    }

    /// The numbers, as answers show them.
    pub(super) fn shown(&self) -> Map<String, Value> {
        let kinds: Map<_, _> = LogKind::ALL.iter().map(|k| (k.name().to_owned(), self.of_kind(*k).into())).collect();
        let levels: Map<_, _> = LogLevel::ALL.iter().map(|l| (l.name().to_owned(), self.of_level(*l).into())).collect();
        let statuses: Map<_, _> =
            (1..=5).map(|class| (format!("{class}xx"), self.get(&format!("status:{class}xx")).into())).collect();
        let mut shown = Map::new();
        shown.insert("total".to_owned(), self.total().into());
        shown.insert("by_type".to_owned(), kinds.into());
        shown.insert("by_level".to_owned(), levels.into());
        shown.insert("requests".to_owned(), json!({ "total": self.of_kind(LogKind::Access), "by_status": statuses }));
        shown.insert("lost".to_owned(), self.lost().into());
        shown
    }
}

/// Counts by the hour, every hour of the span.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Hours(BTreeMap<i64, Counts>);

impl Hours {
    /// Reads them: one look for each day.
    pub(super) async fn load(span: Span) -> Result<Self, RedisError> {
        let mut hours = Self::empty(span);
        let mut day = span.from.div_euclid(DAY_MS) * DAY_MS;
        while day < span.to {
            let pairs = redis::texts("HGETALL", &[&redis::keys().await?.log_day(&date(day))]).await?;
            hours.add_day(day, &pairs);
            day += DAY_MS;
        }
        Ok(hours)
    }

    fn empty(span: Span) -> Self {
        let (first, last) = (span.from.div_euclid(HOUR_MS), (span.to - 1).div_euclid(HOUR_MS));
        Self((first..=last).map(|hour| (hour, Counts::default())).collect())
    }

    /// Fields `{hour}:{what}` and their numbers, one after the other.
    fn add_day(&mut self, day: i64, pairs: &[String]) {
        for pair in pairs.chunks_exact(2) {
            let [field, count] = pair else { continue };
            let (Some((hour, what)), Ok(count)) = (field.split_once(':'), count.parse()) else { continue };
            let Ok(hour) = hour.parse::<i64>() else { continue };
            if let Some(counts) = self.0.get_mut(&(day / HOUR_MS + hour)) {
                counts.add(what, count);
            }
        }
    }

    /// All hours together.
    pub(super) fn sum(&self) -> Counts {
        let mut sum = Counts::default();
        self.0.values().for_each(|counts| sum.add_all(counts));
        sum
    }

    /// One line for each hour.
    pub(super) fn shown(&self) -> Vec<Value> {
        let line = |(hour, counts): (&i64, &Counts)| {
            json!({
                "hour": rfc3339(hour * HOUR_MS),
                "total": counts.total(),
                "errors": counts.of_level(LogLevel::Error),
                "warnings": counts.of_level(LogLevel::Warn),
                "requests": counts.of_kind(LogKind::Access),
                "failed_requests": counts.get("status:5xx"),
                "lost": counts.lost(),
            })
        };
        self.0.iter().map(line).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hours_of_the_span_are_filled_and_others_left_out() {
        let span = Span { from: DAY_MS - HOUR_MS, to: DAY_MS + HOUR_MS };
        let mut hours = Hours::empty(span);
        let pairs = |pairs: &[(&str, &str)]| -> Vec<String> {
            pairs.iter().flat_map(|(field, count)| [(*field).to_owned(), (*count).to_owned()]).collect()
        };
        hours.add_day(0, &pairs(&[("22:app:INFO", "9"), ("23:app:INFO", "1"), ("23:error:ERROR", "2"), ("x", "1")]));
        hours.add_day(
            DAY_MS,
            &pairs(&[("00:access:INFO", "3"), ("00:status:2xx", "3"), ("00:lost", "5"), ("01:app:INFO", "7")]),
        );
        let sum = hours.sum();
        assert_eq!((sum.total(), sum.lost(), sum.of_kind(LogKind::Error)), (6, 5, 2));
        assert_eq!(
            sum.shown()["requests"],
            json!({ "total": 3, "by_status": { "1xx": 0, "2xx": 3, "3xx": 0, "4xx": 0, "5xx": 0 } })
        );
        let lines = hours.shown();
        assert_eq!(lines.len(), 2);
        assert_eq!((&lines[0]["hour"], &lines[0]["errors"]), (&"1970-01-01T23:00:00.000Z".into(), &2.into()));
        assert_eq!((&lines[1]["requests"], &lines[1]["lost"]), (&3.into(), &5.into()));
    }
}
