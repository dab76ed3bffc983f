//! Tables for the person at the terminal. What is in them comes from anybody: what could move the cursor is not printed.

use serde_json::Value;

/// Rows under a head, in columns as wide as they have to be.
pub fn rows<const N: usize>(head: [&str; N], rows: impl IntoIterator<Item = [String; N]>) -> String {
    let table: Vec<[String; N]> = std::iter::once(head.map(str::to_owned)).chain(rows).collect();
    let mut widths = [0; N];
    for row in &table {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = cell.chars().count().max(*width);
        }
    }
    let line = |row: &[String; N]| {
        let cells: Vec<String> = row.iter().zip(widths).map(|(cell, width)| format!("{cell:<width$}")).collect();
        cells.join("  ").trim_end().to_owned()
    };
    table.iter().map(line).collect::<Vec<_>>().join("\n")
}

/// The objects of a list in an answer.
pub fn entries<'a>(answer: &'a Value, name: &str) -> Vec<&'a Value> {
    answer.get(name).and_then(Value::as_array).into_iter().flatten().collect()
}

/// A field as text on one line; `-` when there is nothing.
pub fn text(entry: &Value, name: &str) -> String {
    let text = match entry.get(name) {
        None | Some(Value::Null) => String::new(),
        Some(Value::String(text)) => printable(text),
        Some(other) => other.to_string(),
    };
    if text.is_empty() { "-".to_owned() } else { text }
}

/// `2026-11-20 10:46` out of RFC 3339.
pub fn minute(entry: &Value, name: &str) -> String {
    text(entry, name).replacen('T', " ", 1).chars().take(16).collect()
}

/// `10:46:21.123` out of RFC 3339.
pub fn moment(entry: &Value, name: &str) -> String {
    text(entry, name).split_once('T').map_or("-".to_owned(), |(_, time)| time.trim_end_matches('Z').to_owned())
}

/// `2h 05m`, `3m 20s` or `7s`.
pub fn span(seconds: u64) -> String {
    match (seconds / 3600, seconds / 60 % 60, seconds % 60) {
        (0, 0, seconds) => format!("{seconds}s"),
        (0, minutes, seconds) => format!("{minutes}m {seconds:02}s"),
        (hours, minutes, _) => format!("{hours}h {minutes:02}m"),
    }
}

/// What a server says, without what would steer the terminal.
pub fn printable(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn columns_stand_under_each_other_and_nothing_moves_the_cursor() {
        let entry = json!({ "name": "C\u{1b}[2JI\n", "n": 5, "none": null, "at": "2026-11-20T10:46:21.123Z" });
        let said = rows(["A", "NAME", "N"], [[minute(&entry, "at"), text(&entry, "name"), text(&entry, "n")]]);
        let lines: Vec<&str> = said.lines().collect();
        assert_eq!(lines, ["A                 NAME   N", "2026-11-20 10:46  C[2JI  5"]);
        assert_eq!(
            (text(&entry, "none"), text(&entry, "gone"), moment(&entry, "none")),
            ("-".into(), "-".into(), "-".into())
        );
        assert_eq!(moment(&entry, "at"), "10:46:21.123");
    }

    #[test]
    fn spans_are_short() {
        assert_eq!([7, 200, 7500].map(span), ["7s", "3m 20s", "2h 05m"]);
    }
}
