//! The document in the hands of tools that others wrote: a validator of OpenAPI 3.1, and schemathesis, which makes requests
//! from it and holds the service to every answer.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::{Command, Output};

use image2model_tests::client::text;
use image2model_tests::process::root;
use image2model_tests::{Product, photo};
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

/// Whether each answer that it complains of says that Redis did not answer in time.
fn was_away(said: &str) -> bool {
    let mut answers = said.split("\n[").skip(1).peekable();
    answers.peek().is_some()
        && answers.all(|answer| answer.starts_with("503]") && answer.contains("\"error_code\":\"SERVICE_UNAVAILABLE\""))
}

#[test]
fn only_an_answer_that_asks_to_come_again_is_asked_again() {
    let away = "\n[503] Service Unavailable:\n\n    `{\"error_code\":\"SERVICE_UNAVAILABLE\"}`\n";
    assert!(was_away(away) && was_away(&away.repeat(2)));
    let other = "\n[500] Internal Server Error:\n\n    `{\"error_code\":\"SERVICE_UNAVAILABLE\"}`\n";
    for said in ["", other, &[away, other].concat(), "\n[503] Service Unavailable:\n\n    `no`\n"] {
        assert!(!was_away(said), "{said}");
    }
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
    configuration(folder.path(), &jobs).unwrap();
    let mut run = Run::default();
    run.go(&product, folder.path(), "alone", &["--phases", "examples,coverage,fuzzing"]);
    // Whether a request meets a job that can do what is asked is chance, too: what never succeeded is asked more often.
    for seed in ["1", "2", "3"] {
        let names = run.not_succeeded().into_iter().flat_map(|(asked, _)| ["--include-name", asked]);
        let names: Vec<&str> = names.collect();
        if names.is_empty() {
            break;
        }
        let more = ["--phases", "fuzzing", "--max-examples", "60", "--seed", seed];
        run.go(&product, folder.path(), "again", &[&more[..], &names].concat());
    }
    // What a job goes through: among all operations few steps would follow from one another.
    let of_jobs = ["Upload", "Models", "Status", "Jobs", "Download"].map(|tag| ["--include-tag", tag]);
    // Which links it follows is chance, and what it finds there is timing: it may begin several times.
    for seed in ["1", "2", "3", "4", "5"] {
        let steps = ["--phases", "stateful", "--max-examples", "40", "--seed", seed];
        run.go(&product, folder.path(), "stateful", &[&steps[..], of_jobs.as_flattened()].concat());
        if run.not_followed().is_empty() {
            break;
        }
    }
    run.reached_something();
}

/// The configuration, with what is there to be asked for beside it.
fn configuration(folder: &Path, jobs: &Jobs) -> anyhow::Result<()> {
    let list = |name: &str, values: Vec<&str>| {
        let lines: Vec<String> = values.iter().map(|value| format!("{value:?}")).collect();
        std::fs::write(folder.join(name), lines.join("\n"))
    };
    let files = |job: &Value| -> Vec<String> {
        let files = job["files"].as_array().into_iter().flatten();
        files.map(|file| text(file, "file_id").to_owned()).collect()
    };
    let ids: Vec<String> = jobs.all().into_iter().flat_map(files).collect();
    list("jobs.txt", jobs.all().map(|job| text(job, "job_id")).to_vec())?;
    list("tasks.txt", jobs.all().map(|job| text(job, "task_id")).to_vec())?;
    list("files.txt", ids.iter().map(String::as_str).collect())?;
    let of_jobs: BTreeMap<&str, Vec<String>> =
        jobs.all().into_iter().map(|job| (text(job, "job_id"), files(job))).collect();
    std::fs::write(folder.join("files.json"), serde_json::to_string(&of_jobs)?)?;
    let photographs = folder.join("photographs");
    std::fs::create_dir(&photographs)?;
    for seed in 0..3 {
        std::fs::write(photographs.join(format!("{seed}.jpg")), photo::jpeg(64, 48, seed)?)?;
        std::fs::write(photographs.join(format!("{seed}.png")), photo::png(48, 64, seed)?)?;
    }
    for name in ["schemathesis.toml", "hooks.py"] {
        std::fs::copy(root().join("tests/schemathesis").join(name), folder.join(name))?;
    }
    Ok(())
}

/// What a run did, by its own account.
#[derive(Default)]
struct Run {
    /// Statuses by `METHOD /path`.
    answers: BTreeMap<String, BTreeSet<u64>>,
    /// Statuses of what was asked by following a documented link, by the link.
    followed: BTreeMap<String, BTreeSet<u64>>,
}

