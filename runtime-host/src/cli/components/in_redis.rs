//! Goes back without the service: written to Redis, where every host reads it. For a release that lets nobody in any more,
//! the operator among them.

use std::path::Path;

use anyhow::{Context, bail};
use image2model_domain::rollout::Rollout;
use image2model_host::config::{Config, Part, Source};
use image2model_host::redis::{ChildRedis, Store};
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};

use crate::cli::host::releases;
use crate::cli::host::vitals;

/// Takes the step that a rollback is, with the variables of a host.
pub async fn roll_back(id: &str) -> anyhow::Result<Value> {
    let source = Source::of_process(Path::new(".")).context("cannot read .env")?;
    let config = Config::load(&source, Part::Up)?;
    let private = || ChildRedis::url_of(&config.data_dir.join("redis")).map(SecretString::from);
    let url = config.redis.url.clone().or_else(private);
    let url = url.context("set REDIS_URL, or DATA_DIR to that of the `image2model up` that has a Redis of its own")?;
    let store = Store::open_cell(url.expose_secret(), config.redis.keys.clone())?;
    let now = store.now_ms().await.context("Redis does not answer")?;
    let identity = vitals::identity(Part::Up);
    let by = format!("terminal of {}", identity.machine);
    let mut refused = None;
    let step = |rollout: &mut Rollout| match rollout.roll_back(&by, now) {
        Ok(_) => true,
        Err(why) => {
            refused = Some(why);
            false
        }
    };
    let written = releases::records(&config, store, &identity).change(id, step).await?;
    match (written, refused) {
        (Some(rollout), _) => {
            let message = "The former release is written down; hosts serve it within a second.";
            Ok(json!({ "id": id, "message": message, "rollout": { "current": rollout.current } }))
        }
        (None, Some(why)) => bail!("{why}"),
        (None, None) => bail!("somebody else changes it at the same time; try again"),
    }
}
