//! Compiling in a process of its own, which is this program again (`docs/adr/0015`): what that takes, a hundred megabytes for a large
//! component, is the system's again when it ends, and a component over which the compiler falls takes no host with it.
//!
//! The component goes in by standard input and its code comes out by standard output; what is wrong with it is said on standard
//! error, and whose fault it is by how the process ends. The process knows nothing of this one but its priority: no variable, no secret.

use std::fs::File;
use std::io::{self, Read, Write};
use std::path::PathBuf;
use std::process::{Command, Stdio};

use wasmtime::Engine;

use super::config;
use crate::edge::EdgeError;

/// How the process ends that found something wrong with a component.
const REFUSED: u8 = 1;
/// How it ends when it could not read the component or write its code: `EX_IOERR`.
const NO_ROOM: u8 = 74;
/// What it may take of a processor, seconds. A large component takes a few.
const CPU_SECONDS: u64 = 600;
/// Where a build that counts puts its counts (`docs/adr/0013`).
const KEPT: [&str; 1] = ["LLVM_PROFILE_FILE"];
/// How often the priority of its session is tried to be set, and how long it waits in between.
#[cfg(target_os = "linux")]
const SESSIONS_TRIES: u32 = 10;
#[cfg(target_os = "linux")]
const SESSIONS_TURN: std::time::Duration = std::time::Duration::from_millis(50);
/// What is kept of what it says.
const LONGEST_WORD: u64 = 16 * 1024;

/// The program that is started for each component.
pub(super) struct Compiler {
    /// What `compile` is the only argument of.
    pub program: PathBuf,
}

impl Compiler {
    /// Has one component compiled into `code`, on as many threads as there are where this is called and with their priority.
    ///
    /// # Errors
    /// That there is no such process to be had; within, what it found wrong with the component, or what it ended of.
    pub fn compile(&self, id: &str, component: &[u8], code: File) -> io::Result<Result<(), EdgeError>> {
        let mut process = Command::new(&self.program)
            .arg("compile")
            .env_clear()
            .envs(KEPT.into_iter().filter_map(|name| Some((name, std::env::var_os(name)?))))
            .env("RAYON_NUM_THREADS", rayon::current_num_threads().to_string())
            .stdin(Stdio::piped())
            .stdout(code)
            .stderr(Stdio::piped())
            .spawn()?;
        // One that has ended takes no more of it, and says why.
        let _ = process.stdin.take().map(|mut input| input.write_all(component));
        let mut said = Vec::new();
        if let Some(words) = process.stderr.take() {
            words.take(LONGEST_WORD).read_to_end(&mut said)?;
        }
        let ended = process.wait()?;
        let message = String::from_utf8_lossy(&said).trim().to_owned();
        Ok(match ended.code() {
            Some(0) => Ok(()),
            Some(code) if code == i32::from(REFUSED) => {
                Err(EdgeError::NotAComponent { component: id.to_owned(), message })
            }
            Some(code) if code == i32::from(NO_ROOM) => return Err(io::Error::other(message)),
            _ => Err(EdgeError::Engine(format!("compiling component {id:?} ended with {ended}: {message}"))),
        })
    }
}

/// Why the other side has no code.
#[derive(Debug, thiserror::Error)]
pub enum Uncompiled {
    /// Something is wrong with the component.
    #[error("{0:#}")]
    Component(wasmtime::Error),
    /// The component cannot be read, or its code not written.
    #[error(transparent)]
    Io(#[from] io::Error),
}

impl Uncompiled {
    /// How the process ends.
    #[must_use]
    pub const fn exit_code(&self) -> u8 {
        match self {
            Self::Component(_) => REFUSED,
            Self::Io(_) => NO_ROOM,
        }
    }
}

/// The other side: compiles the component that comes in.
///
/// # Errors
/// [`Uncompiled`].
pub fn compile(mut component: impl Read, mut code: impl Write) -> Result<(), Uncompiled> {
    be_modest();
    let mut bytes = Vec::new();
    component.read_to_end(&mut bytes)?;
    let compiled = Engine::new(&config(1)).and_then(|engine| engine.precompile_component(&bytes));
    code.write_all(&compiled.map_err(Uncompiled::Component)?)?;
    Ok(code.flush()?)
}

/// Ends with the host that waits for it, before the host where memory runs out, and by itself in the end. Where one of these
/// cannot be had it compiles all the same.
fn be_modest() {
    #[cfg(target_os = "linux")]
    {
        use rustix::process::{Resource, Rlimit, Signal, set_parent_process_death_signal, setrlimit};
        let _ = set_parent_process_death_signal(Some(Signal::KILL));
        let _ = setrlimit(Resource::Cpu, Rlimit { current: Some(CPU_SECONDS), maximum: Some(CPU_SECONDS) });
        let _ = setrlimit(Resource::Core, Rlimit { current: Some(0), maximum: Some(0) });
        let _ = std::fs::write("/proc/self/oom_score_adj", "1000");
        take_priority_along();
    }
}

/// Where Linux shares the processor among sessions (`sched(7)`, "autogroup"), a priority counts among the threads of one
/// session only. To the kernel's own threads, which end what is written to a disk, one of ours that compiles was as good as
/// those that answer, and Redis waited a third of a second for a sync. In a session of its own, which has its priority, it
/// comes after both.
#[cfg(target_os = "linux")]
fn take_priority_along() {
    let Ok(own @ 1..) = rustix::process::getpriority_process(None) else { return };
    if rustix::process::setsid().is_err() {
        return;
    }
    for _ in 0..SESSIONS_TRIES {
        match std::fs::write("/proc/self/autogroup", own.to_string()) {
            // Who may not administer the machine may do this ten times a second, all together.
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => std::thread::sleep(SESSIONS_TURN),
            _ => return,
        }
    }
}
