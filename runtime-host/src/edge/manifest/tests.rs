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
    Application::parse(&format!("{BASE}{more}"), Path::new("/app/spin.toml"), &overrides, None)
}

/// Refused with these words, and with the line that holds what is marked by `§`.
fn refused(more: &str, words: &[&str]) {
    let before = BASE.lines().count() + more.split('§').next().unwrap().matches('\n').count();
    let line = more.contains('§').then(|| format!("line {}: ", before + 1));
    let text = match parse(&more.replace('§', "")) {
        Ok(_) => panic!("accepted {more}"),
        Err(error) => error.to_string(),
    };
    assert!(text.starts_with(line.as_deref().unwrap_or("line ")), "{line:?} not before {text:?}");
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
    assert_eq!(web.source, Source::File("/app/web.wasm".into()));
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
    refused(&format!("{web}§ai_models = [\"llama\"]"), &["\"web\"", "`ai_models`"]);
    refused(&format!("{web}§sqlite_databases = [\"default\"]"), &["\"web\"", "`sqlite_databases`"]);
    refused(&format!("{web}key_value_stores = [\n§\"b@d\"]"), &["\"web\"", "`key_value_stores`", "b@d"]);
    refused(&format!("{web}files = [\n§\"*.html\"\n]"), &["\"web\"", "`files`", "*.html"]);
    let twice = "{ source = \"a\", destination = \"/\" },\n§{ source = \"b\", destination = \"/\" }";
    refused(&format!("{web}files = [{twice}]"), &["\"web\"", "`files`", "two sources for \"/\""]);
    refused(&format!("{web}[component.web.dependencies]\n§\"a:b/c\" = \">=1\""), &["a:b/c", "`version`"]);
    refused(&format!("{web}[component.web.tool.image2model]\n§memoryy = 1"), &["memoryy", "memory_mb"]);
    refused(&format!("{web}§[[trigger.redis]]\nchannel = \"a\"\ncomponent = \"web\""), &["trigger.redis"]);
}

#[test]
fn limits_of_the_application_are_those_of_components_without_their_own() {
    let two = "[component.web]\nsource = \"web.wasm\"\n[component.lib]\nsource = \"lib.wasm\"\n";
    let all = "memory_mb = 64\nrequest_timeout_seconds = 1\nrequest_deadline_seconds = 2\ncpu_time_ms = 3\n\
               max_concurrent_requests = 4\nmax_queued_requests = 5\nqueue_wait_ms = 6\nmax_body_bytes = 7\nstream_seconds = 8\n";
    let app = parse(&format!(
        "[application.tool.image2model]\n{all}[application.tool.other]\nanything = true\n{two}\
         [component.lib.tool.image2model]\nmemory_mb = 32\nmax_queued_requests = 0\n"
    ))
    .unwrap();
    let own = parse(&format!("{two}[component.web.tool.image2model]\n{all}")).unwrap();
    let web = app.components["web"].limits;
    assert_eq!(
        (web, web.memory, web.stream),
        (own.components["web"].limits, Some(64 << 20), Some(Duration::from_secs(8)))
    );
    assert_eq!(app.components["lib"].limits, Limits { memory: Some(32 << 20), max_queued: Some(0), ..web });
    assert_eq!(own.components["lib"].limits, Limits::default());
    let table = |line: &str| format!("{two}[application.tool.image2model]\n§{line}");
    refused(&table("memoryy = 1"), &["memoryy", "memory_mb"]);
    refused(&table("cpu_time_ms = 0"), &["the application", "`cpu_time_ms`", "1 or more"]);
    refused(&table("memory_mb = 9999"), &["the application", "at most"]);
}

