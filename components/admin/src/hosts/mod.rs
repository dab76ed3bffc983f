//! Who lives: host processes and workers, by the signs of life that they write to Redis, and the components that hosts serve.

pub(crate) mod components;
pub(crate) mod processes;
pub(crate) mod redis_info;
pub(crate) mod workers;

use image2model_kit::redis::{self, RedisError};

/// Processes of one kind that are looked at; more are counted as well but not described.
const MOST: usize = 200;

/// The records of those in `set` whose sign of life has not run out.
async fn records(set: &str, record: impl Fn(&str) -> String) -> Result<Vec<String>, RedisError> {
    let now = redis::now_ms().await?.to_string();
    let ids = redis::texts("ZRANGEBYSCORE", &[set, &now, "+inf"]).await?;
    if ids.is_empty() {
        return Ok(vec![]);
    }
    let names: Vec<String> = ids.iter().take(MOST).map(|id| record(id)).collect();
    redis::texts("MGET", &names.iter().map(String::as_str).collect::<Vec<_>>()).await
}
