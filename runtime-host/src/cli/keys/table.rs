//! Keys for the person at the terminal. Names come from whoever issued them: what could move the cursor is not printed.

use serde_json::Value;

const COLUMNS: [&str; 8] = ["ID", "NAME", "ROLE", "STATE", "CREATED", "EXPIRES", "LAST USED", "LIMITS"];

/// A key that was issued, with the key.
pub fn issued(key: &Value) -> String {
    format!("{}\n\nkey: {}\n{}", rows(&[key]), text(key, "key"), text(key, "message"))
}

/// A key that was taken back.
pub fn revoked(key: &Value) -> String {
    format!("{}\n\n{}", rows(&[key]), text(key, "message"))
}

/// All keys.
pub fn listed(answer: &Value) -> String {
    let keys: Vec<&Value> = answer.get("keys").and_then(Value::as_array).into_iter().flatten().collect();
    if keys.is_empty() { "No keys have been issued.".to_owned() } else { rows(&keys) }
}

fn rows(keys: &[&Value]) -> String {
    let head = COLUMNS.map(str::to_owned);
    let table: Vec<[String; 8]> = std::iter::once(head).chain(keys.iter().map(|key| row(key))).collect();
    let mut widths = [0; 8];
    for row in &table {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = cell.chars().count().max(*width);
        }
    }
    let line = |row: &[String; 8]| {
        let cells: Vec<String> = row.iter().zip(widths).map(|(cell, width)| format!("{cell:<width$}")).collect();
        cells.join("  ").trim_end().to_owned()
    };
    table.iter().map(line).collect::<Vec<_>>().join("\n")
}

fn row(key: &Value) -> [String; 8] {
    [
        text(key, "id"),
        text(key, "name"),
        text(key, "role"),
        text(key, "state"),
        minute(key, "created_at"),
        minute(key, "expires_at"),
        minute(key, "last_used_at"),
        limits(key),
    ]
}

fn text(key: &Value, name: &str) -> String {
    key.get(name).and_then(Value::as_str).unwrap_or("-").chars().filter(|c| !c.is_control()).collect()
}

/// `2026-11-20 10:46` out of RFC 3339.
fn minute(key: &Value, name: &str) -> String {
    text(key, name).replacen('T', " ", 1).chars().take(16).collect()
}

fn limits(key: &Value) -> String {
    let named = [("per_minute", "/min"), ("per_hour", "/h"), ("uploads_per_minute", " uploads/min")];
    let own = named.iter().filter_map(|(name, unit)| {
        let limit = key.pointer(&format!("/limits/{name}"))?.as_u64()?;
        Some(if limit == 0 { format!("any{unit}") } else { format!("{limit}{unit}") })
    });
    let own: Vec<String> = own.collect();
    if own.is_empty() { "-".to_owned() } else { own.join(", ") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn columns_stand_under_each_other_and_names_cannot_move_the_cursor() {
        let key = json!({
            "id": "ab", "name": "C\u{1b}[2JI", "role": "user", "state": "active", "created_at": "2026-11-20T10:46:21.123Z",
            "expires_at": null, "limits": { "per_minute": 5, "per_hour": 0, "uploads_per_minute": null },
        });
        let said = listed(&json!({ "keys": [key] }));
        let lines: Vec<&str> = said.lines().collect();
        assert_eq!(lines[1], "ab  C[2JI  user  active  2026-11-20 10:46  -        -          5/min, any/h");
        assert_eq!(lines[0].find("STATE"), lines[1].find("active"));
        assert_eq!(listed(&json!({ "keys": [] })), "No keys have been issued.");
    }
}
