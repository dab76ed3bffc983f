//! The components' bytes: files of the manifest, read once at load, and releases that take their place. A component is
//! joined with its dependencies out of these, so that what changes on disk meanwhile changes nothing here.

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use sha2::{Digest, Sha256};

use super::EdgeError;
use super::compose::{self, Part};
use super::manifest::{Application, Component, DependencySource};

/// A component's bytes and their digest, `sha256:…`.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Code {
    pub bytes: Arc<[u8]>,
    pub digest: Arc<str>,
}

impl Code {
    pub fn new(bytes: impl Into<Arc<[u8]>>) -> Self {
        let bytes = bytes.into();
        let digest = format!("sha256:{}", hex::encode(Sha256::digest(&bytes))).into();
        Self { bytes, digest }
    }
}

/// Releases in place of what the manifest names, by component.
pub(super) type Overrides = BTreeMap<String, Code>;

/// The files.
#[derive(Clone, Default)]
pub(super) struct Sources(HashMap<PathBuf, Code>);

impl Sources {
    /// Reads everything that the manifest names.
    pub fn read(application: &Application) -> Result<Self, EdgeError> {
        let mut files = HashMap::new();
        let mut add = |what: String, path: &Path| -> Result<(), EdgeError> {
            if !files.contains_key(path) {
                let bytes =
                    std::fs::read(path).map_err(|source| EdgeError::Read { what, path: path.into(), source })?;
                files.insert(path.to_owned(), Code::new(bytes));
            }
            Ok(())
        };
        for (id, component) in &application.components {
            add(application.place(id, &["source"]).named(), &component.source)?;
            for dependency in &component.dependencies {
                if let DependencySource::Path(path) = &dependency.source {
                    add(dependency.place.named(), path)?;
                }
            }
        }
        Ok(Self(files))
    }

    /// The code of a component's own file.
    pub fn code(&self, component: &Component) -> Option<&Code> {
        self.0.get(&component.source)
    }

    /// The bytes of a component's own file.
    pub fn of(&self, component: &Component) -> Result<&[u8], EdgeError> {
        self.bytes(&component.source)
    }

    /// Every path with the digest of what was read there.
    pub fn paths(&self) -> impl Iterator<Item = (&Path, &str)> {
        self.0.iter().map(|(path, code)| (path.as_path(), &*code.digest))
    }

    /// Another content of a file.
    pub fn put(&mut self, path: &Path, code: Code) {
        self.0.insert(path.to_owned(), code);
    }

    fn bytes(&self, path: &Path) -> Result<&[u8], EdgeError> {
        let code = self.0.get(path).ok_or_else(|| EdgeError::Read {
            what: "a component".into(),
            path: path.into(),
            source: std::io::ErrorKind::NotFound.into(),
        })?;
        Ok(&code.bytes)
    }

    /// `component` with everything it depends on. Where `overrides` have a release of a component, that is taken.
    pub fn compose(
        &self,
        application: &Application,
        component: &Component,
        overrides: &Overrides,
    ) -> Result<Vec<u8>, EdgeError> {
        Composing { sources: self, application, overrides }.compose(component, &mut Vec::new())
    }
}

struct Composing<'a> {
    sources: &'a Sources,
    application: &'a Application,
    overrides: &'a Overrides,
}

impl Composing<'_> {
    fn own(&self, component: &Component) -> Result<&[u8], EdgeError> {
        match self.overrides.get(&component.id) {
            Some(code) => Ok(&code.bytes),
            None => self.sources.of(component),
        }
    }

    /// `above` are the components that depend on it, to find circles.
    fn compose(&self, component: &Component, above: &mut Vec<String>) -> Result<Vec<u8>, EdgeError> {
        if above.contains(&component.id) {
            return Err(EdgeError::Composition {
                place: self.application.place(&component.id, &["dependencies"]),
                dependency: above.last().cloned().unwrap_or_default(),
                message: format!("they depend on each other: {} → {}", above.join(" → "), component.id),
            });
        }
        above.push(component.id.clone());
        let mut parts = Vec::with_capacity(component.dependencies.len());
        for dependency in &component.dependencies {
            parts.push(match &dependency.source {
                DependencySource::Component(id) => {
                    let target = self.application.components.get(id).ok_or_else(|| EdgeError::NoSuchComponent {
                        component: id.clone(),
                        wanted: format!("{:?} depends on", component.id),
                    })?;
                    (dependency, id.clone(), self.compose(target, above)?)
                }
                DependencySource::Path(path) => {
                    (dependency, path.display().to_string(), self.sources.bytes(path)?.to_vec())
                }
            });
        }
        above.pop();
        let parts: Vec<Part<'_>> =
            parts.iter().map(|(dependency, name, bytes)| Part { dependency, name: name.clone(), bytes }).collect();
        compose::compose(component, self.own(component)?, &parts)
    }
}