#[test]
fn reads_private_routes_and_what_stands_in_front() {
    let app = parse(
        r#"
[[trigger.http]]
route = { private = true }
component = "lib"
[[trigger.http]]
route = "/a"
component = "web"
dependencies.middleware = [{ component = "auth", inherit_configuration = ["variables"] }, { path = "log.wasm" }]
[[trigger.http]]
route = "/b"
component = "web"
[[trigger.http.dependencies.middleware]]
component = "auth"
inherit_configuration = ["variables"]
[[trigger.http.dependencies.middleware]]
path = "log.wasm"
[[trigger.http]]
route = "/c"
component = "web"
dependencies.middleware = [{ component = "auth" }, { path = "log.wasm" }]
[component.web]
source = "web.wasm"
[component.lib]
source = "lib.wasm"
[component.auth]
source = "auth.wasm"
"#,
    )
    .unwrap();
    let [all, lib, a, b, c] = app.routes.as_slice() else { panic!("{:?}", app.routes) };
    assert!(lib.pattern.is_none() && all.root == "web" && lib.root == "lib");
    assert_eq!(a.middleware.len(), 2);
    assert!(a.root == b.root && a.root != c.root && a.root != "web", "{} {} {}", a.root, b.root, c.root);
    assert_eq!(a.middleware[1].source, DependencySource::Code(Source::File("/app/log.wasm".into())));
}

#[test]
fn refuses_what_cannot_stand_in_front() {
    let web = "[component.web]\nsource = \"a\"\n[[trigger.http]]\n";
    let in_front = |what: &str| format!("{web}route = \"/m\"\ncomponent = \"web\"\n{what}");
    refused(&in_front("§dependencies.middleware = [{ component = \"gone\" }]"), &["middleware number 1", "gone"]);
    refused(&in_front("dependencies.middleware = [\n§{ path = \"a\", export = \"x\" }]"), &["exports wasi:http"]);
    refused(&in_front("§dependencies.outer = []"), &["outer"]);
    refused(&format!("{web}§route = {{ private = false }}\ncomponent = \"web\""), &["private = true"]);
    refused(&format!("{web}§route = {{ private = true }}\nstatic_response = {{}}"), &["nobody"]);
    let answer = "route = \"/s\"\nstatic_response = {}\n§dependencies.middleware = [{ path = \"a\" }]";
    refused(&format!("{web}{answer}"), &["there is none"]);
}

#[test]
fn reads_static_answers() {
    let web = "[component.web]\nsource = \"web.wasm\"\n";
    let trigger = |answer: &str| format!("{web}[[trigger.http]]\nroute = \"/old\"\nstatic_response = {answer}");
    let app = parse(&trigger("{ status_code = 302, headers = { location = \"/new\" }, body = \"moved\" }")).unwrap();
    let [(pattern, answer)] = app.answers.as_slice() else { panic!("{:?}", app.answers.len()) };
    assert_eq!((pattern.as_str(), answer.status.as_u16(), answer.body.as_str()), ("/old", 302, "moved"));
    assert_eq!(answer.headers["location"], "/new");
    refused(&trigger("§{ status_code = 1000 }"), &["/old", "1000"]);
    refused(&trigger("{ headers = { \"a b\" = \"x\" } }"), &["/old", "a b"]);
    for of_the_body in ["Content-Length", "transfer-encoding"] {
        let name = of_the_body.to_ascii_lowercase();
        refused(&trigger(&format!("§{{ headers = {{ {of_the_body} = \"9\" }} }}")), &["/old", &name]);
    }
    refused(&(trigger("§{}") + "\ncomponent = \"web\""), &["/old", "which"]);
}

#[test]
fn refuses_nonsense() {
    refused("", &["route \"/...\"", "component.web"]);
    refused("[component.web]\nsource = \"a\"\n§sauce = 1", &["sauce"]);
    refused("[component.web]\nsource = \"a\"\nallowed_outbound_hosts = [\n§\"example.com\"]", &["\"web\"", "scheme"]);
    for host in ["{{ key }}", "http://a:{{ key }}", "http://a/{{ key }}"] {
        let web = format!("[component.web]\nsource = \"a\"\nallowed_outbound_hosts = [\n§{host:?}]");
        refused(&web, &["\"web\"", host]);
    }
    refused(
        "[component.web]\nsource = \"a\"\n[component.web.dependencies]\n§\"a:b/c\" = { component = \"gone\" }",
        &["a:b/c", "component.gone"],
    );
    refused(
        "[component.web]\nsource = \"a\"\n[[trigger.http]]\n§route = \"/...\"\ncomponent = \"web\"",
        &["same paths"],
    );
}

