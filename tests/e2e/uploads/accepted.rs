//! Files that are odd but right: taken, described truly, stored byte for byte, and readable to whoever makes the model.

use image2model_tests::client::text;
use image2model_tests::craft::{Shape, exif_orientation, packed, png_of, sample, with_segment, zip};
use image2model_tests::{Product, photo};
use serde_json::Value;

use super::{form, jpeg, post, setup, taken};

/// Name, content, width, height.
type Case = (String, Vec<u8>, u32, u32);

/// As cameras and editors write them.
fn written_by_others() -> Vec<Case> {
    let names = ["baseline.jpg", "progressive.jpg", "grey.jpg", "cmyk.jpg", "restarts.jpg", "exif_thumbnail.jpg"];
    let more = ["two_pictures.jpg", "colour.png", "palette.png", "alpha.png", "grey16.png", "animated.png"];
    names.iter().chain(&more).map(|name| ((*name).to_owned(), sample(name).unwrap(), 48, 40)).collect()
}

/// Every combination of colour and depth that the specification has, plain and interlaced.
fn png_forms() -> Vec<Case> {
    let forms =
        [(0, 1), (0, 2), (0, 4), (0, 8), (0, 16), (2, 8), (2, 16), (3, 1), (3, 8), (4, 8), (4, 16), (6, 8), (6, 16)];
    let shapes = forms.into_iter().flat_map(|(colour, depth)| {
        [false, true].map(|interlaced| Shape { width: 37, height: 33, depth, colour, interlaced })
    });
    shapes
        .map(|shape| {
            let name = format!("colour{}-{}bit-{}.png", shape.colour, shape.depth, shape.interlaced);
            (name, shape.png(&[]), 37, 33)
        })
        .collect()
}

fn at_the_limits() -> Vec<Case> {
    let png = |width, height| (format!("{width}x{height}.png"), Shape::grey(width, height).png(&[]), width, height);
    vec![
        png(32, 32),
        png(8192, 32),
        png(32, 8192),
        png(8192, 4882),
        ("32x32.jpg".to_owned(), photo::jpeg(32, 32, 1).unwrap(), 32, 32),
        ("8192x32.jpg".to_owned(), photo::jpeg(8192, 32, 1).unwrap(), 8192, 32),
    ]
}

/// Whatever stands inside the image's own frame belongs to it.
fn with_more_inside() -> Vec<Case> {
    let small = Shape::grey(64, 48);
    let pixels = packed(small.unpacked());
    let (front, back) = pixels.split_at(pixels.len() / 2);
    let header = small.header();
    let in_pieces = png_of(&[
        (b"IHDR", &header),
        (b"IDAT", front),
        (b"IDAT", b""),
        (b"IDAT", back),
        (b"tIME", &[0; 7]),
        (b"IEND", b""),
    ]);
    let page = small.png(&[(b"tEXt", b"Comment\0<html><script>alert(1)</script>")]);
    let profile = small.png(&[(b"iCCP", &[b"profile\0\0".as_slice(), &packed(500_000)].concat())]);
    vec![
        ("in-pieces.png".to_owned(), in_pieces, 64, 48),
        ("page-inside.png".to_owned(), page, 64, 48),
        ("profile.png".to_owned(), profile, 64, 48),
        ("turned.jpg".to_owned(), with_segment(&jpeg(), 0xE1, &exif_orientation(6)), 64, 48),
        ("archive-inside.jpg".to_owned(), with_segment(&jpeg(), 0xFE, &zip()), 64, 48),
        ("padded.jpg".to_owned(), [jpeg(), vec![0; 300]].concat(), 64, 48),
        ("LOUD.JPEG".to_owned(), jpeg(), 64, 48),
        ("Loud.PNG".to_owned(), small.png(&[]), 64, 48),
    ]
}

/// Uploads the cases, as many at a time as may be, and looks at what is said of them and stored.
async fn are_taken_as_they_are(product: &Product, cases: &[Case]) {
    for batch in cases.chunks(25) {
        let mut body = form().text("process", "false");
        for (name, content, ..) in batch {
            body = body.file(name, content);
        }
        let job = taken(&post(product, &body.end()).await);
        let listed = job["files"].as_array().unwrap();
        assert_eq!(listed.len(), batch.len());
        for (file, (name, content, width, height)) in listed.iter().zip(batch) {
            assert_eq!(text(file, "filename"), name);
            let said = |field: &str| file[field].as_u64().unwrap();
            assert_eq!((said("width"), said("height")), (u64::from(*width), u64::from(*height)), "{name}");
            assert_eq!(said("file_size"), content.len() as u64, "{name}");
            assert_eq!(&stored(product, &job, file), content, "{name} is stored as it was sent");
        }
    }
}

fn stored(product: &Product, job: &Value, file: &Value) -> Vec<u8> {
    let extension = if text(file, "content_type") == "image/png" { "png" } else { "jpg" };
    let path = format!("uploads/{}/{}_original.{extension}", text(job, "job_id"), text(file, "file_id"));
    std::fs::read(product.data().join(path)).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn odd_but_right_files_are_taken_as_they_are() {
    let product = setup().start().unwrap();
    for cases in [written_by_others(), png_forms(), at_the_limits(), with_more_inside()] {
        are_taken_as_they_are(&product, &cases).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_part_may_leave_its_type_out_and_old_types_are_known() {
    let product = setup().start().unwrap();
    let disposition = b"Content-Disposition: form-data; name=\"files\"; filename=\"untyped.jpg\"";
    let body = form()
        .text("process", "false")
        .part(&[disposition], &jpeg())
        .file_as("files", "old.jpg", "image/pjpeg", &jpeg())
        .file_as("files", "odd.jpg", "IMAGE/JPG; q=1", &jpeg());
    assert_eq!(taken(&post(&product, &body.end()).await)["total_files"], 3);
}

/// The simulator decodes each picture to make its model, so what is taken is also readable.
#[tokio::test(flavor = "multi_thread")]
async fn odd_but_right_files_become_models() {
    let product = setup().start().unwrap();
    let mut body = form();
    for (name, content, ..) in written_by_others().iter().chain(&with_more_inside()) {
        body = body.file(name, content);
    }
    let job = taken(&post(&product, &body.end()).await);
    let status = product.client().unwrap().ended(text(&job, "job_id")).await.unwrap();
    assert_eq!(status["status"], "completed", "{status}");
}
