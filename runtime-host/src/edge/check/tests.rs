//! The comparison, on components made of text.

use std::fmt::Write as _;

use super::*;

/// A component that imports and exports empty interfaces of these names.
fn component(imports: &[&str], exports: &[&str]) -> Vec<u8> {
    let mut text = String::from("(component\n");
    for name in imports {
        writeln!(text, "(import \"{name}\" (instance))").unwrap();
    }
    for (index, name) in exports.iter().enumerate() {
        writeln!(text, "(instance $i{index})\n(export \"{name}\" (instance $i{index}))").unwrap();
    }
    wat::parse_str(text + ")").unwrap()
}

fn differences(world: &str, bytes: &[u8]) -> Vec<String> {
    let worlds = worlds::load().unwrap();
    let surface = Surface::of_component(bytes).unwrap();
    surface.differences(&worlds[world]).iter().map(ToString::to_string).collect()
}

#[test]
fn knows_every_world() {
    let worlds = worlds::load().unwrap();
    for id in ["upload", "status", "download", "admin", "web", "guard", "media-inspector", "provider-tripo3d"] {
        assert!(worlds.contains_key(world_of(id).unwrap()), "{id}");
    }
    assert_eq!(world_of("something-else"), None);
}

#[test]
fn spells_out_what_is_too_much_or_missing() {
    let found = differences("provider", &component(&["spin:redis/redis@3.0.0"], &[]));
    assert_eq!(
        found,
        [
            "must export image2model:provider/model@1.0.0, and does not",
            "imports spin:redis/redis@3.0.0, which its world does not allow"
        ]
    );
    let found = differences("provider", &component(&[], &["image2model:provider/model@1.0.0"]));
    assert!(
        found.contains(&"must export the function describe in image2model:provider/model@1.0.0, and does not".into())
    );
}

#[test]
fn lets_other_versions_of_the_same_track_pass() {
    let bytes = component(&["wasi:io/poll@0.2.3"], &["image2model:guard/guard@1.2.0"]);
    let found = differences("guard", &bytes);
    assert!(
        !found.iter().any(|text| text.contains("wasi:io") || text.contains("must export image2model")),
        "{found:?}"
    );
    let found = differences("guard", &component(&["wasi:http/types@0.2.3"], &["image2model:guard/guard@2.0.0"]));
    assert!(found.iter().any(|text| text.contains("wasi:http/types@0.2.3")), "{found:?}");
    assert!(found.contains(&"must export image2model:guard/guard@1.0.0, and does not".into()), "{found:?}");
}

#[test]
fn explains_what_a_component_is_and_where_it_runs() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("x.wasm");
    std::fs::write(
        &file,
        component(&["spin:redis/redis@3.0.0", "spin:sqlite/sqlite@3.0.0", "a:b/c@1.0.0"], &["x:y/z"]),
    )
    .unwrap();
    let manifest = format!(
        "spin_manifest_version = 2\n[application]\nname = \"a\"\n[[trigger.http]]\nroute = \"/\"\ncomponent = \"x\"\n\
         [component.x]\nsource = {file:?}\nallowed_outbound_hosts = [\"redis://h:1\"]\nvariables = {{ key = \"s3cret\" }}\n\
         [component.x.dependencies]\n\"a:b/c@1.0.0\" = {{ component = \"x\" }}\n"
    );
    let path = folder.path().join("spin.toml");
    std::fs::write(&path, manifest).unwrap();
    let explained = explain(&path, &HashMap::new(), None, &Logins::default(), &["x".to_owned()]).unwrap();
    let [one] = explained.as_slice() else { panic!("{explained:?}") };
    assert_eq!(one.unanswered_here, ["spin:sqlite/sqlite@3.0.0"]);
    assert!(one.unanswered_on_spin.is_empty() && !one.fits());
    let text = one.to_string();
    for part in ["x:y/z", "reach redis://h:1", "variables key", "ask x for a:b/c", "runs here no: ", "on Spin   yes"] {
        assert!(text.contains(part), "{part} in\n{text}");
    }
    assert!(!text.contains("s3cret"), "{text}");
    let file =
        explain(Path::new("none"), &HashMap::new(), None, &Logins::default(), &[file.display().to_string()]).unwrap();
    assert_eq!((file[0].may.as_ref(), file[0].world.as_ref()), (None, None));
}

