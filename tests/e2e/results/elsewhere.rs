//! Models that only FAL keeps: led to, passed through, listed with their sizes, packed.

use image2model_tests::client::text;
use image2model_tests::sim::Sim;
use image2model_tests::{Product, client, glb};
use reqwest::Method;

use super::archive_contents::Contents;
use super::{ended, model_path, photograph, quick};

#[tokio::test(flavor = "multi_thread")]
async fn a_model_that_fal_keeps_is_led_to_or_passed_through() {
    let product = quick().with("KEEP_RESULTS", "false").start().unwrap();
    let client = product.client().unwrap();
    let status = ended(&client, &[photograph("a.jpg", 1), photograph("b.jpg", 2)]).await;
    assert_eq!(status["status"], "completed", "{status}");
    let (path, url) = (model_path(&status, 0), text(&status["files"][0], "model_url").to_owned());
    let stored = product.data().join("results").join(text(&status, "job_id"));
    assert!(!stored.exists(), "nothing is kept here");

    for method in [Method::GET, Method::HEAD] {
        let answer = client.request(method, &path).send().await.unwrap();
        assert_eq!((answer.status().as_u16(), answer.headers()["location"].to_str().unwrap()), (302, url.as_str()));
    }
    let there = client::http().unwrap().get(&url).send().await.unwrap().bytes().await.unwrap();
    glb::inspect(&there).unwrap();

    let through = format!("{path}?stream=1");
    let whole = client.get(&through).await.unwrap();
    assert_eq!(
        (whole.status().as_u16(), &whole.headers()["content-type"]),
        (200, &"model/gltf-binary".parse().unwrap())
    );
    assert_eq!(whole.headers()["content-length"], there.len().to_string());
    assert!(whole.headers()["content-disposition"].to_str().unwrap().contains("\"a.glb\""));
    let etag = whole.headers()["etag"].clone();
    assert_eq!(whole.bytes().await.unwrap(), there);
    let head = client.request(Method::HEAD, &through).send().await.unwrap();
    assert_eq!(
        (head.status().as_u16(), &head.headers()["content-length"]),
        (200, &there.len().to_string().parse().unwrap())
    );
    let part = client.request(Method::GET, &through).header("range", "bytes=10-19").header("if-range", etag.clone());
    let part = part.send().await.unwrap();
    assert_eq!((part.status().as_u16(), &part.bytes().await.unwrap()[..]), (206, &there[10..20]));
    let beyond = client.request(Method::GET, &through).header("range", "bytes=999999999-").send().await.unwrap();
    assert_eq!(beyond.status(), 416);
    for method in [Method::GET, Method::HEAD] {
        let another = client.request(method.clone(), &through).header("if-match", "\"nope\"").send().await.unwrap();
        assert_eq!(another.status(), 412, "{method}");
    }
    let wanted = client.request(Method::GET, &through).header("if-match", etag.clone()).send().await.unwrap();
    assert_eq!((wanted.status().as_u16(), &wanted.bytes().await.unwrap()), (200, &there));
    let same = client.request(Method::GET, &through).header("if-none-match", etag).send().await.unwrap();
    assert_eq!(same.status(), 304);

    let preview = path.replace("/model", "/preview");
    assert_eq!(client.get(&preview).await.unwrap().status(), 302);
    let picture = client.get(&format!("{preview}?stream=1")).await.unwrap();
    assert_eq!(picture.headers()["content-type"], "image/webp");
    image::load_from_memory(&picture.bytes().await.unwrap()).unwrap();

    let all = format!("/api/v1/download/{}/all", text(&status, "job_id"));
    let list = client.json(&all).await.unwrap();
    assert_eq!(list["files"][0]["size"], there.len());
    assert!(list["files"][1]["size"].as_u64().unwrap() > 0);
    let zip = Contents::of(client.get(&format!("{all}?format=zip")).await.unwrap()).await;
    assert_eq!(zip.entry("a.glb").len(), there.len());
    assert_eq!(zip.entry("a.glb"), there);
    assert_eq!(zip.manifest()["included_files"], 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_is_led_to_a_host_that_the_operator_did_not_name() {
    let sim = Sim::start("1000").unwrap();
    let setup = Product::setup().with_sim(&sim).with("KEEP_RESULTS", "false").with("FAL_RESULT_HOSTS", "fal.media");
    let product = setup.start().unwrap();
    let client = product.client().unwrap();
    let status = ended(&client, &[photograph("a.jpg", 1)]).await;
    let refused = client.get(&model_path(&status, 0)).await.unwrap();
    assert_eq!(refused.status(), 502);
    assert!(!refused.headers().contains_key("location"));
    let problem: serde_json::Value = refused.json().await.unwrap();
    assert_eq!(problem["error_code"], "RESULT_HOST_NOT_ALLOWED");
    assert!(!problem.to_string().contains("127.0.0.1"), "{problem}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_fal_no_longer_has_is_gone_and_a_fal_that_is_away_is_told_from_it() {
    let mut sim = Sim::start("1000").unwrap();
    let product = Product::setup().with_sim(&sim).with("KEEP_RESULTS", "false").start().unwrap();
    let client = product.client().unwrap();
    let status = ended(&client, &[photograph("a.jpg", 1)]).await;
    let path = format!("{}?stream=1", model_path(&status, 0));
    let fault = serde_json::json!({ "call": "download", "fault": "not-found", "when": "before", "times": 1 });
    let armed =
        client::http().unwrap().post(format!("{}/sim/faults", sim.base_url())).json(&fault).send().await.unwrap();
    assert!(armed.status().is_success(), "{}", armed.text().await.unwrap());
    let gone = client.get(&path).await.unwrap();
    assert_eq!((gone.status().as_u16(), text(&gone.json().await.unwrap(), "error_code")), (404, "FILE_GONE"));
    assert_eq!(client.get(&path).await.unwrap().status(), 200);
    sim.process().kill();
    let away = client.get(&path).await.unwrap();
    assert_eq!(
        (away.status().as_u16(), text(&away.json().await.unwrap(), "error_code")),
        (502, "PROVIDER_UNREACHABLE")
    );
}
