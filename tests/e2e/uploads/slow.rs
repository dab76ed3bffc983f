//! Clients that keep their upload waiting are cut off, keep nothing, and hold up nobody.

use std::time::Duration;

use image2model_tests::Product;
use image2model_tests::raw::Raw;

use super::{BOUNDARY, PATH, form, jpeg, post, setup, taken};

fn hurried() -> Product {
    setup().with("UPLOAD_TIMEOUT_SECONDS", "1").start().unwrap()
}

/// A form whose file is longer than one read.
fn body() -> Vec<u8> {
    let photograph = image2model_tests::photo::heavy_jpeg(300_000, 1).unwrap();
    form().text("face_limit", "5000").file("a.jpg", &photograph).end()
}

async fn begun(product: &Product, length: usize) -> Raw {
    let mut connection = Raw::connect(product.url()).await.unwrap();
    let content_type = format!("Content-Type: multipart/form-data; boundary={BOUNDARY}");
    connection.head(PATH, &[content_type, format!("Content-Length: {length}")]).await.unwrap();
    connection
}

#[tokio::test(flavor = "multi_thread")]
async fn one_that_falls_silent_anywhere_gets_408() {
    let product = hurried();
    let body = body();
    let stages = [0, 10, 60, 250, 1000, 150_000, body.len() - 30, body.len() - 5];
    let silent = stages.map(|stage| {
        let (product, body) = (&product, &body);
        async move {
            let mut connection = begun(product, body.len()).await;
            connection.send(&body[..stage]).await.unwrap();
            let answer = connection.answer().await.unwrap();
            let problem = answer.problem(408).unwrap_or_else(|error| panic!("silent after {stage}: {error}"));
            assert_eq!(problem["error_code"], "UPLOAD_TOO_SLOW");
        }
    });
    futures::future::join_all(silent).await;
    product.keeps_nothing().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_length_that_is_never_reached_is_a_client_too_slow() {
    let product = hurried();
    let body = body();
    let mut connection = begun(&product, body.len() + 1000).await;
    connection.send(&body).await.unwrap();
    connection.answer().await.unwrap().problem(408).unwrap();
    product.keeps_nothing().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_byte_a_moment_is_too_slow_and_others_are_served_meanwhile() {
    let product = hurried();
    let body = body();
    let trickling = (0..40).map(|_| {
        let (product, body) = (&product, &body);
        async move {
            let mut connection = begun(product, body.len()).await;
            let (mut sent, mut bytes) = (200, body.iter().skip(200));
            connection.send(&body[..sent]).await.unwrap();
            loop {
                tokio::select! {
                    _ = connection.has_answer() => break,
                    () = tokio::time::sleep(Duration::from_millis(300)) => {}
                }
                sent += 1;
                connection.send([*bytes.next().unwrap()]).await.unwrap();
            }
            (sent, connection.answer().await.unwrap())
        }
    });
    let others = async {
        let mut served = 0;
        for _ in 0..10 {
            let upload = form().text("process", "false").file("quick.jpg", &jpeg()).end();
            taken(&post(&product, &upload).await);
            served += 1;
        }
        served
    };
    let (cut, served) = futures::join!(futures::future::join_all(trickling), others);
    assert_eq!(served, 10);
    for (sent, answer) in cut {
        answer.problem(408).unwrap();
        assert!(sent < 400, "it was cut off after {sent} bytes");
    }
    let kept = product.kept().await.unwrap();
    let images = kept.files.iter().filter(|file| file.ends_with(".jpg")).count();
    assert_eq!(images, 10, "only what was quick is kept: {kept:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn slow_but_steady_is_taken() {
    let product = hurried();
    let upload =
        form().text("process", "false").file("a.jpg", &image2model_tests::photo::heavy_jpeg(30_000, 1).unwrap());
    let body = upload.end();
    let mut connection = begun(&product, body.len()).await;
    // Longer in all than the silence that is allowed.
    for piece in body.chunks(body.len() / 15) {
        connection.send(piece).await.unwrap();
        tokio::time::sleep(Duration::from_millis(120)).await;
    }
    taken(&connection.answer().await.unwrap());
}
