//! What Redis says of itself (`INFO`), and whether it is set up to lose nothing.

use std::collections::HashMap;

use image2model_kit::redis::{self, RedisError};
use serde_json::{Value, json};

/// Facts for an operator.
pub(crate) async fn facts() -> Result<Value, RedisError> {
    Ok(summary(&parse(&redis::text("INFO", &[]).await?.unwrap_or_default())))
}

/// `name:value` lines; section titles begin with `#`.
fn parse(text: &str) -> HashMap<&str, &str> {
    text.lines().filter_map(|line| line.trim_end().split_once(':')).collect()
}

fn summary(info: &HashMap<&str, &str>) -> Value {
    let text = |name: &str| info.get(name).copied();
    let number = |name: &str| text(name).and_then(|v| v.parse::<u64>().ok());
    let policy = text("maxmemory_policy");
    let persistent = text("aof_enabled") == Some("1");
    json!({
        "version": text("redis_version"),
        "mode": text("redis_mode"),
        "role": text("role"),
        "uptime_seconds": number("uptime_in_seconds"),
        "connected_clients": number("connected_clients"),
        "used_memory_bytes": number("used_memory"),
        "max_memory_bytes": number("maxmemory"),
        "eviction_policy": policy,
        "append_only_file": persistent,
        "commands_processed": number("total_commands_processed"),
        // Evicted or unwritten keys are lost jobs.
        "safe_for_jobs": policy == Some("noeviction") && persistent,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_matters_and_judges_it() {
        let info = "# Server\r\nredis_version:7.0.15\r\nuptime_in_seconds:12\r\n# Memory\r\nmaxmemory_policy:noeviction\r\naof_enabled:1\r\n";
        let facts = summary(&parse(info));
        assert_eq!(facts["version"], "7.0.15");
        assert_eq!(facts["uptime_seconds"], 12);
        assert_eq!(facts["safe_for_jobs"], true);
        let evicting = info.replace("noeviction", "allkeys-lru");
        assert_eq!(summary(&parse(&evicting))["safe_for_jobs"], false);
        assert_eq!(summary(&parse(""))["version"], Value::Null);
    }
}
