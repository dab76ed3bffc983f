//! `cargo xtask fuzz`: fuzzes one target, or all of them one after the other, for as long as asked.

use std::path::PathBuf;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::Context;
use clap::Parser;
use image2model_fuzz::{TARGETS, Target, fuzz, replay};

#[derive(Parser)]
#[command(name = "fuzz", about = "Fuzzes what reads strangers' bytes")]
struct Arguments {
    /// The target; all of them when none is named
    #[arg(long)]
    target: Option<String>,
    /// How long, for each target
    #[arg(long, default_value_t = 60)]
    seconds: u64,
    /// Where the random numbers begin; a run prints its own
    #[arg(long)]
    seed: Option<u64>,
    /// Only runs this input, and says what became of it
    #[arg(long)]
    input: Option<PathBuf>,
}

fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    for target in chosen(arguments.target.as_deref())? {
        if let Some(path) = &arguments.input {
            let input = std::fs::read(path).with_context(|| path.display().to_string())?;
            println!("{}: {:?}", target.name, (target.run)(&input));
            continue;
        }
        let seed = arguments.seed.unwrap_or_else(now);
        println!("{}: seed {seed}", target.name);
        replay(target)?;
        let report = fuzz(target, seed, Duration::from_secs(arguments.seconds))?;
        println!("{}: {} inputs, {} outcomes, nothing wrong", target.name, report.runs, report.outcomes);
    }
    Ok(())
}

fn chosen(name: Option<&str>) -> anyhow::Result<Vec<&'static Target>> {
    let Some(name) = name else { return Ok(TARGETS.iter().collect()) };
    let names: Vec<&str> = TARGETS.iter().map(|target| target.name).collect();
    let found = TARGETS.iter().find(|target| target.name == name);
    Ok(vec![found.with_context(|| format!("there is no target {name}; there are {}", names.join(", ")))?])
}

fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}