impl Run {
    /// Runs it on the product with the configuration in this folder, and reads what it wrote down. Where all that it found is that
    /// the service was away for a moment, which is an answer that asks to come again, it comes again, once.
    fn go(&mut self, product: &Product, folder: &Path, name: &str, arguments: &[&str]) {
        let events = folder.join(format!("{name}.ndjson"));
        let mut output = Self::run(product, folder, name, &events, arguments);
        if !output.status.success() && was_away(&String::from_utf8_lossy(&output.stdout)) {
            output = Self::run(product, folder, name, &events, arguments);
        }
        succeeded(&output);
        println!("{}", String::from_utf8_lossy(&output.stdout));
        self.read(&events).unwrap();
    }

    fn run(product: &Product, folder: &Path, name: &str, events: &Path, arguments: &[&str]) -> Output {
        let reports = root().join("target/schemathesis");
        tool("schemathesis")
            .args(["--config-file", "schemathesis.toml", "run", "--workers", "1", "--report", "junit,ndjson"])
            .args(arguments)
            .arg("--report-dir")
            .arg(reports.join(name))
            .arg("--report-ndjson-path")
            .arg(events)
            .arg(format!("{}/openapi.json", product.url()))
            .current_dir(folder)
            .envs([("USER_KEY", USER_KEY), ("ADMIN_KEY", ADMIN_KEY), ("NO_COLOR", "1")])
            .envs([("SCHEMATHESIS_HOOKS", "hooks"), ("PYTHONPATH", ".")])
            .output()
            .unwrap()
    }

    /// Reads events, one a line.
    fn read(&mut self, events: &Path) -> anyhow::Result<()> {
        for line in std::fs::read_to_string(events)?.lines() {
            let event: Value = serde_json::from_str(line)?;
            let recorder = &event["ScenarioFinished"]["recorder"];
            for (id, case) in recorder["cases"].as_object().into_iter().flatten() {
                let Some(status) = recorder["interactions"][id]["response"]["status_code"].as_u64() else { continue };
                let asked = format!("{} {}", text(&case["value"], "method"), text(&case["value"], "path"));
                self.answers.entry(asked).or_default().insert(status);
                let link = &case["transition"];
                if case["is_transition_applied"] == true && link["is_inferred"] == false {
                    self.followed.entry(text(link, "id").to_owned()).or_default().insert(status);
                }
            }
        }
        Ok(())
    }

    /// Operations none of whose links led to a success.
    fn not_followed(&self) -> Vec<&'static str> {
        let well = |statuses: &BTreeSet<u64>| statuses.iter().any(|status| (200..300).contains(status));
        let led = |from: &str| self.followed.iter().any(|(link, statuses)| link.starts_with(from) && well(statuses));
        FOLLOWED.into_iter().filter(|from| !led(from)).collect()
    }

    /// What has to succeed, and has not.
    fn not_succeeded(&self) -> Vec<(&'static str, u64)> {
        let has = |asked: &str, status| self.answers.get(asked).is_some_and(|statuses| statuses.contains(&status));
        SUCCEED.into_iter().filter(|(asked, status)| !has(asked, *status)).collect()
    }

    /// A run in which everything is refused finds nothing either.
    fn reached_something(&self) {
        let never = |(asked, status)| format!("{asked} never answered {status}: {:?}", self.answers.get(asked));
        let mut missing: Vec<String> = self.not_succeeded().into_iter().map(never).collect();
        missing.extend(self.not_followed().into_iter().map(|from| format!("no link of {from} was followed")));
        assert!(missing.is_empty(), "{}\nfollowed: {:?}", missing.join("\n"), self.followed);
    }
}

/// What has to have succeeded at least once.
const SUCCEED: [(&str, u64); 8] = [
    ("POST /api/v1/upload", 200),
    ("POST /api/v1/upload/batch", 200),
    ("POST /api/v1/upload/image", 200),
    ("POST /api/v1/models/generate-single", 202),
    ("GET /api/v1/status/{job_id}", 200),
    ("GET /api/v1/download/{job_id}/all", 200),
    ("GET /api/v1/download/{job_id}/{file_id}/model", 200),
    ("POST /api/v1/admin/cleanup", 200),
];

/// Operations whose links have to have been followed to a success.
const FOLLOWED: [&str; 2] = ["POST /api/v1/upload", "GET /api/v1/status/"];
