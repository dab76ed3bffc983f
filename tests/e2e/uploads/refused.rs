//! Files that are refused: which code each gets, and that nothing of their batch stays.

use image2model_tests::craft::{Shape, png_of, zip};
use image2model_tests::photo;

use super::{assert_nothing_kept, errors, form, jpeg, post, setup};

/// Name, declared type, content, code.
type Case = (&'static str, &'static str, Vec<u8>, &'static str);

fn case(name: &'static str, content: impl Into<Vec<u8>>, code: &'static str) -> Case {
    let declared = if name.ends_with(".png") { "image/png" } else { "image/jpeg" };
    (name, declared, content.into(), code)
}

fn png() -> Vec<u8> {
    Shape::grey(64, 48).png(&[])
}

fn other_formats() -> Vec<Case> {
    vec![
        case("gif.png", *b"GIF89a\x01\0\x01\0\x80\0\0\0\0\0\xff\xff\xff!\xf9\x04\0;", "NOT_AN_IMAGE"),
        case("paper.jpg", *b"%PDF-1.7\n1 0 obj<</Type/Catalog>>endobj\ntrailer<</Root 1 0 R>>\n%%EOF", "NOT_AN_IMAGE"),
        case(
            "drawing.png",
            *b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>",
            "NOT_AN_IMAGE",
        ),
        case("page.jpg", *b"<!doctype html><script>alert(1)</script>", "NOT_AN_IMAGE"),
        case("modern.jpg", *b"RIFF\x24\0\0\0WEBPVP8 ", "NOT_AN_IMAGE"),
        case("phone.jpg", *b"\0\0\0\x18ftypheic\0\0\0\0", "NOT_AN_IMAGE"),
        case("bitmap.png", *b"BM\x46\0\0\0\0\0\0\0", "NOT_AN_IMAGE"),
        case("archive.jpg", zip(), "NOT_AN_IMAGE"),
        case("blank.png", vec![b' '; 500], "NOT_AN_IMAGE"),
        case("marker.jpg", *b"\xff\xd9\xff\xd8", "NOT_AN_IMAGE"),
        ("drawing.svg", "image/svg+xml", b"<svg/>".to_vec(), "UNSUPPORTED_EXTENSION"),
    ]
}

fn polyglots() -> Vec<Case> {
    vec![
        case("archive-after.jpg", [jpeg(), zip()].concat(), "TRAILING_DATA"),
        case("archive-after.png", [png(), zip()].concat(), "TRAILING_DATA"),
        case("page-after.png", [png(), b"<html><script>alert(1)</script>".to_vec()].concat(), "TRAILING_DATA"),
        case("film-after.jpg", [jpeg(), vec![0; 9], b"\0\0\0\x18ftypmp42".to_vec()].concat(), "TRAILING_DATA"),
        case("two.jpg", [jpeg(), jpeg()].concat(), "TRAILING_DATA"),
        case("two.png", [png(), png()].concat(), "TRAILING_DATA"),
        case("png-in.jpg", png(), "TYPE_MISMATCH"),
        case("jpeg-in.png", jpeg(), "TYPE_MISMATCH"),
    ]
}

fn declared_otherwise() -> Vec<Case> {
    let of = |name, declared, code| (name, declared, jpeg(), code);
    vec![
        of("says-png.jpg", "image/png", "TYPE_MISMATCH"),
        of("says-bytes.jpg", "application/octet-stream", "UNSUPPORTED_TYPE"),
        of("says-nothing.jpg", "", "UNSUPPORTED_TYPE"),
        of("says-text.jpeg", "text/html; charset=utf-8", "UNSUPPORTED_TYPE"),
        of("program.jpg.exe", "image/jpeg", "UNSUPPORTED_EXTENSION"),
        of("no-extension", "image/jpeg", "UNSUPPORTED_EXTENSION"),
        of("picture.gif", "image/gif", "UNSUPPORTED_EXTENSION"),
        of("picture.jpe", "image/jpeg", "UNSUPPORTED_EXTENSION"),
        of("jpg", "image/jpeg", "UNSUPPORTED_EXTENSION"),
    ]
}

fn damaged() -> Vec<Case> {
    let flipped = |at: usize| {
        let mut bytes = png();
        let at = if at == 0 { bytes.len() - 1 } else { at };
        bytes[at] ^= 1;
        bytes
    };
    let header = Shape::grey(64, 48).header();
    vec![
        case("bad-crc-of-header.png", flipped(30), "CORRUPT_IMAGE"),
        case("bad-crc-of-end.png", flipped(0), "CORRUPT_IMAGE"),
        case("no-pixels.png", png_of(&[(b"IHDR", &header), (b"IEND", b"")]), "CORRUPT_IMAGE"),
        case("no-end.png", png()[..png().len() - 12].to_vec(), "TRUNCATED_IMAGE"),
        case("no-end.jpg", jpeg()[..jpeg().len() - 2].to_vec(), "TRUNCATED_IMAGE"),
        case("only-magic.jpg", *b"\xff\xd8\xff", "TRUNCATED_IMAGE"),
        case("only-ends.jpg", *b"\xff\xd8\xff\xd9", "CORRUPT_IMAGE"),
        case("empty.jpg", Vec::new(), "EMPTY_FILE"),
        case("empty.png", Vec::new(), "EMPTY_FILE"),
    ]
}

fn sizes() -> Vec<Case> {
    let png = |width, height| Shape::grey(width, height).png(&[]);
    vec![
        case("narrow.png", png(31, 32), "IMAGE_TOO_SMALL"),
        case("flat.png", png(32, 31), "IMAGE_TOO_SMALL"),
        case("wide.png", png(8193, 32), "IMAGE_TOO_LARGE"),
        case("high.png", png(32, 8193), "IMAGE_TOO_LARGE"),
        case("many-pixels.png", png(8192, 4883), "IMAGE_TOO_LARGE"),
        case("narrow.jpg", photo::jpeg(31, 40, 1).unwrap(), "IMAGE_TOO_SMALL"),
        case("wide.jpg", photo::jpeg(8193, 32, 1).unwrap(), "IMAGE_TOO_LARGE"),
    ]
}

async fn each_and_all_together(cases: Vec<Case>) {
    let product = setup().start().unwrap();
    for (name, declared, content, code) in &cases {
        let answer = post(&product, &form().file_as("files", name, declared, content).end()).await;
        let problem = answer.problem(400).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(errors(&problem), [((*name).to_owned(), (*code).to_owned())], "{problem}");
        assert_nothing_kept(&product, name).await;
    }
    let good = jpeg();
    let mut batch = form().file("good.jpg", &good);
    for (name, declared, content, _) in &cases {
        batch = batch.file_as("files", name, declared, content);
    }
    let problem = post(&product, &batch.file("good-too.jpg", &good).end()).await.problem(400).unwrap();
    let all: Vec<(String, String)> = cases.iter().map(|(n, _, _, c)| ((*n).to_owned(), (*c).to_owned())).collect();
    assert_eq!(errors(&problem), all, "each bad file is named, in order, and no good one");
    assert_nothing_kept(&product, "the whole batch").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_second_of_two_files_of_one_name() {
    let product = setup().start().unwrap();
    let good = jpeg();
    let body = form().file("chair.jpg", &good).file("chair.jpg", &good[..good.len() - 2]).file("lamp.jpg", &good);
    let problem = post(&product, &body.end()).await.problem(400).unwrap();
    assert_eq!(errors(&problem), [("chair.jpg".to_owned(), "TRUNCATED_IMAGE".to_owned())]);
    assert_eq!(problem["details"]["errors"][0]["index"], 1, "{problem}");
    assert_nothing_kept(&product, "two files of one name").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn other_formats_under_an_images_name() {
    each_and_all_together(other_formats()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn files_that_are_two_things_at_once() {
    each_and_all_together(polyglots()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn names_and_types_that_do_not_agree() {
    each_and_all_together(declared_otherwise()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn damaged_and_empty_files() {
    each_and_all_together(damaged()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn pictures_too_small_or_too_large() {
    each_and_all_together(sizes()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_photograph_cut_at_every_tenth() {
    let photograph = photo::jpeg(320, 240, 1).unwrap();
    let picture = photo::png(160, 120, 1).unwrap();
    let mut cases = Vec::new();
    for tenth in 1..10 {
        cases.push(case("cut.jpg", photograph[..photograph.len() * tenth / 10].to_vec(), "TRUNCATED_IMAGE"));
        cases.push(case("cut.png", picture[..picture.len() * tenth / 10].to_vec(), "TRUNCATED_IMAGE"));
    }
    each_and_all_together(cases).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn files_in_an_encoding() {
    let product = setup().start().unwrap();
    let send = async |encoding: &str| {
        let encoding = format!("Content-Transfer-Encoding: {encoding}");
        let disposition = b"Content-Disposition: form-data; name=\"files\"; filename=\"a.jpg\"";
        let body = form().text("process", "false").part(&[disposition, encoding.as_bytes()], &jpeg()).end();
        post(&product, &body).await
    };
    for encoding in ["base64", "Quoted-Printable", "x-gzip"] {
        let problem = send(encoding).await.problem(400).unwrap();
        assert_eq!(errors(&problem), [("a.jpg".to_owned(), "UNSUPPORTED_ENCODING".to_owned())], "{encoding}");
    }
    assert_nothing_kept(&product, "files in an encoding").await;
    for encoding in ["binary", "8BIT", "7bit"] {
        assert_eq!(send(encoding).await.status, 200, "{encoding}");
    }
}
