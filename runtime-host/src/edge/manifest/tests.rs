//! The manifest as a whole: what is read, and what is refused with which words.

use super::*;

const BASE: &str = r#"
spin_manifest_version = 2
[application]
name = "app"
version = "1.2.3"
[variables]
port = { default = "6379" }
key = { required = true, secret = true }
[[trigger.http]]
route = "/..."
component = "web"
"#;

fn parse(more: &str) -> Result<Application, EdgeError> {
    let overrides = HashMap::from([("key".to_owned(), "s3cret".to_owned())]);
    Application::parse(&format!("{BASE}{more}"), Path::new("/app/spin.toml"), &overrides)
}

fn refused(more: &str, words: &[&str]) {
    let text = match parse(more) {
        Ok(_) => panic!("accepted {more}"),
        Err(error) => error.to_string(),
    };
    for word in words {
        assert!(text.contains(word), "{word:?} not in {text:?}");
    }
    assert!(!text.contains("s3cret"), "a secret in {text:?}");
}

#[test]
fn reads_a_component_with_everything() {
    let app = parse(
        r#"
[component.web]
source = "web.wasm"
allowed_outbound_hosts = ["redis://127.0.0.1:{{ port }}"]
files = [{ source = "dist", destination = "/pages" }]
[component.web.variables]
api_key = "<{{ key }}>"
[component.web.dependencies]
"a:b/c@1.0.0" = { component = "lib", inherit_configuration = ["variables"] }
[component.web.tool.image2model]
memory_mb = 32
[component.web.tool.other]
anything = true
[component.web.build]
command = "make"
[component.lib]
source = "lib.wasm"
"#,
    )
    .unwrap();
    let web = &app.components["web"];
    assert_eq!((app.name.as_str(), app.version.as_str(), app.routes.len()), ("app", "1.2.3", 1));
    assert_eq!(web.source, Path::new("/app/web.wasm"));
    assert_eq!(web.variables["api_key"], "<s3cret>");
    assert!(web.allowed_hosts.allows("redis", "127.0.0.1", Some(6379)));
    assert_eq!(web.mounts, [Mount { source: "/app/dist".into(), destination: "/pages".into() }]);
    assert_eq!(web.limits.memory, Some(32 << 20));
    assert!(web.dependencies[0].inherit.includes(Configuration::Variables));
    assert!(!web.dependencies[0].inherit.includes(Configuration::Files));
}

#[test]
fn refuses_what_it_does_not_do_by_name() {
    let web = "[component.web]\nsource = \"web.wasm\"\n";
    refused(&format!("{web}ai_models = [\"llama\"]"), &["\"web\"", "`ai_models`"]);
    refused(&format!("{web}key_value_stores = [\"default\"]"), &["\"web\"", "`key_value_stores`"]);
    refused(&format!("{web}files = [\"*.html\"]"), &["\"web\"", "`files`", "*.html"]);
    refused(
        "[component.web]\nsource = { url = \"https://a.b/c\", digest = \"sha256:0\" }",
        &["\"web\"", "`source.url`"],
    );
    refused(&format!("{web}[component.web.dependencies]\n\"a:b/c\" = \">=1\""), &["a:b/c", "`version`"]);
    refused(&format!("{web}[component.web.tool.image2model]\nmemoryy = 1"), &["tool.image2model", "memoryy"]);
    refused(&format!("{web}[[trigger.redis]]\nchannel = \"a\"\ncomponent = \"web\""), &["trigger.redis"]);
}

#[test]
fn refuses_middleware_and_private_routes() {
    let web = "[component.web]\nsource = \"web.wasm\"\n";
    refused(
        &format!(
            "{web}[[trigger.http]]\nroute = \"/m\"\ncomponent = \"web\"\ndependencies.middleware = [{{ component = \"mw\" }}]"
        ),
        &["/m", "`dependencies`"],
    );
    refused(
        &format!("{web}[[trigger.http]]\nroute = {{ private = true }}\ncomponent = \"web\""),
        &["number 2", "private"],
    );
}

#[test]
fn reads_static_answers() {
    let web = "[component.web]\nsource = \"web.wasm\"\n";
    let trigger = |answer: &str| format!("{web}[[trigger.http]]\nroute = \"/old\"\nstatic_response = {answer}");
    let app = parse(&trigger("{ status_code = 302, headers = { location = \"/new\" }, body = \"moved\" }")).unwrap();
    let [(pattern, answer)] = app.answers.as_slice() else { panic!("{:?}", app.answers.len()) };
    assert_eq!((pattern.as_str(), answer.status.as_u16(), answer.body.as_str()), ("/old", 302, "moved"));
    assert_eq!(answer.headers["location"], "/new");
    refused(&trigger("{ status_code = 1000 }"), &["/old", "1000"]);
    refused(&trigger("{ headers = { \"a b\" = \"x\" } }"), &["/old", "a b"]);
    refused(&(trigger("{}") + "\ncomponent = \"web\""), &["/old", "which"]);
}

#[test]
fn refuses_nonsense() {
    refused("", &["route \"/...\"", "component.web"]);
    refused("[component.web]\nsource = \"a\"\nsauce = 1", &["sauce"]);
    refused("[component.web]\nsource = \"a\"\nallowed_outbound_hosts = [\"example.com\"]", &["\"web\"", "scheme"]);
    refused(
        "[component.web]\nsource = \"a\"\n[component.web.dependencies]\n\"a:b/c\" = { component = \"gone\" }",
        &["a:b/c", "component.gone"],
    );
    refused(
        "[component.web]\nsource = \"a\"\n[[trigger.http]]\nroute = \"/...\"\ncomponent = \"web\"",
        &["same paths"],
    );
}

#[test]
fn reports_every_missing_variable() {
    let text = format!("{BASE}[component.web]\nsource = \"a\"\nvariables = {{ k = \"{{{{ key }}}}\" }}");
    let error = Application::parse(&text, Path::new("spin.toml"), &HashMap::new()).err().unwrap();
    assert_eq!(error.code(), "VARIABLE_MISSING");
    assert!(error.to_string().contains("key"), "{error}");
}

#[test]
fn reads_the_products_own_manifest() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../spin.toml");
    let app = Application::load(&path, &HashMap::new()).unwrap();
    assert!(app.components.contains_key("guard") && app.routes.len() > 5);
}
