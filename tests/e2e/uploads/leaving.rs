//! Clients that leave leave nothing behind, at whatever moment they go.

use image2model_tests::raw::Raw;

use super::{BOUNDARY, PATH, assert_nothing_kept, form, jpeg, post, setup, taken};

#[tokio::test(flavor = "multi_thread")]
async fn one_that_leaves_at_any_moment_leaves_nothing_behind() {
    let product = setup().start().unwrap();
    let photograph = image2model_tests::photo::heavy_jpeg(400_000, 1).unwrap();
    let body = form().text("face_limit", "5000").file("a.jpg", &photograph).file("b.jpg", &jpeg()).end();
    let head = format!(
        "POST {PATH} HTTP/1.1\r\nHost: x\r\nContent-Type: multipart/form-data; boundary={BOUNDARY}\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    let whole = [head.as_bytes(), &body].concat();
    let mut moments = vec![0, 5, head.len() / 2, head.len() - 1, head.len(), head.len() + 1];
    moments.extend((1..40).map(|n| head.len() + body.len() * n / 40));
    moments.extend([whole.len() - 4, whole.len() - 3, whole.len() - 1]);
    for (n, moment) in moments.into_iter().enumerate() {
        let mut connection = Raw::connect(product.url()).await.unwrap();
        connection.send(&whole[..moment]).await.unwrap();
        if n % 2 == 0 {
            // Says that nothing more will come, and still listens.
            let _ = connection.finish_sending().await;
            let _ = connection.answer().await;
        }
        drop(connection);
    }
    product.keeps_nothing().await.unwrap();
    taken(&post(&product, &form().text("process", "false").file("next.jpg", &jpeg()).end()).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn chunks_that_break_off_or_are_none() {
    let product = setup().start().unwrap();
    let body = form().file("a.jpg", &jpeg()).end();
    let chunked = |end: &[u8]| [format!("{:x}\r\n", body.len()).as_bytes(), &body, end].concat();
    for end in [&b"\r\n"[..], b"\r\n0\r\n", b"\r\nzz\r\n", b"\r\n-1\r\n", b"no line end", b"\r\nffffffffffffffffff\r\n"]
    {
        let mut connection = Raw::connect(product.url()).await.unwrap();
        let content_type = format!("Content-Type: multipart/form-data; boundary={BOUNDARY}");
        connection.head(PATH, &[content_type, "Transfer-Encoding: chunked".to_owned()]).await.unwrap();
        connection.send(chunked(end)).await.unwrap();
        let _ = connection.finish_sending().await;
        if let Ok(answer) = connection.answer().await {
            assert_eq!(answer.status, 400, "{:?}", String::from_utf8_lossy(end));
        }
    }
    product.keeps_nothing().await.unwrap();
    assert_nothing_kept(&product, "broken chunks").await;
}
