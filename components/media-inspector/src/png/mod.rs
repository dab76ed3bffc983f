//! PNG (third edition), chunk by chunk.
//!
//! Checked: the signature, every chunk's length, name, place and CRC, the header's fields, that there are exactly the
//! pixels it declares ([`pixels`]), that metadata does not unpack without end ([`metadata`]), and that nothing follows.
//! Interlaced, 16-bit and animated files are accepted; of an animation only the picture that stands for it is unpacked.
//! State: one header, one checksum, and what unpacking needs.

mod animation;
mod metadata;
mod pixels;

use crate::bytes::{Prefix, take};
use crate::crc::Crc;
use crate::{Limits, Refusal};
use animation::Animation;
use metadata::Metadata;
use pixels::{Pixels, Shape};

const SIGNATURE: [u8; 8] = *b"\x89PNG\r\n\x1a\n";

/// The specification keeps lengths below this so that readers may use signed integers.
const MAX_CHUNK: u32 = i32::MAX as u32;

/// The first bytes of a chunk: all of the header, or of a frame's control.
type Kept = Prefix<{ animation::CONTROL }>;

#[derive(Clone, Copy)]
enum State {
    Signature(Prefix<8>),
    /// Length and name of the next chunk.
    Head(Prefix<8>),
    /// The bytes of a chunk.
    Body {
        name: [u8; 4],
        left: u64,
        crc: Crc,
        kept: Kept,
    },
    Checksum {
        name: [u8; 4],
        crc: Crc,
        kept: Kept,
        read: Prefix<4>,
    },
    End,
}

/// How far the file has come; chunks have their places.
#[derive(Clone, Copy, PartialEq, PartialOrd)]
enum Place {
    Start,
    Header,
    Pixels,
    AfterPixels,
}

pub(crate) struct Png {
    limits: Limits,
    state: State,
    place: Place,
    size: (u32, u32),
    colour: u8,
    palette: bool,
    pixel_bytes: bool,
    /// There once the header was read.
    pixels: Option<Pixels>,
    metadata: Metadata,
    animation: Animation,
}

impl Png {
    pub(crate) fn new(limits: Limits) -> Self {
        Self {
            limits,
            state: State::Signature(Prefix::new()),
            place: Place::Start,
            size: (0, 0),
            colour: 0,
            palette: false,
            pixel_bytes: false,
            pixels: None,
            metadata: Metadata::new(*b"IHDR"),
            animation: Animation::default(),
        }
    }

    pub(crate) fn push(&mut self, mut data: &[u8]) -> Result<(), Refusal> {
        while !data.is_empty() {
            data = self.step(data)?;
        }
        Ok(())
    }

    pub(crate) fn finish(&self) -> Result<(u32, u32), Refusal> {
        match self.state {
            State::End => Ok(self.size),
            _ => Err(Refusal::Truncated),
        }
    }

