//! What is not one whole image is refused, with the code that says why.

mod support;

use image2model_media_inspector::{Inspection, Limits, Refusal};
use miniz_oxide::deflate::compress_to_vec_zlib;
use support::{LIMITS, inspect};

const JPEG: &[u8] = include_bytes!("samples/baseline.jpg");
const TWO: &[u8] = include_bytes!("samples/two_pictures.jpg");
const PNG: &[u8] = include_bytes!("samples/colour.png");
const PALETTE: &[u8] = include_bytes!("samples/palette.png");

fn code(bytes: &[u8]) -> &'static str {
    inspect(bytes).err().map_or("accepted", |refusal| refusal.code())
}

/// Where `needle` begins.
#[cfg(test)]
fn find(bytes: &[u8], needle: &[u8]) -> usize {
    bytes.windows(needle.len()).position(|window| window == needle).unwrap()
}

/// A PNG of the given chunks, with right checksums.
#[cfg(test)]
fn png(chunks: &[(&[u8; 4], &[u8])]) -> Vec<u8> {
    let mut out = b"\x89PNG\r\n\x1a\n".to_vec();
    for (name, body) in chunks {
        out.extend(u32::try_from(body.len()).unwrap().to_be_bytes());
        let start = out.len();
        out.extend(*name);
        out.extend(*body);
        let mut crc = u32::MAX;
        for byte in &out[start..] {
            crc ^= u32::from(*byte);
            for _ in 0..8 {
                crc = if crc & 1 == 1 { 0xEDB8_8320 ^ (crc >> 1) } else { crc >> 1 };
            }
        }
        out.extend((!crc).to_be_bytes());
    }
    out
}

fn header(width: u32, height: u32, depth: u8, colour: u8, interlace: u8) -> [u8; 13] {
    let ([a, b, c, d], [e, f, g, h]) = (width.to_be_bytes(), height.to_be_bytes());
    [a, b, c, d, e, f, g, h, depth, colour, 0, 0, interlace]
}

#[test]
fn nothing_and_not_an_image() {
    assert_eq!(code(b""), "EMPTY_FILE");
    for bytes in
        [&b"GIF89a......"[..], b"%PDF-1.7", b"<html>", b"\xFF\xD9\xFF", b"\x89PNX\r\n\x1a\n", b"\0\0\0 ftypheic"]
    {
        assert_eq!(code(bytes), "NOT_AN_IMAGE");
    }
}

#[test]
fn every_shorter_piece_is_truncated() {
    for sample in [JPEG, PNG, PALETTE] {
        for end in 1..sample.len() {
            assert_eq!(code(&sample[..end]), "TRUNCATED_IMAGE", "ended after {end}");
        }
    }
}

#[test]
fn anything_after_the_image() {
    assert_eq!(code(&[JPEG, b"x"].concat()), "TRAILING_DATA");
    assert_eq!(code(&[JPEG, &[0, 0], b"....ftypmp42"].concat()), "TRAILING_DATA");
    assert_eq!(code(&[PNG, &[0]].concat()), "TRAILING_DATA");
    assert_eq!(code(&[PNG, PNG].concat()), "TRAILING_DATA");
    // A second picture that no index announced, and one more than was announced.
    assert_eq!(code(&[JPEG, JPEG].concat()), "TRAILING_DATA");
    assert_eq!(code(&[TWO, JPEG].concat()), "TRAILING_DATA");
}

#[test]
fn an_announced_picture_must_be_whole() {
    assert_eq!(code(&TWO[..TWO.len() - 1]), "TRUNCATED_IMAGE");
}

#[test]
fn size_limits_hold_from_the_header_on() {
    let refuse = |limits: Limits, bytes: &[u8]| Inspection::new(limits).push(bytes).unwrap_err();
    for (sample, seen) in [(JPEG, find(JPEG, &[0xFF, 0xC0]) + 19), (PNG, 33)] {
        // Only as many bytes as the header needs.
        let head = &sample[..seen];
        assert_eq!(refuse(Limits { max_side: 47, ..LIMITS }, head).code(), "IMAGE_TOO_LARGE");
        assert_eq!(refuse(Limits { min_side: 41, ..LIMITS }, head).code(), "IMAGE_TOO_SMALL");
        let refusal = refuse(Limits { max_pixels: 48 * 40 - 1, ..LIMITS }, head);
        assert_eq!(refusal, Refusal::TooManyPixels { width: 48, height: 40, max_pixels: 48 * 40 - 1 });
    }
}

