//! Image files made byte by byte: odd ones that have to be accepted, and bad ones that a camera would never write.

use anyhow::Context;
use miniz_oxide::deflate::compress_to_vec_zlib;

/// A PNG of the given chunks, with right checksums.
#[must_use]
pub fn png_of(chunks: &[(&[u8; 4], &[u8])]) -> Vec<u8> {
    let mut out = b"\x89PNG\r\n\x1a\n".to_vec();
    for (name, content) in chunks {
        out.extend(u32::try_from(content.len()).unwrap_or(u32::MAX).to_be_bytes());
        let named = [name.as_slice(), content].concat();
        out.extend_from_slice(&named);
        out.extend(crc32fast::hash(&named).to_be_bytes());
    }
    out
}

/// What the header of a PNG says.
#[derive(Debug, Clone, Copy)]
pub struct Shape {
    /// Pixels.
    pub width: u32,
    /// Pixels.
    pub height: u32,
    /// Bits a sample.
    pub depth: u8,
    /// The specification's colour type: 0 grey, 2 colour, 3 palette, 4 grey with alpha, 6 colour with alpha.
    pub colour: u8,
    /// By Adam7.
    pub interlaced: bool,
}

impl Shape {
    /// Eight bits of grey a pixel.
    #[must_use]
    pub fn grey(width: u32, height: u32) -> Self {
        Self { width, height, depth: 8, colour: 0, interlaced: false }
    }

    /// The content of `IHDR`.
    #[must_use]
    pub fn header(&self) -> Vec<u8> {
        let tail = [self.depth, self.colour, 0, 0, u8::from(self.interlaced)];
        [&self.width.to_be_bytes()[..], &self.height.to_be_bytes(), &tail].concat()
    }

    /// Bytes of all rows, filters included.
    #[must_use]
    pub fn unpacked(&self) -> usize {
        let samples: u64 = match self.colour {
            2 => 3,
            4 => 2,
            6 => 4,
            _ => 1,
        };
        let bits = samples * u64::from(self.depth);
        let passes: &[(u32, u32, u32, u32)] = if self.interlaced {
            &[(0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2)]
        } else {
            &[(0, 0, 1, 1)]
        };
        let bytes = passes.iter().map(|(x, y, across, down)| {
            let (columns, rows) =
                (self.width.saturating_sub(*x).div_ceil(*across), self.height.saturating_sub(*y).div_ceil(*down));
            if columns == 0 { 0 } else { u64::from(rows) * (1 + (u64::from(columns) * bits).div_ceil(8)) }
        });
        usize::try_from(bytes.sum::<u64>()).unwrap_or(usize::MAX)
    }

    /// A black PNG of this shape; further chunks stand before its pixels.
    #[must_use]
    pub fn png(&self, further: &[(&[u8; 4], &[u8])]) -> Vec<u8> {
        self.png_with(further, &packed(self.unpacked()))
    }

    /// A PNG of this shape with any content of `IDAT`.
    #[must_use]
    pub fn png_with(&self, further: &[(&[u8; 4], &[u8])], pixels: &[u8]) -> Vec<u8> {
        let header = self.header();
        let mut chunks: Vec<(&[u8; 4], &[u8])> = vec![(b"IHDR", &header)];
        if self.colour == 3 {
            chunks.push((b"PLTE", &[0, 0, 0, 255, 255, 255]));
        }
        chunks.extend_from_slice(further);
        chunks.extend([(b"IDAT", pixels), (b"IEND", b"".as_slice())]);
        png_of(&chunks)
    }
}

/// So many zero bytes as a zlib stream.
#[must_use]
pub fn packed(bytes: usize) -> Vec<u8> {
    compress_to_vec_zlib(&vec![0; bytes], 9)
}

/// A JPEG with a further segment after its start.
#[must_use]
pub fn with_segment(jpeg: &[u8], marker: u8, content: &[u8]) -> Vec<u8> {
    let length = u16::try_from(content.len() + 2).unwrap_or(u16::MAX).to_be_bytes();
    let (start, rest) = jpeg.split_at_checked(2).unwrap_or((jpeg, &[]));
    [start, &[0xFF, marker], &length, content, rest].concat()
}

/// EXIF data that says nothing but how the picture is turned (1 to 8).
#[must_use]
pub fn exif_orientation(orientation: u8) -> Vec<u8> {
    let entry = [0x12, 0x01, 3, 0, 1, 0, 0, 0, orientation, 0, 0, 0];
    [b"Exif\0\0II*\0\x08\0\0\0\x01\0".as_slice(), &entry, &[0; 4]].concat()
}

/// A ZIP archive with one empty file, as small as they come.
#[must_use]
pub fn zip() -> Vec<u8> {
    let name = b"a.txt";
    let local = [b"PK\x03\x04\x0a\0".as_slice(), &[0; 20], &[5, 0, 0, 0], name].concat();
    let central = [b"PK\x01\x02\x0a\0\x0a\0".as_slice(), &[0; 20], &[5, 0, 0, 0], &[0; 14], name].concat();
    let sizes = [u8::try_from(central.len()).unwrap_or(0), 0, 0, 0, u8::try_from(local.len()).unwrap_or(0), 0, 0, 0];
    let end = [b"PK\x05\x06\0\0\0\0\x01\0\x01\0".as_slice(), &sizes, &[0, 0]].concat();
    [local, central, end].concat()
}

/// One of the pictures that cameras and editors wrote, 48 x 40 pixels (`components/media-inspector/tests/samples`).
///
/// # Errors
/// When there is none of this name.
pub fn sample(name: &str) -> anyhow::Result<Vec<u8>> {
    let path = crate::process::root().join("components/media-inspector/tests/samples").join(name);
    std::fs::read(&path).with_context(|| path.display().to_string())
}
