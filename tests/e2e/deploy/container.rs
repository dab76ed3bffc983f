//! The container file: stages, pins, the user without rights, and that nothing of the machine it is built on gets in.

use std::collections::BTreeMap;
use std::process::Command;

use image2model_tests::process::root;

use super::{configuration, is_pinned, text};

/// One instruction: its word and the rest, continued lines joined.
fn instructions() -> Vec<(String, String)> {
    let text = text("Dockerfile").replace("\\\n", " ");
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
    lines
        .map(|line| line.split_once(' ').unwrap())
        .map(|(word, rest)| (word.to_owned(), rest.trim().to_owned()))
        .collect()
}

fn all(word: &str) -> Vec<String> {
    instructions().into_iter().filter(|(is, _)| is == word).map(|(_, rest)| rest).collect()
}

/// What the image sets, before anybody sets anything.
pub fn environment() -> BTreeMap<String, String> {
    let pairs = all("ENV").join(" ");
    pairs
        .split_whitespace()
        .map(|pair| pair.split_once('=').unwrap())
        .map(|(name, value)| (name.into(), value.into()))
        .collect()
}

#[test]
fn the_image_is_small_pinned_and_runs_without_rights() {
    let arguments: BTreeMap<String, String> = all("ARG")
        .iter()
        .map(|arg| arg.split_once('=').unwrap())
        .map(|(name, value)| (name.into(), value.into()))
        .collect();
    let stages = all("FROM");
    assert_eq!(stages.len(), 3, "two that build and one that runs");
    for stage in &stages {
        // Each can be held to a digest from outside.
        let name = stage.split([' ', '}']).next().unwrap().strip_prefix("${").unwrap();
        let image = &arguments[name];
        // Distroless has no release tags: only its digest pins it, which the file says.
        assert!(is_pinned(image) || image.starts_with("gcr.io/distroless/") && image.ends_with(":nonroot"), "{image}");
    }
    let toolchain = std::fs::read_to_string(root().join("rust-toolchain.toml")).unwrap();
    let version = toolchain.split('"').nth(1).unwrap();
    assert!(arguments["RUST_IMAGE"].contains(&format!("rust:{version}-")), "the toolchain of the repository");
    assert!(!stages[2].contains(" AS "), "the last stage is what runs: {stages:?}");
    assert_eq!(all("USER"), ["65532:65532"]);
    assert_eq!(all("STOPSIGNAL"), ["SIGTERM"]);
    assert_eq!(
        all("ENTRYPOINT"),
        ["[\"/usr/local/bin/image2model\"]"],
        "no shell in between, which would keep signals"
    );
    assert!(
        all("HEALTHCHECK")[0]
            .contains("[\"/usr/local/bin/image2model\", \"probe\", \"http://127.0.0.1:3000/health/live\"]")
    );
    assert!(
        all("RUN").iter().any(|run| run.contains("cargo fetch --locked"))
            && all("RUN").iter().any(|run| run.contains("npm ci"))
    );
    assert!(all("ADD").is_empty(), "nothing is fetched by address");
    let known = configuration();
    for name in environment().keys() {
        assert!(known.contains(name), "the image sets {name}, which nothing reads");
    }
}

#[test]
fn what_is_built_is_listed_and_all_that_spin_toml_names_is_there() {
    let ignored = text("Dockerfile.dockerignore");
    let mut lines = ignored.lines().filter(|line| !line.starts_with('#'));
    assert_eq!(lines.next(), Some("*"), "what is not listed stays outside");
    let listed: Vec<&str> = ignored.lines().filter_map(|line| line.strip_prefix('!')).collect();
    for path in &listed {
        assert!(root().join(path).exists(), "{path} is not there");
    }
    // `cargo xtask` is an alias there, beside what components are compiled with.
    assert!(listed.contains(&".cargo"));
    // A workspace without one of its members does not build.
    let manifest = std::fs::read_to_string(root().join("Cargo.toml")).unwrap();
    let members = manifest.split_once("members = [").unwrap().1.split_once(']').unwrap().0;
    for member in members.split('"').skip(1).step_by(2) {
        let folder = member.split('/').next().unwrap();
        assert!(listed.contains(&folder), "{member} is not taken in");
    }
    for secret in [".env", "data", ".git", "target"] {
        assert!(!listed.contains(&secret), "{secret}");
    }
    // In the image as in the repository, by the same names.
    let spin = std::fs::read_to_string(root().join("spin.toml")).unwrap();
    let sources: Vec<&str> = spin.lines().filter_map(|line| line.strip_prefix("source = \"")).collect();
    assert!(
        sources.len() > 5 && sources.iter().all(|path| path.starts_with("target/wasm32-wasip2/release/image2model_"))
    );
    let copies = all("RUN").join("\n");
    for copied in
        ["target/wasm32-wasip2/release/image2model_*.wasm", "spin.toml /image/app/", "web/dist /image/app/web/"]
    {
        assert!(copies.contains(copied), "{copied}");
    }
}

/// hadolint is installed where Python's registry can be reached; without it the rules above have to do.
#[test]
fn a_linter_finds_nothing() {
    let linter = root().join("target/lint/venv/bin/hadolint");
    if !linter.is_file() {
        eprintln!("not checked: hadolint is not here (`cargo xtask test` installs it where it can)");
        return;
    }
    let output = Command::new(linter).arg(root().join("deploy/Dockerfile")).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
}
