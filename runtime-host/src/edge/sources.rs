//! The components' bytes: files of the manifest, read once at load, and releases that take their place. A component is
//! joined with its dependencies out of these, so that what changes on disk meanwhile changes nothing here.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use sha2::{Digest, Sha256};

use super::compose::{self, Around, Part};
use super::engine::on_all_cores;
use super::manifest::{Application, Component, Dependency, DependencySource, Place, Remote, Source};
use super::swap::fetch::Logins;
use super::{EdgeError, remote};

/// A component's bytes and their digest, `sha256:…`.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Code {
    pub bytes: Bytes,
    pub digest: Arc<str>,
}

impl Code {
    pub fn new(bytes: impl Into<Bytes>) -> Self {
        let bytes = bytes.into();
        let digest = format!("sha256:{}", hex::encode(Sha256::digest(&bytes))).into();
        Self { bytes, digest }
    }
}

/// Releases in place of what the manifest names, by component.
pub(super) type Overrides = BTreeMap<String, Code>;

/// Everything that the manifest names.
#[derive(Clone, Default)]
pub(super) struct Sources(HashMap<Source, Code>);

impl Sources {
    /// Reads the files, and fetches what is elsewhere; what was fetched before is in `cache_dir`.
    pub fn read(application: &Application, cache_dir: Option<&Path>, logins: &Logins) -> Result<Self, EdgeError> {
        let mut files = HashMap::new();
        let mut elsewhere: Vec<(Place, Remote)> = Vec::new();
        for (place, source) in named(application) {
            match source {
                Source::Remote(remote) if elsewhere.iter().all(|(_, known)| known != remote) => {
                    elsewhere.push((place, remote.clone()));
                }
                Source::File(path) => {
                    files.entry(source.clone()).or_insert((place, path));
                }
                _ => {}
            }
        }
        let read =
            on_all_cores(files.into_iter().collect(), |(source, (place, path))| Ok((source, read(place, path)?)))?;
        let mut all: HashMap<Source, Code> = read.into_iter().collect();
        let fetched = remote::fetch(&elsewhere, cache_dir, logins)?;
        all.extend(elsewhere.into_iter().map(|(_, remote)| Source::Remote(remote)).zip(fetched));
        Ok(Self(all))
    }

    /// The code of a component itself.
    pub fn code(&self, component: &Component) -> Option<&Code> {
        self.0.get(&component.source)
    }

    /// The bytes of a component itself.
    pub fn of(&self, component: &Component) -> Result<&[u8], EdgeError> {
        self.bytes(&component.source)
    }

    /// Every file with the digest of what was read there.
    pub fn paths(&self) -> impl Iterator<Item = (&Path, &str)> {
        self.0.iter().filter_map(|(source, code)| Some((source.file()?, &*code.digest)))
    }

    /// Another content of a file.
    pub fn put(&mut self, path: &Path, code: Code) {
        self.0.insert(Source::File(path.to_owned()), code);
    }

    /// The digest of what a source holds.
    pub fn digest(&self, source: &Source) -> Option<&str> {
        self.0.get(source).map(|code| &*code.digest)
    }

    fn bytes(&self, source: &Source) -> Result<&[u8], EdgeError> {
        let code = self.0.get(source).ok_or_else(|| EdgeError::Read {
            what: "a component".into(),
            path: source.to_string().into(),
            source: std::io::ErrorKind::NotFound.into(),
        })?;
        Ok(&code.bytes)
    }

    /// `component` with everything it depends on, behind `middleware`. Where `overrides` have a release of a component, that
    /// is taken.
    pub fn compose(
        &self,
        application: &Application,
        component: &Component,
        middleware: &[Dependency],
        overrides: &Overrides,
    ) -> Result<Vec<u8>, EdgeError> {
        let composing = Composing { sources: self, application, overrides };
        let bytes = composing.compose(component, &mut Vec::new())?;
        let parts = composing.parts(component, middleware, &mut Vec::new())?;
        let around = Around::of(application, &component.id);
        compose::behind(component, around, &bytes, &parts.iter().map(Composed::part).collect::<Vec<_>>())
    }
}

/// Every place of the manifest that names code.
fn named(application: &Application) -> impl Iterator<Item = (Place, &Source)> {
    let own =
        application.components.iter().map(|(id, component)| (application.place(id, &["source"]), &component.source));
    let dependencies = application.components.values().flat_map(|component| &component.dependencies);
    let all = dependencies.chain(application.routes.iter().flat_map(|route| &route.middleware));
    own.chain(all.filter_map(|dependency| match &dependency.source {
        DependencySource::Code(source) => Some((dependency.place.clone(), source)),
        DependencySource::Component(_) => None,
    }))
}

/// One file, which `place` of the manifest names.
pub(super) fn read(place: Place, path: &Path) -> Result<Code, EdgeError> {
    let bytes =
        std::fs::read(path).map_err(|source| EdgeError::Read { what: place.named(), path: path.into(), source })?;
    Ok(Code::new(bytes))
}

/// One component's own code, as it is now.
pub(super) fn alone(place: Place, source: &Source, logins: &Logins) -> Result<Code, EdgeError> {
    match source {
        Source::File(path) => read(place, path),
        Source::Remote(remote) => {
            let fetched = remote::fetch(&[(place, remote.clone())], None, logins)?.into_iter().next();
            fetched.ok_or_else(|| EdgeError::Engine("nothing was fetched".into()))
        }
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
        let parts = self.parts(component, &component.dependencies, above)?;
        above.pop();
        let around = Around::of(self.application, &component.id);
        compose::compose(component, around, self.own(component)?, &parts.iter().map(Composed::part).collect::<Vec<_>>())
    }

    /// What `component` depends on in these ways, each with all that it depends on itself.
    fn parts<'d>(
        &'d self,
        component: &Component,
        dependencies: &'d [Dependency],
        above: &mut Vec<String>,
    ) -> Result<Vec<Composed<'d>>, EdgeError> {
        let mut parts = Vec::with_capacity(dependencies.len());
        for dependency in dependencies {
            parts.push(match &dependency.source {
                DependencySource::Component(id) => {
                    let target = self.application.components.get(id).ok_or_else(|| EdgeError::NoSuchComponent {
                        component: id.clone(),
                        wanted: format!("{:?} depends on", component.id),
                    })?;
                    let is_release = self.overrides.contains_key(id);
                    let before = if is_release { Some(self.sources.of(target)?) } else { None };
                    Composed { dependency, name: id.clone(), bytes: self.compose(target, above)?, before }
                }
                DependencySource::Code(source) => Composed {
                    dependency,
                    name: source.to_string(),
                    bytes: self.sources.bytes(source)?.to_vec(),
                    before: None,
                },
            });
        }
        Ok(parts)
    }
}

/// A [`Part`] that has its bytes.
struct Composed<'a> {
    dependency: &'a Dependency,
    name: String,
    bytes: Vec<u8>,
    before: Option<&'a [u8]>,
}

impl Composed<'_> {
    fn part(&self) -> Part<'_> {
        Part { dependency: self.dependency, name: self.name.clone(), bytes: &self.bytes, before: self.before }
    }
}
