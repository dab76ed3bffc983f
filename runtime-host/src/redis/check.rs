//! Looks at Redis's own settings when the host starts: what would lose jobs is said loudly, not silently accepted.

use std::collections::HashMap;

use super::{RedisError, Store};

/// Oldest Redis whose scripts and streams behave as the ones here expect.
const OLDEST_MAJOR: u32 = 7;

/// One setting that endangers jobs, and what to do about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// The setting.
    pub setting: &'static str,
    /// What it is.
    pub found: String,
    /// What it should be, and why.
    pub advice: &'static str,
}

/// Reads Redis's settings and answers what is wrong with them; also logs each as a warning.
///
/// # Errors
/// [`RedisError`] when Redis does not answer or refuses `INFO`.
pub async fn check(store: &Store) -> Result<Vec<Finding>, RedisError> {
    let info: String = store.query(&::redis::cmd("INFO")).await?;
    let info = parse(&info);
    // Managed services often forbid CONFIG; what INFO says then has to do.
    let save: Vec<String> = store.query(::redis::cmd("CONFIG").arg("GET").arg("save")).await.unwrap_or_default();
    let findings = judge(&info, save.get(1).map(String::as_str));
    for finding in &findings {
        tracing::warn!(setting = finding.setting, found = %finding.found, advice = finding.advice, "Redis is not set up safely");
    }
    Ok(findings)
}

fn parse(info: &str) -> HashMap<&str, &str> {
    info.lines().filter_map(|line| line.trim_end().split_once(':')).collect()
}

fn judge(info: &HashMap<&str, &str>, save: Option<&str>) -> Vec<Finding> {
    let mut findings = Vec::new();
    let value = |name: &str| info.get(name).copied().unwrap_or_default();
    let major = value("redis_version").split('.').next().and_then(|n| n.parse::<u32>().ok());
    if !info.contains_key("valkey_version") && major.is_none_or(|major| major < OLDEST_MAJOR) {
        findings.push(Finding {
            setting: "version",
            found: value("redis_version").to_owned(),
            advice: "use Redis 7 or later, or Valkey: older ones are not tested",
        });
    }
    let policy = value("maxmemory_policy");
    if !policy.is_empty() && policy != "noeviction" {
        findings.push(Finding {
            setting: "maxmemory-policy",
            found: policy.to_owned(),
            advice: "set it to noeviction: any other policy may throw away jobs when memory is short",
        });
    }
    if value("aof_enabled") != "1" {
        let snapshots = save.is_some_and(|save| !save.is_empty());
        findings.push(Finding {
            setting: "appendonly",
            found: if snapshots { "no, snapshots only" } else { "no persistence seen" }.to_owned(),
            advice: "set appendonly yes: without it a crash of Redis loses jobs, and with them paid generations",
        });
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_safe_redis_has_no_findings() {
        let info = "# Server\r\nredis_version:7.2.4\r\nmaxmemory_policy:noeviction\r\naof_enabled:1\r\n";
        assert_eq!(judge(&parse(info), None), []);
        let valkey = "redis_version:7.2.4\r\nvalkey_version:8.1.0\r\nmaxmemory_policy:noeviction\r\naof_enabled:1\r\n";
        assert_eq!(judge(&parse(valkey), None), []);
    }

    #[test]
    fn each_danger_is_named() {
        let info = "redis_version:6.2.0\r\nmaxmemory_policy:allkeys-lru\r\naof_enabled:0\r\n";
        let named: Vec<_> = judge(&parse(info), Some("")).into_iter().map(|f| f.setting).collect();
        assert_eq!(named, ["version", "maxmemory-policy", "appendonly"]);
    }
}
