//! What the bytes of a result are: their format, told by the first of them, and whether all have come.

use std::io;
use std::ops::RangeInclusive;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::{Bytes, BytesMut};
use futures::{StreamExt, stream};

use crate::worker::blobs::ByteStream;

/// Bytes that tell a model's format.
const MAGIC_BYTES: usize = 18;
/// The header of a GLB, which tells the length of the whole; no GLB is shorter.
const GLB_HEADER: u32 = 12;

/// The first bytes, and all of them again.
pub(super) async fn peek(mut bytes: ByteStream) -> io::Result<(Bytes, ByteStream)> {
    let mut head = BytesMut::new();
    while head.len() < MAGIC_BYTES {
        match bytes.next().await {
            Some(chunk) => head.extend_from_slice(&chunk?),
            None => break,
        }
    }
    let head = head.freeze();
    let again = stream::once(std::future::ready(Ok(head.clone()))).chain(bytes).boxed();
    Ok((head, again))
}

/// How many bytes a whole file has. A GLB says so itself, and knows better than FAL and the file's host; what follows after
/// its end does no harm.
pub(super) fn whole(head: &[u8], told: Option<u64>) -> RangeInclusive<u64> {
    if head.starts_with(b"glTF") {
        let length = head.get(8..12).and_then(|bytes| bytes.try_into().ok()).map_or(GLB_HEADER, u32::from_le_bytes);
        return u64::from(length.max(GLB_HEADER))..=u64::MAX;
    }
    told.map_or(0..=u64::MAX, |told| told..=told)
}

/// The same bytes, and an error behind them when they are not a whole file.
pub(super) fn measured(bytes: ByteStream, whole: RangeInclusive<u64>) -> ByteStream {
    let seen = Arc::new(AtomicU64::new(0));
    let counted = seen.clone();
    let end = stream::once(async move { whole.contains(&seen.load(Ordering::Relaxed)) })
        .filter_map(|is_whole| std::future::ready((!is_whole).then(|| Err(not_whole()))));
    let count = move |item: &io::Result<Bytes>| {
        let more = item.as_ref().map_or(0, Bytes::len);
        counted.fetch_add(more as u64, Ordering::Relaxed);
    };
    bytes.inspect(count).chain(end).boxed()
}

pub(super) fn not_whole() -> io::Error {
    io::Error::new(io::ErrorKind::UnexpectedEof, "it is not as long as a whole one")
}

/// A model's extension and media type by its first bytes; a name or media type from outside is not believed.
pub(super) fn format_of(head: &[u8]) -> Option<(&'static str, &'static str)> {
    match head {
        _ if head.starts_with(b"glTF") => Some(("glb", "model/gltf-binary")),
        _ if head.starts_with(b"Kaydara FBX Binary") => Some(("fbx", "application/octet-stream")),
        _ => None,
    }
}

/// The same of a picture.
pub(super) fn picture_of(head: &[u8]) -> Option<(&'static str, &'static str)> {
    match head {
        _ if head.starts_with(b"RIFF") && head.get(8..12) == Some(b"WEBP") => Some(("webp", "image/webp")),
        _ if head.starts_with(b"\x89PNG\r\n\x1a\n") => Some(("png", "image/png")),
        _ if head.starts_with(b"\xff\xd8\xff") => Some(("jpg", "image/jpeg")),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use futures::TryStreamExt;

    use super::*;

    #[tokio::test]
    async fn the_first_bytes_are_seen_and_not_lost() {
        let chunks = ["gl", "TF", "0123456789", "abcdefghij"].map(|c| Ok(Bytes::from_static(c.as_bytes())));
        let (head, bytes) = peek(stream::iter(chunks).boxed()).await.unwrap();
        assert_eq!(format_of(&head), Some(("glb", "model/gltf-binary")));
        let all: Vec<Bytes> = bytes.map(Result::unwrap).collect().await;
        assert_eq!(all.concat(), b"glTF0123456789abcdefghij");
    }

    #[tokio::test]
    async fn a_glb_is_as_long_as_it_says_and_anything_else_as_long_as_its_result_said() {
        let glb = |length: u32| [b"glTF\x02\0\0\0".as_slice(), &length.to_le_bytes(), b"chunks"].concat();
        for (bytes, told, is_whole) in [
            (glb(18), None, true),
            (glb(18), Some(40), true),
            (glb(17), Some(17), true),
            (glb(36), None, false),
            (glb(36), Some(18), false),
            (b"glTF".to_vec(), Some(4), false),
            (b"Kaydara FBX Binary".to_vec(), None, true),
            (b"Kaydara FBX Binary".to_vec(), Some(18), true),
            (b"Kaydara FBX Binary".to_vec(), Some(36), false),
        ] {
            let (head, stream) = peek(stream::iter([Ok(Bytes::from(bytes.clone()))]).boxed()).await.unwrap();
            let read: io::Result<Vec<Bytes>> = measured(stream, whole(&head, told)).try_collect().await;
            assert_eq!(read.map(|read| read.concat()).ok(), is_whole.then_some(bytes), "{head:?} {told:?}");
        }
    }

    #[test]
    fn formats_are_told_by_content() {
        assert_eq!(format_of(b"Kaydara FBX Binary  \0").map(|f| f.0), Some("fbx"));
        assert_eq!(format_of(b"<html>not a model"), None);
        assert_eq!(picture_of(b"RIFF\0\0\0\0WEBPVP8 ").map(|f| f.0), Some("webp"));
    }
}
