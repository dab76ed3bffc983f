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
    /// Whether nothing works before it is put right.
    pub forbids: bool,
}

/// Reads Redis's settings and answers what is wrong with them; also logs each as a warning.
///
/// # Errors
/// [`RedisError`] when Redis does not answer or refuses `INFO`.
pub async fn check(store: &Store) -> Result<Vec<Finding>, RedisError> {
    let info: String = store.query(&::redis::cmd("INFO")).await?;
    let info = parse(&info);
    // Managed services often forbid CONFIG; what INFO says then has to do.
    let mut settings = HashMap::new();
    for name in ["save", "min-replicas-to-write"] {
        let pair: Vec<String> = store.query(::redis::cmd("CONFIG").arg("GET").arg(name)).await.unwrap_or_default();
        settings.extend(pair.into_iter().nth(1).map(|value| (name, value)));
    }
    let mut findings = judge(&info, settings.get("save").map(String::as_str));
    findings.extend(judge_cell(&info, store));
    let min_replicas = settings.get("min-replicas-to-write").and_then(|n| n.parse().ok());
    findings.extend(judge_replicas(&info, min_replicas, store.replicas().count));
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
            forbids: false,
        });
    }
    let policy = value("maxmemory_policy");
    if !policy.is_empty() && policy != "noeviction" {
        findings.push(Finding {
            setting: "maxmemory-policy",
            found: policy.to_owned(),
            advice: "set it to noeviction: any other policy may throw away jobs when memory is short",
            forbids: false,
        });
    }
    if value("aof_enabled") != "1" {
        let snapshots = save.is_some_and(|save| !save.is_empty());
        findings.push(Finding {
            setting: "appendonly",
            found: if snapshots { "no, snapshots only" } else { "no persistence seen" }.to_owned(),
            advice: "set appendonly yes: without it a crash of Redis loses jobs, and with them paid generations",
            forbids: false,
        });
    }
    findings
}

/// In a cluster every key of a cell has to lie in one slot.
fn judge_cell(info: &HashMap<&str, &str>, store: &Store) -> Option<Finding> {
    let clustered = info.get("cluster_enabled").is_some_and(|enabled| *enabled == "1");
    (clustered && store.keys().prefix().is_empty()).then(|| Finding {
        setting: "cluster-enabled",
        found: "yes".to_owned(),
        advice: "set REDIS_KEY_PREFIX, to {p1}: for example: in a Redis Cluster all keys of a deployment share one slot",
        forbids: true,
    })
}

/// Whether what is waited for can come, and whether a primary that was cut off goes on by itself.
fn judge_replicas(info: &HashMap<&str, &str>, min_replicas: Option<u32>, waits_for: u32) -> Vec<Finding> {
    let connected = info.get("connected_slaves").and_then(|n| n.parse::<u32>().ok()).unwrap_or_default();
    let mut findings = Vec::new();
    let mut find = |setting, found: u32, advice| {
        findings.push(Finding { setting, found: found.to_string(), advice, forbids: false });
    };
    if waits_for > connected {
        find(
            "connected_slaves",
            connected,
            "connect as many replicas as REDIS_WAIT_REPLICAS asks for: until then nothing is submitted to FAL.AI",
        );
    }
    if waits_for == 0 && connected > 0 {
        find(
            "REDIS_WAIT_REPLICAS",
            waits_for,
            "set it to 1: a failover may forget the last second, and what was submitted to FAL.AI in it",
        );
    }
    if connected > 0 && min_replicas == Some(0) {
        find(
            "min-replicas-to-write",
            0,
            "set it to 1: a primary that was cut off from its replicas else takes jobs that a failover throws away",
        );
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
    fn replicas_are_to_be_there_and_waited_for() {
        let named = |connected: &str, min, waits| {
            let info = format!("connected_slaves:{connected}\r\n");
            judge_replicas(&parse(&info), min, waits).into_iter().map(|f| f.setting).collect::<Vec<_>>()
        };
        assert!(named("0", Some(0), 0).is_empty());
        assert!(named("2", Some(1), 1).is_empty() && named("2", None, 2).is_empty());
        assert_eq!(named("1", Some(1), 2), ["connected_slaves"]);
        assert_eq!(named("1", Some(0), 0), ["REDIS_WAIT_REPLICAS", "min-replicas-to-write"]);
    }

    #[test]
    fn each_danger_is_named() {
        let info = "redis_version:6.2.0\r\nmaxmemory_policy:allkeys-lru\r\naof_enabled:0\r\n";
        let named: Vec<_> = judge(&parse(info), Some("")).into_iter().map(|f| f.setting).collect();
        assert_eq!(named, ["version", "maxmemory-policy", "appendonly"]);
    }
}
