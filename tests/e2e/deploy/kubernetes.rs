//! The manifests: of the right shape, every reference leading somewhere, nothing with more rights than it needs.

use std::collections::{BTreeMap, BTreeSet};

use image2model_tests::process::root;
use serde_json::{Value, json};

use super::schema::validate;
use super::{configuration, document, documents, files, is_pinned, text, words};

const SECRET: &str = "image2model";
const NAME: &str = "app.kubernetes.io/name";
const COMPONENT: &str = "app.kubernetes.io/component";

fn manifests(folder: &str) -> Vec<Value> {
    let paths = files(&format!("kubernetes/{folder}"));
    paths.iter().filter(|path| !path.ends_with("kustomization.yaml")).flat_map(|path| documents(path)).collect()
}

fn of_kind<'a>(all: &'a [Value], kind: &str) -> Vec<&'a Value> {
    all.iter().filter(|document| document["kind"] == kind).collect()
}

fn name(document: &Value) -> &str {
    document["metadata"]["name"].as_str().unwrap()
}

/// The pods of Deployments and StatefulSets, by name.
fn pods(all: &[Value]) -> BTreeMap<String, Value> {
    let sets =
        all.iter().filter(|document| ["Deployment", "StatefulSet"].contains(&document["kind"].as_str().unwrap()));
    sets.map(|set| (name(set).to_owned(), set["spec"]["template"].clone())).collect()
}

/// A probe of one of our containers: what the container runs, its port and path.
pub fn probes() -> BTreeSet<(String, u64, String)> {
    let mut found = BTreeSet::new();
    let mut all = manifests("base");
    all.extend(manifests("host"));
    for (pod, template) in pods(&all) {
        let container = &template["spec"]["containers"][0];
        for probe in ["startupProbe", "readinessProbe", "livenessProbe"] {
            let Some(path) = container[probe]["httpGet"]["path"].as_str() else { continue };
            let port = &container[probe]["httpGet"]["port"];
            let ports = container["ports"].as_array().unwrap();
            let named =
                ports.iter().find(|one| one["name"] == *port).unwrap_or_else(|| panic!("{pod}: no port {port}"));
            let part = container["args"][0].as_str().unwrap().to_owned();
            found.insert((part, named["containerPort"].as_u64().unwrap(), path.to_owned()));
        }
    }
    // On Spin the same application answers, at Spin's port.
    for app in of_kind(&manifests("spin"), "SpinApp") {
        for check in ["readiness", "liveness"] {
            let path = app["spec"]["checks"][check]["httpGet"]["path"].as_str().unwrap().to_owned();
            found.insert(("serve".to_owned(), 3000, path));
        }
    }
    found
}

#[test]
fn every_manifest_is_of_its_kinds_shape() {
    for path in
        files("kubernetes").iter().filter(|path| path.ends_with(".yaml") && !path.ends_with("kustomization.yaml"))
    {
        for document in documents(path) {
            validate(&document).unwrap_or_else(|error| panic!("{path}, {}: {error}", name(&document)));
        }
    }
}

#[test]
fn kustomizations_name_every_file_and_no_other() {
    for folder in ["base", "spin", "host", "keda"] {
        let kustomization = document(&format!("kubernetes/{folder}/kustomization.yaml"));
        let named: BTreeSet<&str> = words(&kustomization["resources"]).into_iter().collect();
        let (folders, listed): (BTreeSet<&str>, BTreeSet<&str>) =
            named.into_iter().partition(|path| path.starts_with(".."));
        for path in folders {
            assert!(
                root().join("deploy/kubernetes").join(folder).join(path).join("kustomization.yaml").is_file(),
                "{path}"
            );
        }
        let there = files(&format!("kubernetes/{folder}"));
        let there: BTreeSet<&str> = there
            .iter()
            .map(|path| path.rsplit('/').next().unwrap())
            .filter(|file| *file != "kustomization.yaml")
            .collect();
        assert_eq!(listed, there, "{folder}");
    }
    for file in words(&document("proxy/kustomization.yaml")["configMapGenerator"][0]["files"]) {
        text(&format!("proxy/{}", file.split('=').next_back().unwrap()));
    }
}

