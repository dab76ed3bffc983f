//! What a fresh machine lacks: the wasm target, Redis, Python's tools, what lays releases out and, for the pages and their
//! tests, Node and Chromium.
//!
//! Nothing is installed that is there already. Where the system's package manager may not be used, the one command to
//! type is printed instead.

use std::fs;
use std::path::PathBuf;

use anyhow::{Context, bail};

use crate::command::{cargo, execute, find, output, program, root, say, succeeds, target_dir};

/// What the components are built for.
pub const COMPONENT_TARGET: &str = "wasm32-wasip2";
/// What makes core modules, as Spin's older templates do: some of the tests' components are built so.
pub const MODULE_TARGET: &str = "wasm32-wasip1";

/// Adds a target when the toolchain lacks it.
pub fn target(name: &str) -> anyhow::Result<()> {
    let Some(sysroot) = output(program("rustc").args(["--print", "sysroot"])) else {
        bail!("rustc was not found; install Rust from your distribution or with rustup");
    };
    if PathBuf::from(sysroot).join("lib/rustlib").join(name).is_dir() {
        return Ok(());
    }
    say(&format!("adding the target {name}"));
    execute(program("rustup").args(["target", "add", name]))
}

/// Where the toolchain has the tool that makes one profile of many counts.
pub fn profdata() -> Option<PathBuf> {
    let libraries = output(program("rustc").args(["--print", "target-libdir"]))?;
    Some(PathBuf::from(libraries).parent()?.join("bin/llvm-profdata")).filter(|tool| tool.is_file())
}

/// Adds that tool when the toolchain lacks it.
pub fn profile_tools() -> anyhow::Result<()> {
    if profdata().is_some() {
        return Ok(());
    }
    say("adding the component llvm-tools");
    execute(program("rustup").args(["component", "add", "llvm-tools"]))
}

/// Where LLVM's BOLT is, of a version that reads what is kept in `xtask/profiles`.
pub fn bolt() -> Option<PathBuf> {
    let tool = ["llvm-bolt-19", "llvm-bolt"].into_iter().find_map(find)?;
    // Debian has its tools side by side under their own names in a folder of each version.
    fs::canonicalize(tool).ok()
}

/// Finds BOLT or tries once to install it. Whoever cannot have it has a program that is slower.
pub fn layout_tool() {
    // The others have no such package, and what was seen is of programs for Linux.
    let may_be_had = cfg!(target_os = "linux") && ["apt-get", "dnf"].into_iter().any(|name| find(name).is_some());
    let tried = target_dir().join("no-bolt");
    if bolt().is_some() || !may_be_had || tried.is_file() {
        return;
    }
    let names = Packages { apt: "bolt-19", dnf: "llvm-bolt", apk: "", pacman: "", brew: "" };
    if let Err(error) = install("LLVM's BOLT", &names) {
        say(&format!("releases will be slower than they could be: BOLT cannot be installed ({error:#})"));
        // Nobody waits for that at each build.
        say(&format!("it is tried again once {} is removed", tried.display()));
        let _ = fs::create_dir_all(target_dir()).and_then(|()| fs::write(tried, ""));
    }
}

/// Finds a Redis server, or installs one.
pub fn redis() -> anyhow::Result<()> {
    if ["redis-server", "valkey-server"].iter().any(|name| find(name).is_some()) {
        return Ok(());
    }
    install(
        "a Redis server",
        &Packages { apt: "redis-server", dnf: "redis", apk: "redis", pacman: "valkey", brew: "redis" },
    )
}

/// Finds Node and npm. Without them everything works but the pages.
pub fn node() -> bool {
    if find("node").is_some() && find("npm").is_some() {
        return true;
    }
    say(
        "no Node on this machine: everything is built and served but the pages (install Node 20 or later to have them)",
    );
    false
}

/// Whether browser tests are wanted. The tests themselves look at the same variable.
pub fn wants_browser_tests() -> bool {
    std::env::var_os("SKIP_BROWSER_TESTS").is_none_or(|value| value.is_empty() || value == "0")
}

