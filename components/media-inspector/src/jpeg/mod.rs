//! JPEG (ISO/IEC 10918-1), segment by segment.
//!
//! Accepted: baseline, extended and progressive Huffman coding with 8 bits a sample (SOF0, SOF1, SOF2), grey, colour and
//! CMYK, any number of scans. Refused as unsupported: arithmetic, lossless and hierarchical coding, 12 bits, a height
//! given only after the scan. Tables have to make sense ([`tables`]); that the pixels decode with them is not looked at. Metadata is skipped by its length, so a thumbnail inside EXIF is never taken for the image.
//! After the end: zero bytes, which cameras pad with, and the further images that a Multi-Picture index (CIPA DC-007)
//! announced, as phones write for HDR gain maps, each checked in the same way. Anything else is trailing data.
//! State: one segment's first bytes, one table's counts.

mod frame;
mod mpf;
mod tables;

use crate::bytes::{Prefix, take};
use crate::{Limits, Refusal};
use frame::Components;
use tables::{DHT, DQT, Tables};

const SOI: u8 = 0xD8;
const EOI: u8 = 0xD9;
const SOS: u8 = 0xDA;
const DRI: u8 = 0xDD;
const APP2: u8 = 0xE2;

/// How much of a segment is kept for reading: a frame header takes 18 bytes, the head of a Multi-Picture index fewer
/// than 100.
type Kept = Prefix<128>;

#[derive(Clone, Copy)]
enum State {
    /// How many bytes of `FF D8 FF` were seen.
    Start(u8),
    /// Before a marker; everything else is an error here.
    Marker,
    /// After the `FF` of a marker.
    Code,
    Length {
        marker: u8,
        read: Prefix<2>,
    },
    Segment {
        marker: u8,
        left: u64,
        kept: Kept,
    },
    /// Entropy-coded data. `any`: some of it was seen. `ff`: the last byte was `FF`.
    Scan {
        any: bool,
        ff: bool,
    },
    /// After the end of an image.
    End,
}

pub(crate) struct Jpeg {
    limits: Limits,
    state: State,
    /// Of the first image.
    size: Option<(u32, u32)>,
    /// How many further images may follow the first.
    announced: u32,
    /// The image being read is one of those.
    further: bool,
    has_frame: bool,
    has_scan: bool,
    /// Of the present image.
    components: Components,
    /// Of the present segment, when it holds tables.
    tables: Option<Tables>,
}

impl Jpeg {
    pub(crate) fn new(limits: Limits) -> Self {
        Self {
            limits,
            state: State::Start(0),
            size: None,
            announced: 0,
            further: false,
            has_frame: false,
            has_scan: false,
            components: Components::default(),
            tables: None,
        }
    }

    pub(crate) fn push(&mut self, mut data: &[u8]) -> Result<(), Refusal> {
        while !data.is_empty() {
            data = self.step(data)?;
        }
        Ok(())
    }

    pub(crate) fn finish(&self) -> Result<(u32, u32), Refusal> {
        match (self.state, self.size) {
            (State::End, Some(size)) => Ok(size),
            _ => Err(Refusal::Truncated),
        }
    }

