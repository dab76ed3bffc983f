//! What Spin's older SDKs and templates make: core modules, wasi:http 0.2, stores and variables by the interfaces of 2024.

use bytes::Bytes;
use image2model_domain::Keyspace;
use image2model_host::edge::KeyValue;
use image2model_processes::RedisServer;

use crate::harness::{App, Host, guest, module};

const GRANTED: &str = "key_value_stores = [\"default\"]\nvariables = { mark = \"m1\", other = \"o\" }";

async fn drafts(redis: &RedisServer, file: &std::path::Path) -> Host {
    let mut app = App::new().more("[[trigger.http]]\nroute = \"/...\"\ncomponent = \"drafts\"\n");
    app.key_value = Some(KeyValue { redis_url: redis.url().into(), keys: Keyspace::with_prefix("{t}:").unwrap() });
    app.file("drafts", file, GRANTED).start().await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_core_module_is_served_as_the_component_that_it_means_to_be() {
    let redis = RedisServer::start(&[]).unwrap();
    let file = module("drafts");
    assert!(std::fs::read(&file).unwrap().starts_with(b"\0asm\x01\0\0\0"), "it is no core module");
    let host = drafts(&redis, &file).await;
    assert_eq!(host.get("/config/mark").await.text(), "Ok(Some(\"m1\"))");
    assert_eq!(host.get("/wasi/default/set/a/1").await.text(), "Ok(())");
    assert_eq!(host.get("/wasi/default/get/a").await.text(), "Ok(Some(\"1\"))");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_core_module_stands_in_front_of_a_component() {
    let route = "[[trigger.http]]\nroute = \"/...\"\ncomponent = \"request\"\n\
        dependencies.middleware = [{ component = \"mw\", inherit_configuration = [\"variables\"] }]\n";
    let app = App::new().more(route).component("request", "request", "variables = { mark = \"m1\" }");
    let host = app.file("mw", &module("middleware"), "").start().await;
    let answer = host.get("/a").await;
    assert_eq!((answer.status, answer.header("x-passed").is_some()), (200, true));
    assert_eq!(host.get("/mark").await.text(), "Ok(\"m1\")");
}

#[tokio::test]
async fn a_core_module_that_says_nothing_of_a_component_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("plain.wasm");
    for (text, word) in [("(module)", "wasi:http"), ("(module (import \"env\" \"f\" (func)))", "core module")] {
        std::fs::write(&file, wat::parse_str(text).unwrap()).unwrap();
        let app =
            App::new().more("[[trigger.http]]\nroute = \"/...\"\ncomponent = \"plain\"\n").file("plain", &file, "");
        let error = app.load().await.err().unwrap().to_string();
        assert!(error.contains("\"plain\"") && error.contains(word), "{error}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn stores_are_the_same_by_every_interface() {
    let redis = RedisServer::start(&[]).unwrap();
    let host = drafts(&redis, &guest("drafts")).await;
    let get = async |path: &str| host.get(path).await.text();
    for (one, other) in [("older", "wasi"), ("wasi", "older")] {
        assert_eq!(get(&format!("/{one}/default/set/a/1")).await, "Ok(())");
        assert_eq!(get(&format!("/{other}/default/get/a")).await, "Ok(Some(\"1\"))");
        assert_eq!(get(&format!("/{other}/default/exists/a")).await, "Ok(true)");
        assert_eq!(get(&format!("/{other}/default/delete/a")).await, "Ok(())");
        assert_eq!(get(&format!("/{one}/default/delete/a")).await, "Ok(())", "none is there any more");
        assert_eq!(get(&format!("/{one}/default/get/a")).await, "Ok(None)");
        assert_eq!(get(&format!("/{one}/elsewhere/get/a")).await, "open: Error::AccessDenied");
    }
    assert_eq!(get("/older/default/set/b/2").await, "Ok(())");
    assert_eq!(get("/older/default/keys").await, "Ok([\"b\"])");
    assert_eq!(get("/wasi/default/keys").await, "Ok(([\"b\"], None))");
    assert!(get("/wasi/default/keys/0").await.contains("no cursor"));
    let long = "k".repeat(1025);
    assert!(get(&format!("/older/default/get/{long}")).await.contains("longer than"));
    assert_eq!(get("/older/default/open/300").await, "45 refused", "one is open to ask by");
}

#[tokio::test(flavor = "multi_thread")]
async fn many_keys_are_asked_at_once_and_numbers_added_up() {
    let redis = RedisServer::start(&[]).unwrap();
    let host = drafts(&redis, &guest("drafts")).await;
    let get = async |path: &str| host.get(path).await.text();
    assert_eq!(get("/wasi/default/put/a/1/b/2").await, "Ok(())");
    assert_eq!(get("/wasi/default/put").await, "Ok(())");
    assert_eq!(
        get("/wasi/default/take/a/c/b").await,
        "Ok([(\"a\", Some(\"1\")), (\"c\", None), (\"b\", Some(\"2\"))])"
    );
    assert_eq!(get("/wasi/default/remove/a/c").await, "Ok(())");
    assert_eq!(get("/wasi/default/remove").await, "Ok(())");
    assert_eq!(get("/wasi/default/take/a/b").await, "Ok([(\"a\", None), (\"b\", Some(\"2\"))])");
    assert_eq!(get("/wasi/default/add/n/10").await, "Ok(10)");
    assert_eq!(get("/wasi/default/add/n/-3").await, "Ok(7)");
    assert_eq!(get("/wasi/default/set/n/seven").await, "Ok(())");
    assert!(get("/wasi/default/add/n/1").await.contains("not an integer"));
    assert_eq!(get("/wasi/default/large/20").await, "Ok(20)");
    assert!(get("/wasi/default/large/200").await.contains("query result exceeds limit"), "an instance has 128 MiB");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_value_is_swapped_by_whoever_has_seen_the_last_one() {
    let redis = RedisServer::start(&[]).unwrap();
    let host = drafts(&redis, &guest("drafts")).await;
    let get = async |path: &str| host.get(path).await.text();
    assert_eq!(get("/wasi/default/swap/a/1").await, "swapped", "there was none");
    assert_eq!(get("/wasi/default/swap/a/2").await, "swapped");
    assert_eq!(get("/wasi/default/get/a").await, "Ok(Some(\"2\"))");
    assert_eq!(get("/wasi/default/beaten/a/3").await, "failed, then true");
    assert_eq!(get("/wasi/default/get/a").await, "Ok(Some(\"3\"))");
    assert_eq!(get("/wasi/default/beaten/new/1").await, "failed, then true", "it was seen as none");
    assert_eq!(get("/wasi/default/again/a/4").await, "Some(\"of another\") swapped");
}

#[tokio::test(flavor = "multi_thread")]
async fn variables_are_read_as_configuration() {
    let redis = RedisServer::start(&[]).unwrap();
    let host = drafts(&redis, &guest("drafts")).await;
    assert_eq!(host.get("/config").await.text(), "Ok([(\"mark\", \"m1\"), (\"other\", \"o\")])");
    assert_eq!(host.get("/config/other").await.text(), "Ok(Some(\"o\"))");
    for none in ["nothing", "No-Name"] {
        assert_eq!(host.get(&format!("/config/{none}")).await.text(), "Ok(None)");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_of_wasi_http_0_2_has_no_length_but_its_own() {
    let host = App::new().route("/...", "http02", "").start().await;
    let answer = host.get("/x").await;
    assert_eq!((answer.header("content-length"), answer.header("transfer-encoding")), (None, Some("chunked")));
    assert_eq!(answer.text(), "Method::Get /x 0");
    let head = host.send(http::Request::head(host.url("/x")).body(Bytes::new()).unwrap()).await;
    assert_eq!((head.status, head.header("content-length")), (200, None));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_component_of_the_first_release_candidate_answers_and_asks() {
    let more = "allowed_outbound_hosts = [\"http://hidden.spin.internal\"]";
    let hidden = "[[trigger.http]]\nroute = { private = true }\ncomponent = \"hidden\"\n";
    let host = App::new().route("/...", "oldest", more).more(hidden).component("hidden", "oldest", "").start().await;
    let asked = |url: Option<&str>, body: Vec<u8>| {
        let mut request = http::Request::post(host.url("/a?b")).header("x-said", "hello");
        if let Some(url) = url {
            request = request.header("url", url);
        }
        request.body(Bytes::from(body)).unwrap()
    };
    let answer = host.send(asked(None, b"sent".to_vec())).await;
    assert_eq!((answer.status, answer.text().as_str()), (203, "Method::Post /a?b hello sent"));
    assert_eq!(answer.headers.get_all("x-answered").iter().count(), 2);
    let large = host.send(asked(None, vec![b'x'; 300_000])).await;
    assert_eq!(large.body.len(), "Method::Post /a?b hello ".len() + 300_000);
    let chained = host.send(asked(Some("http://hidden.spin.internal/there"), b"more".to_vec())).await;
    assert_eq!(chained.text(), "203: Method::Put /there on the way more");
    let denied = host.send(asked(Some("http://elsewhere.example/"), Vec::new())).await;
    assert!(denied.text().starts_with("Error::UnexpectedError"), "{}", denied.text());
}
