//! The lists of codes as schemas, so that the document names every code with what it means. A list is closed where only this
//! service has codes of the kind, and open where providers' components may have more.

use std::path::Path;

use anyhow::{Context, bail};
use serde_json::{Map, Value, json};

use crate::json::text;
use crate::source;

/// Codes of one kind: their file, the name of their schema, what they are, and whether there may be others.
struct Kind {
    file: &'static str,
    schema: &'static str,
    about: &'static str,
    open: bool,
}

const KINDS: [Kind; 3] = [
    Kind {
        file: "errors.yaml",
        schema: "ErrorCode",
        about: "What kind of refusal it is. Stable; for programs.",
        open: false,
    },
    Kind {
        file: "refused_files.yaml",
        schema: "RefusedFileCode",
        about: "What keeps a file out of an upload. Stable.",
        open: false,
    },
    Kind {
        file: "failed_files.yaml",
        schema: "FailedFileCode",
        about: "Why a file has no model. Stable; a provider's component may have codes beyond these.",
        open: true,
    },
];

/// The schema of every list in a folder, by its name.
pub fn schemas(folder: &Path) -> anyhow::Result<Map<String, Value>> {
    KINDS.iter().map(|kind| Ok((kind.schema.to_owned(), kind.schema(folder)?))).collect()
}

impl Kind {
    fn schema(&self, folder: &Path) -> anyhow::Result<Value> {
        let path = folder.join(self.file);
        let Value::Object(codes) = source::read(&path)? else { bail!("{} is no mapping", path.display()) };
        let mut known = Map::new();
        let mut lines = vec![self.about.to_owned(), String::new()];
        for (code, entry) in &codes {
            let means = text(entry, "means").with_context(|| code.clone())?.trim();
            lines.push(format!("- `{code}`: {means}"));
            known.insert(code.clone(), means.into());
        }
        let names: Vec<&String> = codes.keys().collect();
        let mut schema = json!({ "type": "string", "description": lines.join("\n"), "x-known-values": known });
        let (rule, value) = if self.open { ("pattern", json!("^[A-Z][A-Z0-9_]*$")) } else { ("enum", json!(names)) };
        *crate::json::entry(&mut schema, &[rule])? = value;
        Ok(schema)
    }
}