/// Finds what the browser tests need, Node with npm and Chromium, or installs it.
pub fn browser() -> anyhow::Result<()> {
    const DO_WITHOUT: &str = "the browser tests need Node and Chromium; SKIP_BROWSER_TESTS=1 leaves them out";
    if !node() {
        let names = Packages { apt: "npm", dnf: "nodejs-npm", apk: "npm", pacman: "npm", brew: "node" };
        install("Node 20 or later with npm", &names).context(DO_WITHOUT)?;
    }
    chromium().context(DO_WITHOUT)
}

fn chromium() -> anyhow::Result<()> {
    if ["chromium", "chromium-browser", "google-chrome"].iter().any(|name| find(name).is_some()) {
        return Ok(());
    }
    install(
        "Chromium",
        &Packages { apt: "chromium", dnf: "chromium", apk: "chromium", pacman: "chromium", brew: "chromium" },
    )
}

/// Python programs that the tests run.
pub fn python_tools() -> anyhow::Result<()> {
    python("schemathesis", "tests/schemathesis/requirements.txt", "python")
}

/// What looks at the files in `deploy/` with other eyes than ours. Tests of their own hold those files to the product, so
/// a machine that cannot have these goes without.
pub fn deployment_linters() {
    if let Err(error) = python("hadolint", "tests/lint/requirements.txt", "lint") {
        say(&format!("the container file is not linted: hadolint cannot be installed ({error:#})"));
    }
    let names = Packages {
        apt: "prometheus",
        dnf: "golang-github-prometheus",
        apk: "prometheus",
        pacman: "prometheus",
        brew: "prometheus",
    };
    if find("promtool").is_none()
        && let Err(error) = install("Prometheus' promtool", &names)
    {
        say(&format!("the alert rules are not run: promtool cannot be installed ({error:#})"));
    }
}

/// Celery, which the queue is measured beside.
pub fn celery() -> anyhow::Result<()> {
    python("celery", "bench/celery/requirements.txt", "celery")
}

/// The servers that the event streams are measured beside.
pub fn stream_servers() -> anyhow::Result<()> {
    if !PathBuf::from("/usr/lib/nginx/modules/ngx_nchan_module.so").is_file() {
        let (apt, other) = ("libnginx-mod-nchan", "nginx-mod-nchan");
        install("nchan", &Packages { apt, dnf: other, apk: "nginx-mod-http-nchan", pacman: other, brew: "nchan" })?;
    }
    peer("durable-streams-server", &["durable-streams", "--version", "0.1.5"])
}

/// `wasmtime serve`, of the engine's own version and with what it needs for the components that are measured.
pub fn wasmtime() -> anyhow::Result<()> {
    let features =
        "run,serve,compile,cranelift,parallel-compilation,pooling-allocator,cache,component-model-async,addr2line";
    peer("wasmtime", &["wasmtime-cli", "--version", "48.0.8", "--no-default-features", "--features", features])
}

/// A program that the measurements are made beside, installed below the target directory.
fn peer(program: &str, package: &[&str]) -> anyhow::Result<()> {
    let folder = target_dir().join("peers");
    if folder.join("bin").join(program).is_file() {
        return Ok(());
    }
    say(&format!("installing {program}"));
    execute(cargo(&["install", "--quiet", "--locked"]).args(package).arg("--root").arg(folder))
}