#[test]
fn pods_have_no_more_rights_than_they_need() {
    let mut all = manifests("base");
    all.extend(manifests("host"));
    let pods = pods(&all);
    assert_eq!(pods.keys().collect::<Vec<_>>(), ["application", "proxy", "redis", "stream", "worker"]);
    for (pod, template) in &pods {
        let spec = &template["spec"];
        assert_eq!(spec["automountServiceAccountToken"], false, "{pod}");
        assert_eq!(spec["securityContext"]["runAsNonRoot"], true, "{pod}");
        assert!(spec["securityContext"]["runAsUser"].as_u64().unwrap() > 0, "{pod}");
        assert_eq!(spec["securityContext"]["seccompProfile"]["type"], "RuntimeDefault", "{pod}");
        for container in spec["containers"].as_array().unwrap() {
            let wanted = json!({ "allowPrivilegeEscalation": false, "readOnlyRootFilesystem": true, "capabilities": { "drop": ["ALL"] } });
            assert_eq!(container["securityContext"], wanted, "{pod}");
            assert!(
                container["resources"]["limits"]["memory"].is_string()
                    && container["resources"]["requests"]["cpu"].is_string(),
                "{pod}"
            );
            assert!(container["readinessProbe"].is_object() && container["livenessProbe"].is_object(), "{pod}");
            // What is mounted has to be there, and what is there is mounted.
            let named = |list: &Value| -> BTreeSet<String> {
                list.as_array().into_iter().flatten().map(|one| one["name"].as_str().unwrap().to_owned()).collect()
            };
            let mut volumes = named(&spec["volumes"]);
            if pod == "redis" {
                volumes.insert("data".to_owned());
            }
            assert_eq!(named(&container["volumeMounts"]), volumes, "{pod}");
        }
    }
}

#[test]
fn images_say_which_release_they_are() {
    let spin = document_of_kind("spin", "SpinAppExecutor");
    assert!(is_pinned(spin["spec"]["deploymentConfig"]["spinImage"].as_str().unwrap()));
    assert!(is_pinned(document_of_kind("spin", "SpinApp")["spec"]["image"].as_str().unwrap()));
    let mut all = manifests("base");
    all.extend(manifests("host"));
    for (pod, template) in pods(&all) {
        let image = template["spec"]["containers"][0]["image"].as_str().unwrap().to_owned();
        // Ours is named by the kustomizations.
        assert!(image == "image2model" || is_pinned(&image), "{pod}: {image}");
    }
    for folder in ["base", "host"] {
        let ours = &document(&format!("kubernetes/{folder}/kustomization.yaml"))["images"][0];
        assert_eq!((&ours["name"], &ours["newTag"]), (&json!("image2model"), &json!(env!("CARGO_PKG_VERSION"))));
    }
}

fn document_of_kind(folder: &str, kind: &str) -> Value {
    let all = manifests(folder);
    of_kind(&all, kind)[0].clone()
}

