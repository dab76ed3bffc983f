//! The operator's hand on the service from a terminal: `image2model jobs`.

use std::process::Output;

use image2model_tests::client::{Upload, text};
use image2model_tests::product::image2model;
use image2model_tests::{Product, photo};
use serde_json::{Value, json};

const ADMIN: &str = "the-admins-key-0123456789";

struct Terminal {
    product: Product,
}

impl Terminal {
    fn start() -> Self {
        let setup = Product::setup().with("ENVIRONMENT", "production").with("ADMIN_API_KEY", ADMIN);
        Self { product: setup.start().unwrap() }
    }

    fn run(&self, arguments: &[&str]) -> Output {
        let mut command = image2model().unwrap();
        command.arg("jobs").args(arguments).args(["--url", self.product.url()]).env("ADMIN_API_KEY", ADMIN);
        command.output().unwrap()
    }

    /// What it prints; it must be done.
    fn say(&self, arguments: &[&str]) -> String {
        let output = self.run(arguments);
        assert_eq!(output.status.code(), Some(0), "{arguments:?}: {}", said(&output));
        String::from_utf8(output.stdout).unwrap()
    }

    fn json(&self, arguments: &[&str]) -> Value {
        serde_json::from_str(&self.say(&[arguments, &["--json"]].concat())).unwrap()
    }

    async fn upload(&self, names: &[&str]) -> String {
        let client = self.product.client_with_key(ADMIN).unwrap();
        let picture = |(seed, name): (usize, &&str)| {
            Upload::new(name, photo::jpeg(120, 90, u32::try_from(seed).unwrap()).unwrap())
        };
        let files: Vec<Upload> = names.iter().enumerate().map(picture).collect();
        text(&client.upload(&files, &[]).await.unwrap(), "job_id").to_owned()
    }

    async fn ended(&self, job: &str) -> Value {
        self.product.client_with_key(ADMIN).unwrap().ended(job).await.unwrap()
    }
}

