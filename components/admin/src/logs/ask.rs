//! What a caller asks for: logs, levels and times, out of the query or a body, each with its own complaint.

use image2model_domain::Problem;
use image2model_domain::log::{LogKind, LogLevel};
use image2model_domain::time::{date, parse_date, parse_rfc3339};
use image2model_kit::query::Query;

pub(super) const HOUR_MS: i64 = 3_600_000;
pub(super) const DAY_MS: i64 = 86_400_000;
/// The longest look back, in hours: 31 days.
const MOST_HOURS: u32 = 744;

/// A span of time, ms since 1970: from its start, up to but not including its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Span {
    pub(super) from: i64,
    pub(super) to: i64,
}

/// 422 that names the parameter.
pub(super) fn wrong(name: &str, expected: impl AsRef<str>) -> Problem {
    Problem::invalid(name, format!("{name} must be {}", expected.as_ref()))
}

/// One log by its name, or all of them when none is named.
pub(super) fn kinds(name: Option<&str>) -> Result<Vec<LogKind>, Problem> {
    let Some(name) = name.filter(|name| *name != "all") else { return Ok(LogKind::ALL.to_vec()) };
    let names: Vec<&str> = LogKind::ALL.iter().map(|kind| kind.name()).collect();
    let known = LogKind::parse(name).map(|kind| vec![kind]);
    known.ok_or_else(|| wrong("type", format!("one of {}, or all", names.join(", "))))
}

/// A level: entries at least that bad are meant.
pub(super) fn level(name: Option<&str>) -> Result<Option<LogLevel>, Problem> {
    let read = |name: &str| LogLevel::parse(name).ok_or_else(|| wrong("level", "ERROR, WARN or INFO"));
    name.map(read).transpose()
}

/// The last so many hours, a day when nothing is said. `hours_back` is the original's name.
pub(super) fn hours(query: &Query, now_ms: i64) -> Result<(u32, Span), Problem> {
    let named = |name| number(query, name, 1, MOST_HOURS);
    let hours = named("hours")?.or(named("hours_back")?).unwrap_or(24);
    Ok((hours, Span { from: now_ms - i64::from(hours) * HOUR_MS, to: now_ms + 1 }))
}

/// A whole number within bounds.
pub(super) fn number(query: &Query, name: &str, least: u32, most: u32) -> Result<Option<u32>, Problem> {
    query.get(name).map(|text| whole(name, text, least, most)).transpose()
}

/// A whole number within bounds, out of its text.
pub(super) fn whole(name: &str, text: &str, least: u32, most: u32) -> Result<u32, Problem> {
    let number = text.parse().ok().filter(|number| (least..=most).contains(number));
    number.ok_or_else(|| wrong(name, format!("a whole number from {least} to {most}")))
}

/// A time, RFC 3339 or a date.
pub(super) fn time(name: &str, text: Option<&str>) -> Result<Option<i64>, Problem> {
    let read = |text: &str| {
        let time = parse_rfc3339(text).map(|ms| ms.max(0));
        time.ok_or_else(|| wrong(name, "a time such as 2026-11-20T10:46:21Z, or a date such as 2026-11-20"))
    };
    text.map(read).transpose()
}

/// From and to; without them everything there is. Nothing lies in a span that ends before it begins.
pub(super) fn span(from: Option<&str>, to: Option<&str>) -> Result<Span, Problem> {
    Ok(Span { from: time("from", from)?.unwrap_or(0), to: time("to", to)?.unwrap_or(i64::MAX) })
}

/// One day, UTC; today when nothing is said.
pub(super) fn day(query: &Query, now_ms: i64) -> Result<(String, Span), Problem> {
    let named = query.get("date").map_or_else(|| date(now_ms), str::to_owned);
    let from = parse_date(&named).ok_or_else(|| wrong("date", "a date such as 2026-11-20"))?;
    Ok((named, Span { from, to: from + DAY_MS }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn field<T: std::fmt::Debug>(answer: Result<T, Problem>) -> String {
        let problem = answer.unwrap_err();
        assert_eq!((problem.status(), problem.code()), (422, "VALIDATION_ERROR"));
        problem.body("/", "r")["details"]["field"].as_str().unwrap().to_owned()
    }

    #[test]
    fn reads_what_is_asked_for_and_says_what_is_wrong() {
        assert_eq!(kinds(Some("audit")).unwrap(), [LogKind::Audit]);
        assert_eq!(kinds(None).unwrap(), kinds(Some("all")).unwrap());
        assert_eq!(field(kinds(Some("apache"))), "type");
        assert_eq!(level(Some("warning")).unwrap(), Some(LogLevel::Warn));
        assert_eq!(field(level(Some("loud"))), "level");
        assert_eq!(hours(&Query::parse("hours=2"), 2 * HOUR_MS).unwrap(), (2, Span { from: 0, to: 2 * HOUR_MS + 1 }));
        for bad in ["hours=0", "hours=745", "hours=-1", "hours=x", "hours="] {
            assert_eq!(field(hours(&Query::parse(bad), 0)), "hours", "{bad}");
        }
        assert_eq!(hours(&Query::parse("hours_back=3"), 0).unwrap().0, 3);
        assert_eq!(field(hours(&Query::parse("hours_back=0"), 0)), "hours_back");
    }

    #[test]
    fn spans_and_days_have_an_end() {
        assert_eq!(span(None, None).unwrap(), Span { from: 0, to: i64::MAX });
        assert_eq!(span(Some("1970-01-02"), None).unwrap().from, DAY_MS);
        assert_eq!(span(Some("0001-01-01"), None).unwrap().from, 0);
        assert_eq!(field(span(Some("yesterday"), None)), "from");
        let now = 3 * DAY_MS + 5;
        assert_eq!(
            day(&Query::parse(""), now).unwrap(),
            ("1970-01-04".into(), Span { from: 3 * DAY_MS, to: 4 * DAY_MS })
        );
        assert_eq!(field(day(&Query::parse("date=1970-02-30"), now)), "date");
    }
}
