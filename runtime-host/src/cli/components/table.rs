//! Components and their releases for the person at the terminal.

use serde_json::Value;

use crate::cli::table::{self, entries, minute, text};

const COLUMNS: [&str; 8] = ["ID", "KIND", "SERVES", "TRIES", "BEFORE", "REQUESTS", "ERRORS", "LAST CHANGE"];
/// Of a digest, so many digits tell releases apart.
const DIGITS: usize = 12;

/// All of them.
pub fn listed(answer: &Value) -> String {
    let components = entries(answer, "components");
    if components.is_empty() {
        return text(answer, "message");
    }
    table::rows(COLUMNS, components.into_iter().map(row))
}

fn row(component: &Value) -> [String; 8] {
    let of = |pointer: &str| component.pointer(pointer).filter(|value| !value.is_null());
    let tried = of("/rollout/canary").map(|canary| {
        format!("{} ({} %)", release(canary.get("release").unwrap_or(&Value::Null)), text(canary, "weight"))
    });
    let prepared = || of("/rollout/candidate/release").map(|candidate| format!("{} (preparing)", release(candidate)));
    let last = of("/rollout/last").map(|last| format!("{} {}", minute(last, "at"), text(last, "outcome")));
    [
        text(component, "id"),
        text(component, "kind"),
        of("/rollout/current").map_or("-".to_owned(), release),
        tried.or_else(prepared).unwrap_or("-".to_owned()),
        of("/rollout/previous").map_or("-".to_owned(), release),
        text(component, "requests"),
        text(component, "errors"),
        last.unwrap_or("-".to_owned()),
    ]
}

/// `manifest f3a1…` or where it came from.
fn release(release: &Value) -> String {
    let digest: String = text(release, "digest").trim_start_matches("sha256:").chars().take(DIGITS).collect();
    let source = text(release, "source");
    let source = if source.contains("://") { source.split(':').next().unwrap_or_default().to_owned() } else { source };
    format!("{source} {digest}")
}

/// What a change did.
pub fn changed(answer: &Value) -> String {
    let current = answer.pointer("/rollout/current").map_or("-".to_owned(), release);
    let mut said = format!("{}: {}\nserves: {current}", text(answer, "id"), text(answer, "message"));
    if let Some(canary) = answer.pointer("/rollout/canary").filter(|canary| !canary.is_null()) {
        let tried = canary.get("release").map_or("-".to_owned(), release);
        said.push_str(&format!("\ntries:  {tried}, for {} of 100 callers", text(canary, "weight")));
    }
    said
}

/// Why a change came to nothing.
pub fn refused(last: &Value) -> String {
    let mut said = format!("nothing was changed: {}", text(last, "outcome"));
    for reason in entries(last, "reasons") {
        said.push_str(&format!("\n  {}: {}", text(reason, "code"), text(reason, "message")));
    }
    said
}

/// Why there is nothing to go back from.
pub fn over(last: &Value, id: &str) -> String {
    let current = last.get("to").map_or("-".to_owned(), release);
    format!(
        "the trial was given up by itself at {}, and {current} is served; to go back to what was served before that:\n  \
         image2model components rollback {id} --further",
        minute(last, "at")
    )
}

/// Why a change is not waited for any more.
pub fn overtaken(last: &Value) -> String {
    let (action, by, at) = (text(last, "action"), text(last, "by"), minute(last, "at"));
    format!(
        "it is not being prepared any more: a {action} by {by} came in between, at {at}; see `image2model components list`"
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_component_is_one_line() {
        let digest = format!("sha256:{}", "ab".repeat(32));
        let rollout = json!({
            "current": { "source": "manifest", "digest": digest },
            "previous": { "source": "oci://ghcr.io/o/x@sha256:0", "digest": digest },
            "canary": { "release": { "source": "upload", "digest": digest }, "weight": 10 },
            "last": { "at": "2026-11-20T10:46:21.123Z", "outcome": "trying" },
        });
        let component = json!({ "id": "status", "kind": "endpoint", "requests": 5, "errors": 0, "rollout": rollout });
        let said = listed(&json!({ "components": [component] }));
        for part in
            ["manifest abababababab", "upload abababababab (10 %)", "oci abababababab", "2026-11-20 10:46 trying"]
        {
            assert!(said.contains(part), "{part} in\n{said}");
        }
    }
}
