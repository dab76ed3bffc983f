//! Forms that are written badly, or in ways that few clients write them.

use super::{BOUNDARY, PATH, assert_nothing_kept, form, jpeg, post, post_to, setup, taken};
use image2model_tests::raw::RawForm;

/// Stores only, so that nothing is made of what these tests send.
fn one_file(boundary: &str) -> RawForm {
    RawForm::new(boundary).text("process", "false").file("a.jpg", &jpeg())
}

#[tokio::test(flavor = "multi_thread")]
async fn boundaries() {
    let product = setup().start().unwrap();
    let send = async |content_type: &str, boundary: &str| {
        post_to(&product, PATH, content_type, &one_file(boundary).end()).await
    };
    let (short, long) = ("x".repeat(70), "x".repeat(71));
    let of = |boundary: &str| format!("multipart/form-data; boundary={boundary}");
    for (content_type, boundary) in [
        (of("X"), "X"),
        (of(&short), short.as_str()),
        (of("\"quoted one:'()+_,-./=?\""), "quoted one:'()+_,-./=?"),
        ("Multipart/Form-Data;charset=utf-8;BOUNDARY=X".to_owned(), "X"),
        (of("X; charset=utf-8"), "X"),
    ] {
        taken(&send(&content_type, boundary).await);
    }
    let kept = product.kept().await.unwrap();
    for (content_type, boundary) in [
        ("multipart/form-data".to_owned(), "X"),
        ("multipart/form-data; boundary".to_owned(), "X"),
        (of(""), "X"),
        (of("\"\""), "X"),
        (of("wrong"), "X"),
        (of(&long), long.as_str()),
        (of(&"x".repeat(1000)), "X"),
        // Part of another line, and therefore no boundary.
        (of("XX"), "X"),
    ] {
        let problem =
            send(&content_type, boundary).await.problem(400).unwrap_or_else(|e| panic!("{content_type}: {e}"));
        assert_eq!(problem["error_code"], "VALIDATION_ERROR");
    }
    assert_eq!(product.kept().await.unwrap(), kept);
}