#[test]
fn variables_are_known_and_secrets_come_by_reference() {
    let known = configuration();
    let secret_keys: BTreeSet<&str> =
        ["redis-url", "redis-password", "fal-key", "blob-token", "api-key", "admin-api-key", "token-secret"].into();
    let (mut all, mut used) = (manifests("base"), BTreeSet::new());
    all.extend(manifests("host"));
    let mut refer = |variable: &Value, pod: &str| {
        let name = variable["name"].as_str().unwrap().to_uppercase();
        let reference = &variable["valueFrom"]["secretKeyRef"];
        let is_secret = ["KEY", "TOKEN", "SECRET", "PASSWORD", "REDIS_URL"].iter().any(|word| name.ends_with(word));
        assert_eq!(reference.is_object(), is_secret && name != "REDISCLI_AUTH", "{pod}: {name}");
        if is_secret {
            assert_eq!(reference["name"], SECRET, "{pod}: {name}");
            let key = reference["key"].as_str().unwrap().to_owned();
            assert!(secret_keys.contains(key.as_str()), "{pod}: {key}");
            used.insert(key);
        }
    };
    for (pod, template) in pods(&all) {
        let container = &template["spec"]["containers"][0];
        for variable in container["env"].as_array().into_iter().flatten() {
            let name = variable["name"].as_str().unwrap();
            assert!(pod == "redis" || known.contains(name), "{pod} sets {name}, which nothing reads");
            refer(variable, &pod);
        }
    }
    // Spin's variables are those of spin.toml.
    let spin = std::fs::read_to_string(root().join("spin.toml")).unwrap();
    let declared = spin.split_once("[variables]").unwrap().1.split_once("\n# --- routes").unwrap().0;
    let declared: BTreeSet<&str> =
        declared.lines().filter_map(|line| line.split_once(" = {")).map(|(name, _)| name).collect();
    for variable in document_of_kind("spin", "SpinApp")["spec"]["variables"].as_array().unwrap() {
        let name = variable["name"].as_str().unwrap();
        assert!(declared.contains(name), "spin.toml has no variable {name}");
        refer(variable, "SpinApp");
    }
    assert_eq!(used.iter().map(String::as_str).collect::<BTreeSet<_>>(), secret_keys);
    let readme = text("README.md");
    for key in secret_keys {
        assert!(readme.contains(&format!("--from-literal={key}=")), "deploy/README.md does not make {key}");
    }
    assert!(of_kind(&all, "Secret").is_empty(), "no secret is in the repository");
}

#[test]
fn services_budgets_and_scalers_reach_the_pods_they_mean() {
    for folder in ["host", "spin"] {
        let mut all = manifests("base");
        all.extend(manifests(folder));
        let mut pods: Vec<(String, Value, Vec<u64>)> = pods(&all)
            .into_iter()
            .map(|(pod, template)| {
                let ports = template["spec"]["containers"][0]["ports"].as_array().unwrap().clone();
                (
                    pod,
                    template["metadata"]["labels"].clone(),
                    ports.iter().filter_map(|port| port["containerPort"].as_u64()).collect(),
                )
            })
            .collect();
        for app in of_kind(&all, "SpinApp") {
            // The operator's Deployment has the application's name, and its pods listen on 80.
            pods.push((name(app).to_owned(), app["spec"]["podLabels"].clone(), vec![80]));
        }
        let meant = |selector: &Value| -> Vec<&(String, Value, Vec<u64>)> {
            let wanted = selector.as_object().unwrap();
            pods.iter().filter(|(_, labels, _)| wanted.iter().all(|(label, value)| labels[label] == *value)).collect()
        };
        for service in of_kind(&all, "Service") {
            assert_eq!(meant(&service["spec"]["selector"]).len(), 1, "{folder}: {}", name(service));
        }
        for budget in of_kind(&all, "PodDisruptionBudget") {
            let reached = meant(&budget["spec"]["selector"]["matchLabels"]);
            assert_eq!(reached.iter().map(|(pod, ..)| pod.as_str()).collect::<Vec<_>>(), [name(budget)], "{folder}");
        }
        for (pod, ..) in &pods {
            assert!(
                of_kind(&all, "PodDisruptionBudget").iter().any(|budget| name(budget) == pod),
                "{folder}: {pod} has no budget"
            );
        }
        for scaler in of_kind(&all, "HorizontalPodAutoscaler") {
            let target = scaler["spec"]["scaleTargetRef"]["name"].as_str().unwrap();
            assert!(pods.iter().any(|(pod, ..)| pod == target), "{folder}: {target}");
        }
        let scaled = document("kubernetes/keda/worker.yaml");
        assert!(pods.iter().any(|(pod, ..)| pod == scaled["spec"]["scaleTargetRef"]["name"].as_str().unwrap()));
        for policy in
            of_kind(&all, "NetworkPolicy").into_iter().filter(|policy| !["deny-all", "names"].contains(&name(policy)))
        {
            let labels = &policy["spec"]["podSelector"]["matchLabels"];
            assert!(labels[NAME].is_string() || labels[COMPONENT].is_string());
            let reached = meant(labels);
            assert_eq!(reached.len(), 1, "{folder}: {}", name(policy));
            let open: BTreeSet<u64> = policy["spec"]["ingress"]
                .as_array()
                .into_iter()
                .flatten()
                .flat_map(|rule| rule["ports"].as_array().unwrap().clone())
                .filter_map(|port| port["port"].as_u64())
                .collect();
            // The application's policy stands for both ways to serve it.
            let listens: BTreeSet<u64> =
                if name(policy) == "application" { [80, 3000].into() } else { reached[0].2.iter().copied().collect() };
            assert!(open.is_empty() || open == listens, "{folder}: {}", name(policy));
        }
        let closed =
            &of_kind(&all, "NetworkPolicy").into_iter().find(|policy| name(policy) == "deny-all").unwrap()["spec"];
        assert_eq!(*closed, json!({ "podSelector": {}, "policyTypes": ["Ingress", "Egress"] }));
    }
}

