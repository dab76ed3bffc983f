//! One model that is kept here: ranges, conditions, names, `HEAD`.

use bytes::Bytes;
use image2model_tests::client::{Client, text};
use image2model_tests::glb;
use reqwest::{Method, Response};

use super::{ended, model_path, photograph, quick};

async fn get(client: &Client, path: &str, headers: &[(&str, &str)]) -> Response {
    ask(client, Method::GET, path, headers).await
}

async fn ask(client: &Client, method: Method, path: &str, headers: &[(&str, &str)]) -> Response {
    let mut request = client.request(method, path);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    request.send().await.unwrap()
}

fn header(answer: &Response, name: &str) -> String {
    answer.headers().get(name).and_then(|value| value.to_str().ok()).unwrap_or_default().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_kept_model_is_served_by_the_rules_of_http() {
    let product = quick().start().unwrap();
    let client = product.client().unwrap();
    let status = ended(&client, &[photograph("stück 1.jpg", 1)]).await;
    let path = model_path(&status, 0);

    let whole = get(&client, &path, &[]).await;
    assert_eq!(whole.status(), 200);
    assert_eq!(header(&whole, "content-type"), "model/gltf-binary");
    assert_eq!(header(&whole, "accept-ranges"), "bytes");
    assert_eq!(
        header(&whole, "content-disposition"),
        "attachment; filename=\"st_ck 1.glb\"; filename*=UTF-8''st%C3%BCck%201.glb"
    );
    let (etag, modified) = (header(&whole, "etag"), header(&whole, "last-modified"));
    assert!(etag.starts_with('"') && modified.ends_with(" GMT"), "{etag} {modified}");
    heads_are_alike(&client, &path, &whole).await;
    let length = header(&whole, "content-length");
    let bytes = whole.bytes().await.unwrap();
    assert_eq!(length, bytes.len().to_string());
    glb::inspect(&bytes).unwrap();

    ranges(&client, &path, &bytes).await;
    if_range(&client, &path, &etag, &modified).await;
    conditions(&client, &path, &etag, &modified).await;
}

async fn heads_are_alike(client: &Client, path: &str, whole: &Response) {
    let head = ask(client, Method::HEAD, path, &[]).await;
    assert_eq!(head.status(), 200);
    for name in ["content-type", "content-length", "content-disposition", "etag", "last-modified", "accept-ranges"] {
        assert_eq!(header(&head, name), header(whole, name), "{name}");
    }
    assert!(head.bytes().await.unwrap().is_empty());
}

async fn ranges(client: &Client, path: &str, bytes: &Bytes) {
    let size = bytes.len();
    for (range, part) in [
        ("bytes=0-99".to_owned(), 0..100),
        ("bytes=100-".to_owned(), 100..size),
        ("bytes=-50".to_owned(), size - 50..size),
        ("bytes=0-0".to_owned(), 0..1),
        (format!("bytes={}-", size - 1), size - 1..size),
        ("bytes=7-999999999999999999999".to_owned(), 7..size),
    ] {
        let answer = get(client, path, &[("range", &range)]).await;
        assert_eq!(answer.status(), 206, "{range}");
        assert_eq!(header(&answer, "content-range"), format!("bytes {}-{}/{size}", part.start, part.end - 1));
        assert_eq!(header(&answer, "content-length"), part.len().to_string());
        assert_eq!(answer.bytes().await.unwrap(), bytes.slice(part), "{range}");
    }
    for ignored in ["bytes=5-4", "bytes=a-b", "lines=0-1", "bytes=0-1,5-9", "bytes=-", "nonsense"] {
        let answer = get(client, path, &[("range", ignored)]).await;
        assert_eq!((answer.status().as_u16(), answer.bytes().await.unwrap().len()), (200, size), "{ignored}");
    }
    for beyond in [format!("bytes={size}-"), "bytes=-0".to_owned()] {
        let answer = get(client, path, &[("range", &beyond)]).await;
        assert_eq!(answer.status(), 416, "{beyond}");
        assert_eq!(header(&answer, "content-range"), format!("bytes */{size}"));
        let problem: serde_json::Value = answer.json().await.unwrap();
        assert_eq!(problem["error_code"], "RANGE_NOT_SATISFIABLE");
    }
}

async fn if_range(client: &Client, path: &str, etag: &str, modified: &str) {
    let weak = format!("W/{etag}");
    for (version, status) in [
        (etag, 206),
        (modified, 206),
        ("\"another\"", 200),
        (weak.as_str(), 200),
        ("Thu, 01 Jan 1970 00:00:00 GMT", 200),
    ] {
        let answer = get(client, path, &[("range", "bytes=1-2"), ("if-range", version)]).await;
        assert_eq!(answer.status(), status, "{version}");
    }
}

async fn conditions(client: &Client, path: &str, etag: &str, modified: &str) {
    const LONG_AGO: &str = "Thu, 01 Jan 1970 00:00:00 GMT";
    let list = format!("\"x\", {etag}");
    for (name, value, status) in [
        ("if-none-match", etag, 304),
        ("if-none-match", list.as_str(), 304),
        ("if-none-match", "*", 304),
        ("if-none-match", "\"x\"", 200),
        ("if-modified-since", modified, 304),
        ("if-modified-since", LONG_AGO, 200),
        ("if-match", etag, 200),
        ("if-match", "\"x\"", 412),
        ("if-unmodified-since", modified, 200),
        ("if-unmodified-since", LONG_AGO, 412),
    ] {
        for method in [Method::GET, Method::HEAD] {
            let answer = ask(client, method.clone(), path, &[(name, value)]).await;
            assert_eq!(answer.status(), status, "{method} {name}: {value}");
            if status == 304 {
                assert_eq!(header(&answer, "etag"), etag);
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_there_is_said() {
    let product = quick().start().unwrap();
    let client = product.client().unwrap();
    let stored = client.upload(&[photograph("a.jpg", 1)], &[("process", "false")]).await.unwrap();
    let (job, file) = (text(&stored, "job_id"), text(&stored["files"][0], "file_id"));
    for path in [format!("{file}/model"), format!("{file}/preview"), "all?format=zip".to_owned()] {
        let answer = client.get(&format!("/api/v1/download/{job}/{path}")).await.unwrap();
        assert_eq!(answer.status(), 409, "{path}");
        let problem: serde_json::Value = answer.json().await.unwrap();
        assert_eq!((text(&problem, "error_code"), text(&problem["details"], "status")), ("MODEL_NOT_READY", "pending"));
    }
    let original = format!("/api/v1/download/{job}/{file}/original");
    let image = get(&client, &original, &[("range", "bytes=0-2")]).await;
    assert_eq!((image.status().as_u16(), header(&image, "content-type")), (206, "image/jpeg".to_owned()));
    assert_eq!(header(&image, "content-disposition"), "inline; filename=\"a.jpg\"; filename*=UTF-8''a.jpg");
    assert_eq!(&image.bytes().await.unwrap()[..], &photograph("a.jpg", 1).bytes[..3]);

    let status = ended(&client, &[photograph("b.jpg", 2)]).await;
    let path = model_path(&status, 0);
    assert_eq!(client.get(&format!("{path}?format=GLB")).await.unwrap().status(), 200);
    let refused = client.get(&format!("{path}?format=obj")).await.unwrap();
    assert_eq!(refused.status(), 404);
    let problem: serde_json::Value = refused.json().await.unwrap();
    assert_eq!(
        (text(&problem, "error_code"), &problem["details"]["formats"]),
        ("FORMAT_NOT_AVAILABLE", &serde_json::json!(["glb"]))
    );
    let nobodys = format!("/api/v1/download/{}/{file}/model", text(&status, "job_id"));
    assert_eq!(client.get(&nobodys).await.unwrap().status(), 404, "a file of another job");
    std::fs::remove_dir_all(product.data().join("results").join(text(&status, "job_id"))).unwrap();
    assert_eq!(client.get(&path).await.unwrap().status(), 302, "what is lost here is still at the provider");
}
