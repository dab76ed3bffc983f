//! The ways in which HTTP brings a body.

use image2model_tests::raw::Raw;

use super::{BOUNDARY, PATH, assert_nothing_kept, form, jpeg, setup, taken};

fn body() -> Vec<u8> {
    form().text("process", "false").file("a.jpg", &jpeg()).end()
}

fn content_type() -> String {
    format!("Content-Type: multipart/form-data; boundary={BOUNDARY}")
}

#[tokio::test(flavor = "multi_thread")]
async fn leave_to_send_is_given_to_whoever_asks() {
    let product = setup().start().unwrap();
    let (mut connection, body) = (Raw::connect(product.url()).await.unwrap(), body());
    let length = format!("Content-Length: {}", body.len());
    connection.head(PATH, &[content_type(), length, "Expect: 100-continue".to_owned()]).await.unwrap();
    assert_eq!(connection.answer().await.unwrap().status, 100);
    connection.send(body).await.unwrap();
    taken(&connection.answer().await.unwrap());
}

#[tokio::test(flavor = "multi_thread")]
async fn chunks_of_every_size_with_no_length() {
    let product = setup().start().unwrap();
    let body = body();
    for size in [1, 7, 100, 1000, body.len()] {
        let mut connection = Raw::connect(product.url()).await.unwrap();
        connection.head(PATH, &[content_type(), "Transfer-Encoding: chunked".to_owned()]).await.unwrap();
        let mut sent = Vec::new();
        for piece in body.chunks(size) {
            sent.extend(format!("{:X};ext=1\r\n", piece.len()).as_bytes());
            sent.extend(piece);
            sent.extend(b"\r\n");
        }
        sent.extend(b"0\r\nX-Trailer: ignored\r\n\r\n");
        connection.send(sent).await.unwrap();
        taken(&connection.answer().await.unwrap());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn several_uploads_on_one_connection() {
    let product = setup().start().unwrap();
    let mut connection = Raw::connect(product.url()).await.unwrap();
    let kind = format!("multipart/form-data; boundary={BOUNDARY}");
    for _ in 0..3 {
        connection.upload(PATH, &kind, &body()).await.unwrap();
        taken(&connection.answer().await.unwrap());
        connection.upload(PATH, &kind, &form().file("a.gif", b"GIF89a").end()).await.unwrap();
        connection.answer().await.unwrap().problem(400).unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_length_too_short_cuts_the_form() {
    let product = setup().start().unwrap();
    let body = body();
    let mut connection = Raw::connect(product.url()).await.unwrap();
    connection.head(PATH, &[content_type(), format!("Content-Length: {}", body.len() - 200)]).await.unwrap();
    connection.send(&body).await.unwrap();
    connection.answer().await.unwrap().problem(400).unwrap();
    assert_nothing_kept(&product, "a length too short").await;
}

/// As some old clients send: the answer does not wait for what those bytes might become.
#[tokio::test(flavor = "multi_thread")]
async fn a_line_end_after_the_body_holds_nothing_up() {
    let product = setup().start().unwrap();
    let body = body();
    let mut connection = Raw::connect(product.url()).await.unwrap();
    connection.head(PATH, &[content_type(), format!("Content-Length: {}", body.len() - 2)]).await.unwrap();
    connection.send(&body).await.unwrap();
    taken(&connection.answer().await.unwrap());
}

#[tokio::test(flavor = "multi_thread")]
async fn lengths_that_are_none() {
    let product = setup().start().unwrap();
    let both = [format!("Content-Length: {}", body().len()), "Content-Length: 7".to_owned()];
    for lengths in [&["Content-Length: many".to_owned()][..], &["Content-Length: -1".to_owned()], &both] {
        let mut connection = Raw::connect(product.url()).await.unwrap();
        let headers: Vec<String> = [content_type()].iter().chain(lengths).cloned().collect();
        connection.head(PATH, &headers).await.unwrap();
        connection.send(body()).await.unwrap();
        assert_eq!(connection.answer().await.unwrap().status, 400, "{lengths:?}");
    }
    assert_nothing_kept(&product, "lengths that are none").await;
}