#[test]
fn reports_every_missing_variable() {
    let text = format!("{BASE}[component.web]\nsource = \"a\"\nvariables = {{ k = \"{{{{ key }}}}\" }}");
    let error = Application::parse(&text, Path::new("spin.toml"), &HashMap::new(), None).err().unwrap();
    assert_eq!(error.code(), "VARIABLE_MISSING");
    assert!(error.to_string().contains("key (line 8)"), "{error}");
    // A host is not taken for a malformed one where the variable in it is known to be missing by then.
    let text = format!("{text}\nallowed_outbound_hosts = [\"http://{{{{ key }}}}\", \"http://{{{{ key }}}}\"]");
    let error = Application::parse(&text, Path::new("spin.toml"), &HashMap::new(), None).err().unwrap();
    assert_eq!(error.code(), "VARIABLE_MISSING", "{error}");
}

#[test]
fn reads_the_products_own_manifest() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../spin.toml");
    let app = Application::load(&path, &HashMap::new(), None).unwrap();
    assert!(app.components.contains_key("guard") && app.routes.len() > 5);
}

#[test]
fn every_slip_has_its_line() {
    let web = "[component.web]\nsource = \"a\"\n";
    for (text, word) in [
        ("§spin_manifest_version = 3", "spin_manifest_version"),
        ("[component.web]\n§source = 7", "text"),
        ("[component.web]\n§source = { path = \"a\" }", "unknown field `path`"),
        ("[component.web]\nsource = { url = \"https://a.b/c\",\n§digest = \"sha256:0\" }", "64 hex"),
        ("[component.web]\n§source = { url = \"https://a.b/c\" }", "digest"),
        ("[component.web]\n§source = { url = \"http://a.b/c\", digest = \"sha256:0\" }", "without TLS"),
        ("[component.web]\n§source = { package = \"a:b\", version = \"1.0.0\" }", "registry"),
        ("[component.web]\n§source = { registry = \"a/b\", package = \"a:b\", version = \"1.0.0\" }", "host"),
        ("[component.web]\n§source = { registry = \"r.io\", package = \"ab\", version = \"1.0.0\" }", "namespace:name"),
        ("[component.web]\n§source = { registry = \"r.io\", package = \"a:b\", version = \">=1\" }", "range"),
        ("[component.web]\n§source = { registry = \"r.io\", package = \"a:b\" }", "version"),
        ("§[component.web]\ndescription = \"no source\"", "source"),
        ("§[component.Web_1]\nsource = \"a\"", "kebab"),
        ("[component.web]\n§source = \"a", "string"),
        ("[component.web]\nsource = \"a\"\n[component.web.tool.image2model]\n§memory_mb = 0", "1 or more"),
        ("[component.web]\nsource = \"a\"\n[component.web.tool.image2model]\n§memory_mb = 9999", "at most"),
        ("[component.web]\nsource = \"a\"\n[component.web.tool.image2model]\n§memory_mb = \"1\"", "u32"),
    ] {
        refused(text, &[word]);
    }
    for (more, word) in [
        ("files = [{ source = \"a\",\n§destination = 1 }]", "string"),
        ("files = [\n§{ source = \"a\", destination = \"b\" }]", "absolute"),
        ("[component.web.variables]\n§Bad = \"\"", "Bad"),
        ("[component.web.variables]\nok = \"1\"\n§a = \"{{ nope }}\"", "nope"),
        ("[component.web.dependencies]\n§\"a:b/c\" = { component = \"x\", path = \"y\" }", "exactly one"),
        ("[component.web.dependencies.\"a:b/c\"]\npath = \"y\"\n§inherit_configuration = [\"secrets\"]", "secrets"),
        ("[component.web.dependencies.\"a:b/c\"]\npath = \"y\"\n§inherit_configuration = 1", "true, false"),
        ("[[trigger.http]]\nroute = \"/x\"\n§component = \"gone\"", "component.gone"),
        ("[[trigger.http]]\n§route = \"x\"\ncomponent = \"web\"", "slash"),
        ("[[trigger.http]]\n§route = \"/ü\"\ncomponent = \"web\"", "header"),
        ("§[[trigger.http]]\ncomponent = \"web\"", "has no `route`"),
        ("allowed_outbound_hosts = [\n§\"http://self\"]", "<id>.spin.internal"),
        ("allowed_outbound_hosts = [\n§\"redis://a.spin.internal\"]", "http://"),
        ("[[trigger.http]]\nroute = \"/x\"\ncomponent = \"web\"\n§executor = { type = \"wagi\" }", "WAGI"),
        (
            "[[trigger.http]]\nroute = \"/x\"\ncomponent = \"web\"\n§executor = { type = \"wagi\", argv = \"a\" }",
            "no WAGI",
        ),
        (
            "[[trigger.http]]\nroute = \"/x\"\ncomponent = \"web\"\n§executor = { type = \"http\", argv = \"a\" }",
            "`argv`",
        ),
        ("[[trigger.http]]\nroute = \"/x\"\ncomponent = \"web\"\n§executor = { type = \"http\", typ = 1 }", "`typ`"),
        ("[[trigger.http]]\n§route = \"/file.:ext\"\ncomponent = \"web\"", "dot"),
        ("[[trigger.http]]\n§route = \"/a/*/b\"\ncomponent = \"web\"", "`*`"),
        ("[application.trigger]\n§http = { base = \"/\" }", "trigger.http"),
    ] {
        refused(&format!("{web}{more}"), &[word]);
    }
}

