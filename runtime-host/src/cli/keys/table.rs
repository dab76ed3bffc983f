//! Keys for the person at the terminal. Names come from whoever issued them: what could move the cursor is not printed.

use serde_json::Value;

use crate::cli::table::{self, entries, minute, text};

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
    let keys = entries(answer, "keys");
    if keys.is_empty() { "No keys have been issued.".to_owned() } else { rows(&keys) }
}

fn rows(keys: &[&Value]) -> String {
    table::rows(COLUMNS, keys.iter().map(|key| row(key)))
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
