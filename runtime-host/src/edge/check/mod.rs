//! Does a built component fit its world in `wit/worlds`? A missing export or an import too many is spelled out. Names are
//! compared by package, interface and line of compatible versions; functions by name.

mod explain;
mod surface;
mod worlds;

use std::collections::HashMap;
use std::fmt;
use std::path::{Path, PathBuf};

use super::manifest::{Application, Component, Place};
use super::swap::fetch::Logins;
use super::{EdgeError, sources};
pub use explain::Explanation;
pub(super) use explain::is_answered;
use surface::Surface;

/// What was found, component by component.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// In the order of their ids.
    pub components: Vec<ComponentReport>,
}

/// One component of the manifest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ComponentReport {
    /// Its id.
    pub id: String,
    /// The world it was held against; `None` when its id belongs to none.
    pub world: Option<String>,
    /// What it imports, as the component names it.
    pub imports: Vec<String>,
    /// What it exports, as the component names it.
    pub exports: Vec<String>,
    /// What does not fit; empty when everything does.
    pub differences: Vec<Difference>,
}

/// One thing that does not fit.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Difference {
    /// The file is not there.
    #[error("is not built: {path} is missing; run `cargo xtask build`", path = .0.display())]
    NotBuilt(PathBuf),
    /// It is elsewhere, and cannot be had.
    #[error("is not there: {0}")]
    NotFetched(String),
    /// The file holds something else.
    #[error("is not a WebAssembly component: {0}")]
    NotAComponent(String),
    /// The world's export is not there.
    #[error("must export {0}, and does not")]
    MissingExport(String),
    /// An import that the world does not have.
    #[error("imports {0}, which its world does not allow")]
    ExtraImport(String),
    /// A function of an exported interface is not there.
    #[error("must export the function {function} in {interface}, and does not")]
    MissingFunction {
        /// The world's interface.
        interface: String,
        /// The function.
        function: String,
    },
    /// A function that the world's interface does not have.
    #[error("imports the function {function} of {interface}, which the interface does not have")]
    UnknownFunction {
        /// The imported interface.
        interface: String,
        /// The function.
        function: String,
    },
}

impl Report {
    /// Whether every component fits.
    pub fn is_ok(&self) -> bool {
        self.components.iter().all(|component| component.differences.is_empty())
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for component in &self.components {
            let world = component.world.as_deref().map_or("no world of its own".to_owned(), |w| format!("world {w}"));
            let verdict = if component.differences.is_empty() { "fits" } else { "does not fit" };
            writeln!(f, "{}: {verdict} ({world})", component.id)?;
            for difference in &component.differences {
                writeln!(f, "  {difference}")?;
            }
        }
        Ok(())
    }
}

/// Holds every component of the manifest against its world. An error means that the manifest itself cannot be read.
pub fn check(
    manifest: &Path,
    variables: &HashMap<String, String>,
    profile: Option<&str>,
    logins: &Logins,
) -> Result<Report, EdgeError> {
    let application = Application::load(manifest, variables, profile)?;
    let worlds = worlds::load()?;
    let one = |component: &Component| {
        check_component(application.place(&component.id, &["source"]), component, &worlds, logins)
    };
    let components = application.components.values().map(one).collect();
    Ok(Report { components })
}

/// Explains components: by their ids in the manifest, or by the names of their files.
pub fn explain(
    manifest: &Path,
    variables: &HashMap<String, String>,
    profile: Option<&str>,
    logins: &Logins,
    names: &[String],
) -> Result<Vec<Explanation>, EdgeError> {
    let is_file = |name: &String| Path::new(name).extension().is_some_and(|extension| extension == "wasm");
    let load = || Application::load(manifest, variables, profile);
    let application = if names.iter().all(is_file) { None } else { Some(load()?) };
    let one = |name: &String| {
        let Some(application) = application.as_ref().filter(|_| !is_file(name)) else {
            let what = format!("component {name:?}");
            return explain::explain(name, &sources::read(what.into(), Path::new(name))?.bytes, None);
        };
        let component = application
            .components
            .get(name)
            .ok_or_else(|| EdgeError::NoSuchComponent { component: name.clone(), wanted: "is".to_owned() })?;
        let code = sources::alone(application.place(name, &["source"]), &component.source, logins)?;
        explain::explain(name, &code.bytes, Some(component))
    };
    names.iter().map(one).collect()
}

/// The world that a component of this id is held against.
pub fn world_of(id: &str) -> Option<&str> {
    const OWN: [&str; 7] = ["upload", "status", "download", "admin", "web", "guard", "media-inspector"];
    if id.starts_with("provider-") { Some("provider") } else { OWN.into_iter().find(|own| *own == id) }
}

/// What of a release does not fit the world of its component. A component that has no world of ours is held against what
/// is served of it: it must export the same.
pub(in crate::edge) fn of_release(id: &str, bytes: &[u8], served: Option<&[u8]>) -> Result<Vec<Difference>, EdgeError> {
    let surface = match Surface::as_joined(bytes) {
        Ok(surface) => surface,
        Err(message) => return Ok(vec![Difference::NotAComponent(message)]),
    };
    if let Some(world) = world_of(id) {
        return Ok(worlds::load()?.get(world).map(|world| surface.differences(world)).unwrap_or_default());
    }
    let served = served.and_then(|bytes| Surface::as_joined(bytes).ok());
    Ok(served.map(|served| surface.differences(&served.with_imports_of(&surface))).unwrap_or_default())
}

fn check_component(
    place: Place,
    component: &Component,
    worlds: &HashMap<String, Surface>,
    logins: &Logins,
) -> ComponentReport {
    let world = world_of(&component.id);
    let mut report = ComponentReport {
        id: component.id.clone(),
        world: world.map(str::to_owned),
        imports: Vec::new(),
        exports: Vec::new(),
        differences: Vec::new(),
    };
    let code = match sources::alone(place, &component.source, logins) {
        Ok(code) => code,
        Err(EdgeError::Read { path, .. }) => {
            report.differences.push(Difference::NotBuilt(path));
            return report;
        }
        Err(error) => {
            report.differences.push(Difference::NotFetched(error.to_string()));
            return report;
        }
    };
    match Surface::as_joined(&code.bytes) {
        Err(message) => report.differences.push(Difference::NotAComponent(message)),
        Ok(surface) => {
            report.imports = surface.imports.keys().cloned().collect();
            report.exports = surface.exports.keys().cloned().collect();
            if let Some(world) = world.and_then(|world| worlds.get(world)) {
                report.differences = surface.differences(world);
            }
        }
    }
    report
}

#[cfg(test)]
mod tests;
