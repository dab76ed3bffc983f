//! Error codes: `codes/errors.yaml` says of each what it means and with which statuses it comes; an operation names those that
//! are its own as `409 MODEL_NOT_READY`.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context, bail, ensure};
use serde_json::{Value, json};

use crate::examples::Examples;
use crate::json::reference;
use crate::source;

/// Every code.
#[derive(Debug)]
pub struct Catalogue(BTreeMap<String, Code>);

#[derive(Debug)]
struct Code {
    means: String,
    statuses: Vec<u64>,
    headers: Vec<String>,
    /// The schema of `details`, where it has one.
    details: Option<String>,
}

/// Codes by the status they come with.
pub type ByStatus = BTreeMap<String, Vec<String>>;

impl Catalogue {
    /// Reads the file.
    pub fn read(path: &Path) -> anyhow::Result<Self> {
        let Value::Object(codes) = source::read(path)? else { bail!("{} is no mapping", path.display()) };
        codes
            .into_iter()
            .map(|(name, code)| Ok((name.clone(), Code::read(&code).context(name)?)))
            .collect::<anyhow::Result<_>>()
            .map(Self)
    }

    /// Sorts `409 MODEL_NOT_READY` and its like by status.
    pub fn by_status(&self, named: &[String]) -> anyhow::Result<ByStatus> {
        let mut sorted = ByStatus::new();
        for text in named {
            let (status, code) =
                text.split_once(' ').with_context(|| format!("{text:?} is not a status and a code"))?;
            let known = self.0.get(code).with_context(|| format!("{code} is not in codes/errors.yaml"))?;
            ensure!(known.statuses.contains(&status.parse()?), "{code} does not come with {status}");
            let codes = sorted.entry(status.to_owned()).or_default();
            if !codes.iter().any(|c| c == code) {
                codes.push(code.to_owned());
            }
        }
        sorted.values_mut().for_each(|codes| codes.sort());
        Ok(sorted)
    }

    /// The response of one status with these codes: its name, and what it is. Equal ones share a name.
    pub fn response(&self, status: &str, codes: &[String], counted: bool, examples: &Examples) -> (String, Value) {
        let known = || codes.iter().filter_map(|code| Some((code, self.0.get(code)?)));
        let means: Vec<String> = known().map(|(code, known)| format!("`{code}`: {}", known.means)).collect();
        let mut headers = crate::operation::common_headers();
        for header in known().flat_map(|(_, known)| &known.headers) {
            headers.insert(header.clone(), reference(&format!("#/components/headers/{header}")));
        }
        if counted {
            headers.extend(crate::operation::allowance_headers());
        }
        let mut parts = vec![
            reference("#/components/schemas/Problem"),
            json!({ "properties": { "status": { "const": status.parse::<u64>().unwrap_or_default() }, "error_code": { "enum": codes } } }),
        ];
        for (code, details) in known().filter_map(|(code, known)| Some((code, known.details.as_ref()?))) {
            parts.push(json!({
                "if": { "properties": { "error_code": { "const": code } } },
                "then": { "properties": { "details": reference(&format!("#/components/schemas/{details}")) } },
            }));
        }
        let mut content = json!({ "schema": { "allOf": parts } });
        let shown = examples.of_problem(status, codes);
        if let (false, Some(content)) = (shown.is_empty(), content.as_object_mut()) {
            content.insert("examples".into(), shown.into());
        }
        let name = format!("{}{status}.{}", if counted { "" } else { "uncounted." }, codes.join("."));
        let body = json!({ "description": means.join("\n\n"), "headers": headers, "content": { "application/problem+json": content } });
        (name, body)
    }
}

impl Code {
    fn read(value: &Value) -> anyhow::Result<Self> {
        let list = |name: &str| value.get(name).and_then(Value::as_array).cloned().unwrap_or_default();
        let statuses = list("statuses").iter().filter_map(Value::as_u64).collect::<Vec<_>>();
        ensure!(!statuses.is_empty(), "no statuses");
        let headers = list("headers").iter().filter_map(|name| name.as_str().map(str::to_owned)).collect();
        let details = value.get("details").and_then(Value::as_str).map(str::to_owned);
        Ok(Self { means: crate::json::text(value, "means")?.trim().to_owned(), statuses, headers, details })
    }
}
