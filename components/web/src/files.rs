//! The files of the mount, each read once per instance and then kept: they cannot change while an instance lives.
//!
//! A name is a path of plain names (`[A-Za-z0-9._-]`, none beginning with a dot), so that none leads out of the mount. What
//! is not there is not kept: only files that exist take memory.

use std::cell::RefCell;
use std::collections::HashMap;
use std::path::Path;
use std::rc::Rc;

use bytes::Bytes;
use image2model_kit::reply::etag;

use crate::media_type::media_type;
use crate::negotiate::Coding;

/// A file with its precompressed variants (`name.br`, `name.gz`), where the build made any.
#[derive(Debug)]
pub(crate) struct StaticFile {
    pub(crate) media_type: &'static str,
    /// Of the plain bytes, in quotes.
    etag: String,
    plain: Bytes,
    compressed: Vec<(Coding, Bytes)>,
}

impl StaticFile {
    /// Codings that it can be had in, besides plain.
    pub(crate) fn codings(&self) -> impl Iterator<Item = Coding> + '_ {
        self.compressed.iter().map(|(coding, _)| *coding)
    }

    /// The bytes in a coding, or plain, and the tag that names exactly them.
    pub(crate) fn variant(&self, coding: Option<Coding>) -> (Bytes, String) {
        let found = coding.and_then(|wanted| self.compressed.iter().find(|(coding, _)| *coding == wanted));
        match found {
            Some((coding, bytes)) => {
                (bytes.clone(), format!("{}-{}\"", self.etag.trim_end_matches('"'), coding.token()))
            }
            None => (self.plain.clone(), self.etag.clone()),
        }
    }
}

thread_local! {
    static KEPT: RefCell<HashMap<String, Rc<StaticFile>>> = RefCell::new(HashMap::new());
}

/// The file of that name, `assets/index-x.js`; `None` when there is none.
pub(crate) fn find(root: &Path, name: &str) -> Option<Rc<StaticFile>> {
    if let Some(kept) = KEPT.with_borrow(|kept| kept.get(name).cloned()) {
        return Some(kept);
    }
    let file = Rc::new(read(root, name)?);
    KEPT.with_borrow_mut(|kept| kept.insert(name.to_owned(), Rc::clone(&file)));
    Some(file)
}

fn is_plain(name: &str) -> bool {
    let fits = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-');
    name.split('/').all(|part| !part.is_empty() && !part.starts_with('.') && part.bytes().all(fits))
}

fn read(root: &Path, name: &str) -> Option<StaticFile> {
    if !is_plain(name) {
        return None;
    }
    let read = |name: &str| std::fs::read(root.join(name)).ok().map(Bytes::from);
    let plain = read(name)?;
    let compressed = Coding::ALL.into_iter().filter_map(|c| Some((c, read(&format!("{name}.{}", c.suffix()))?)));
    Some(StaticFile { media_type: media_type(name), etag: etag(&plain), compressed: compressed.collect(), plain })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_name_leads_out_of_the_mount() {
        let outside = tempfile::tempdir().unwrap();
        let root = outside.path().join("pages");
        std::fs::create_dir(&root).unwrap();
        std::fs::write(outside.path().join("secret"), "s").unwrap();
        std::fs::write(root.join(".env"), "s").unwrap();
        std::fs::write(root.join("a.js"), "a").unwrap();
        assert!(read(&root, "a.js").is_some());
        let absolute = outside.path().join("secret");
        for name in [
            "../secret",
            "x/../../secret",
            "..",
            ".",
            "",
            ".env",
            "a.js/",
            "/a.js",
            "a.js\0",
            absolute.to_str().unwrap(),
        ] {
            assert!(read(&root, name).is_none(), "{name:?}");
        }
    }

    #[test]
    fn variants_have_their_own_tags() {
        let root = tempfile::tempdir().unwrap();
        std::fs::write(root.path().join("v.js"), "plain").unwrap();
        std::fs::write(root.path().join("v.js.gz"), "packed").unwrap();
        let file = read(root.path(), "v.js").unwrap();
        assert_eq!(file.media_type, "text/javascript; charset=utf-8");
        let (plain, tag) = file.variant(Some(Coding::Brotli));
        assert_eq!((&plain[..], &tag), (&b"plain"[..], &etag(b"plain")));
        let (packed, other) = file.variant(Some(Coding::Gzip));
        assert_eq!(&packed[..], b"packed");
        assert!(other != tag && other.ends_with("-gzip\""));
    }
}
