//! One job with its files and its history.

use std::collections::HashMap;

use serde_json::Value;

use super::table::files;
use crate::cli::table::{entries, minute, moment, rows, text};

/// Facts, then a table of its files, then everything that happened, oldest first.
pub fn job(job: &Value) -> String {
    let facts = [
        ("job", text(job, "job_id")),
        ("status", format!("{} ({}%)", text(job, "status"), text(job, "overall_progress"))),
        ("files", files(job)),
        ("tenant", text(job, "tenant")),
        ("model", text(job, "model")),
        ("options", text(job, "options")),
        ("created", minute(job, "created_at")),
        ("ended", minute(job, "completed_at")),
        ("request", text(job, "request_id")),
    ];
    let facts: Vec<String> = facts.iter().map(|(name, value)| format!("{name:<9}{value}")).collect();
    format!("{}\n\n{}\n\n{}", facts.join("\n"), files_of(job), events(job))
}

fn files_of(job: &Value) -> String {
    let inside: HashMap<String, &Value> =
        entries(job, "processing").into_iter().map(|file| (text(file, "file_id"), file)).collect();
    let head = ["FILE", "NAME", "STATUS", "DONE", "TRIES", "FAL REQUEST", "MESSAGE"];
    rows(
        head,
        entries(job, "files").iter().map(|file| {
            let id = text(file, "file_id");
            let request = inside.get(&id).map_or("-".to_owned(), |inside| text(inside, "fal_request_id"));
            let done = format!("{}%", text(file, "progress"));
            [
                id,
                text(file, "filename"),
                text(file, "status"),
                done,
                text(file, "attempts"),
                request,
                text(file, "message"),
            ]
        }),
    )
}

fn events(job: &Value) -> String {
    let head = ["DAY", "TIME", "EVENT", "FILE", "STATUS", "DONE", "MESSAGE"];
    rows(
        head,
        entries(job, "events").iter().map(|event| {
            let day: String = text(event, "timestamp").chars().take(10).collect();
            let message = match event.get("error") {
                Some(Value::String(_)) => text(event, "error"),
                _ => text(event, "message"),
            };
            let done = format!("{}%", text(event, "progress"));
            let name = text(event, "filename");
            [day, moment(event, "timestamp"), text(event, "type"), name, text(event, "status"), done, message]
        }),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_job_is_shown_with_what_only_operators_know_and_its_history_in_order() {
        let shown = job(&json!({
            "job_id": "j", "status": "processing", "overall_progress": 40, "total_files": 1, "options": { "face_limit": 5 },
            "files": [{ "file_id": "f", "filename": "a.jpg", "status": "processing", "progress": 40, "attempts": 1 }],
            "processing": [{ "file_id": "f", "fal_request_id": "r-1" }],
            "events": [
                { "type": "progress", "filename": "a.jpg", "status": "queued", "progress": 10, "timestamp": "2026-11-20T10:46:21.123Z", "message": "Waiting" },
                { "type": "error", "filename": "a.jpg", "progress": 40, "timestamp": "2026-11-20T10:47:00.000Z", "error": "No", "message": "x" },
            ],
        }));
        let lines: Vec<&str> = shown.lines().collect();
        assert_eq!((lines[1], lines[5]), ("status   processing (40%)", "options  {\"face_limit\":5}"));
        assert!(lines[11].starts_with("f     a.jpg  processing  40%   1      r-1"), "{shown}");
        assert!(lines[14].starts_with("2026-11-20  10:46:21.123  progress  a.jpg  queued  10%   Waiting"), "{shown}");
        assert!(lines[15].ends_with("40%   No"), "{shown}");
    }
}
