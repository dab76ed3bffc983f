//! How much may be sent: files, bytes of one, bytes in all.

use image2model_tests::photo;
use image2model_tests::raw::Raw;

use super::{BOUNDARY, PATH, assert_nothing_kept, errors, form, jpeg, post, setup, taken};

const MEBIBYTE: usize = 1024 * 1024;

/// A JPEG of exactly so many bytes.
fn jpeg_of(bytes: usize) -> Vec<u8> {
    let mut file = photo::heavy_jpeg(bytes - 300, 1).unwrap();
    // Cameras pad with zero bytes.
    file.resize(bytes, 0);
    file
}

#[tokio::test(flavor = "multi_thread")]
async fn twenty_five_files_and_not_one_more() {
    let product = setup().start().unwrap();
    let mut body = form().text("process", "false");
    for n in 0..25 {
        body = body.file(&format!("{n}.jpg"), &jpeg());
    }
    // A field that nobody filled in is no file.
    let unfilled = body.clone().file_as("files", "", "application/octet-stream", b"");
    let more = body.clone().file("26.jpg", &jpeg()).file("27.png", &jpeg());
    let problem = post(&product, &more.end()).await.problem(400).unwrap();
    let too_many = |name: &str| (name.to_owned(), "TOO_MANY_FILES".to_owned());
    assert_eq!(errors(&problem), [too_many("26.jpg"), too_many("27.png")]);
    assert_nothing_kept(&product, "26 files").await;
    assert_eq!(taken(&post(&product, &body.end()).await)["total_files"], 25);
    assert_eq!(taken(&post(&product, &unfilled.end()).await)["total_files"], 25);
}

#[tokio::test(flavor = "multi_thread")]
async fn ten_mebibytes_and_not_one_byte_more() {
    let product = setup().start().unwrap();
    let most = jpeg_of(10 * MEBIBYTE);
    let body = |content: &[u8]| form().text("process", "false").file("a.jpg", content);
    let too_large = jpeg_of(10 * MEBIBYTE + 1);
    let problem = post(&product, &body(&too_large).end()).await.problem(413).unwrap();
    assert_eq!(errors(&problem), [("a.jpg".to_owned(), "FILE_TOO_LARGE".to_owned())]);
    let problem = post(&product, &body(&too_large).file("b.jpg", b"").end()).await.problem(400).unwrap();
    assert_eq!(errors(&problem).len(), 2, "{problem}");
    assert_nothing_kept(&product, "a file too large").await;
    let job = taken(&post(&product, &body(&most).end()).await);
    assert_eq!(job["files"][0]["file_size"].as_u64(), Some(10 * MEBIBYTE as u64));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_whole_upload_is_bounded_whether_it_says_its_length_or_not() {
    let product = setup().with("MAX_UPLOAD_SIZE", "65536").with("MAX_FILES_PER_BATCH", "2").start().unwrap();
    // Two files and one mebibyte for the form itself.
    let most = 2 * 65536 + MEBIBYTE;
    let body = form().file("a.jpg", &jpeg()).text("ignored", &"x".repeat(most)).end();
    let problem = post(&product, &body).await.problem(413).unwrap();
    assert_eq!(problem["details"]["max_bytes"].as_u64(), Some(most as u64));
    assert_nothing_kept(&product, "an announced length too great").await;

    let mut connection = Raw::connect(product.url()).await.unwrap();
    let content_type = format!("Content-Type: multipart/form-data; boundary={BOUNDARY}");
    connection.head(PATH, &[content_type.clone(), "Transfer-Encoding: chunked".to_owned()]).await.unwrap();
    for piece in body.chunks(100_000) {
        connection.send([format!("{:x}\r\n", piece.len()).as_bytes(), piece, b"\r\n"].concat()).await.unwrap();
    }
    connection.send("0\r\n\r\n").await.unwrap();
    connection.answer().await.unwrap().problem(413).unwrap();
    assert_nothing_kept(&product, "a length that was not announced").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn more_than_all_files_may_have_is_refused_by_its_length() {
    let product = setup().start().unwrap();
    let mut connection = Raw::connect(product.url()).await.unwrap();
    let headers = [
        format!("Content-Type: multipart/form-data; boundary={BOUNDARY}"),
        format!("Content-Length: {}", 26 * 10 * MEBIBYTE),
        "Expect: 100-continue".to_owned(),
    ];
    connection.head(PATH, &headers).await.unwrap();
    let answer = connection.answer().await.unwrap();
    assert_eq!(answer.problem(413).unwrap()["error_code"], "PAYLOAD_TOO_LARGE", "and no leave to send was given");
}