#[test]
fn what_a_component_may_is_everything_that_it_is_granted() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("x.wasm");
    std::fs::write(&file, component(&[], &[])).unwrap();
    let path = folder.path().join("spin.toml");
    let explained = |grant: &str| {
        let manifest = format!(
            "spin_manifest_version = 2\n[application]\nname = \"a\"\n[[trigger.http]]\nroute = \"/\"\ncomponent = \"x\"\n\
             [component.x]\nsource = {file:?}\n{grant}\n"
        );
        std::fs::write(&path, manifest).unwrap();
        let all = explain(&path, &HashMap::new(), None, &Logins::default(), &["x".to_owned()]).unwrap();
        all.iter().map(ToString::to_string).collect::<String>()
    };
    assert!(explained("").contains("compute, and nothing else"));
    for (grant, words) in [
        ("allowed_outbound_hosts = [\"redis://h:1\"]", "reach redis://h:1"),
        ("key_value_stores = [\"default\", \"cache\"]", "open the key-value stores cache, default"),
        ("environment = { PLACE = \"s3cret\" }", "know of the environment PLACE"),
        ("variables = { key = \"s3cret\" }", "know the variables key"),
        ("files = [{ source = \"pages\", destination = \"/p\" }]", "pages as /p"),
        ("dependencies.\"a:b/c@1.0.0\" = { component = \"x\" }", "ask x for a:b/c@1.0.0"),
    ] {
        let text = explained(grant);
        assert!(text.contains(words) && !text.contains("nothing else"), "{words} in\n{text}");
        assert!(!text.contains("s3cret"), "{text}");
    }
}

/// `environments/image2model.toml`, as Spin reads it.
#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Environment {
    triggers: HashMap<String, Trigger>,
}

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Trigger {
    worlds: Vec<World>,
    capabilities: Vec<String>,
}

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct World {
    path: PathBuf,
    world: String,
}

#[test]
fn the_environment_for_spin_build_names_what_is_linked() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../environments");
    let text = std::fs::read_to_string(folder.join("image2model.toml")).unwrap();
    let environment: Environment = toml::from_str(&text).unwrap();
    let http = &environment.triggers["http"];
    assert_eq!((environment.triggers.len(), http.worlds.len()), (1, 2));
    assert_eq!(http.capabilities, ["local_service_chaining", "middleware"]);
    let engine = wasmtime::Engine::new(wasmtime::Config::new().wasm_component_model_async(true)).unwrap();
    let linker = crate::edge::capabilities::linker(&engine).unwrap();
    let mut named = std::collections::BTreeSet::new();
    for World { path, world } in &http.worlds {
        let mut resolve = wit_parser::Resolve::default();
        let (package, _) = resolve.push_dir(folder.join(path)).unwrap();
        let (of, name) = world.split_once('/').unwrap();
        let (name, version) = name.split_once('@').unwrap();
        assert_eq!(resolve.packages[package].name.to_string(), format!("{of}@{version}"));
        let world = resolve.select_world(&[package], Some(name)).unwrap();
        named.extend(Surface::of_world(&resolve, world).imports.into_keys());
        // A component that asks for all of it, and answers as the world says.
        let abi = wit_parser::ManglingAndAbi::Legacy(wit_parser::LiftLowerAbi::Sync);
        let mut module = wit_component::dummy_module(&resolve, world, abi);
        let encoding = wit_component::StringEncoding::UTF8;
        wit_component::embed_component_metadata(&mut module, &resolve, world, encoding).unwrap();
        let bytes = wit_component::ComponentEncoder::default().module(&module).unwrap().encode().unwrap();
        let component = wasmtime::component::Component::from_binary(&engine, &bytes).unwrap();
        let linked = linker.instantiate_pre(&component);
        assert!(linked.is_ok(), "{name}: {:?}", linked.err());
    }
    for (offered, line) in explain::HERE {
        let is = |import: &String| import.starts_with(offered) && import.contains(&format!("@{line}"));
        assert!(named.iter().any(is), "{offered}@{line} is offered here, and no world of the environment names it");
    }
    for import in &named {
        assert!(explain::is_offered(import, &[explain::HERE]), "{import} is named, and `check` does not know it");
    }
}

#[test]
fn the_page_on_spin_names_every_interface_that_is_offered() {
    let page = include_str!("../../../../docs/spin.md");
    for (name, _) in explain::HERE {
        let done = page.lines().any(|line| line.contains(&format!("`{name}")) && line.contains("| done |"));
        assert!(done, "{name} is offered, and docs/spin.md does not say so");
    }
    for (name, _) in explain::SPIN_TOO.iter().filter(|(name, _)| *name != "fermyon:spin") {
        let refused = page.lines().any(|line| line.contains(&format!("`{name}")) && line.contains("| refused |"));
        assert!(refused, "{name} is Spin's, and docs/spin.md does not say that it is refused here");
    }
}
