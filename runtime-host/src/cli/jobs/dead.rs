//! `image2model jobs dead`: files that failed for good.

use clap::Subcommand;
use serde_json::{Value, json};

use crate::cli::api::AdminApi;
use crate::cli::table::{entries, minute, rows, text};

/// More are shown by asking again once these are dealt with.
const MOST: usize = 1000;

#[derive(Subcommand)]
pub enum Task {
    /// List them, newest first; done when nothing else is said
    List,
    /// Put files in line anew, as long as their images are there
    Replay(Letters),
    /// Forget them; their jobs stay as they are
    Forget(Letters),
}

#[derive(clap::Args)]
pub struct Letters {
    /// Their ids, as listed
    #[arg(required = true)]
    ids: Vec<String>,
}

/// The list, or the answer for each letter. The first that is refused ends it; what was done before stays done.
pub async fn ask(task: Option<&Task>, api: &AdminApi) -> anyhow::Result<Value> {
    match task {
        None | Some(Task::List) => api.all(&["admin", "tasks"], &[("state", "dead")], "tasks", MOST).await,
        Some(Task::Replay(letters)) => {
            let mut done = Vec::new();
            for id in &letters.ids {
                done.push(api.post(&["admin", "dead-letters", id, "replay"], None).await?);
            }
            Ok(json!({ "replayed": done }))
        }
        Some(Task::Forget(letters)) => {
            let mut done = Vec::new();
            for id in &letters.ids {
                done.push(api.delete(&["admin", "dead-letters", id]).await?);
            }
            Ok(json!({ "forgotten": done }))
        }
    }
}

pub fn shown(task: Option<&Task>, answer: &Value) -> String {
    let name = match task {
        None | Some(Task::List) => return list(answer),
        Some(Task::Replay(_)) => "replayed",
        Some(Task::Forget(_)) => "forgotten",
    };
    let line = |done: &&Value| format!("{}: {}", text(done, "dead_letter_id"), text(done, "message"));
    entries(answer, name).iter().map(line).collect::<Vec<_>>().join("\n")
}

fn list(answer: &Value) -> String {
    let letters = entries(answer, "tasks");
    if letters.is_empty() {
        return "No file has failed for good.".to_owned();
    }
    let head = ["ID", "FAILED", "JOB", "FILE", "WHY", "REPLAYABLE", "MESSAGE"];
    rows(
        head,
        letters.iter().map(|letter| {
            let error = letter.get("error").unwrap_or(&Value::Null);
            let replayable = if letter.get("replayable") == Some(&json!(true)) { "yes" } else { "no" };
            [
                text(letter, "dead_letter_id"),
                minute(letter, "failed_at"),
                text(letter, "job_id"),
                text(letter, "filename"),
                text(error, "code"),
                replayable.to_owned(),
                text(error, "message"),
            ]
        }),
    )
}
