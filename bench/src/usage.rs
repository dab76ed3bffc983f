//! What programs use: processor time of a process, and what Redis says of itself.

use anyhow::Context;
use redis::aio::MultiplexedConnection;

/// The unit of `/proc`, on every Linux.
const TICKS_PER_SECOND: f64 = 100.0;

/// Seconds of processor time that a process has used, its threads together.
pub fn processor_seconds(process: u32) -> anyhow::Result<f64> {
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat"))?;
    // The name, in brackets, may hold spaces.
    let (_, rest) = stat.rsplit_once(')').context("no process status")?;
    let ticks = rest.split_whitespace().skip(11).take(2).map(str::parse::<u64>).sum::<Result<u64, _>>()?;
    Ok(ticks as f64 / TICKS_PER_SECOND)
}

/// What `INFO` says of Redis.
pub struct Info(String);

impl Info {
    /// Asks for one section.
    pub async fn ask(redis: &mut MultiplexedConnection, section: &str) -> anyhow::Result<Self> {
        Ok(Self(redis::cmd("INFO").arg(section).query_async(redis).await?))
    }

    /// A number by its name.
    pub fn number(&self, name: &str) -> anyhow::Result<f64> {
        let value = self.0.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
        Ok(value.with_context(|| format!("INFO does not tell {name}"))?.trim().parse()?)
    }

    /// Microseconds spent so far in a command (section `commandstats`); none when it was never called.
    pub fn microseconds_in(&self, command: &str) -> anyhow::Result<f64> {
        let name = format!("cmdstat_{command}:");
        let Some(stats) = self.0.lines().find_map(|line| line.strip_prefix(&name)) else { return Ok(0.0) };
        let spent = stats.split(',').find_map(|part| part.strip_prefix("usec="));
        Ok(spent.context("INFO does not tell the time of commands")?.parse()?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_redis_says_is_read() {
        let info =
            Info("# CPU\r\nused_cpu_sys:1.5\r\ncmdstat_evalsha:calls=2,usec=340,usec_per_call=170.00\r\n".to_owned());
        assert_eq!(info.number("used_cpu_sys").unwrap(), 1.5);
        assert!(info.number("used_cpu").is_err());
        assert_eq!(info.microseconds_in("evalsha").unwrap(), 340.0);
        assert_eq!(info.microseconds_in("eval").unwrap(), 0.0);
    }
}