/// A Python program of the versions and digests in a list, in an environment of its own below the target directory.
fn python(name: &str, requirements: &str, folder: &str) -> anyhow::Result<()> {
    let wanted = root().join(requirements);
    let folder = target_dir().join(folder);
    let (environment, stamp) = (folder.join("venv"), folder.join("installed.txt"));
    let list = fs::read_to_string(&wanted).with_context(|| format!("could not read {requirements}"))?;
    let is_there = environment.join("bin").join(name).is_file();
    if is_there && fs::read_to_string(&stamp).is_ok_and(|former| former == list) {
        return Ok(());
    }
    let make = || {
        let mut command = program("python3");
        command.args(["-m", "venv", "--clear"]).arg(&environment);
        command
    };
    // Debian's Python comes without what makes environments.
    if !succeeds(&mut make()) {
        let names = Packages { apt: "python3-venv", dnf: "python3", apk: "python3", pacman: "python", brew: "python" };
        install("Python 3.11 or later", &names)?;
        execute(&mut make())?;
    }
    say(&format!("installing {name}"));
    let mut pip = program(environment.join("bin/python"));
    pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--require-hashes", "--requirement"]);
    execute(pip.arg(&wanted))?;
    fs::write(stamp, list).context("could not note what is installed")
}

/// Finds the programs that downloads are tested with, or installs them.
pub fn download_clients() -> anyhow::Result<()> {
    for name in ["curl", "unzip"] {
        if find(name).is_none() {
            install(name, &Packages { apt: name, dnf: name, apk: name, pacman: name, brew: name })?;
        }
    }
    Ok(())
}

/// Finds the proxy that the product is tested behind, or installs it.
pub fn proxy() -> anyhow::Result<()> {
    // Not in everybody's PATH where it belongs to root.
    if find("nginx").is_some()
        || ["/usr/sbin/nginx", "/usr/local/sbin/nginx"].iter().any(|path| PathBuf::from(path).is_file())
    {
        return Ok(());
    }
    install("nginx", &Packages { apt: "nginx", dnf: "nginx", apk: "nginx", pacman: "nginx", brew: "nginx" })
}

/// The name of a package in each package manager.
struct Packages {
    apt: &'static str,
    dnf: &'static str,
    apk: &'static str,
    pacman: &'static str,
    brew: &'static str,
}

/// A package manager: its program, its arguments before the package's name, and whether it needs to be root.
type Manager = (&'static str, &'static [&'static str], &'static str, bool);

fn install(what: &str, packages: &Packages) -> anyhow::Result<()> {
    let managers: [Manager; 5] = [
        ("apt-get", &["install", "--yes", "--no-install-recommends"], packages.apt, true),
        ("dnf", &["install", "--assumeyes"], packages.dnf, true),
        ("apk", &["add"], packages.apk, true),
        ("pacman", &["-S", "--noconfirm"], packages.pacman, true),
        ("brew", &["install"], packages.brew, false),
    ];
    let Some((manager, arguments, package, needs_root)) = managers.into_iter().find(|(name, ..)| find(name).is_some())
    else {
        bail!("{what} is needed and no package manager was found; install it and try again");
    };
    let prefix: &[&str] = match (needs_root, is_root()) {
        (false, _) | (true, true) => &[],
        (true, false) if succeeds(program("sudo").args(["-n", "true"])) => &["sudo", "-n"],
        (true, false) => {
            bail!("{what} is needed; install it with:\n\n    sudo {manager} {} {package}\n", arguments.join(" "))
        }
    };
    say(&format!("installing {what} with {manager}"));
    let words: Vec<&str> =
        prefix.iter().copied().chain([manager]).chain(arguments.iter().copied()).chain([package]).collect();
    if execute(&mut words_to_command(&words)).is_ok() {
        return Ok(());
    }
    if manager == "apt-get" {
        let update: Vec<&str> = prefix.iter().copied().chain(["apt-get", "update"]).collect();
        execute(&mut words_to_command(&update))?;
    }
    execute(&mut words_to_command(&words))
}

fn words_to_command(words: &[&str]) -> std::process::Command {
    let (first, rest) = words.split_first().unwrap_or((&"true", &[]));
    let mut command = program(first);
    // A package's own start-up of a service is not wanted: the product starts its own.
    command.args(rest).env("DEBIAN_FRONTEND", "noninteractive").env("RUNLEVEL", "1");
    command
}

fn is_root() -> bool {
    output(program("id").arg("-u")).as_deref() == Some("0")
}
