//! Files that are small and would be vast: refused by what they declare or at the first byte too many, without memory.

use image2model_tests::craft::{Shape, packed};

use super::{assert_nothing_kept, errors, form, post, setup};

#[tokio::test(flavor = "multi_thread")]
async fn bombs_are_refused_and_cost_no_memory() {
    let product = setup().start().unwrap();
    let small = Shape::grey(64, 48);
    let vast = packed(200_000_000);
    let head = |text: &'static [u8]| [text, &vast].concat();
    let cases = [
        ("unpacks-to-200-megabytes.png", small.png_with(&[], &vast), "CORRUPT_IMAGE"),
        ("one-row-too-many.png", small.png_with(&[], &packed(small.unpacked() + 65)), "CORRUPT_IMAGE"),
        ("little-for-40-megapixels.png", Shape::grey(8192, 4882).png_with(&[], &packed(100)), "TRUNCATED_IMAGE"),
        ("declares-16-exapixels.png", Shape::grey(u32::MAX, u32::MAX).png_with(&[], &packed(100)), "IMAGE_TOO_LARGE"),
        ("profile.png", small.png(&[(b"iCCP", &head(b"profile\0\0"))]), "UNSUPPORTED_IMAGE"),
        ("text.png", small.png(&[(b"zTXt", &head(b"Comment\0\0"))]), "UNSUPPORTED_IMAGE"),
        ("words.png", small.png(&[(b"iTXt", &head(b"Comment\0\x01\0en\0Word\0"))]), "UNSUPPORTED_IMAGE"),
    ];
    post(&product, &form().file("warm.png", &small.png(&[])).text("process", "maybe").end()).await;
    let before = product.resident_bytes().unwrap();
    for (name, content, code) in &cases {
        let problem = post(&product, &form().file(name, content).end()).await.problem(400).unwrap();
        assert_eq!(errors(&problem), [((*name).to_owned(), (*code).to_owned())]);
        assert_nothing_kept(&product, name).await;
    }
    let grown = product.resident_bytes().unwrap().saturating_sub(before) / (1024 * 1024);
    assert!(grown <= 64, "the host grew by {grown} MiB");
}
