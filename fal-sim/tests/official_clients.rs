//! The official clients, from their own registries, drive a running simulator. Their versions are pinned beside the
//! probes. Skipped, with the reason printed, only where the machine has no Python or no Node.

#[cfg(test)]
mod support;

use anyhow::{Context, Result, ensure};
use fal_sim::Config;
use std::{
    path::{Path, PathBuf},
    process::{Command, Stdio},
};
use support::{Fal, KEY, OTHER_KEY, quick};

fn clients() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/clients")
}

fn work_dir(name: &str) -> Result<PathBuf> {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    std::fs::create_dir_all(&folder)?;
    Ok(folder)
}

fn present(program: &str) -> bool {
    Command::new(program)
        .arg("--version")
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}

/// Runs to the end, its output passed through; fails when it does.
fn run(command: &mut Command) -> Result<()> {
    let output = command.output().with_context(|| format!("cannot run {command:?}"))?;
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    println!("{}", text(&output.stdout));
    ensure!(output.status.success(), "{command:?} failed\n{}\n{}", text(&output.stdout), text(&output.stderr));
    Ok(())
}

/// Installs once per content of the pin file, so that a changed pin is installed anew.
fn installed(folder: &Path, pin: &str, install: impl FnOnce() -> Result<()>) -> Result<()> {
    let wanted = std::fs::read_to_string(clients().join(pin))?;
    let mark = folder.join("installed");
    if std::fs::read_to_string(&mark).ok().as_deref() != Some(wanted.as_str()) {
        install()?;
        std::fs::write(mark, wanted)?;
    }
    Ok(())
}

async fn fal() -> Result<Fal> {
    // Slow enough that the clients, which poll every half second at most, see every state.
    Fal::with(Config { speed: 25.0, ..quick()? }).await
}

#[tokio::test]
async fn the_python_client_goes_its_whole_way() -> Result<()> {
    if !present("python3") {
        println!("skipped: python3 is not installed, so fal-client cannot run");
        return Ok(());
    }
    let folder = work_dir("fal-client-python")?;
    let python = folder.join("venv/bin/python");
    installed(&folder, "requirements.txt", || {
        run(Command::new("python3").args(["-m", "venv", "--clear"]).arg(folder.join("venv")))?;
        let install = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-r"];
        run(Command::new(&python).args(install).arg(clients().join("requirements.txt")))
    })?;
    let fal = fal().await?;
    let mut probe = Command::new(&python);
    probe.arg(clients().join("python_probe.py")).args([fal.sim.base_url().as_str(), KEY, OTHER_KEY]);
    tokio::task::spawn_blocking(move || run(&mut probe)).await?
}

#[tokio::test]
async fn the_javascript_client_goes_its_whole_way() -> Result<()> {
    if !present("node") || !present("npm") {
        println!("skipped: node with npm is not installed, so @fal-ai/client cannot run");
        return Ok(());
    }
    let folder = work_dir("fal-client-javascript")?;
    installed(&folder, "package-lock.json", || {
        for file in ["package.json", "package-lock.json"] {
            std::fs::copy(clients().join(file), folder.join(file))?;
        }
        run(Command::new("npm").args(["ci", "--no-audit", "--no-fund", "--silent"]).current_dir(&folder))
    })?;
    // Node looks for packages beside the script.
    std::fs::copy(clients().join("javascript_probe.mjs"), folder.join("javascript_probe.mjs"))?;
    let fal = fal().await?;
    let mut probe = Command::new("node");
    probe.arg("javascript_probe.mjs").args([fal.sim.base_url().as_str(), KEY, OTHER_KEY]).current_dir(&folder);
    tokio::task::spawn_blocking(move || run(&mut probe)).await?
}
