//! File names are data: shown cleaned, in whatever form they came, and never a path.

use image2model_tests::client::text;
use image2model_tests::raw::RawForm;

use super::{assert_nothing_kept, errors, form, jpeg, post, setup, taken};

/// A file whose `Content-Disposition` ends with these bytes.
fn named(form: RawForm, parameters: &[u8]) -> RawForm {
    let disposition = [b"Content-Disposition: form-data; name=\"files\"; ".as_slice(), parameters].concat();
    form.part(&[&disposition, b"Content-Type: image/jpeg"], &jpeg())
}

#[tokio::test(flavor = "multi_thread")]
async fn every_form_of_a_name_is_read_and_cleaned() {
    let product = setup().start().unwrap();
    let long = format!("filename=\"{}.jpg\"", "a".repeat(300));
    let long_words = format!("filename=\"{}.jpg\"", "стул".repeat(75));
    let cases: [(&[u8], &str); 20] = [
        (b"filename=\"chair.jpg\"", "chair.jpg"),
        (b"filename=chair.jpg", "chair.jpg"),
        (b"filename=\"../../../etc/passwd.jpg\"", "passwd.jpg"),
        (b"filename=\"..\\..\\windows\\chair.jpg\"", "chair.jpg"),
        (b"filename=\"C:\\photos\\chair.jpg\"", "chair.jpg"),
        (b"filename=\"/etc/cron.d/chair.jpg\"", "chair.jpg"),
        ("filename=\"gpj.\u{202e}evil.jpg\"".as_bytes(), "gpj.evil.jpg"),
        ("filename=\"стул 🪑.jpg\"".as_bytes(), "стул 🪑.jpg"),
        (b"filename=\"e.jpg\"; filename*=UTF-8''%D1%81%D1%82%D1%83%D0%BB.jpg", "стул.jpg"),
        (b"filename*=utf-8'en'%F0%9F%AA%91.jpg; filename=\"e.jpg\"", "🪑.jpg"),
        (b"filename*=UTF-8''..%2F..%2Fchair%00%0A.jpg", "chair.jpg"),
        (b"filename=\"a \\\"quoted\\\" chair.jpg\"", "a quoted chair.jpg"),
        (b"filename=\"semi;colon; name=x.jpg\"", "semi;colon; name=x.jpg"),
        (b"filename=\"<img src=x onerror=alert(1)>.jpg\"", "img src=x onerror=alert(1).jpg"),
        (b"filename=\"CON.jpg\"", "_CON.jpg"),
        (b"filename=\"lpt1.tar.jpg\"", "_lpt1.tar.jpg"),
        (b"filename=\"...chair.jpg...\"", "chair.jpg"),
        (b"filename=\"caf\xe9.jpg\"", "caf\u{fffd}.jpg"),
        (b"filename=\"twice.jpg\"", "twice.jpg"),
        (b"filename=\"twice.jpg\"", "twice.jpg"),
    ];
    let mut body = form().text("process", "false");
    for (parameters, _) in cases {
        body = named(body, parameters);
    }
    body = named(named(body, long.as_bytes()), long_words.as_bytes());
    let job = taken(&post(&product, &body.end()).await);
    let names: Vec<&str> = job["files"].as_array().unwrap().iter().map(|file| text(file, "filename")).collect();
    let expected: Vec<&str> = cases.iter().map(|(_, name)| *name).collect();
    assert_eq!(&names[..cases.len()], expected);
    for name in &names[cases.len()..] {
        assert!(name.len() <= 200 && name.ends_with(".jpg") && name.len() > 180, "{name}");
    }

    // On disk there are ids and nothing else.
    let plain = |c: char| c.is_ascii_hexdigit() || "/_originaljpgmetds.".contains(c);
    for file in product.kept().await.unwrap().files {
        assert!(file.chars().all(plain), "{file}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn names_that_cannot_be() {
    let product = setup().start().unwrap();
    post(&product, &named(form(), b"filename=\"ch\0air.jpg\"").end()).await.problem(400).unwrap();
    post(&product, &named(form(), b"filename=\"ch\rair.jpg\"").end()).await.problem(400).unwrap();
    let nameless = post(&product, &named(form(), b"filename=\"\"").end()).await.problem(400).unwrap();
    assert_eq!(errors(&nameless), [("image".to_owned(), "UNSUPPORTED_EXTENSION".to_owned())]);
    let absent = post(&product, &named(form(), b"x=y").end()).await.problem(400).unwrap();
    assert_eq!(errors(&absent), [("image".to_owned(), "UNSUPPORTED_EXTENSION".to_owned())]);
    let dots = post(&product, &named(form(), b"filename=\"../..\"").end()).await.problem(400).unwrap();
    assert_eq!(errors(&dots), [("image".to_owned(), "UNSUPPORTED_EXTENSION".to_owned())]);
    assert_nothing_kept(&product, "names that cannot be").await;
}
