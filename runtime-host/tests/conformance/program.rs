//! The program itself, `image2model serve`: with an application that is not the service's own, and told to stop.

use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use image2model_processes::{Process, RedisServer};

use crate::harness::guest;

const PROGRAM: &str = env!("CARGO_BIN_EXE_image2model");
const HEAD: &str = "spin_manifest_version = 2\n[application]\nname = \"other\"\nversion = \"1.0.0\"\n";

/// Serves this manifest from `folder`, with nothing set but this.
fn serve(folder: &Path, manifest: &str, redis: &RedisServer, set: &[(&str, &str)]) -> Process {
    let path = folder.join("spin.toml");
    std::fs::write(&path, format!("{HEAD}{manifest}")).unwrap();
    let mut command = Command::new(PROGRAM);
    command.env_clear().env("REDIS_URL", redis.url()).envs(set.iter().copied());
    command.args(["serve", "--listen", "127.0.0.1:0", "--data-dir"]).arg(folder.join("data"));
    Process::start(command.arg("--manifest").arg(&path)).unwrap()
}

fn component(route: &str, id: &str, name: &str, more: &str) -> String {
    let source = guest(name);
    format!("[[trigger.http]]\nroute = {route:?}\ncomponent = {id:?}\n[component.{id}]\nsource = {source:?}\n{more}\n")
}

async fn get(url: &str) -> Option<(u16, String)> {
    // Of a new connection, as of a new client.
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let answer = client.get(url).send().await.ok()?;
    Some((answer.status().as_u16(), answer.text().await.ok()?))
}

#[tokio::test(flavor = "multi_thread")]
async fn another_application_is_served_and_all_of_its_routes_are_its_own() {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let (folder, redis) = (tempfile::tempdir().unwrap(), RedisServer::start(&[]).unwrap());
    let variables = "[variables]\napi_key = { required = true }\nenvironment = { default = \"its own as well\" }\n";
    let asks = "variables = { api_key = \"{{ api_key }}\", environment = \"{{ environment }}\" }";
    let manifest = variables.to_owned()
        + &component("/...", "hello", "hello", "")
        + &component("/own", "variables", "variables", asks);
    let set = [("SPIN_VARIABLE_API_KEY", "its-own"), ("SHUTDOWN_DELAY_SECONDS", "2")];
    let mut process = serve(folder.path(), &manifest, &redis, &set);
    let url = process.wait_for("ready: ").unwrap();
    for path in ["/", "/api/v1/health/ready", "/api/v1/status/stream/x", "/api/v1/webhooks/fal"] {
        assert_eq!(get(&format!("{url}{path}")).await, Some((200, "hello".to_owned())), "{path}");
    }
    for (name, value) in [("api_key", "value its-own"), ("environment", "value its own as well")] {
        assert_eq!(get(&format!("{url}/own?{name}")).await.unwrap().1, value);
    }

    // Whoever is in front is told first.
    let told = Instant::now();
    process.signal("TERM").unwrap();
    let ready = format!("{url}/health/ready");
    while get(&ready).await.unwrap().0 != 503 {
        assert!(told.elapsed() < Duration::from_millis(1500), "it is ready while it stops");
    }
    assert_eq!(get(&url).await, Some((200, "hello".to_owned())), "the port is closed already");
    assert!(process.wait(Duration::from_secs(20)).unwrap().success(), "{}", process.said());
    assert!((2..10).contains(&told.elapsed().as_secs()), "{:?}", told.elapsed());
}

#[tokio::test(flavor = "multi_thread")]
async fn of_its_own_application_nothing_is_set_past_the_configuration() {
    let (folder, redis) = (tempfile::tempdir().unwrap(), RedisServer::start(&[]).unwrap());
    let guarded = "variables = { api_key = \"{{ api_key }}\" }\n[component.status.dependencies]\n\
        \"image2model:guard/guard@1.0.0\" = { component = \"guard\", inherit_configuration = [\"variables\"] }";
    let manifest = format!(
        "[variables]\napi_key = {{ default = \"\" }}\n{}[component.guard]\nsource = {:?}\n",
        component("/", "status", "guarded", guarded),
        guest("guard")
    );
    let set = [("API_KEY", "configured"), ("SPIN_VARIABLE_API_KEY", "another"), ("SPIN_VARIABLE_JOB_ACCESS", "open")];
    let mut process = serve(folder.path(), &manifest, &redis, &set);
    assert!(!process.wait(Duration::from_secs(120)).unwrap().success());
    let said = process.said();
    assert!(said.contains("SPIN_VARIABLE_API_KEY must not be set here"), "{said}");
    assert!(!said.contains("SPIN_VARIABLE_JOB_ACCESS") && !said.contains("another"), "{said}");
}