#[test]
fn byte_limit_holds_before_the_end() {
    let mut inspection = Inspection::new(Limits { max_bytes: 100, ..LIMITS });
    assert_eq!(inspection.push(&JPEG[..100]), Ok(()));
    assert_eq!(inspection.push(&JPEG[100..101]), Err(Refusal::FileTooLarge { max_bytes: 100 }));
    // It stays refused.
    assert_eq!(inspection.push(&[]), Err(Refusal::FileTooLarge { max_bytes: 100 }));
    assert_eq!(inspection.finish(), Err(Refusal::FileTooLarge { max_bytes: 100 }));
}

#[test]
fn jpeg_codings_that_readers_do_not_know() {
    let at = find(JPEG, &[0xFF, 0xC0]);
    for coding in [0xC3, 0xC5, 0xC9, 0xCA, 0xCC, 0xCF, 0xDE] {
        let mut bytes = JPEG.to_vec();
        bytes[at + 1] = coding;
        assert_eq!(code(&bytes), "UNSUPPORTED_IMAGE", "{coding:x}");
    }
    let mut twelve_bits = JPEG.to_vec();
    twelve_bits[at + 4] = 12;
    assert_eq!(code(&twelve_bits), "UNSUPPORTED_IMAGE");
}

#[test]
fn a_jpeg_without_its_parts() {
    let frame = find(JPEG, &[0xFF, 0xC0]);
    let scan = find(JPEG, &[0xFF, 0xDA]);
    let length = usize::from(JPEG[frame + 3]) + 2;
    let without_frame = [&JPEG[..frame], &JPEG[frame + length..]].concat();
    assert_eq!(code(&without_frame), "CORRUPT_IMAGE");
    let two_frames = [&JPEG[..frame + length], &JPEG[frame..]].concat();
    assert_eq!(code(&two_frames), "CORRUPT_IMAGE");
    let without_scan = [&JPEG[..scan], &[0xFF, 0xD9]].concat();
    assert_eq!(code(&without_scan), "CORRUPT_IMAGE");
    let empty_scan = [&JPEG[..scan + 14], &[0xFF, 0xD9]].concat();
    assert_eq!(code(&empty_scan), "CORRUPT_IMAGE");
}

#[test]
fn a_png_with_a_wrong_checksum() {
    for at in [16, 29, 50, PNG.len() - 2] {
        let mut bytes = PNG.to_vec();
        bytes[at] ^= 1;
        assert_eq!(code(&bytes), "CORRUPT_IMAGE", "changed at {at}");
    }
}

/// As many zero bytes, packed as the content of `IDAT`.
#[cfg(test)]
fn packed(bytes: usize) -> Vec<u8> {
    compress_to_vec_zlib(&vec![0; bytes], 6)
}

/// Of 64 x 64 pixels in colour: rows of a filter and three bytes a pixel, over the seven passes.
const INTERLACED: usize = 8 * 25 + 8 * 25 + 8 * 49 + 16 * 49 + 16 * 97 + 32 * 97 + 32 * 193;
const PLAIN: usize = 64 * (1 + 64 * 3);

#[test]
fn png_chunks_in_their_places() {
    let ihdr = header(64, 64, 8, 2, 1);
    let pixels = packed(INTERLACED);
    let (front, back) = pixels.split_at(9);
    let of = |chunks: &[(&[u8; 4], &[u8])]| code(&png(chunks));
    assert_eq!(of(&[(b"IHDR", &ihdr), (b"IDAT", &pixels), (b"IEND", b"")]), "accepted", "interlaced");
    assert_eq!(of(&[(b"IHDR", &ihdr), (b"IDAT", front), (b"IDAT", back), (b"IEND", b"")]), "accepted", "in two");
    assert_eq!(of(&[(b"IHDR", &ihdr), (b"IEND", b"")]), "CORRUPT_IMAGE");
    assert_eq!(of(&[(b"IHDR", &ihdr), (b"IDAT", b""), (b"IEND", b"")]), "CORRUPT_IMAGE");
    assert_eq!(of(&[(b"IDAT", &pixels), (b"IHDR", &ihdr), (b"IEND", b"")]), "CORRUPT_IMAGE");
    assert_eq!(of(&[(b"IHDR", &ihdr), (b"IHDR", &ihdr)]), "CORRUPT_IMAGE");
    let split: &[(&[u8; 4], &[u8])] =
        &[(b"IHDR", &ihdr), (b"IDAT", front), (b"tEXt", b"k\0v"), (b"IDAT", back), (b"IEND", b"")];
    assert_eq!(of(split), "CORRUPT_IMAGE");
    assert_eq!(of(&[(b"IHDR", &ihdr), (b"IDAT", &pixels), (b"tEXt", b""), (b"IEND", b"")]), "accepted");
    assert_eq!(of(&[(b"IHDR", &ihdr), (b"NEWX", b"x")]), "UNSUPPORTED_IMAGE");
    let indexed = header(64, 64, 8, 3, 0);
    assert_eq!(of(&[(b"IHDR", &indexed), (b"IDAT", &pixels), (b"IEND", b"")]), "CORRUPT_IMAGE", "no palette");
}

