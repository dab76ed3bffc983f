//! The compose file: what it says about rights, order, keeping and secrets. `stack` runs what it says.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

use super::{configuration, document, is_pinned, text, texts, words};

/// The file, read.
pub fn file() -> Value {
    document("compose.yaml")
}

/// One service.
pub fn service(name: &str) -> Value {
    file()["services"][name].clone()
}

/// A service's variables, with these in place of what the file leaves open.
pub fn environment(service: &Value, given: &BTreeMap<&str, &str>) -> BTreeMap<String, String> {
    let variables = service["environment"].as_object().cloned().unwrap_or_else(Map::new);
    variables.iter().map(|(name, value)| (name.clone(), filled(value.as_str().unwrap(), given))).collect()
}

/// `${NAME:?}` and `${NAME:-otherwise}` replaced.
pub fn filled(text: &str, given: &BTreeMap<&str, &str>) -> String {
    let Some((before, rest)) = text.split_once("${") else { return text.to_owned() };
    let (inner, after) = rest.split_once('}').unwrap();
    let (name, otherwise) = inner.split_once(":-").unwrap_or((inner.trim_end_matches(":?"), ""));
    format!("{before}{}{}", given.get(name).copied().unwrap_or(otherwise), filled(after, given))
}

/// Names between `${` and `}`, and whether the file insists on them.
fn open() -> BTreeMap<String, bool> {
    let file = file();
    let mut all = Vec::new();
    texts(&file, &mut all);
    let names = all.iter().flat_map(|text| text.split("${").skip(1)).map(|rest| rest.split('}').next().unwrap());
    names.map(|inner| (inner.split(':').next().unwrap().to_owned(), inner.ends_with(":?"))).collect()
}

#[test]
fn every_part_runs_without_rights_and_on_a_root_it_cannot_write() {
    let services = file()["services"].as_object().unwrap().clone();
    assert_eq!(services.keys().collect::<Vec<_>>(), ["proxy", "redis", "serve", "stream", "worker"]);
    for (name, service) in &services {
        assert_eq!(service["read_only"], true, "{name}");
        assert_eq!(words(&service["cap_drop"]), ["ALL"], "{name}");
        assert_eq!(words(&service["security_opt"]), ["no-new-privileges:true"], "{name}");
        assert!(service["user"].as_str().is_some_and(|user| !user.starts_with('0')) || name == "proxy", "{name}");
        assert!(service["healthcheck"]["test"][0] == "CMD", "{name}");
        assert!(service["restart"] == "unless-stopped" && service["privileged"].is_null(), "{name}");
        let image = service["image"].as_str().unwrap();
        assert!(is_pinned(&filled(image, &BTreeMap::new())), "{name}: {image}");
        assert_eq!(service["ports"].is_array(), name == "proxy", "only the proxy is reached from outside");
    }
    let back = |name: &str| words(&services[name]["networks"]).contains(&"back");
    assert!(["serve", "stream", "worker", "redis"].into_iter().all(back));
    // The proxy is in front only, and it alone is believed about clients: not the network's gateway, which stands for
    // whoever comes past Docker's own address translation.
    let proxy = services["proxy"]["networks"].as_object().unwrap();
    assert_eq!(proxy.keys().collect::<Vec<_>>(), ["front"]);
    let own = proxy["front"]["ipv4_address"].as_str().unwrap();
    for part in ["serve", "stream"] {
        assert_eq!(services[part]["environment"]["TRUSTED_PROXIES"], own, "{part}");
    }
    assert_eq!(file()["networks"]["back"]["internal"], true);
    for part in ["serve", "stream", "worker"] {
        assert_eq!(words(&services[part]["command"]), [part]);
        assert_eq!(services[part]["depends_on"]["redis"]["condition"], "service_healthy", "{part}");
        let cache = words(&services[part]["tmpfs"]).into_iter().find(|mount| mount.starts_with("/cache:")).unwrap();
        assert!(cache.contains("exec"), "compiled components are mapped as code");
    }
    assert_eq!(words(&services["worker"]["volumes"]), ["blobs:/data"]);
}

#[test]
fn variables_are_known_and_secrets_are_left_open() {
    let known = configuration();
    for part in ["serve", "stream", "worker"] {
        for (name, value) in service(part)["environment"].as_object().unwrap() {
            assert!(known.contains(name), "{part} sets {name}, which nothing reads");
            let is_secret = ["KEY", "TOKEN", "SECRET", "PASSWORD"].iter().any(|word| name.ends_with(word));
            assert_eq!(value.as_str().unwrap() == format!("${{{name}:?}}"), is_secret, "{part}: {name}");
        }
    }
    let example = text("compose.env.example");
    let listed: BTreeMap<String, bool> = example
        .lines()
        .filter_map(|line| line.split_once('=').filter(|_| !line.starts_with('#')))
        .map(|(name, value)| (name.to_owned(), value.is_empty()))
        .collect();
    let mut wanted = open();
    assert!(wanted.remove("VERSION") == Some(false));
    assert_eq!(
        listed, wanted,
        "compose.env.example names what the file leaves open, and no value that must be one's own"
    );
}

#[test]
fn redis_keeps_every_write_and_throws_nothing_away() {
    let redis = service("redis");
    let command = words(&redis["command"]);
    let set = |name: &str| command.windows(2).find(|pair| pair[0] == name).map(|pair| pair[1]);
    for (name, value) in [("--appendonly", "yes"), ("--appendfsync", "always"), ("--maxmemory-policy", "noeviction")] {
        assert_eq!(set(name), Some(value));
    }
    assert!(set("--maxmemory").is_some() && set("--requirepass").is_some());
    assert_eq!(words(&redis["volumes"]), ["redis:/data"]);
    let volumes: BTreeSet<&str> = ["blobs", "redis"].into();
    assert_eq!(file()["volumes"].as_object().unwrap().keys().map(String::as_str).collect::<BTreeSet<_>>(), volumes);
    // The cluster's is told the same.
    let sets = super::documents("kubernetes/base/redis.yaml");
    let set = sets.iter().find(|document| document["kind"] == "StatefulSet").unwrap();
    let arguments = words(&set["spec"]["template"]["spec"]["containers"][0]["args"]);
    let plain = |words: Vec<&str>| -> Vec<String> {
        words.into_iter().filter(|word| !word.contains("REDIS_PASSWORD")).map(str::to_owned).collect()
    };
    assert_eq!(plain(arguments), plain(command)[1..]);
}