#[test]
fn a_profile_takes_the_place_of_what_it_names() {
    let text = format!(
        "{BASE}{}",
        r#"
[component.web]
source = "web.wasm"
environment = { a = "1", b = "1" }
[component.web.dependencies]
"a:b/c@1.0.0" = { component = "lib" }
[component.web.profile.debug]
source = "debug.wasm"
environment = { b = "2" }
build.command = "make debug"
[component.web.profile.debug.dependencies]
"a:b/c@1.0.0" = { path = "other.wasm" }
[component.lib]
source = "lib.wasm"
"#
    );
    let overrides = HashMap::from([("key".to_owned(), String::new())]);
    let parse = |profile| Application::parse(&text, Path::new("/app/spin.toml"), &overrides, profile);
    let plain = parse(None).unwrap();
    assert_eq!(plain.components["web"].source, Source::File("/app/web.wasm".into()));
    assert_eq!(plain.components["web"].environment["b"], "1");
    let debug = parse(Some("debug")).unwrap();
    let web = &debug.components["web"];
    assert_eq!(web.source, Source::File("/app/debug.wasm".into()));
    assert_eq!((web.environment["a"].as_str(), web.environment["b"].as_str()), ("1", "2"));
    assert_eq!(web.dependencies[0].source, DependencySource::Code(Source::File("/app/other.wasm".into())));
    assert_eq!(
        debug.components["lib"].source,
        Source::File("/app/lib.wasm".into()),
        "without the profile it stays as it is"
    );
    let (before, after) = (plain.place("web", &["source"]).line(), debug.place("web", &["source"]).line());
    assert_eq!(after.unwrap() - before.unwrap(), 5);
    let error = parse(Some("deubg")).err().unwrap().to_string();
    assert!(error.contains("\"deubg\"") && error.contains("debug"), "{error}");
}

