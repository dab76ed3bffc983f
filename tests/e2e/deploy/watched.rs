//! The dashboard and the alert rules, as files; `stack` holds the names in them to what is exported.

use std::collections::BTreeSet;
use std::process::Command;

use image2model_tests::process::root;
use serde_json::Value;

use super::{document, text, words};

/// An expression, and the texts beside it that may name labels.
pub type Watched = (String, Vec<String>);

/// The dashboard's panels, without the rows that head them.
fn panels() -> Vec<Value> {
    let dashboard: Value = serde_json::from_str(&text("grafana/image2model.json")).unwrap();
    let panels = dashboard["panels"].as_array().unwrap();
    panels.iter().filter(|panel| panel["type"] != "row").cloned().collect()
}

fn alerts() -> Vec<Value> {
    let rules = document("prometheus/alerts.yml");
    rules["groups"].as_array().unwrap().iter().flat_map(|group| group["rules"].as_array().unwrap().clone()).collect()
}

/// Everything that is looked at: by panels, rules and KEDA's trigger.
pub fn expressions() -> Vec<Watched> {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let targets = panels().into_iter().flat_map(|panel| panel["targets"].as_array().unwrap().clone());
    let shown = targets.map(|target| (text(&target["expr"]), vec![text(&target["legendFormat"])]));
    let ruled = alerts().into_iter().map(|alert| {
        let annotations = &alert["annotations"];
        (text(&alert["expr"]), vec![text(&annotations["summary"]), text(&annotations["description"])])
    });
    let scaled = document("kubernetes/keda/worker.yaml")["spec"]["triggers"].as_array().unwrap().clone();
    let scaled = scaled.iter().map(|trigger| (text(&trigger["metadata"]["query"]), Vec::new())).collect::<Vec<_>>();
    shown.chain(ruled).chain(scaled).collect()
}

#[test]
fn the_dashboard_is_one_that_grafana_takes() {
    let dashboard: Value = serde_json::from_str(&text("grafana/image2model.json")).unwrap();
    assert!(dashboard["uid"].is_string() && dashboard["schemaVersion"].as_u64().unwrap() >= 36);
    assert_eq!(dashboard["templating"]["list"][0]["type"], "datasource", "whoever imports it chooses the Prometheus");
    let all = dashboard["panels"].as_array().unwrap();
    let ids: BTreeSet<u64> = all.iter().map(|panel| panel["id"].as_u64().unwrap()).collect();
    assert_eq!(ids.len(), all.len(), "an id twice");
    let mut taken = BTreeSet::new();
    for panel in all {
        let at = |name: &str| panel["gridPos"][name].as_u64().unwrap();
        assert!(at("x") + at("w") <= 24, "{} is out of the grid", panel["title"]);
        for (x, y) in (at("x")..at("x") + at("w")).flat_map(|x| (at("y")..at("y") + at("h")).map(move |y| (x, y))) {
            assert!(taken.insert((x, y)), "{} lies over another", panel["title"]);
        }
    }
    for panel in panels() {
        let targets = panel["targets"].as_array().unwrap();
        let refs: BTreeSet<&str> = targets.iter().map(|target| target["refId"].as_str().unwrap()).collect();
        assert!(!targets.is_empty() && refs.len() == targets.len(), "{}", panel["title"]);
        assert!(targets.iter().all(|target| target["datasource"]["uid"] == "${datasource}"), "{}", panel["title"]);
        assert!(["timeseries", "stat", "table"].contains(&panel["type"].as_str().unwrap()), "{}", panel["title"]);
    }
}

#[test]
fn every_alert_says_what_to_do() {
    let operations = std::fs::read_to_string(root().join("docs/operations.md")).unwrap();
    let headings: BTreeSet<String> =
        operations.lines().filter_map(|line| line.strip_prefix("### ")).map(str::to_lowercase).collect();
    let mut names = BTreeSet::new();
    for alert in alerts() {
        let name = alert["alert"].as_str().unwrap();
        assert!(names.insert(name.to_lowercase()), "{name} twice");
        assert!(["critical", "warning"].contains(&alert["labels"]["severity"].as_str().unwrap()), "{name}");
        assert!(alert["for"].as_str().unwrap().ends_with(['m', 'h']), "{name}");
        let runbook = alert["annotations"]["runbook"].as_str().unwrap();
        assert_eq!(runbook, format!("docs/operations.md#{}", name.to_lowercase()));
        assert!(headings.contains(&name.to_lowercase()), "docs/operations.md says nothing of {name}");
    }
    let told: BTreeSet<String> = headings.into_iter().filter(|heading| heading.starts_with("image2model")).collect();
    assert_eq!(told, names, "docs/operations.md and the rules name the same alerts");
}

#[test]
fn prometheus_reads_one_target_and_the_rules() {
    let settings = document("prometheus/prometheus.yml");
    assert_eq!(words(&settings["rule_files"]), ["alerts.yml"]);
    let jobs = settings["scrape_configs"].as_array().unwrap();
    assert_eq!((jobs.len(), jobs[0]["job_name"].as_str()), (1, Some("image2model")), "the name in Image2ModelDown");
    assert_eq!(jobs[0]["static_configs"][0]["targets"].as_array().unwrap().len(), 1);
}

/// promtool is installed where the system has it; without it the rules are still held to what is exported.
#[test]
fn prometheus_own_tool_takes_and_runs_the_rules() {
    let promtool = |arguments: &[&str]| {
        Command::new("promtool").args(arguments).current_dir(root().join("deploy/prometheus")).output()
    };
    if promtool(&["--version"]).is_err() {
        eprintln!("not checked: promtool is not here (`cargo xtask test` installs it where it can)");
        return;
    }
    let tests = root().join("tests/e2e/deploy/alerts.test.yml").display().to_string();
    for arguments in
        [vec!["check", "config", "prometheus.yml"], vec!["check", "rules", "alerts.yml"], vec!["test", "rules", &tests]]
    {
        let output = promtool(&arguments).unwrap();
        let said = [output.stdout, output.stderr].concat();
        assert!(output.status.success(), "promtool {arguments:?}: {}", String::from_utf8_lossy(&said));
    }
}
