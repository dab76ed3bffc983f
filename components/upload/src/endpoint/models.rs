//! `GET /models/available`: the providers that workers have registered, and what an upload may hold.

use image2model_domain::options::OptionsSchema;
use image2model_kit::{Context, Failure, Reply, config, redis, reply};
use serde_json::{Value, json};

use super::settings::limits;

/// What can be asked for, as the providers describe themselves.
pub(super) async fn available(context: Context) -> Result<Reply, Failure> {
    let described = redis::texts("HVALS", &[&redis::keys().await?.providers()]).await?;
    let mut models: Vec<Value> = described.iter().filter_map(|text| serde_json::from_str(text).ok()).collect();
    models.sort_by_key(|model| model.get("id").and_then(Value::as_str).unwrap_or_default().to_owned());
    let default = config::text("default_model").await?;
    let limits = limits().await?;
    let limits = json!({ "max_files": limits.max_files, "max_file_bytes": limits.max_file_bytes });
    let total = models.len();
    let answer = json!({ "models": models, "default_model": *default, "total": total, "upload_limits": limits });
    reply::json_with_etag(&context, &answer)
}

/// The ids of the models that can be asked for.
pub(super) async fn installed() -> Result<Vec<String>, Failure> {
    let mut ids = redis::texts("HKEYS", &[&redis::keys().await?.providers()]).await?;
    ids.sort();
    Ok(ids)
}

/// What a model says of itself; nothing when it is not installed.
pub(super) struct About {
    pub(super) options: OptionsSchema,
    /// How long one usually takes to be made.
    pub(super) typical_seconds: Option<u64>,
}

/// Looks a model up.
pub(super) async fn about(model: &str) -> Result<About, Failure> {
    let described = redis::hget(&redis::keys().await?.providers(), model).await?;
    let described: Value = described.and_then(|text| serde_json::from_str(&text).ok()).unwrap_or_default();
    Ok(About {
        options: OptionsSchema::new(described.get("options_schema").unwrap_or(&Value::Null)),
        typical_seconds: described.get("typical_seconds").and_then(Value::as_u64),
    })
}