#[test]
fn code_may_be_elsewhere() {
    let digest = format!("sha256:{}", "0a".repeat(32));
    let app = parse(&format!(
        r#"
[component.web]
source = {{ url = "https://a.example/web.wasm?key=k", digest = "{digest}" }}
[component.web.dependencies]
"a:b/c@1.0.0" = {{ version = "=1.2.3", registry = "r.example:5000" }}
"a:b/d@1.0.0" = {{ url = "oci://r.example/o/d@{digest}", digest = "{digest}" }}
"a:b/e@1.0.0" = {{ version = "2.0.0+5", registry = "r.example", package = "x:y", export = "x:y/e@2.0.0" }}
"#
    ))
    .unwrap();
    let web = &app.components["web"];
    assert_eq!(web.source.to_string(), format!("https://a.example/web.wasm@{digest}"));
    let sources: Vec<String> = web
        .dependencies
        .iter()
        .map(|dependency| match &dependency.source {
            DependencySource::Code(source) => source.to_string(),
            DependencySource::Component(id) => id.clone(),
        })
        .collect();
    let image = format!("oci://r.example/o/d@{digest}@{digest}");
    assert_eq!(sources, ["a:b@1.2.3 of r.example:5000", image.as_str(), "x:y@2.0.0+5 of r.example"]);
}

/// The rows of the first table of `docs/spin.md`: table, key, and what becomes of it here.
fn page() -> Vec<(&'static str, &'static str, &'static str)> {
    let page = include_str!("../../../../docs/spin.md");
    let rows = page.lines().filter_map(|line| line.strip_prefix("| ")).map(|row| row.split(" | ").collect::<Vec<_>>());
    let keys = rows.filter(|row| row.len() >= 3 && row[1].starts_with('`') && row[1].ends_with('`'));
    keys.map(|row| (row[0], row[1].trim_matches('`'), row[2].trim_end_matches([' ', '|']))).collect()
}

#[test]
fn the_page_on_spin_has_every_key_that_is_known() {
    let component = "[component.web]\nsource = \"a\"\n";
    let dependencies = "[component.web.dependencies]\n";
    for (table, text) in [
        ("top", format!("zz = 1{BASE}")),
        ("application", BASE.replace("name = \"app\"", "name = \"app\"\nzz = 1")),
        ("variable", BASE.replace("\"6379\" }", "\"6379\", zz = 1 }")),
        ("trigger", format!("{BASE}[[trigger.http]]\nzz = 1\n")),
        ("component", format!("{BASE}{component}zz = 1\n")),
        ("dependency", format!("{BASE}{component}{dependencies}\"a:b/c\" = {{ zz = 1 }}\n")),
    ] {
        let error = Application::parse(&text, Path::new("spin.toml"), &HashMap::new(), None).err().unwrap().to_string();
        let (_, known) = error.split_once("expected").unwrap_or_else(|| panic!("{table}: {error}"));
        let known: BTreeSet<&str> = known.split('`').skip(1).step_by(2).collect();
        let told: BTreeSet<&str> = page().into_iter().filter(|row| row.0 == table).map(|row| row.1).collect();
        assert_eq!(told, known, "{table}");
    }
}

#[test]
fn the_page_on_spin_says_refused_of_what_is_refused() {
    let component = |more: &str| format!("[component.web]\nsource = \"a\"\n{more}");
    let trials = [
        ("application", "trigger", component("[application.trigger]\nhttp = {}")),
        ("trigger", "components", component("[[trigger.http]]\nroute = \"/x\"\ncomponent = \"web\"\ncomponents = {}")),
        ("component", "exclude_files", component("exclude_files = [\"a\"]")),
        ("component", "allowed_http_hosts", component("allowed_http_hosts = [\"a\"]")),
        ("component", "sqlite_databases", component("sqlite_databases = [\"default\"]")),
        ("component", "ai_models", component("ai_models = [\"a\"]")),
    ];
    for (_, key, text) in &trials {
        let error = parse(text).err().unwrap();
        assert!(error.code() == "MANIFEST_UNSUPPORTED" && error.to_string().contains(key), "{error}");
    }
    let refused: BTreeSet<_> = page().into_iter().filter(|row| row.2 == "refused").map(|row| (row.0, row.1)).collect();
    assert_eq!(refused, trials.iter().map(|trial| (trial.0, trial.1)).collect());
    assert!(page().iter().all(|row| matches!(row.2, "refused" | "done" | "2")), "{:?}", page());
}
