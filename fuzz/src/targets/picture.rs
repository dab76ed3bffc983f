//! The media inspector. What it says does not depend on how the bytes were cut; what it accepts as a PNG can be decoded and
//! has the size it said; what it accepts as a JPEG has a header that another reader reads too, with that size (that its
//! pixels decode is not promised: they are not looked at).

use std::io::Cursor;

use image::{ImageFormat, ImageReader};
use image2model_media_inspector::{Facts, Format, Inspection, Limits, Refusal};

use crate::{Complaint, Outcome, Target};

/// The service's own, but for the pixels: what is accepted here is decoded.
const LIMITS: Limits = Limits { max_bytes: 1 << 20, min_side: 1, max_side: 8192, max_pixels: 1_000_000 };

const JPEG_WORDS: &[&[u8]] = &[
    b"\xff\xd8\xff",
    b"\xff\xd9",
    b"\xff\xda",
    b"\xff\xc0\x00\x11\x08",
    b"\xff\xc2",
    b"\xff\xc4",
    b"\xff\xdb",
    b"\xff\xdd\x00\x04",
    b"\xff\xd0",
    b"\xff\xe1",
    b"\xff\xe2",
    b"\xff\xfe",
    b"\xff\x00",
    b"\xff\xff",
    b"\xff\x01",
    b"Exif\0\0",
    b"MPF\0II*\0",
    b"MPF\0MM\0*",
    b"\x01\xb0\x04\x00",
    b"\x00\x0c\x03\x01\x00\x02\x11\x03\x11\x00\x3f\x00",
    b"\0\0\0\0",
];

const PNG_WORDS: &[&[u8]] = &[
    b"\x89PNG\r\n\x1a\n",
    b"\0\0\0\x0dIHDR",
    b"IDAT",
    b"\0\0\0\0IEND\xae\x42\x60\x82",
    b"PLTE",
    b"tRNS",
    b"iCCP",
    b"zTXt",
    b"iTXt",
    b"tEXt",
    b"acTL",
    b"fcTL",
    b"fdAT",
    b"gAMA",
    b"cHRM",
    b"sRGB",
    b"eXIf",
    b"pHYs",
    b"\x78\x9c",
    b"\x78\x01",
    b"\0\0\0\0",
];

/// JPEG.
pub(super) const JPEG: Target =
    Target { name: "jpeg", run: jpeg, dictionary: JPEG_WORDS, mend: None, longest: 64 * 1024 };
/// PNG.
pub(super) const PNG: Target =
    Target { name: "png", run: png, dictionary: PNG_WORDS, mend: Some(mend_checksums), longest: 64 * 1024 };

fn inspect<'a>(chunks: impl Iterator<Item = &'a [u8]>) -> Result<Facts, Refusal> {
    let mut inspection = Inspection::new(LIMITS);
    for chunk in chunks {
        inspection.push(chunk)?;
    }
    inspection.finish()
}

/// The verdict on the whole, which has to be the same in pieces.
fn verdict(input: &[u8]) -> Result<Result<Facts, Refusal>, Complaint> {
    let whole = inspect(std::iter::once(input));
    // A length that the input itself chooses, so that a failure can be run again.
    let length = 1 + input.iter().fold(0_usize, |sum, byte| sum + usize::from(*byte)) % 97;
    let pieces = inspect(input.chunks(length));
    if whole == pieces { Ok(whole) } else { Err(format!("{whole:?} as a whole, {pieces:?} in pieces of {length}")) }
}

/// The refusal without the numbers in it.
fn refused(refusal: Refusal) -> Outcome {
    Outcome::of(refusal.to_string().replace(|c: char| c.is_ascii_digit(), ""))
}

/// By its kind and how large it is, roughly.
fn taken(facts: &Facts, kind: &str) -> Outcome {
    Outcome::of((kind, facts.width.ilog2(), facts.height.ilog2(), facts.bytes.ilog2()))
}

fn jpeg(input: &[u8]) -> Result<Outcome, Complaint> {
    match verdict(input)? {
        Err(refusal) => Ok(refused(refusal)),
        Ok(Facts { format: Format::Png, .. }) => Ok(Outcome::of("png")),
        Ok(facts) => {
            let plain = without_metadata(input);
            let read = ImageReader::with_format(Cursor::new(plain), ImageFormat::Jpeg).into_dimensions();
            match read {
                Ok(size) if size == (facts.width, facts.height) => Ok(taken(&facts, "jpeg")),
                Ok(size) => Err(format!("{facts:?}, but another reader sees {size:?}")),
                Err(error) if never_learnt(&error.to_string()) => Ok(taken(&facts, "rare")),
                Err(error) => Err(format!("{facts:?}, but another reader says {error}")),
            }
        }
    }
}

/// What is rare but allowed (ITU-T T.81: factors of three, B.2.2; a DNL segment, B.2.5), and that reader does not know.
fn never_learnt(complaint: &str) -> bool {
    complaint.contains("not a power of two") || complaint.contains("`DNL` is not supported")
}

fn png(input: &[u8]) -> Result<Outcome, Complaint> {
    match verdict(input)? {
        Err(refusal) => Ok(refused(refusal)),
        Ok(Facts { format: Format::Jpeg, .. }) => Ok(Outcome::of("jpeg")),
        Ok(facts) => match reader(input, ImageFormat::Png).decode() {
            Ok(image) if (image.width(), image.height()) == (facts.width, facts.height) => {
                Ok(taken(&facts, &format!("{:?}", image.color())))
            }
            Ok(image) => Err(format!("{facts:?}, but decoded it has {} x {}", image.width(), image.height())),
            Err(error) => Err(format!("{facts:?}, but it cannot be decoded: {error}")),
        },
    }
}

/// Application segments and comments belong to whoever wrote them: readers differ in what they make of them.
fn without_metadata(jpeg: &[u8]) -> Vec<u8> {
    let (mut plain, mut rest) = (Vec::new(), jpeg);
    while let [0xFF, marker, after @ ..] = rest {
        let length = match marker {
            0xFF => {
                rest = rest.get(1..).unwrap_or_default();
                continue;
            }
            0xD8 => 0,
            0xDA => break,
            _ => after.first_chunk().map_or(0, |length| usize::from(u16::from_be_bytes(*length))),
        };
        let (segment, more) = rest.split_at_checked(2 + length).unwrap_or((rest, &[]));
        if !matches!(marker, 0xE0..=0xEF | 0xFE) {
            plain.extend_from_slice(segment);
        }
        rest = more;
    }
    plain.extend_from_slice(rest);
    plain
}

fn reader(input: &[u8], format: ImageFormat) -> ImageReader<Cursor<&[u8]>> {
    ImageReader::with_format(Cursor::new(input), format)
}

/// Gives every chunk the checksum of what it now holds.
fn mend_checksums(input: &mut [u8]) {
    let mut at = 8;
    while let Some(head) = input.get(at..at + 8) {
        let Some(length) = head.first_chunk().map(|length| u32::from_be_bytes(*length) as usize) else { return };
        let sum_at = at + 8 + length;
        let Some(named) = input.get(at + 4..sum_at) else { return };
        let sum = crc32fast::hash(named).to_be_bytes();
        let Some(place) = input.get_mut(sum_at..sum_at + 4) else { return };
        place.copy_from_slice(&sum);
        at = sum_at + 4;
    }
}