    /// Consumes at least one byte and returns the rest.
    fn step<'a>(&mut self, data: &'a [u8]) -> Result<&'a [u8], Refusal> {
        let rest;
        self.state = match self.state {
            State::Signature(mut read) => {
                rest = read.fill(data);
                if !SIGNATURE.starts_with(read.get()) {
                    return Err(Refusal::NotAnImage);
                }
                if read.full().is_some() { State::Head(Prefix::new()) } else { State::Signature(read) }
            }
            State::Head(mut read) => {
                rest = read.fill(data);
                match read.full() {
                    Some(head) => self.head(head)?,
                    None => State::Head(read),
                }
            }
            State::Body { name, left, mut crc, mut kept } => {
                let (body, after) = take(data, left);
                rest = after;
                crc.update(body);
                kept.fill(body);
                match (&name, &mut self.pixels) {
                    (b"IDAT", Some(pixels)) => pixels.push(body)?,
                    _ => self.metadata.push(body)?,
                }
                body_or_checksum(name, left - body.len() as u64, crc, kept)
            }
            State::Checksum { name, crc, kept, mut read } => {
                rest = read.fill(data);
                match read.full() {
                    Some(sum) if u32::from_be_bytes(sum) != crc.value() => {
                        return Err(Refusal::Corrupt("a checksum does not match"));
                    }
                    Some(_) => self.chunk(name, &kept)?,
                    None => State::Checksum { name, crc, kept, read },
                }
            }
            State::End => return Err(Refusal::TrailingData),
        };
        Ok(rest)
    }

    /// A chunk begins: is this one allowed here?
    fn head(&mut self, head: [u8; 8]) -> Result<State, Refusal> {
        let [l0, l1, l2, l3, n0, n1, n2, n3] = head;
        let length = u32::from_be_bytes([l0, l1, l2, l3]);
        let name = [n0, n1, n2, n3];
        if length > MAX_CHUNK || !name.iter().all(u8::is_ascii_alphabetic) {
            return Err(Refusal::Corrupt("a chunk has no proper head"));
        }
        if (self.place == Place::Start) != (&name == b"IHDR") {
            return Err(Refusal::Corrupt("its header is not where it belongs"));
        }
        self.place(&name, length)?;
        self.metadata = Metadata::new(name);
        let mut crc = Crc::new();
        crc.update(&name);
        Ok(body_or_checksum(name, u64::from(length), crc, Prefix::new()))
    }

    fn all_pixels(&mut self) -> Result<(), Refusal> {
        if self.pixels.as_mut().is_some_and(Pixels::are_complete) { Ok(()) } else { Err(Refusal::Truncated) }
    }

    fn place(&mut self, name: &[u8; 4], length: u32) -> Result<(), Refusal> {
        match name {
            b"IHDR" if length == 13 => self.place = Place::Header,
            b"PLTE" if self.place == Place::Header && !self.palette && palette_fits(self.colour, length) => {
                self.palette = true;
            }
            b"IDAT" if self.place <= Place::Pixels && (self.palette || self.colour != 3) => {
                self.place = Place::Pixels;
                self.pixel_bytes |= length > 0;
            }
            b"IEND" if self.pixel_bytes && length == 0 => return self.all_pixels(),
            b"IHDR" | b"PLTE" | b"IDAT" | b"IEND" => {
                return Err(Refusal::Corrupt("a chunk is missing, repeated or misplaced"));
            }
            // An upper-case first letter: nobody who does not know the chunk can show the image.
            [first, ..] if first.is_ascii_uppercase() => {
                return Err(Refusal::Unsupported("a PNG extension"));
            }
            _ if self.place == Place::Pixels => self.place = Place::AfterPixels,
            _ => {}
        }
        Ok(())
    }

    /// A chunk is complete and its checksum was right.
    fn chunk(&mut self, name: [u8; 4], kept: &Kept) -> Result<State, Refusal> {
        match (&name, kept.get().first_chunk()) {
            (b"IHDR", Some(header)) => self.header(*header)?,
            (b"IEND", _) => return Ok(State::End),
            (b"fcTL", _) => self.animation.frame(kept.get(), self.size, self.place == Place::Header)?,
            (b"fdAT", _) => self.animation.data(kept.get())?,
            _ => {}
        }
        Ok(State::Head(Prefix::new()))
    }

    fn header(&mut self, header: [u8; 13]) -> Result<(), Refusal> {
        let [w0, w1, w2, w3, h0, h1, h2, h3, depth, colour, compression, filter, interlace] = header;
        let size = (u32::from_be_bytes([w0, w1, w2, w3]), u32::from_be_bytes([h0, h1, h2, h3]));
        let depth_fits = match colour {
            0 => matches!(depth, 1 | 2 | 4 | 8 | 16),
            3 => matches!(depth, 1 | 2 | 4 | 8),
            2 | 4 | 6 => matches!(depth, 8 | 16),
            _ => false,
        };
        if !depth_fits || compression != 0 || filter != 0 || interlace > 1 || size.0 == 0 || size.1 == 0 {
            return Err(Refusal::Corrupt("its header makes no sense"));
        }
        self.limits.check_size(size.0, size.1)?;
        (self.size, self.colour) = (size, colour);
        let channels = match colour {
            2 => 3,
            4 => 2,
            6 => 4,
            _ => 1,
        };
        let shape =
            Shape { width: size.0, height: size.1, bits_per_pixel: depth * channels, interlaced: interlace == 1 };
        self.pixels = Some(Pixels::new(shape));
        Ok(())
    }
}

fn body_or_checksum(name: [u8; 4], left: u64, crc: Crc, kept: Kept) -> State {
    if left > 0 {
        State::Body { name, left, crc, kept }
    } else {
        State::Checksum { name, crc, kept, read: Prefix::new() }
    }
}

/// A palette has 1..256 entries of three bytes and belongs to no grey image.
fn palette_fits(colour: u8, length: u32) -> bool {
    matches!(colour, 2 | 3 | 6) && length.is_multiple_of(3) && (3..=768).contains(&length)
}
