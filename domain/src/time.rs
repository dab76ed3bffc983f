//! Times: stored in milliseconds since 1970, shown as RFC 3339 in UTC.

use std::time::Duration;

/// A length of time as scripts take it: in milliseconds, 49 days at most.
#[must_use]
pub fn millis(duration: Duration) -> u32 {
    u32::try_from(duration.as_millis()).unwrap_or(u32::MAX)
}

/// Writes milliseconds since 1970 as `2026-11-20T10:46:21.123Z`.
#[must_use]
pub fn rfc3339(ms: i64) -> String {
    let (days, rest) = (ms.div_euclid(86_400_000), ms.rem_euclid(86_400_000));
    let (year, month, day) = civil_from_days(days);
    let (hour, minute, second, milli) = (rest / 3_600_000, rest / 60_000 % 60, rest / 1000 % 60, rest % 1000);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{milli:03}Z")
}

/// The date that lies `days` after 1970-01-01 (Howard Hinnant's `civil_from_days`).
fn civil_from_days(days: i64) -> (i64, i64, i64) {
    let shifted = days + 719_468;
    let era = shifted.div_euclid(146_097);
    let day_of_era = shifted.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    (year_of_era + era * 400 + i64::from(month <= 2), month, day)
}

/// The date of a time, `2026-11-20`, in UTC.
#[must_use]
pub fn date(ms: i64) -> String {
    rfc3339(ms).split('T').next().unwrap_or_default().to_owned()
}

/// Reads a date, `2026-11-20`, as the milliseconds since 1970 of its midnight in UTC.
#[must_use]
pub fn parse_date(text: &str) -> Option<i64> {
    let mut parts = text.split('-');
    let (year, month, day) = (digits(parts.next()?, 4)?, digits(parts.next()?, 2)?, digits(parts.next()?, 2)?);
    if parts.next().is_some() || !(1..=12).contains(&month) || !(1..=31).contains(&day) {
        return None;
    }
    let days = days_from_civil(year, month, day);
    // A day that the month does not have comes back as another date.
    (civil_from_days(days) == (year, month, day)).then_some(days * 86_400_000)
}

/// Reads RFC 3339, `2026-11-20T10:46:21.123Z` or with an offset, or a date alone, as milliseconds since 1970.
#[must_use]
pub fn parse_rfc3339(text: &str) -> Option<i64> {
    let Some((day, rest)) = text.split_once(['T', 't', ' ']) else { return parse_date(text) };
    let zone = rest.find(['Z', 'z', '+', '-'])?;
    let (clock, zone) = (rest.get(..zone)?, rest.get(zone..)?);
    let (clock, fraction) = clock.split_once('.').unwrap_or((clock, "0"));
    let mut parts = clock.split(':');
    let (hour, minute, second) = (digits(parts.next()?, 2)?, digits(parts.next()?, 2)?, digits(parts.next()?, 2)?);
    if parts.next().is_some() || hour > 23 || minute > 59 || second > 60 {
        return None;
    }
    let milli: i64 = format!("{fraction:0<3}").get(..3).and_then(|first| digits(first, 3))?;
    let clock = ((hour * 60 + minute) * 60 + second) * 1000 + milli;
    Some(parse_date(day)? + clock - offset(zone)?)
}

/// `Z`, `+01:00` or `-05:30`, in milliseconds.
fn offset(zone: &str) -> Option<i64> {
    if zone.eq_ignore_ascii_case("z") {
        return Some(0);
    }
    let (hours, minutes) = zone.get(1..)?.split_once(':')?;
    let (hours, minutes) = (digits(hours, 2)?, digits(minutes, 2)?);
    let sign = if zone.starts_with('-') { -1 } else { 1 };
    (hours < 24 && minutes < 60).then_some(sign * (hours * 60 + minutes) * 60_000)
}

/// Exactly `count` digits.
fn digits(text: &str, count: usize) -> Option<i64> {
    (text.len() == count && text.bytes().all(|b| b.is_ascii_digit())).then(|| text.parse().ok()).flatten()
}

/// Days from 1970-01-01 to a date (Howard Hinnant's `days_from_civil`).
fn days_from_civil(year: i64, month: i64, day: i64) -> i64 {
    let year = year - i64::from(month <= 2);
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719_468
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_are_cut_and_never_wrap() {
        assert_eq!((millis(Duration::from_secs(90)), millis(Duration::MAX)), (90_000, u32::MAX));
    }

    #[test]
    fn writes_utc() {
        assert_eq!(rfc3339(0), "1970-01-01T00:00:00.000Z");
        assert_eq!(rfc3339(951_782_400_000), "2000-02-29T00:00:00.000Z");
        assert_eq!(rfc3339(1_795_171_581_123), "2026-11-20T10:46:21.123Z");
    }

    #[test]
    fn reads_what_it_writes_and_offsets() {
        for ms in [0, 951_782_400_000, 1_795_171_581_123] {
            assert_eq!(parse_rfc3339(&rfc3339(ms)), Some(ms));
            assert_eq!(parse_rfc3339(&date(ms)), Some(ms - ms.rem_euclid(86_400_000)));
        }
        assert_eq!(parse_rfc3339("1970-01-01T01:00:00+01:00"), Some(0));
        assert_eq!(parse_rfc3339("1969-12-31t19:00:00.5-05:00"), Some(500));
        assert_eq!(parse_rfc3339("1970-01-01 00:00:01.123456789Z"), Some(1123));
        for bad in [
            "",
            "x",
            "2026-02-30",
            "2026-13-01",
            "2026-1-1",
            "2026-01-01T",
            "2026-01-01T10:00Z",
            "2026-01-01T24:00:00Z",
            "2026-01-01T00:00:00",
            "2026-01-01T00:00:00+1:0",
            "2026-01-01T00:00:00.Z é",
            "-026-01-01",
            "2026-01-01-01",
        ] {
            assert_eq!(parse_rfc3339(bad), None, "{bad}");
        }
    }
}