#[test]
fn who_fetches_components_and_sends_traces_is_let_out_to_them() {
    for policy in ["application", "stream", "worker"] {
        let base = manifests("base");
        let found = of_kind(&base, "NetworkPolicy").into_iter().find(|one| name(one) == policy).unwrap();
        let rules = found["spec"]["egress"].as_array().unwrap();
        let to = |port: u64| -> Vec<&Value> {
            let open = |rule: &&Value| rule["ports"].as_array().unwrap().iter().any(|one| one["port"] == port);
            rules.iter().filter(open).flat_map(|rule| rule["to"].as_array().unwrap()).collect()
        };
        // Registries are outside, and whoever can name an address must not reach what is inside by it.
        let registries = to(443);
        for (all, inside) in [("0.0.0.0/0", "10.0.0.0/8"), ("::/0", "fc00::/7")] {
            let block = registries.iter().find(|one| one["ipBlock"]["cidr"] == all);
            let block = block.unwrap_or_else(|| panic!("{policy} does not reach registries in {all}"));
            assert!(words(&block["ipBlock"]["except"]).contains(&inside), "{policy} reaches {inside} by 443");
        }
        for port in [4317, 4318] {
            let collector = to(port);
            assert!(!collector.is_empty(), "{policy} does not reach a collector at {port}");
            assert!(collector.iter().all(|one| one["namespaceSelector"].is_object()), "{policy}: {port}");
        }
    }
}

#[test]
fn upstreams_are_services() {
    let mut all = manifests("base");
    all.extend(manifests("host"));
    let ports: BTreeMap<String, u64> = of_kind(&all, "Service")
        .iter()
        .map(|service| (name(service).to_owned(), service["spec"]["ports"][0]["port"].as_u64().unwrap()))
        .collect();
    let upstreams = text("proxy/upstreams.kubernetes.conf");
    let servers: Vec<&str> =
        upstreams.lines().filter_map(|line| line.trim().strip_prefix("server ")?.strip_suffix(';')).collect();
    assert_eq!(servers.len(), 2);
    for server in servers {
        let (service, port) = server.split_once(':').unwrap();
        assert_eq!(ports[service].to_string(), port, "{server}");
    }
    assert_eq!(ports["redis"], 6379);
    let app = document_of_kind("spin", "SpinApp");
    let value = |name: &str| {
        app["spec"]["variables"].as_array().unwrap().iter().find(|one| one["name"] == name).unwrap()["value"].clone()
    };
    assert_eq!(value("blob_url"), format!("http://blobs:{}", ports["blobs"]));
    assert_eq!(value("redis_allowed_host"), format!("redis://redis:{}", ports["redis"]));
}
