//! Composition, on components made of text.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::*;
use crate::edge::capabilities::AllowedHosts;
use crate::edge::manifest::{DependencySource, Limits, Mount, Source};

const IMPORT: &str = "a:b/c@1.0.0";

fn subject(mounts: Vec<Mount>) -> Component {
    Component {
        id: "app".into(),
        source: Source::File("app.wasm".into()),
        variables: HashMap::new(),
        environment: BTreeMap::new(),
        allowed_hosts: AllowedHosts::default(),
        key_value_stores: BTreeSet::new(),
        mounts,
        dependencies: Vec::new(),
        limits: Limits::default(),
    }
}

/// Imports `IMPORT` with a function, and exports something.
fn app() -> Vec<u8> {
    let text = format!(
        "(component
            (import \"{IMPORT}\" (instance $c (export \"f\" (func (result u32)))))
            (alias export $c \"f\" (func $f))
            (instance $out (export \"f\" (func $f)))
            (export \"x:y/z\" (instance $out)))"
    );
    wat::parse_str(text).unwrap()
}

/// Exports `IMPORT` and imports `import`.
fn dependency(import: &str, result: &str) -> Vec<u8> {
    let import = if import.is_empty() { String::new() } else { format!("(import \"{import}\" (instance))") };
    let text = format!(
        "(component {import}
            (core module $m (func (export \"f\") (result i32) i32.const 7))
            (core instance $i (instantiate $m))
            (func $f (result {result}) (canon lift (core func $i \"f\")))
            (instance $c (export \"f\" (func $f)))
            (export \"{IMPORT}\" (instance $c)))"
    );
    wat::parse_str(text).unwrap()
}

fn join(component: &Component, bytes: &[u8], inherit: &[Configuration]) -> Result<Vec<u8>, EdgeError> {
    let inherit = Inherit::Only(BTreeSet::from_iter(inherit.iter().copied()));
    join_as(component, bytes, inherit, None)
}

fn join_as(component: &Component, bytes: &[u8], inherit: Inherit, before: Option<&[u8]>) -> Result<Vec<u8>, EdgeError> {
    let around = Around { files: !component.mounts.is_empty(), environment: !component.environment.is_empty() };
    join_around(component, around, bytes, inherit, before)
}

fn join_around(
    component: &Component,
    around: Around,
    bytes: &[u8],
    inherit: Inherit,
    before: Option<&[u8]>,
) -> Result<Vec<u8>, EdgeError> {
    let dependency = Dependency {
        place: "component \"app\"".into(),
        import: IMPORT.into(),
        source: DependencySource::Component("lib".into()),
        export: None,
        inherit,
    };
    compose(component, around, &app(), &[Part { dependency: &dependency, name: "lib".into(), bytes, before }])
}

#[test]
fn what_joins_components_is_named_by_its_version() {
    let lock = include_str!("../../../../Cargo.lock");
    for joins in [WAC_GRAPH, WIT_COMPONENT, ADAPTER] {
        let (name, version) = joins.split_once(' ').unwrap();
        let locked = lock.contains(&format!("name = \"{name}\"\nversion = \"{version}\""));
        assert!(locked, "{joins} is another one than in Cargo.lock");
    }
}

#[test]
fn what_is_no_component_exports_nothing() {
    for bytes in [&b"nonsense"[..], b"", b"\0asm\x01\0\0\0\xff", &app()[..20]] {
        assert!(matches!(exports("app", bytes), Err(EdgeError::NotAComponent { .. })), "{bytes:?}");
    }
    assert!(exports("app", &wat::parse_str("(module)").unwrap()).unwrap().is_empty(), "it means to be none");
}

#[test]
fn a_core_module_is_joined_as_the_component_that_it_means_to_be() {
    let wit = "package a:b@1.0.0; interface c { f: func() -> u32; } world w { export c; }";
    let mut resolve = wit_parser::Resolve::default();
    let package = resolve.push_str("a.wit", wit).unwrap();
    let world = resolve.select_world(&[package], None).unwrap();
    let text = format!(
        "(module
            (import \"wasi_snapshot_preview1\" \"random_get\" (func $random (param i32 i32) (result i32)))
            (memory (export \"memory\") 1)
            (func (export \"cabi_realloc\") (param i32 i32 i32 i32) (result i32) i32.const 1024)
            (func (export \"{IMPORT}#f\") (result i32) (call $random (i32.const 0) (i32.const 4))))"
    );
    let mut module = wat::parse_str(text).unwrap();
    wit_component::embed_component_metadata(&mut module, &resolve, world, wit_component::StringEncoding::UTF8).unwrap();
    assert_eq!(exports("lib", &module).unwrap(), [IMPORT]);
    let imports = imports_of("lib", &module).unwrap();
    assert!(imports.iter().any(|import| import.starts_with("wasi:random/random@0.2")), "{imports:?}");
    let joined = join_as(&subject(Vec::new()), &module, Inherit::Unsaid, None).unwrap();
    assert_eq!(exports("app", &joined).unwrap(), ["x:y/z"]);
}

#[test]
fn joins_a_component_with_its_dependency() {
    let joined = join(&subject(Vec::new()), &dependency("", "u32"), &[]).unwrap();
    assert_eq!(exports("app", &joined).unwrap(), ["x:y/z"]);
    let mut graph = CompositionGraph::new();
    let package = Package::from_bytes("t:t", None, joined, graph.types_mut()).unwrap();
    assert!(world_imports(&graph, package.ty()).is_empty());
}

#[test]
fn refuses_a_capability_that_is_not_inherited() {
    for (import, word) in [
        ("spin:redis/redis@3.0.0", "allowed_outbound_hosts"),
        ("wasi:http/client@0.3.0", "allowed_outbound_hosts"),
        ("wasi:sockets/tcp@0.2.3", "allowed_outbound_hosts"),
        ("spin:variables/variables@3.0.0", "variables"),
        ("wasi:filesystem/preopens@0.2.3", "files"),
    ] {
        let bytes = dependency(import, "u32");
        let mount = Mount { source: "/tmp".into(), destination: "/".into() };
        let error = join_as(&subject(vec![mount]), &bytes, Inherit::Unsaid, None).unwrap_err().to_string();
        for part in ["\"app\"", "\"lib\"", import, word] {
            assert!(error.contains(part), "{part} not in {error}");
        }
    }
    let inherited = [Configuration::AllowedOutboundHosts];
    assert!(join(&subject(Vec::new()), &dependency("spin:redis/redis@3.0.0", "u32"), &inherited).is_ok());
    let files = dependency("wasi:filesystem/preopens@0.2.3", "u32");
    assert!(join_as(&subject(Vec::new()), &files, Inherit::Unsaid, None).is_ok(), "there are none to inherit");
    let above = Around { files: true, environment: false };
    let error = join_around(&subject(Vec::new()), above, &files, Inherit::Unsaid, None).unwrap_err();
    assert_eq!(error.code(), "CAPABILITY_NOT_INHERITED", "those of a component further up are not its own");
}

#[test]
fn what_is_expressly_not_inherited_is_denied_when_it_is_called() {
    for import in [
        "spin:redis/redis@3.0.0",
        "wasi:http/client@0.3.0",
        "spin:key-value/key-value@3.0.0",
        "fermyon:spin/key-value@2.0.0",
        "wasi:keyvalue/store@0.2.0-draft2",
        "wasi:config/store@0.2.0-draft-2024-09-27",
        "wasi:http/outgoing-handler@0.2.0-rc-2023-10-18",
    ] {
        let bytes = dependency(import, "u32");
        let joined = join(&subject(Vec::new()), &bytes, &[]).unwrap();
        assert!(imports_of("app", &joined).unwrap().is_empty(), "the dependency still reaches {import}");
        let inherit = || Inherit::Only(BTreeSet::new());
        let before = dependency("spin:variables/variables@3.0.0", "u32");
        let error = join_as(&subject(Vec::new()), &bytes, inherit(), Some(&before)).unwrap_err();
        assert_eq!(error.code(), "CAPABILITY_NOT_INHERITED", "a release may ask for more");
        assert!(join_as(&subject(Vec::new()), &bytes, inherit(), Some(&bytes)).is_ok());
    }
}

#[test]
fn puts_a_stand_in_before_files_that_are_not_inherited() {
    let mount = Mount { source: "/tmp".into(), destination: "/".into() };
    let inherited = [Configuration::AllowedOutboundHosts];
    let bytes = dependency("wasi:filesystem/preopens@0.2.3", "u32");
    let joined = join(&subject(vec![mount]), &bytes, &inherited).unwrap();
    let mut graph = CompositionGraph::new();
    let package = Package::from_bytes("t:t", None, joined, graph.types_mut()).unwrap();
    assert!(world_imports(&graph, package.ty()).is_empty(), "the dependency still reaches the component's files");
}

#[test]
fn says_what_does_not_fit() {
    let error = join(&subject(Vec::new()), &dependency("", "s32"), &[]).unwrap_err().to_string();
    assert!(error.contains("\"lib\"") && error.contains("u32") && error.contains("s32"), "{error}");
    let other = wat::parse_str("(component)").unwrap();
    let error = join(&subject(Vec::new()), &other, &[]).unwrap_err().to_string();
    assert!(error.contains("does not export a:b/c@1.0.0") && error.contains("nothing"), "{error}");
}
