//! Names of stored files, in the form of FAL's CDN: `files/b/{8 hex}/{21-character id}_{name}`.

use rand::Rng;

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
/// Longest part of a caller's name that is kept.
const LONGEST: usize = 100;

/// A fresh, unguessable name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileName {
    folder: u32,
    id: String,
    name: String,
}

impl FileName {
    /// A new name that ends in the caller's, made safe for a URL.
    pub fn fresh(name: &str) -> Self {
        let mut random = rand::rng();
        let letter = |bits: u8| ALPHABET.get(usize::from(bits % 64)).copied().map_or('A', char::from);
        let id = (0..21).map(|_| letter(random.random())).collect();
        Self { folder: random.random(), id, name: safe(name) }
    }

    /// Path of its URL below the CDN's root, without a leading slash.
    pub fn path(&self) -> String {
        format!("files/b/{:08x}/{}_{}", self.folder, self.id, self.name)
    }
}

/// Letters, digits, dots, dashes and underscores of the last path segment; the end (with the extension) survives a cut.
fn safe(name: &str) -> String {
    let last = name.rsplit(['/', '\\']).next().unwrap_or_default();
    let kept = |letter: char| if letter.is_ascii_alphanumeric() || ".-_".contains(letter) { letter } else { '_' };
    let clean: String = last.chars().map(kept).collect();
    let start = clean.len().saturating_sub(LONGEST);
    match clean.get(start..) {
        Some("" | "." | "..") | None => "file".into(),
        Some(end) => end.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_safe_unique_and_keep_markers() {
        let name = FileName::fresh("../../etc/sim-content-policy ü.jpg").path();
        assert!(name.ends_with("_sim-content-policy__.jpg"), "{name}");
        assert!(!name.contains(".."));
        assert_ne!(FileName::fresh("a.png"), FileName::fresh("a.png"));
        assert!(FileName::fresh("").path().ends_with("_file"));
    }
}
