//! Changes to inputs: bits, numbers, pieces taken out, doubled, moved, or brought in from a dictionary or another input.

use rand::Rng;
use rand::rngs::StdRng;

/// Values at which readers go wrong.
const NUMBERS: [u64; 12] =
    [0, 1, 0x7F, 0x80, 0xFF, 0x100, 0x7FFF, 0x8000, 0xFFFF, 0x7FFF_FFFF, 0x8000_0000, 0xFFFF_FFFF];

/// Changes `input` in one to eight ways; `other` is an input to take pieces from.
pub(crate) fn mutate(rng: &mut StdRng, input: &mut Vec<u8>, other: &[u8], dictionary: &[&[u8]], longest: usize) {
    for _ in 0..rng.random_range(1..=8) {
        change(rng, input, other, dictionary);
        input.truncate(longest);
    }
}

fn change(rng: &mut StdRng, input: &mut Vec<u8>, other: &[u8], dictionary: &[&[u8]]) {
    match rng.random_range(0..10) {
        0 => with_byte(rng, input, |rng, byte| *byte ^= 1 << rng.random_range(0..8)),
        1 => with_byte(rng, input, |rng, byte| *byte = rng.random()),
        2 => number(rng, input),
        3 => {
            let piece = range(rng, input.len(), 64);
            input.drain(piece);
        }
        4 => {
            let piece = input.get(range(rng, input.len(), 256)).unwrap_or_default().to_vec();
            insert(rng, input, &piece);
        }
        5 => {
            let piece = other.get(range(rng, other.len(), 1024)).unwrap_or_default();
            if rng.random() { insert(rng, input, piece) } else { overwrite(rng, input, piece) }
        }
        6 | 7 => {
            let Some(piece) = pick(rng, dictionary) else { return };
            if rng.random() { insert(rng, input, piece) } else { overwrite(rng, input, piece) }
        }
        8 => {
            let noise: Vec<u8> = (0..rng.random_range(1..16)).map(|_| rng.random()).collect();
            insert(rng, input, &noise);
        }
        _ => {
            let end = rng.random_range(0..=input.len());
            // Mostly whole inputs: what is cut is refused early.
            if rng.random_range(0..4) == 0 { input.truncate(end) } else { swap(rng, input) }
        }
    }
}

fn with_byte(rng: &mut StdRng, input: &mut [u8], change: impl FnOnce(&mut StdRng, &mut u8)) {
    if let Some(at) = position(rng, input.len())
        && let Some(byte) = input.get_mut(at)
    {
        change(rng, byte);
    }
}

/// Puts a number in, of one, two or four bytes in either order.
fn number(rng: &mut StdRng, input: &mut [u8]) {
    let Some(value) = pick(rng, &NUMBERS) else { return };
    let bytes = value.to_be_bytes();
    let width = 1 << rng.random_range(0..3);
    let mut piece = bytes.get(bytes.len() - width..).unwrap_or_default().to_vec();
    if rng.random() {
        piece.reverse();
    }
    overwrite(rng, input, &piece);
}

fn insert(rng: &mut StdRng, input: &mut Vec<u8>, piece: &[u8]) {
    let at = rng.random_range(0..=input.len());
    input.splice(at..at, piece.iter().copied());
}

fn overwrite(rng: &mut StdRng, input: &mut [u8], piece: &[u8]) {
    let at = rng.random_range(0..=input.len());
    for (to, from) in input.iter_mut().skip(at).zip(piece) {
        *to = *from;
    }
}

fn swap(rng: &mut StdRng, input: &mut [u8]) {
    if let (Some(a), Some(b)) = (position(rng, input.len()), position(rng, input.len())) {
        input.swap(a, b);
    }
}

fn position(rng: &mut StdRng, length: usize) -> Option<usize> {
    (length > 0).then(|| rng.random_range(0..length))
}

fn range(rng: &mut StdRng, length: usize, most: usize) -> std::ops::Range<usize> {
    let start = rng.random_range(0..=length);
    start..length.min(start + rng.random_range(0..=most))
}

fn pick<T: Copy>(rng: &mut StdRng, from: &[T]) -> Option<T> {
    position(rng, from.len()).and_then(|at| from.get(at).copied())
}
