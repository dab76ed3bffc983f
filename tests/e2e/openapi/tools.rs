//! The document in the hands of tools that others wrote: a validator of OpenAPI 3.1, and schemathesis, which makes requests
//! from it and holds the service to every answer.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use image2model_tests::client::text;
use image2model_tests::process::root;
use serde_json::Value;

use super::prepared::{ADMIN_KEY, Jobs, USER_KEY, jobs, product};

/// A tool that `cargo xtask test` installed.
fn tool(name: &str) -> Command {
    let path = root().join("target/python/venv/bin").join(name);
    assert!(path.is_file(), "{} is not installed; run `cargo xtask test`", path.display());
    Command::new(path)
}

fn succeeded(output: &Output) {
    let said = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    assert!(output.status.success(), "{}{}", said(&output.stdout), said(&output.stderr));
}

#[test]
fn is_valid_openapi_3_1() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("openapi.json");
    image2model_openapi::write(&path).unwrap();
    succeeded(
        &tool("openapi-spec-validator").args(["--schema", "3.1", "--errors", "all"]).arg(&path).output().unwrap(),
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn schemathesis_finds_nothing() {
    let product = product().unwrap();
    let jobs = jobs(&product.client_with_key(USER_KEY).unwrap()).await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let config = configuration(folder.path(), &jobs).unwrap();
    let reports = root().join("target/schemathesis");
    let output = tool("schemathesis")
        .arg("--config-file")
        .arg(config)
        .args(["run", "--workers", "1", "--report", "junit", "--report-dir"])
        .arg(reports)
        .arg(format!("{}/openapi.json", product.url()))
        .current_dir(folder.path())
        .envs([("USER_KEY", USER_KEY), ("ADMIN_KEY", ADMIN_KEY), ("NO_COLOR", "1")])
        .output()
        .unwrap();
    succeeded(&output);
    println!("{}", String::from_utf8_lossy(&output.stdout));
}

/// The configuration, with what is there to be asked for beside it.
fn configuration(folder: &Path, jobs: &Jobs) -> std::io::Result<PathBuf> {
    let list = |name: &str, values: Vec<&str>| {
        let lines: Vec<String> = values.iter().map(|value| format!("{value:?}")).collect();
        std::fs::write(folder.join(name), lines.join("\n"))
    };
    let files = |job: &'_ Value| job["files"].as_array().cloned().unwrap_or_default();
    let ids: Vec<String> =
        jobs.all().into_iter().flat_map(files).map(|file| text(&file, "file_id").to_owned()).collect();
    list("jobs.txt", jobs.all().map(|job| text(job, "job_id")).to_vec())?;
    list("tasks.txt", jobs.all().map(|job| text(job, "task_id")).to_vec())?;
    list("files.txt", ids.iter().map(String::as_str).collect())?;
    let config = folder.join("schemathesis.toml");
    std::fs::copy(root().join("tests/schemathesis/schemathesis.toml"), &config)?;
    Ok(config)
}
