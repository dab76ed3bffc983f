//! What this process takes of its machine. Where the system does not say (`/proc` is Linux's), nothing is claimed.

use serde_json::{Value, json};

/// Clock ticks a second in `/proc/self/stat`: fixed in the kernel's interface on every platform that has it.
const TICKS: f64 = 100.0;

/// Memory and processor time of the process, and what its machine has.
#[must_use]
pub fn facts() -> Value {
    let status = read("/proc/self/status");
    let machine = read("/proc/meminfo");
    json!({
        "memory_bytes": kilobytes(&status, "VmRSS:"),
        "cpu_seconds": cpu_seconds(&read("/proc/self/stat")),
        "machine": {
            "cpus": std::thread::available_parallelism().ok().map(usize::from),
            "load_average": load_average(&read("/proc/loadavg")),
            "memory_total_bytes": kilobytes(&machine, "MemTotal:"),
            "memory_available_bytes": kilobytes(&machine, "MemAvailable:"),
        },
    })
}

fn read(path: &str) -> String {
    std::fs::read_to_string(path).unwrap_or_default()
}

fn kilobytes(text: &str, name: &str) -> Option<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix(name))?;
    Some(line.split_whitespace().next()?.parse::<u64>().ok()? * 1024)
}

/// User and system time: the 14th and 15th fields, counted behind the name in parentheses, which may hold anything.
fn cpu_seconds(stat: &str) -> Option<f64> {
    let mut fields = stat.rsplit_once(')')?.1.split_whitespace().skip(11);
    let mut ticks = || fields.next()?.parse::<f64>().ok();
    Some((ticks()? + ticks()?) / TICKS)
}

fn load_average(text: &str) -> Option<Vec<f64>> {
    let loads: Vec<f64> = text.split_whitespace().take(3).filter_map(|word| word.parse().ok()).collect();
    (loads.len() == 3).then_some(loads)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_linux_writes() {
        assert_eq!(kilobytes("Name:\tx\nVmRSS:\t  120 kB\n", "VmRSS:"), Some(122_880));
        let stat = "7 (a) b) S 1 2 3 4 5 6 7 8 9 10 150 50 0 0";
        assert_eq!(cpu_seconds(stat), Some(2.0));
        assert_eq!(load_average("0.5 1.25 2 1/9 7"), Some(vec![0.5, 1.25, 2.0]));
        assert_eq!((kilobytes("", "VmRSS:"), cpu_seconds(""), load_average("")), (None, None, None));
    }
}