#[tokio::test(flavor = "multi_thread")]
async fn other_media_types_and_no_body() {
    let product = setup().start().unwrap();
    let body = one_file(BOUNDARY).end();
    for content_type in
        ["application/json", "application/x-www-form-urlencoded", "multipart/mixed; boundary=X", "image/jpeg", "x", ""]
    {
        let problem = post_to(&product, PATH, content_type, &body).await.problem(415).unwrap();
        assert_eq!(problem["error_code"], "UNSUPPORTED_MEDIA_TYPE", "{content_type}");
    }
    post(&product, b"\r\n").await.problem(400).unwrap();
    post(&product, b"not a form at all, just words").await.problem(400).unwrap();
    let without_files = [
        Vec::new(),
        form().end(),
        form().text("face_limit", "5000").end(),
        form().file_as("files", "", "application/octet-stream", b"").end(),
    ];
    for body in without_files {
        let problem = post(&product, &body).await.problem(422).unwrap();
        let (code, field) = (&problem["error_code"], &problem["details"]["field"]);
        assert_eq!((code, field), (&"VALIDATION_ERROR".into(), &"files".into()));
    }
    let nothing = product.client().unwrap().request(reqwest::Method::POST, PATH).send().await.unwrap();
    assert_eq!(nothing.status(), 422, "neither a body nor a media type");
    assert_eq!(nothing.json::<serde_json::Value>().await.unwrap()["details"]["field"], "files");
    assert_nothing_kept(&product, "all of these").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn thousands_of_parts_and_endless_heads() {
    let product = setup().start().unwrap();
    let many = |part: &dyn Fn(RawForm) -> RawForm| {
        let mut form = form().file("a.jpg", &jpeg());
        for _ in 0..10_000 {
            form = part(form);
        }
        form.end()
    };
    let head = |length: usize| {
        let disposition = format!("Content-Disposition: form-data; name=\"{}\"", "n".repeat(length));
        form().file("a.jpg", &jpeg()).part(&[disposition.as_bytes()], b"x").end()
    };
    let lines = |count: usize| {
        let lines: Vec<String> = (0..count).map(|n| format!("X-Line-{n}: x")).collect();
        let lines: Vec<&[u8]> = lines.iter().map(String::as_bytes).collect();
        form().file("a.jpg", &jpeg()).part(&lines, b"x").end()
    };
    let cases = [
        ("10,000 empty fields", many(&|form| form.text("", ""))),
        ("10,000 parts without a head", many(&|form| form.part(&[], b""))),
        ("10,000 unfilled file fields", many(&|form| form.file_as("files", "", "application/octet-stream", b""))),
        ("a head of 64 KB", head(64 * 1024)),
        ("a head of 1 MB", head(1024 * 1024)),
        ("1,000 lines of head", lines(1000)),
        ("a head that does not end", form().raw(format!("--{BOUNDARY}\r\nX: ")).raw(vec![b'x'; 400_000]).unfinished()),
        ("a preamble that does not end", vec![b'x'; 1_000_000]),
    ];
    for (what, body) in &cases {
        let problem = post(&product, body).await.problem(400).unwrap_or_else(|error| panic!("{what}: {error}"));
        assert_eq!(problem["error_code"], "VALIDATION_ERROR", "{what}");
        assert_nothing_kept(&product, what).await;
    }
    let body = head(10_000);
    let body = [&body[..body.len() - 2], b"\r\n"].concat();
    assert_eq!(taken(&post(&product, &body).await)["total_files"], 1, "a long head is no harm");
}

#[tokio::test(flavor = "multi_thread")]
async fn line_ends_and_what_stands_around_the_form() {
    let product = setup().start().unwrap();
    for line_end in ["\n", "\r", "\n\r"] {
        let body = form().line_end(line_end).text("process", "false").file("a.jpg", &jpeg()).end();
        post(&product, &body).await.problem(400).unwrap();
        assert_nothing_kept(&product, "other line ends").await;
    }
    let whole = one_file(BOUNDARY).end();
    for (before, after) in [
        ("", "\r\n"),
        ("\r\n", ""),
        ("This is a form.\r\n", "\r\nThat was it."),
        ("--\r\n", "--"),
        ("", &"z".repeat(100_000)),
    ] {
        let body = [before.as_bytes(), &whole, after.as_bytes()].concat();
        assert_eq!(taken(&post(&product, &body).await)["total_files"], 1, "{before:?}");
    }
    // White space after a boundary is the transport's (RFC 2046, 5.1.1).
    let padded = one_file(BOUNDARY).end();
    let padded = String::from_utf8_lossy(&padded[..BOUNDARY.len() + 2]).into_owned() + " \t\r\n";
    let body = [padded.as_bytes(), &whole[BOUNDARY.len() + 4..]].concat();
    taken(&post(&product, &body).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn forms_that_are_cut_off_keep_nothing() {
    let product = setup().start().unwrap();
    let whole = form().text("face_limit", "5000").file("a.jpg", &jpeg()).file("b.jpg", &jpeg()).end();
    // The line end after the closing boundary may be missing, the boundary may not.
    let ends: Vec<usize> =
        (1..12).map(|twelfth| whole.len() * twelfth / 12).chain([whole.len() - 4, whole.len() - 3]).collect();
    for end in ends {
        let problem = post(&product, &whole[..end]).await.problem(400).unwrap_or_else(|e| panic!("at {end}: {e}"));
        assert_eq!(problem["error_code"], "VALIDATION_ERROR", "ended after {end}");
        assert_nothing_kept(&product, "a form cut off").await;
    }
    taken(&post(&product, &[&whole[..whole.len() - 2], b""].concat()).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn contents_that_look_like_boundaries() {
    let product = setup().start().unwrap();
    let looks = format!("\r\n--{}\r\n--\r\n\r\n--{BOUNDARY}x", &BOUNDARY[..BOUNDARY.len() - 1]);
    let image =
        image2model_tests::craft::with_segment(&jpeg(), 0xFE, &looks.as_bytes()[..looks.len() - BOUNDARY.len() - 3]);
    let job = taken(&post(&product, &form().text("process", "false").file("a.jpg", &image).end()).await);
    assert_eq!(job["files"][0]["file_size"].as_u64(), Some(image.len() as u64));
}
