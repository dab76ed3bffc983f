//! Jobs and queues as tables.

use serde_json::Value;

use crate::cli::table::{entries, minute, rows, span, text};

/// What was done, in the server's words.
pub fn message(answer: &Value) -> String {
    text(answer, "message")
}

/// Jobs, newest first.
pub fn jobs(answer: &Value) -> String {
    let jobs = entries(answer, "jobs");
    if jobs.is_empty() {
        return "There are no such jobs.".to_owned();
    }
    let head = ["JOB", "STATUS", "FILES", "CREATED", "ENDED", "TENANT", "FIRST FILE"];
    rows(
        head,
        jobs.iter().map(|job| {
            [
                text(job, "job_id"),
                text(job, "status"),
                files(job),
                minute(job, "created_at"),
                minute(job, "completed_at"),
                text(job, "tenant"),
                text(job, "first_filename"),
            ]
        }),
    )
}

/// `3/5`, `3/5, 1 failed`.
pub fn files(job: &Value) -> String {
    let number = |name: &str| job.get(name).and_then(Value::as_u64).unwrap_or_default();
    let mut said = format!("{}/{}", number("completed_files"), number("total_files"));
    for (name, word) in [("failed_files", "failed"), ("cancelled_files", "cancelled")] {
        if number(name) > 0 {
            said.push_str(&format!(", {} {word}", number(name)));
        }
    }
    said
}

/// How the queues stand.
pub fn queues(answer: &Value) -> String {
    let head = ["QUEUE", "STATE", "WAITING", "OLDEST", "RUNNING", "DELAYED"];
    let table = rows(
        head,
        entries(answer, "queues").iter().map(|queue| {
            let state = match queue.get("paused").and_then(Value::as_bool) {
                Some(true) => format!("paused since {}", minute(queue, "paused_since")),
                _ => "open".to_owned(),
            };
            let waiting = queue.get("waiting").and_then(Value::as_u64).filter(|waiting| *waiting > 0);
            let oldest = waiting.and_then(|_| queue.get("longest_wait_seconds")?.as_u64());
            [
                text(queue, "name"),
                state,
                text(queue, "waiting"),
                oldest.map_or("-".to_owned(), span),
                text(queue, "running"),
                text(queue, "delayed"),
            ]
        }),
    );
    let dead = answer.pointer("/totals/dead").and_then(Value::as_u64).unwrap_or_default();
    format!("{table}\n\n{dead} dead letters\n{}", breaker(answer.get("breaker").unwrap_or(&Value::Null)))
}

/// What holds back what would be sent to FAL.AI.
fn breaker(breaker: &Value) -> String {
    let why = match breaker.get("kind").and_then(Value::as_str) {
        None => return "FAL.AI: nothing is held back".to_owned(),
        Some("account") => "refuses the key or the balance",
        Some(_) => "does not answer as it should",
    };
    let until = match breaker.get("until") {
        Some(Value::String(_)) => format!("held until {}", minute(breaker, "until")),
        _ => "one file at a time is tried".to_owned(),
    };
    format!("FAL.AI {why} since {}: {until}", minute(breaker, "since"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_job_says_how_many_of_its_files_are_done() {
        let job = json!({ "completed_files": 3, "total_files": 5, "failed_files": 1, "cancelled_files": 0 });
        assert_eq!(files(&job), "3/5, 1 failed");
    }

    #[test]
    fn queues_say_whether_they_are_held_and_how_old_the_first_is() {
        let queue = |name: &str, paused: bool, waiting: u64| {
            json!({ "name": name, "paused": paused, "paused_since": paused.then_some("2026-11-20T10:46:21.123Z"),
                "waiting": waiting, "longest_wait_seconds": waiting * 75, "running": 1, "delayed": 0 })
        };
        let said = queues(&json!({ "queues": [queue("a", true, 1), queue("b", false, 0)], "totals": { "dead": 2 } }));
        let lines: Vec<&str> = said.lines().collect();
        assert_eq!(lines[1], "a      paused since 2026-11-20 10:46  1        1m 15s  1        0");
        assert_eq!((lines[2].contains("open"), lines[2].contains(" - ")), (true, true), "{said}");
        assert_eq!(lines[4..], ["2 dead letters", "FAL.AI: nothing is held back"]);
        let held =
            json!({ "kind": "outage", "since": "2026-11-20T10:46:21.123Z", "until": "2026-11-20T10:47:21.123Z" });
        assert_eq!(
            breaker(&held),
            "FAL.AI does not answer as it should since 2026-11-20 10:46: held until 2026-11-20 10:47"
        );
    }
}
