//! The loop: take an input, change it, run it, keep it when it led somewhere new; stop at the first one that fails.

use std::collections::HashSet;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

use crate::mutate::mutate;
use crate::{Complaint, Outcome, Target, corpus};

/// No input may take longer, on a slow and busy machine in a build without optimisation.
const SLOWEST: Duration = Duration::from_secs(10);
/// Inputs that are changed further, beside the corpus.
const MOST_KEPT: usize = 4096;
/// What the process may have needed of memory at its peak, in bytes.
const MOST_MEMORY: u64 = 1024 * 1024 * 1024;

/// An input that failed.
#[derive(Debug, thiserror::Error)]
#[error("{target}: {complaint}\nthe input is kept as {}", input.display())]
pub struct Finding {
    /// Of which target.
    pub target: &'static str,
    /// What is wrong.
    pub complaint: Complaint,
    /// Where it is kept.
    pub input: PathBuf,
}

/// What a run did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Report {
    /// Inputs that were tried.
    pub runs: u64,
    /// Different outcomes that were seen.
    pub outcomes: usize,
}

/// Runs every input of the corpus once.
///
/// # Errors
/// A [`Finding`], or a corpus that cannot be read.
pub fn replay(target: &Target) -> anyhow::Result<Report> {
    let inputs = corpus::load(target.name)?;
    let mut seen = HashSet::new();
    for (name, input) in &inputs {
        let outcome = run(target, input).map_err(|complaint| anyhow::anyhow!("{}/{name}: {complaint}", target.name))?;
        seen.insert(outcome);
    }
    Ok(Report { runs: inputs.len() as u64, outcomes: seen.len() })
}

/// Fuzzes for so long, beginning with the corpus.
///
/// # Errors
/// The first [`Finding`], or a corpus that cannot be read.
pub fn fuzz(target: &Target, seed: u64, duration: Duration) -> anyhow::Result<Report> {
    let ends = Instant::now() + duration;
    let mut rng = StdRng::seed_from_u64(seed);
    let mut pool: Vec<Vec<u8>> = corpus::load(target.name)?.into_iter().map(|(_, input)| input).collect();
    let kept = pool.len() + MOST_KEPT;
    let mut seen: HashSet<Outcome> = pool.iter().filter_map(|input| run(target, input).ok()).collect();
    let guard = Stuck::watch(target);
    let mut runs = 0;
    while Instant::now() < ends {
        let mut input = choose(&mut rng, &pool);
        let other = choose(&mut rng, &pool);
        mutate(&mut rng, &mut input, &other, target.dictionary, target.longest);
        if let Some(mend) = target.mend
            && rng.random_range(0..8) != 0
        {
            mend(&mut input);
        }
        runs += 1;
        guard.begin(&input);
        match run(target, &input) {
            Ok(outcome) if seen.insert(outcome) && pool.len() < kept => pool.push(input),
            Ok(_) => {}
            Err(complaint) => {
                let input = corpus::keep(target.name, &input)?;
                return Err(Finding { target: target.name, complaint, input }.into());
            }
        }
    }
    drop(guard);
    let peak = peak_memory().unwrap_or_default();
    anyhow::ensure!(peak <= MOST_MEMORY, "{}: the process needed {peak} bytes of memory", target.name);
    Ok(Report { runs, outcomes: seen.len() })
}

fn choose(rng: &mut StdRng, pool: &[Vec<u8>]) -> Vec<u8> {
    pool.get(rng.random_range(0..pool.len().max(1))).cloned().unwrap_or_default()
}

/// Runs one input; a panic is a complaint.
fn run(target: &Target, input: &[u8]) -> Result<Outcome, Complaint> {
    catch_unwind(AssertUnwindSafe(|| (target.run)(input))).unwrap_or_else(|panic| {
        let message = panic.downcast_ref::<String>().cloned();
        let message = message.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()));
        Err(format!("it panicked: {}", message.unwrap_or_default()))
    })
}

/// Looks from another thread whether an input takes too long: that thread is the only one which can still say so.
struct Stuck {
    current: Arc<Mutex<(Instant, Vec<u8>)>>,
    done: Arc<AtomicBool>,
}

impl Stuck {
    fn watch(target: &Target) -> Self {
        let current = Arc::new(Mutex::new((Instant::now(), Vec::new())));
        let done = Arc::new(AtomicBool::new(false));
        let (name, seen, ended) = (target.name, Arc::clone(&current), Arc::clone(&done));
        std::thread::spawn(move || {
            while !ended.load(Relaxed) {
                std::thread::sleep(Duration::from_millis(500));
                let (since, input) = &*seen.lock().unwrap_or_else(PoisonError::into_inner);
                if since.elapsed() > SLOWEST && !ended.load(Relaxed) {
                    eprintln!(
                        "{name}: an input takes longer than {SLOWEST:?}; kept as {:?}",
                        corpus::keep(name, input)
                    );
                    std::process::exit(1);
                }
            }
        });
        Self { current, done }
    }

    fn begin(&self, input: &[u8]) {
        let mut current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
        current.0 = Instant::now();
        current.1.clear();
        current.1.extend_from_slice(input);
    }
}

impl Drop for Stuck {
    fn drop(&mut self) {
        self.done.store(true, Relaxed);
    }
}

/// The most memory this process ever had, where the system tells.
fn peak_memory() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.split_whitespace().next()?.parse::<u64>().ok().map(|kilobytes| kilobytes * 1024)
}