#[test]
fn a_png_has_the_pixels_that_it_declares() {
    let of = |interlace: u8, pixels: &[u8]| {
        code(&png(&[(b"IHDR", &header(64, 64, 8, 2, interlace)), (b"IDAT", pixels), (b"IEND", b"")]))
    };
    for (interlace, bytes) in [(0, PLAIN), (1, INTERLACED)] {
        assert_eq!(of(interlace, &packed(bytes)), "accepted");
        assert_eq!(of(interlace, &packed(bytes - 1)), "TRUNCATED_IMAGE");
        assert_eq!(of(interlace, &packed(10)), "TRUNCATED_IMAGE");
        assert_eq!(of(interlace, &packed(bytes + 1)), "CORRUPT_IMAGE");
        // A bomb is given up at the first byte too many.
        assert_eq!(of(interlace, &packed(50_000_000)), "CORRUPT_IMAGE");
        assert_eq!(of(interlace, b"no zlib stream"), "CORRUPT_IMAGE");
    }
    let mut rows = vec![0; PLAIN];
    rows[1 + 64 * 3] = 5;
    assert_eq!(of(0, &compress_to_vec_zlib(&rows, 6)), "CORRUPT_IMAGE", "there is no filter 5");
}

#[test]
fn metadata_does_not_unpack_without_end() {
    let (ihdr, pixels) = (header(64, 64, 8, 2, 0), packed(PLAIN));
    let of = |name: &[u8; 4], content: &[u8]| {
        code(&png(&[(b"IHDR", &ihdr), (name, content), (b"IDAT", &pixels), (b"IEND", b"")]))
    };
    let kept = packed(100_000);
    let bomb = packed(20_000_000);
    for (name, head) in [(b"zTXt", &b"key\0\0"[..]), (b"iCCP", b"profile\0\0"), (b"iTXt", b"key\0\x01\0en\0word\0")] {
        assert_eq!(of(name, &[head, &kept].concat()), "accepted");
        assert_eq!(of(name, &[head, &bomb].concat()), "UNSUPPORTED_IMAGE");
        assert_eq!(of(name, &[head, b"no zlib stream"].concat()), "accepted", "readers leave it out");
        assert_eq!(of(name, &head[..3]), "accepted");
    }
    assert_eq!(of(b"iTXt", &[&b"key\0\0\0en\0word\0"[..], &bomb].concat()), "accepted", "it is not packed");
    assert_eq!(of(b"tEXt", &[&b"key\0\0"[..], &bomb].concat()), "accepted", "it is never packed");
}

#[test]
fn png_headers_that_make_no_sense() {
    for ihdr in [header(64, 64, 3, 2, 0), header(64, 64, 8, 5, 0), header(64, 64, 8, 2, 2), header(0, 64, 8, 2, 0)] {
        assert_eq!(code(&png(&[(b"IHDR", &ihdr)])), "CORRUPT_IMAGE");
    }
}

#[test]
fn a_png_chunk_of_an_impossible_length() {
    let mut bytes = PNG[..33].to_vec();
    bytes.extend(0x8000_0000_u32.to_be_bytes());
    bytes.extend(b"IDAT");
    assert_eq!(code(&bytes), "CORRUPT_IMAGE");
}

#[test]
fn messages_are_sentences_for_people() {
    assert_eq!(
        inspect(&png(&[(b"IHDR", &header(16, 9000, 8, 2, 0))])).unwrap_err().to_string(),
        "The image is 16 x 9000 pixels; each side may have at most 8192."
    );
}
