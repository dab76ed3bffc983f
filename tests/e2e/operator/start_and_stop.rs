//! What an operator meets: configuration problems, the components' check, the end of the process.

use std::process::{Output, Stdio};

use image2model_tests::Product;
use image2model_tests::process::{program, root};
use image2model_tests::product::image2model;

fn said(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

#[test]
fn every_configuration_problem_is_listed_at_once_before_a_port_opens() {
    let folder = tempfile::tempdir().unwrap();
    let output = image2model()
        .unwrap()
        .args(["up", "--listen", "127.0.0.1:0", "--data-dir"])
        .arg(folder.path())
        .envs([
            ("ENVIRONMENT", "production"),
            ("REDIS_PORT", "many"),
            ("MAX_UPLOAD_SIZE", "-1"),
            ("LOG_LEVEL", "loud"),
            ("FAL_KEY", "secret-without-colon"),
        ])
        .output()
        .unwrap();
    let said = said(&output);
    assert_ne!(output.status.code(), Some(0));
    for name in ["API_KEY", "REDIS_PORT", "MAX_UPLOAD_SIZE", "LOG_LEVEL"] {
        assert!(said.contains(name), "{name} is not named:\n{said}");
    }
    assert!(!said.contains("secret-without-colon"), "a secret is printed:\n{said}");
    assert!(!said.contains("ready:"));
}

#[test]
fn every_component_fits_its_world_and_a_wrong_one_is_refused() {
    let output = image2model().unwrap().arg("check").output().unwrap();
    assert!(output.status.success(), "{}", said(&output));

    // The upload component in the media inspector's place: a missing export and imports too many.
    let manifest = std::fs::read_to_string(root().join("spin.toml")).unwrap();
    let folder = tempfile::tempdir_in(root().join("target")).unwrap();
    let wasm = root().join("target/wasm32-wasip2/release");
    let wrong = manifest
        .replace(
            "target/wasm32-wasip2/release/image2model_media_inspector.wasm",
            "target/wasm32-wasip2/release/image2model_upload.wasm",
        )
        .replace("target/wasm32-wasip2/release", wasm.to_str().unwrap());
    let path = folder.path().join("spin.toml");
    std::fs::write(&path, wrong).unwrap();
    let output = image2model().unwrap().args(["check", "--manifest"]).arg(&path).output().unwrap();
    let said = said(&output);
    assert!(!output.status.success(), "{said}");
    assert!(
        said.contains("media-inspector")
            && said.contains("image2model:media/inspector")
            && said.contains("spin:redis/redis"),
        "{said}"
    );
}

#[test]
fn a_manifest_is_checked_with_the_variables_that_it_is_served_with() {
    let component = root().join("target/wasm32-wasip2/release/image2model_web.wasm");
    let folder = tempfile::tempdir_in(root().join("target")).unwrap();
    let manifest = format!(
        "spin_manifest_version = 2\n[application]\nname = \"a\"\n[variables]\none = {{ required = true }}\n\
         two = {{ required = true }}\n[component.web]\nsource = {component:?}\n\
         variables = {{ a = \"{{{{ one }}}}\", b = \"{{{{ two }}}}\" }}\n"
    );
    std::fs::write(folder.path().join("spin.toml"), manifest).unwrap();
    let check = |one: &str| {
        let mut command = image2model().unwrap();
        command.arg("check").current_dir(folder.path()).env("SPIN_VARIABLE_ONE", one).output().unwrap()
    };
    let output = check("1");
    assert!(!output.status.success() && said(&output).contains("two (line 6)"), "{}", said(&output));
    std::fs::write(folder.path().join(".env"), "SPIN_VARIABLE_TWO=2\n").unwrap();
    let output = check("1");
    assert!(output.status.success(), "{}", said(&output));
}

#[test]
fn sigterm_drains_and_stops_the_child_redis() {
    let mut product = Product::setup().start().unwrap();
    let children = children_of(product.process().id());
    assert!(children.iter().any(|(_, name)| name.contains("redis") || name.contains("valkey")), "{children:?}");
    product.stop().unwrap();
    for (id, name) in children {
        assert!(!std::path::Path::new(&format!("/proc/{id}")).exists(), "{name} ({id}) is still there");
    }
}

#[test]
fn a_killed_host_leaves_no_redis_behind() {
    let mut product = Product::setup().start().unwrap();
    let children = children_of(product.process().id());
    assert!(!children.is_empty());
    product.process().kill();
    let started = std::time::Instant::now();
    while let Some((id, name)) = children.iter().find(|(id, _)| is_running(*id)) {
        assert!(started.elapsed().as_secs() < 30, "{name} ({id}) is still there");
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
}

/// There, and not only waiting for its exit status to be read.
fn is_running(id: u32) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{id}/stat")).unwrap_or_default();
    stat.rsplit_once(')').is_some_and(|(_, rest)| !rest.trim_start().starts_with('Z'))
}

fn children_of(parent: u32) -> Vec<(u32, String)> {
    let stats = std::fs::read_dir("/proc").unwrap().flatten().filter_map(|entry| {
        let id: u32 = entry.file_name().to_str()?.parse().ok()?;
        let stat = std::fs::read_to_string(entry.path().join("stat")).ok()?;
        let name = stat.split_once('(')?.1.rsplit_once(')')?.0.to_owned();
        let of: u32 = stat.rsplit_once(')')?.1.split_whitespace().nth(1)?.parse().ok()?;
        (of == parent).then_some((id, name))
    });
    stats.collect()
}

#[test]
fn whoever_has_read_enough_of_what_is_printed_may_go() {
    let mut command = image2model().unwrap();
    let mut task = command.args(["config", "docs"]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    // Before the program has come as far as to print.
    drop(task.stdout.take());
    let ended = task.wait_with_output().unwrap();
    assert_eq!((ended.status.code(), String::from_utf8_lossy(&ended.stderr).as_ref()), (Some(0), ""));
}

#[test]
fn help_names_every_task() {
    let output = image2model().unwrap().arg("--help").output().unwrap();
    let said = said(&output);
    for task in ["up", "serve", "worker", "stream", "submit", "keys", "check"] {
        assert!(said.contains(task), "{task} is not in the help:\n{said}");
    }
    assert!(program("fal-sim").is_ok());
}
