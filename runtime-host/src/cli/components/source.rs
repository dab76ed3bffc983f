//! `--from`: a file of this machine, which is sent, or an address, from which the hosts fetch it.

use std::path::Path;

use anyhow::Context;
use serde_json::{Value, json};

use crate::cli::api::AdminApi;

#[derive(clap::Args)]
pub struct From {
    /// A file, https://… with --digest, or oci://registry/repository@sha256:…
    #[arg(long, value_name = "FILE|URL")]
    from: Option<String>,
    /// SHA-256 that it must have, sha256:…
    #[arg(long, requires = "from")]
    digest: Option<String>,
    /// File with the signature of `cosign sign-blob` over it, where hosts take signed components only
    #[arg(long, requires = "from", value_name = "FILE")]
    signature: Option<String>,
}

impl From {
    /// Asks for the change.
    pub async fn send(&self, api: &AdminApi, id: &str, what: &str, weight: Option<u32>) -> anyhow::Result<Value> {
        let path = ["admin", "components", id, what];
        let read = |path: &String| std::fs::read_to_string(path).with_context(|| format!("cannot read {path}"));
        let signature = self.signature.as_ref().map(read).transpose()?.map(|text| text.trim().to_owned());
        match &self.from {
            Some(file) if !file.contains("://") => {
                let bytes = std::fs::read(Path::new(file)).with_context(|| format!("cannot read {file}"))?;
                let mut query = Vec::new();
                query.extend(self.digest.clone().map(|digest| ("digest", digest)));
                query.extend(signature.map(|signature| ("signature", signature)));
                query.extend(weight.map(|weight| ("weight", weight.to_string())));
                api.post_bytes(&path, &query, "application/wasm", bytes).await
            }
            from => {
                let fields = [
                    ("source", from.clone().map(Value::from)),
                    ("digest", self.digest.clone().map(Value::from)),
                    ("signature", signature.map(Value::from)),
                    ("weight", weight.map(Value::from)),
                ];
                let given = fields.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?)));
                api.post(&path, Some(&json!(given.collect::<serde_json::Map<_, _>>()))).await
            }
        }
    }
}
