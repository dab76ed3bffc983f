//! Packed metadata (`iCCP`, `zTXt`, `iTXt`): unpacked only to see that it stays within a bound, since whoever reads the
//! image later may unpack it whole. What cannot be unpacked harms nobody; readers leave it out.

use crate::Refusal;
use crate::inflate::Inflater;

/// What one chunk may unpack to, in bytes: more than any colour profile, far less than a bomb.
const MAX_UNPACKED: u64 = 8 * 1024 * 1024;

/// Where in its chunk the next byte stands (specification, sections 11.3.2.3 and 11.3.3).
enum State {
    /// Nothing that follows is packed.
    Plain,
    Keyword,
    Method,
    /// Whether an `iTXt` is packed.
    Flag,
    FlaggedMethod,
    /// The language and the translated keyword: so many zero bytes are to come.
    Texts(u8),
    Packed(Inflater),
}

/// One chunk of metadata.
pub(super) struct Metadata {
    state: State,
    international: bool,
    unpacked: u64,
}

impl Metadata {
    /// Of the chunk with this name.
    pub(super) fn new(name: [u8; 4]) -> Self {
        let packed = matches!(&name, b"iCCP" | b"zTXt" | b"iTXt");
        let state = if packed { State::Keyword } else { State::Plain };
        Self { state, international: &name == b"iTXt", unpacked: 0 }
    }

    /// Takes a piece of the chunk's content.
    pub(super) fn push(&mut self, mut data: &[u8]) -> Result<(), Refusal> {
        loop {
            match &mut self.state {
                State::Plain => return Ok(()),
                State::Packed(inflater) => {
                    if unpack(inflater, data, &mut self.unpacked)?.is_none() {
                        self.state = State::Plain;
                    }
                    return Ok(());
                }
                _ => {}
            }
            let Some((byte, rest)) = data.split_first() else { return Ok(()) };
            self.step(*byte);
            data = rest;
        }
    }

    fn step(&mut self, byte: u8) {
        let next = match (&self.state, byte) {
            (State::Keyword, 0) if self.international => State::Flag,
            (State::Keyword, 0) => State::Method,
            (State::Flag, 0) => State::Plain,
            (State::Flag, _) => State::FlaggedMethod,
            (State::FlaggedMethod, _) => State::Texts(2),
            (State::Texts(2), 0) => State::Texts(1),
            (State::Method, _) | (State::Texts(_), 0) => State::Packed(Inflater::new()),
            _ => return,
        };
        self.state = next;
    }
}

/// Adds what comes out; `None` when nothing can.
fn unpack(inflater: &mut Inflater, data: &[u8], unpacked: &mut u64) -> Result<Option<()>, Refusal> {
    let outcome = inflater.push(data, |piece| {
        *unpacked += piece.len() as u64;
        if *unpacked > MAX_UNPACKED { Err(Refusal::Unsupported("oversized metadata")) } else { Ok(()) }
    });
    match outcome {
        Err(Refusal::Corrupt(_)) => Ok(None),
        other => other.map(Some),
    }
}
