//! What is wrong is refused with the contract's answer, and nothing of it is kept.

use std::path::Path;

use image2model_tests::client::{Client, Upload, text};
use image2model_tests::kept::stored_in;
use image2model_tests::{Product, photo};
use reqwest::{Method, Response};
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

async fn problem(response: Response, status: u16) -> Value {
    assert_eq!(response.headers()["content-type"], "application/problem+json");
    assert!(response.headers().contains_key("x-request-id"));
    assert_eq!(response.headers()["x-content-type-options"], "nosniff");
    let got = response.status().as_u16();
    let body: Value = response.json().await.unwrap();
    assert_eq!(got, status, "{body}");
    assert_eq!(body["status"], status);
    assert_eq!(body["error"], true);
    assert_eq!(body["message"], body["detail"]);
    body
}

/// Every file below a folder.
fn files_below(folder: &Path) -> Vec<String> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_path_buf()];
    while let Some(folder) = folders.pop() {
        for path in stored_in(&folder) {
            if path.is_dir() {
                folders.push(path);
            } else {
                found.push(path.display().to_string());
            }
        }
    }
    found
}

async fn refused(client: &Client, files: &[Upload], status: u16) -> Value {
    problem(client.post_upload(files, &[]).await.unwrap(), status).await
}

#[tokio::test(flavor = "multi_thread")]
async fn bad_files_are_named_and_nothing_is_kept() {
    let product = Product::setup().start().unwrap();
    let client = product.client().unwrap();
    let good = photo::jpeg(400, 300, 1).unwrap();
    let png = photo::png(64, 64, 1).unwrap();

    let cases: [(&str, Vec<u8>, &str); 8] = [
        ("text.jpg", b"This is not an image at all, but long enough to be one.".repeat(20), "NOT_AN_IMAGE"),
        ("empty.jpg", Vec::new(), "EMPTY_FILE"),
        ("cut.jpg", good[..good.len() / 2].to_vec(), "TRUNCATED_IMAGE"),
        ("cut.png", png[..png.len() - 20].to_vec(), "TRUNCATED_IMAGE"),
        ("more.jpg", [good.clone(), b"PK\x03\x04 and a whole archive".to_vec()].concat(), "TRAILING_DATA"),
        ("tiny.png", photo::png(16, 16, 1).unwrap(), "IMAGE_TOO_SMALL"),
        ("really-a-png.jpg", png.clone(), "TYPE_MISMATCH"),
        ("document.pdf", good.clone(), "UNSUPPORTED_EXTENSION"),
    ];
    for (name, bytes, code) in &cases {
        let body =
            refused(&client, &[Upload::new("good.jpg", good.clone()), Upload::new(name, bytes.clone())], 400).await;
        assert_eq!(body["error_code"], "FILE_VALIDATION_ERROR", "{name}");
        let errors = body["details"]["errors"].as_array().unwrap();
        assert_eq!(errors.len(), 1, "{name}: {body}");
        assert_eq!((text(&errors[0], "filename"), text(&errors[0], "code")), (*name, *code), "{body}");
        assert!(!text(&errors[0], "message").is_empty());
    }
    let all: Vec<Upload> = cases.iter().map(|(name, bytes, _)| Upload::new(name, bytes.clone())).collect();
    let body = refused(&client, &all, 400).await;
    assert_eq!(body["details"]["errors"].as_array().unwrap().len(), cases.len(), "each bad file is named: {body}");

    assert_eq!(files_below(&product.data().join("uploads")), Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn too_large_too_many_or_none() {
    let product = Product::setup().start().unwrap();
    let client = product.client().unwrap();
    let large = photo::heavy_jpeg(11 * 1024 * 1024, 1).unwrap();
    let body = refused(&client, &[Upload::new("large.jpg", large)], 413).await;
    assert_eq!(text(&body["details"]["errors"][0], "code"), "FILE_TOO_LARGE");

    let small = photo::jpeg(64, 64, 1).unwrap();
    let many: Vec<Upload> = (0..26).map(|n| Upload::new(&format!("{n}.jpg"), small.clone())).collect();
    let body = refused(&client, &many, 400).await;
    assert_eq!(body["error_code"], "FILE_VALIDATION_ERROR");
    refused(&client, &[], 422).await;

    let body = problem(
        client.post_upload(&[Upload::new("a.jpg", small.clone())], &[("face_limit", "12")]).await.unwrap(),
        422,
    )
    .await;
    assert!(text(&body, "detail").contains("face_limit"), "{body}");
    let plain = client
        .request(Method::POST, "/api/v1/upload/")
        .header("content-type", "text/plain")
        .body("x")
        .send()
        .await
        .unwrap();
    problem(plain, 415).await;
    assert_eq!(files_below(&product.data().join("uploads")), Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_are_asked_for_and_owners_told_apart() {
    let product = Product::setup()
        .with("API_KEY", "the-users-key-0123456789")
        .with("ADMIN_API_KEY", "the-admins-key-0123456789")
        .with("ENVIRONMENT", "production")
        .start()
        .unwrap();
    let (nobody, owner) = (product.client().unwrap(), product.client_with_key("the-users-key-0123456789").unwrap());
    let (wrong, admin) =
        (product.client_with_key("wrong").unwrap(), product.client_with_key("the-admins-key-0123456789").unwrap());
    let file = [Upload::new("a.jpg", photo::jpeg(64, 64, 1).unwrap())];

    let body = problem(nobody.post_upload(&file, &[]).await.unwrap(), 403).await;
    assert_eq!(body["message"], "Not authenticated");
    let body = problem(wrong.post_upload(&file, &[]).await.unwrap(), 403).await;
    assert_eq!(body["message"], "Invalid API key");
    let job = owner.upload(&file, &[]).await.unwrap();
    let path = format!("/api/v1/status/{}", text(&job, "job_id"));
    for allowed in [&nobody, &owner, &admin] {
        assert_eq!(allowed.get(&path).await.unwrap().status(), 200);
    }
    problem(wrong.get(&path).await.unwrap(), 403).await;
    let body = problem(owner.get("/api/v1/admin/system-info").await.unwrap(), 403).await;
    assert_eq!(body["message"], "Invalid admin API key");
    assert_eq!(admin.get("/api/v1/admin/system-info").await.unwrap().status(), 200);
    let nowhere = "/api/v1/admin/delete-job/none";
    problem(nobody.request(Method::DELETE, nowhere).send().await.unwrap(), 403).await;
    problem(admin.request(Method::DELETE, nowhere).send().await.unwrap(), 404).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_there_is_said_to_be_so() {
    let product = Product::setup().start().unwrap();
    let client = product.client().unwrap();
    for path in [
        "status/00000000000000000000000000000000",
        "status/stream/00000000000000000000000000000000",
        "status/none",
        "download/none/all",
    ] {
        let body = problem(client.get(&format!("/api/v1/{path}")).await.unwrap(), 404).await;
        assert_eq!(body["error_code"], "JOB_NOT_FOUND", "{path}");
    }
    problem(client.get("/api/v1/nothing/here").await.unwrap(), 404).await;
    let wrong = client.request(Method::PUT, "/api/v1/upload/").send().await.unwrap();
    assert!(wrong.headers()["allow"].to_str().unwrap().contains("POST"));
    problem(wrong, 405).await;
    let page = client.request(Method::OPTIONS, "/upload").send().await.unwrap();
    assert_eq!((page.status().as_u16(), &page.headers()["allow"]), (204, &"GET, HEAD, OPTIONS".parse().unwrap()));
    problem(client.request(Method::PATCH, "/upload").send().await.unwrap(), 405).await;
    problem(client.request(Method::OPTIONS, "/api/v1/nothing/here").send().await.unwrap(), 404).await;
    let head = client.request(Method::HEAD, "/api/v1/health").send().await.unwrap();
    assert_eq!(head.status(), 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn limits_hold_and_are_shown() {
    let product = Product::setup().with("RATE_LIMIT_PER_MINUTE", "5").start().unwrap();
    let client = product.client().unwrap();
    let path = "/api/v1/status/00000000000000000000000000000000";
    let answers = futures::future::join_all((0..20).map(|_| client.get(path))).await;
    let (let_in, refused): (Vec<_>, Vec<_>) = answers.into_iter().map(Result::unwrap).partition(|r| r.status() == 404);
    assert_eq!((let_in.len(), refused.len()), (5, 15));
    assert!(refused.iter().all(|r| r.status() == 429 && r.headers().contains_key("retry-after")));
    assert!(let_in.iter().all(|r| r.headers()["x-ratelimit-limit"] == "5"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_leaves_leaves_nothing_behind() {
    let product = Product::setup().start().unwrap();
    let address = product.url().trim_start_matches("http://").to_owned();
    let photograph = photo::heavy_jpeg(2 * 1024 * 1024, 1).unwrap();
    let mut connection = tokio::net::TcpStream::connect(&address).await.unwrap();
    let head = format!(
        "POST /api/v1/upload/ HTTP/1.1\r\nHost: {address}\r\nContent-Type: multipart/form-data; boundary=X\r\nContent-Length: 9000000\r\n\r\n\
         --X\r\nContent-Disposition: form-data; name=\"files\"; filename=\"a.jpg\"\r\nContent-Type: image/jpeg\r\n\r\n"
    );
    connection.write_all(head.as_bytes()).await.unwrap();
    connection.write_all(&photograph).await.unwrap();
    connection.flush().await.unwrap();
    drop(connection);

    // The service goes on, and what had arrived goes away.
    let client = product.client().unwrap();
    for _ in 0..200 {
        if files_below(&product.data().join("uploads")).is_empty() {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    assert_eq!(files_below(&product.data().join("uploads")), Vec::<String>::new());
    let job = client.upload(&[Upload::new("b.jpg", photo::jpeg(64, 64, 1).unwrap())], &[]).await.unwrap();
    assert_eq!(client.ended(text(&job, "job_id")).await.unwrap()["status"], "completed");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_comes_slowly_and_in_pieces_is_read() {
    let product = Product::setup().start().unwrap();
    let address = product.url().trim_start_matches("http://").to_owned();
    let photograph = photo::jpeg(64, 64, 1).unwrap();
    let mut connection = tokio::net::TcpStream::connect(&address).await.unwrap();
    let head = format!(
        "POST /api/v1/upload/ HTTP/1.1\r\nHost: {address}\r\nContent-Type: multipart/form-data; boundary=X\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n"
    );
    connection.write_all(head.as_bytes()).await.unwrap();
    let opening = b"--X\r\nContent-Disposition: form-data; name=\"files\"; filename=\"a.jpg\"\r\nContent-Type: image/jpeg\r\n\r\n".to_vec();
    for piece in [opening, photograph, b"\r\n--X--\r\n".to_vec()].concat().chunks(97) {
        connection.write_all(format!("{:x}\r\n", piece.len()).as_bytes()).await.unwrap();
        connection.write_all(piece).await.unwrap();
        connection.write_all(b"\r\n").await.unwrap();
    }
    connection.write_all(b"0\r\n\r\n").await.unwrap();
    let mut answer = String::new();
    connection.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
}
