//! The API's OpenAPI 3.1 document, put together from small files.
//!
//! `document.yaml` is the frame; `paths/` and `schemas/` hold one file a subject, `webhooks.yaml` what is sent to clients,
//! `codes/` every code, `examples/` answers that the running product gave. An operation's source says what is its own; what follows from its level and
//! budget (security, refusals, allowance headers) is written in by [`operation`]. The result depends on the files alone.

mod alias;
mod codes;
mod errors;
mod examples;
mod json;
mod operation;
mod source;

use std::path::Path;

use anyhow::Context;
use serde_json::Value;

use errors::Catalogue;
use examples::Examples;
use json::entry;

/// The document from the sources in a folder, this crate's own.
///
/// # Errors
/// When a source cannot be read, or names something that is not there.
pub fn document(folder: &Path) -> anyhow::Result<Value> {
    let mut document = source::read(&folder.join("document.yaml"))?;
    *entry(&mut document, &["info", "version"])? = env!("CARGO_PKG_VERSION").into();
    let mut paths = source::merged(&folder.join("paths"))?;
    let catalogue = Catalogue::read(&folder.join("codes/errors.yaml"))?;
    let examples = Examples::read(&folder.join("examples"))?;
    alias::resolve(&mut paths)?;
    let mut responses = serde_json::Map::new();
    for (path, item) in paths.iter_mut() {
        for (method, operation) in json::operations(item) {
            operation::complete(operation, &catalogue, &examples, &mut responses)
                .with_context(|| format!("{method} {path}"))?;
        }
        operation::common_parameters(item)?;
    }
    *entry(&mut document, &["paths"])? = Value::Object(paths);
    *entry(&mut document, &["webhooks"])? = source::read(&folder.join("webhooks.yaml"))?;
    let mut schemas = source::merged(&folder.join("schemas"))?;
    schemas.extend(codes::schemas(&folder.join("codes"))?);
    *entry(&mut document, &["components", "schemas"])? = Value::Object(schemas);
    *entry(&mut document, &["components", "examples"])? = examples.components();
    json::extend(entry(&mut document, &["components", "responses"])?, responses)?;
    Ok(document)
}

/// The folder of the sources in this repository.
#[must_use]
pub fn sources() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Writes the bundled document, unless what is there is the same already.
///
/// # Errors
/// When the sources do not fit together or the file cannot be written.
pub fn write(to: &Path) -> anyhow::Result<()> {
    let text = serde_json::to_string(&document(sources())?)?;
    if std::fs::read_to_string(to).is_ok_and(|former| former == text) {
        return Ok(());
    }
    if let Some(folder) = to.parent() {
        std::fs::create_dir_all(folder)?;
    }
    std::fs::write(to, text).with_context(|| format!("could not write {}", to.display()))
}