fn said(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

#[tokio::test(flavor = "multi_thread")]
async fn jobs_are_listed_and_shown_with_their_history() {
    let terminal = Terminal::start();
    assert_eq!(terminal.say(&["list"]), "There are no such jobs.\n");
    let job = terminal.upload(&["chair.jpg", "sim-content-policy.jpg"]).await;
    terminal.ended(&job).await;
    let second = terminal.upload(&["vase.jpg"]).await;
    terminal.ended(&second).await;

    let listed = terminal.say(&["list"]);
    let lines: Vec<&str> = listed.lines().collect();
    assert!(lines[0].starts_with("JOB ") && lines[0].contains("FIRST FILE"), "{listed}");
    assert!(lines[1].starts_with(&second) && lines[1].contains("1/1"), "{listed}");
    assert!(lines[2].starts_with(&job) && lines[2].contains("1/2, 1 failed"), "{listed}");
    assert_eq!(lines[1].find("completed"), lines[0].find("STATUS"), "{listed}");
    let some = terminal.json(&["list", "--limit", "1"]);
    assert_eq!((some["jobs"].as_array().unwrap().len(), text(&some["jobs"][0], "job_id")), (1, second.as_str()));
    let some = terminal.json(&["list", "--status", "partially_completed"]);
    assert_eq!((some["jobs"].as_array().unwrap().len(), text(&some["jobs"][0], "job_id")), (1, job.as_str()));

    let shown = terminal.say(&["show", &job]);
    for part in ["partially_completed (100%)", "chair.jpg", "content policy", "FAL REQUEST", "The model is being made"]
    {
        assert!(shown.contains(part), "{part} in\n{shown}");
    }
    let history = terminal.json(&["show", &job]);
    assert_eq!(
        history["events"].as_array().unwrap().len(),
        shown.lines().rev().take_while(|l| !l.starts_with("DAY")).count()
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn dead_letters_are_listed_replayed_and_forgotten() {
    let terminal = Terminal::start();
    assert_eq!(terminal.say(&["dead"]), "No file has failed for good.\n");
    let job = terminal.upload(&["sim-content-policy.jpg"]).await;
    terminal.ended(&job).await;
    let dead = terminal.json(&["dead", "list"]);
    let letter = text(&dead["tasks"][0], "dead_letter_id").to_owned();
    let listed = terminal.say(&["dead"]);
    assert!(listed.contains(&letter) && listed.contains(&job) && listed.contains("CONTENT_POLICY"), "{listed}");
    assert!(terminal.say(&["dead", "replay", &letter]).contains("in line again"));
    terminal.ended(&job).await;
    let again = terminal.json(&["dead"]);
    let second = text(&again["tasks"][0], "dead_letter_id").to_owned();
    assert_ne!(second, letter, "it failed once more");
    let forgotten = terminal.json(&["dead", "forget", &second]);
    assert_eq!(forgotten["forgotten"][0]["deleted"], true);
    assert_eq!(terminal.json(&["dead"])["tasks"], json!([]));

    assert!(terminal.say(&["retry", &job]).contains("in line anew"));
    terminal.ended(&job).await;
    let refused = terminal.run(&["dead", "replay", &letter]);
    assert_eq!(refused.status.code(), Some(1));
    assert!(said(&refused).contains("no such dead letter"), "{}", said(&refused));
}

#[tokio::test(flavor = "multi_thread")]
async fn queues_are_held_and_let_go_and_what_waits_is_cancelled() {
    let terminal = Terminal::start();
    assert!(terminal.say(&["pause", "batch_processing"]).contains("paused"));
    let job = terminal.upload(&["a.jpg", "b.jpg"]).await;
    let queues = terminal.say(&["queues"]);
    let line = queues.lines().find(|line| line.starts_with("batch_processing")).unwrap();
    assert!(line.contains("paused since") && line.contains("  2  "), "{queues}");
    let file = text(&terminal.json(&["show", &job])["files"][0], "file_id").to_owned();
    let cancelled = terminal.json(&["cancel", &format!("{job}/{file}")]);
    assert_eq!((&cancelled["file_id"], &cancelled["cancelled_files"]), (&json!(file), &json!(1)));
    assert!(terminal.say(&["cancel", &job]).contains("cancelled"));
    assert_eq!(terminal.ended(&job).await["status"], "cancelled");
    assert!(terminal.say(&["resume", "batch_processing"]).contains("goes on"));
    assert_eq!(terminal.json(&["queues"])["totals"]["waiting"], 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn tenants_are_listed_and_given_their_terms() {
    let terminal = Terminal::start();
    assert_eq!(terminal.say(&["tenants"]), "Nobody has asked for anything yet.\n");
    let set = terminal.say(&["tenants", "set", "key:of-a-customer", "--weight", "4", "--max-concurrent", "20"]);
    let lines: Vec<&str> = set.lines().collect();
    assert!(lines[0].starts_with("TENANT"), "{set}");
    assert_eq!(lines[1].split_whitespace().collect::<Vec<_>>(), ["key:of-a-customer", "4.0", "20", "0", "0", "$0.00"]);
    let listed = terminal.json(&["tenants", "list"]);
    assert_eq!((&listed["tenants"][0]["weight"], &listed["tenants"][0]["max_concurrent"]), (&json!(4.0), &json!(20)));
    terminal.say(&["tenants", "set", "key:of-a-customer", "--weight", "1", "--max-concurrent", "0"]);
    assert_eq!(terminal.json(&["tenants"]), json!({ "tenants": [] }));
    let refused = terminal.run(&["tenants", "set", "key:of-a-customer", "--weight", "0"]);
    assert_eq!(refused.status.code(), Some(1));
    assert!(said(&refused).contains("weight: must be a number"), "{}", said(&refused));
}

#[test]
fn the_exit_code_tells() {
    let terminal = Terminal::start();
    let unknown = "0".repeat(32);
    for (arguments, code, words) in [
        (vec!["show", unknown.as_str()], 1, "Job not found"),
        (vec!["cancel", "nothing"], 1, "no such task"),
        (vec!["retry", unknown.as_str()], 1, "Job not found"),
        (vec!["pause", "celery"], 1, "batch_processing"),
        (vec!["list", "--status", "sideways"], 1, "status"),
        (vec!["list", "--key", "wrong"], 1, "Invalid admin API key"),
        (vec!["list", "--limit", "0"], 2, "--limit"),
        (vec!["dead", "replay"], 2, "IDS"),
        (vec!["tenants", "set", "key:a"], 2, "--weight"),
        (vec![], 2, "Usage"),
    ] {
        let output = terminal.run(&arguments);
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {}", said(&output));
        assert!(said(&output).contains(words), "{arguments:?}: {}", said(&output));
    }
}