    /// Consumes at least one byte and returns the rest.
    fn step<'a>(&mut self, data: &'a [u8]) -> Result<&'a [u8], Refusal> {
        match self.state {
            State::Segment { marker, left, kept } => return self.segment(data, marker, left, kept),
            State::Scan { any, ff: false } => return Ok(self.scan(data, any)),
            State::Length { marker, mut read } => {
                let rest = read.fill(data);
                self.state = match read.full() {
                    Some(length) => self.length(marker, u16::from_be_bytes(length))?,
                    None => State::Length { marker, read },
                };
                return Ok(rest);
            }
            _ => {}
        }
        let Some((byte, rest)) = data.split_first() else { return Ok(data) };
        self.state = self.byte(*byte)?;
        Ok(rest)
    }

    /// The states that look at one byte at a time.
    fn byte(&mut self, byte: u8) -> Result<State, Refusal> {
        match (self.state, byte) {
            (State::Start(0), 0xFF) => Ok(State::Start(1)),
            (State::Start(1), SOI) => Ok(State::Start(2)),
            (State::Start(2), 0xFF) => Ok(State::Code),
            (State::Start(_), _) if self.further => Err(Refusal::TrailingData),
            (State::Start(_), _) => Err(Refusal::NotAnImage),
            (State::Marker, 0xFF) => Ok(State::Code),
            // Any number of FF may stand before a marker.
            (State::Code, 0xFF) => Ok(State::Code),
            (State::Code, marker) => self.marker(marker),
            (State::Scan { any, .. }, _) => self.after_ff(byte, any),
            (State::End, 0) => Ok(State::End),
            (State::End, 0xFF) if self.announced > 0 => {
                self.announced -= 1;
                (self.further, self.has_frame, self.has_scan) = (true, false, false);
                Ok(State::Start(1))
            }
            (State::End, _) => Err(Refusal::TrailingData),
            _ => Err(Refusal::Corrupt("a segment does not begin where it should")),
        }
    }

    fn marker(&mut self, marker: u8) -> Result<State, Refusal> {
        match marker {
            EOI if self.has_scan => Ok(State::End),
            EOI => Err(Refusal::Corrupt("it ends before its pixels")),
            SOS if !self.has_frame => Err(Refusal::Corrupt("its pixels come before its size")),
            0xC3 | 0xC5..=0xC7 | 0xCB | 0xCD..=0xCF | 0xDE | 0xDF => {
                Err(Refusal::Unsupported("lossless or hierarchical JPEG coding"))
            }
            0xC9 | 0xCA | 0xCC => Err(Refusal::Unsupported("arithmetic JPEG coding")),
            0xC0..=0xC2 if self.has_frame => Err(Refusal::Corrupt("it declares its size twice")),
            0x00..=0xBF | 0xC8 | 0xD0..=0xD8 => Err(Refusal::Corrupt("it has a marker that does not belong")),
            _ => Ok(State::Length { marker, read: Prefix::new() }),
        }
    }

    /// A segment's length counts its own two bytes.
    fn length(&mut self, marker: u8, length: u16) -> Result<State, Refusal> {
        self.tables = matches!(marker, DHT | DQT).then(|| Tables::new(marker));
        match u64::from(length).checked_sub(2) {
            None => Err(Refusal::Corrupt("a segment has an impossible length")),
            Some(0) => self.complete(marker, &Kept::new()),
            Some(left) => Ok(State::Segment { marker, left, kept: Kept::new() }),
        }
    }

    fn segment<'a>(&mut self, data: &'a [u8], marker: u8, left: u64, mut kept: Kept) -> Result<&'a [u8], Refusal> {
        let (body, rest) = take(data, left);
        kept.fill(body);
        if let Some(tables) = &mut self.tables {
            tables.push(body)?;
        }
        let left = left - body.len() as u64;
        self.state = if left > 0 { State::Segment { marker, left, kept } } else { self.complete(marker, &kept)? };
        Ok(rest)
    }

    fn complete(&mut self, marker: u8, kept: &Kept) -> Result<State, Refusal> {
        match marker {
            0xC0..=0xC2 => {
                let size = frame::size(kept.get())?;
                self.components = Components::of_frame(kept.get())?;
                // The limits are for the picture itself; a gain map beside it may have any size.
                if !self.further {
                    self.limits.check_size(size.0, size.1)?;
                    self.size = Some(size);
                }
                self.has_frame = true;
            }
            SOS => {
                self.components.check_scan(kept.get())?;
                return Ok(State::Scan { any: false, ff: false });
            }
            DHT | DQT => self.tables.map_or(Ok(()), |tables| tables.finish())?,
            DRI if kept.get().len() != 2 => return Err(Refusal::Corrupt("a part of it has no proper header")),
            APP2 if !self.further && !self.has_frame => {
                self.announced = self.announced.max(mpf::further_images(kept.get()));
            }
            _ => {}
        }
        Ok(State::Marker)
    }

    /// Passes over entropy-coded bytes up to the next `FF`.
    fn scan<'a>(&mut self, data: &'a [u8], any: bool) -> &'a [u8] {
        match memchr::memchr(0xFF, data) {
            Some(at) => {
                self.state = State::Scan { any: any || at > 0, ff: true };
                data.get(at + 1..).unwrap_or_default()
            }
            None => {
                self.state = State::Scan { any: true, ff: false };
                &[]
            }
        }
    }

    /// Within a scan, `FF` is followed by a stuffed zero, a restart, or the marker that ends the scan.
    fn after_ff(&mut self, byte: u8, any: bool) -> Result<State, Refusal> {
        match byte {
            0x00 => Ok(State::Scan { any: true, ff: false }),
            0xD0..=0xD7 if any => Ok(State::Scan { any, ff: false }),
            0xFF => Ok(State::Scan { any, ff: true }),
            _ if !any => Err(Refusal::Corrupt("a part of it has no pixels")),
            marker => {
                self.has_scan = true;
                self.marker(marker)
            }
        }
    }
}
