//! Pictures as other programs write them are accepted, however their bytes are cut into chunks.

mod support;

use image2model_media_inspector::{Facts, Format};
use proptest::prelude::*;
use support::{inspect, inspect_in};

const SAMPLES: [(&str, &[u8]); 12] = [
    ("baseline.jpg", include_bytes!("samples/baseline.jpg")),
    ("progressive.jpg", include_bytes!("samples/progressive.jpg")),
    ("grey.jpg", include_bytes!("samples/grey.jpg")),
    ("cmyk.jpg", include_bytes!("samples/cmyk.jpg")),
    ("restarts.jpg", include_bytes!("samples/restarts.jpg")),
    ("exif_thumbnail.jpg", include_bytes!("samples/exif_thumbnail.jpg")),
    ("two_pictures.jpg", include_bytes!("samples/two_pictures.jpg")),
    ("colour.png", include_bytes!("samples/colour.png")),
    ("palette.png", include_bytes!("samples/palette.png")),
    ("alpha.png", include_bytes!("samples/alpha.png")),
    ("grey16.png", include_bytes!("samples/grey16.png")),
    ("animated.png", include_bytes!("samples/animated.png")),
];

fn facts(name: &str, bytes: &[u8]) -> Facts {
    let format = if name.ends_with(".png") { Format::Png } else { Format::Jpeg };
    Facts { format, width: 48, height: 40, bytes: bytes.len() as u64 }
}

#[test]
fn whole_and_cut_at_every_place() {
    for (name, bytes) in SAMPLES {
        assert_eq!(inspect(bytes), Ok(facts(name, bytes)), "{name}");
        for at in 0..=bytes.len() {
            let (head, tail) = bytes.split_at(at);
            assert_eq!(inspect_in(&[head, tail]), Ok(facts(name, bytes)), "{name} cut at {at}");
        }
    }
}

#[test]
fn in_chunks_of_every_small_size() {
    for (name, bytes) in SAMPLES {
        for size in 1..=64 {
            let chunks: Vec<&[u8]> = bytes.chunks(size).collect();
            assert_eq!(inspect_in(&chunks), Ok(facts(name, bytes)), "{name} by {size}");
        }
    }
}

#[test]
fn zero_bytes_that_cameras_pad_with() {
    let (name, jpeg) = SAMPLES[0];
    let padded = [jpeg, &[0; 300]].concat();
    assert_eq!(inspect(&padded), Ok(facts(name, &padded)));
    let (_, two) = SAMPLES[6];
    let padded = [two, &[0; 7]].concat();
    assert_eq!(inspect(&padded), Ok(facts("two_pictures.jpg", &padded)));
}

#[test]
fn a_picture_exactly_at_the_limits() {
    let (name, bytes) = SAMPLES[0];
    let limits = image2model_media_inspector::Limits {
        max_bytes: bytes.len() as u64,
        min_side: 40,
        max_side: 48,
        max_pixels: 48 * 40,
    };
    let mut inspection = image2model_media_inspector::Inspection::new(limits);
    assert_eq!(inspection.push(bytes), Ok(()));
    assert_eq!(inspection.finish(), Ok(facts(name, bytes)));
}

proptest! {
    /// Whatever the bytes are, the verdict does not depend on how they were cut.
    #[test]
    fn cuts_never_change_the_verdict(
        sample in 0..SAMPLES.len(),
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..4),
        sizes in prop::collection::vec(1..200_usize, 1..8),
    ) {
        let mut bytes = SAMPLES[sample].1.to_vec();
        for (at, byte) in changes {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        let mut chunks = Vec::new();
        let mut rest = bytes.as_slice();
        for size in sizes.iter().cycle() {
            if rest.is_empty() { break; }
            let (head, tail) = rest.split_at(rest.len().min(*size));
            chunks.push(head);
            rest = tail;
        }
        prop_assert_eq!(inspect_in(&chunks), inspect(&bytes));
    }

    #[test]
    fn any_bytes_get_a_verdict(bytes in prop::collection::vec(any::<u8>(), 0..2000), jpeg in any::<bool>()) {
        let start: &[u8] = if jpeg { &[0xFF, 0xD8, 0xFF] } else { b"\x89PNG\r\n\x1a\n" };
        prop_assert!(inspect(&[start, &bytes].concat()).is_err());
    }
}
