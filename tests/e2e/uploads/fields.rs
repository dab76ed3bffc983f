//! The form's text fields: what each may be, in any order, and what is ignored.

use super::{PATH, assert_nothing_kept, form, jpeg, post, post_to, setup, taken};

#[tokio::test(flavor = "multi_thread")]
async fn options_within_their_ranges_are_taken() {
    let product = setup().start().unwrap();
    let cases = [
        ("face_limit", "1000", Some(1000)),
        ("face_limit", "500000", Some(500_000)),
        ("face_limit", " 20000 ", Some(20_000)),
        ("face_limit", "", None),
        ("texture", "HD", None),
        ("texture", "no", None),
        ("pbr", "True", None),
        ("pbr", "0", None),
        ("model", "tripo3d", None),
        ("model", "", None),
        ("priority", "low", None),
        ("priority", " high ", None),
    ];
    for (name, value, face_limit) in cases {
        let body = form().text("process", "false").text(name, value).file("a.jpg", &jpeg()).end();
        let job = taken(&post(&product, &body).await);
        assert_eq!(job["face_limit"].as_u64(), face_limit, "{name}={value}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn options_out_of_their_ranges_are_refused_by_name() {
    let product = setup().start().unwrap();
    let long = "x".repeat(5000);
    let cases = [
        ("face_limit", "999"),
        ("face_limit", "500001"),
        ("face_limit", "0"),
        ("face_limit", "-20000"),
        ("face_limit", "abc"),
        ("face_limit", "1e4"),
        ("face_limit", "20000.0"),
        ("face_limit", "99999999999999999999999"),
        ("face_limit", "٢٠٠٠٠"),
        ("face_limit", &long),
        ("texture", "hd"),
        ("pbr", "maybe"),
        ("process", "later"),
        ("priority", "urgent"),
        ("model", "../tripo3d"),
        ("model", "nothing-of-the-kind"),
        ("webhook_url", "http://example.com/"),
        ("webhook_url", "no address"),
    ];
    for (name, value) in cases {
        for body in [
            form().text(name, value).file("a.jpg", &jpeg()).end(),
            form().file("a.jpg", &jpeg()).text(name, value).end(),
        ] {
            let problem = post(&product, &body).await.problem(422).unwrap();
            assert_eq!(
                (&problem["error_code"], &problem["details"]["field"]),
                (&"VALIDATION_ERROR".into(), &name.into())
            );
            assert_nothing_kept(&product, name).await;
        }
    }
    let disposition = b"Content-Disposition: form-data; name=\"face_limit\"";
    let bytes = form().part(&[disposition], b"\xff\xfe").file("a.jpg", &jpeg()).end();
    post(&product, &bytes).await.problem(422).unwrap();
    let encoded = form().part(&[disposition, b"Content-Transfer-Encoding: base64"], b"MjAwMDA=").file("a.jpg", &jpeg());
    post(&product, &encoded.end()).await.problem(422).unwrap();
    assert_nothing_kept(&product, "fields that are no text").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn parts_come_in_any_order_and_unknown_ones_are_ignored() {
    let product = setup().start().unwrap();
    let body = form()
        .text("csrf_token", "whatever")
        .file_as("files", "a.jpg", "image/jpeg", &jpeg())
        .file_as("avatar", "notes.txt", "text/plain", b"not looked at")
        .text("face_limit", "5000")
        .file_as("files[]", "b.jpg", "image/jpeg", &jpeg())
        .part(&[b"X-Nothing: here"], b"a part without a name")
        .file_as("file", "c.jpg", "image/jpeg", &jpeg())
        .text("process", "false")
        .text("", "")
        .text("face_limit", "20000")
        .end();
    let job = taken(&post(&product, &body).await);
    let names: Vec<_> = job["files"].as_array().unwrap().iter().map(|file| file["filename"].clone()).collect();
    assert_eq!(names, ["a.jpg", "b.jpg", "c.jpg"]);
    assert_eq!(job["face_limit"], 20_000, "of a repeated field the last counts, as in the original");

    let unquoted = "multipart/form-data; boundary=X";
    let body = "--X\r\ncontent-disposition:form-data;name=process\r\n\r\nfalse\r\n--X\r\nCONTENT-DISPOSITION: form-data; filename=d.jpg; name=files\r\n\r\n";
    let body = [body.as_bytes(), &jpeg(), b"\r\n--X--"].concat();
    assert_eq!(taken(&post_to(&product, PATH, unquoted, &body).await)["total_files"], 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn one_image_has_a_route_of_its_own() {
    let product = setup().start().unwrap();
    let content_type = format!("multipart/form-data; boundary={}", super::BOUNDARY);
    let send = |path: &'static str, body: Vec<u8>| {
        let (product, content_type) = (&product, content_type.clone());
        async move { post_to(product, path, &content_type, &body).await }
    };
    let one = form().text("process", "false").file_as("file", "a.jpg", "image/jpeg", &jpeg());
    let two = one.clone().file_as("file", "b.jpg", "image/jpeg", &jpeg());
    let problem = send("/api/v1/upload/image", two.clone().end()).await.problem(400).unwrap();
    assert_eq!(super::errors(&problem), [("b.jpg".to_owned(), "TOO_MANY_FILES".to_owned())]);
    assert_nothing_kept(&product, "two images").await;
    for path in ["/api/v1/upload/image", "/api/v1/upload/image/", "/api/v1/upload/", "/api/v1/upload/batch/"] {
        assert_eq!(taken(&send(path, one.clone().end()).await)["total_files"], 1, "{path}");
    }
    let answer = send("/api/v1/upload/image", one.end()).await;
    let told = taken(&answer);
    for name in ["file_id", "filename", "file_size", "content_type"] {
        assert_eq!(told[name], told["files"][0][name], "{name}");
    }
    assert_eq!(told["status"], "pending");
    assert_eq!(taken(&send("/api/v1/upload/batch", two.end()).await)["total_files"], 2);
}
