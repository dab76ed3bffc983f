//! A component explained: what it is, what made it, what it asks for and offers, what the manifest lets it do, and where it
//! runs. Read from its bytes; nothing is run.

use std::collections::BTreeSet;
use std::fmt;

use sha2::{Digest, Sha256};
use wasmparser::{KnownCustom, Parser, Payload};

use super::{Difference, worlds};
use crate::edge::EdgeError;
use crate::edge::check::surface::Surface;
use crate::edge::compose::{InterfaceName, candidate};
use crate::edge::manifest::{Component, DependencySource};

/// Packages, or interfaces of packages, that a host offers, each with the line of versions.
pub(super) type Offers = &'static [(&'static str, &'static str)];

/// What this host offers.
pub(super) const HERE: Offers = &[
    ("wasi:cli", "0.2."),
    ("wasi:clocks", "0.2."),
    ("wasi:filesystem", "0.2."),
    ("wasi:http", "0.2."),
    ("wasi:io", "0.2."),
    ("wasi:random", "0.2."),
    ("wasi:sockets", "0.2."),
    ("wasi:cli", "0.3.0"),
    ("wasi:clocks", "0.3.0"),
    ("wasi:filesystem", "0.3.0"),
    ("wasi:http", "0.3.0"),
    ("wasi:random", "0.3.0"),
    ("wasi:sockets", "0.3.0"),
    ("spin:key-value", "3."),
    ("spin:redis", "3."),
    ("spin:variables", "3."),
    ("fermyon:spin/key-value", "2."),
    ("fermyon:spin/redis", "2."),
    ("fermyon:spin/variables", "2."),
    ("wasi:config/store", "0.2.0-draft-2024-09-27"),
    ("wasi:keyvalue/store", "0.2.0-draft2"),
    ("wasi:keyvalue/batch", "0.2.0-draft2"),
    ("wasi:keyvalue/atomics", "0.2.0-draft2"),
    ("wasi:http/types", candidate::OLDEST),
    ("wasi:http/outgoing-handler", candidate::OLDEST),
    ("wasi:io/poll", candidate::OLDEST),
    ("wasi:io/streams", candidate::OLDEST),
];
/// As [`HERE`], under the versions that the release candidates had.
const CANDIDATE: Offers = &[
    ("wasi:cli", candidate::CANDIDATE),
    ("wasi:clocks", candidate::CANDIDATE),
    ("wasi:filesystem", candidate::CANDIDATE),
    ("wasi:http", candidate::CANDIDATE),
    ("wasi:random", candidate::CANDIDATE),
    ("wasi:sockets", candidate::CANDIDATE),
    ("wasi:cli", candidate::OLDER),
    ("wasi:clocks", candidate::OLDER),
    ("wasi:filesystem", candidate::OLDER),
    ("wasi:http", candidate::OLDER),
    ("wasi:io", candidate::OLDER),
    ("wasi:random", candidate::OLDER),
];
/// What Spin 4.1 offers beyond that.
pub(super) const SPIN_TOO: Offers = &[
    ("wasi:otel", "0.2.0-rc.2"),
    ("wasi:cli", candidate::OLDEST),
    ("wasi:clocks", candidate::OLDEST),
    ("wasi:filesystem", candidate::OLDEST),
    ("wasi:random", candidate::OLDEST),
    ("wasi:sockets", candidate::OLDEST),
    ("wasi:sockets", candidate::OLDER),
    ("spin:mqtt", "3."),
    ("spin:mysql", "3."),
    ("spin:postgres", "3."),
    ("spin:postgres", "4."),
    ("spin:sqlite", "3."),
    ("fermyon:spin", "2."),
    // Of Spin 1, which had no versions.
    ("fermyon:spin", ""),
];

/// Everything that is to be said of one component.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Explanation {
    /// Its id, or its file's name.
    pub name: String,
    /// Bytes.
    pub size: usize,
    /// `sha256:…` of its file.
    pub digest: String,
    /// What made it, as `rustc 1.95.0`.
    pub made_by: Vec<String>,
    /// Whose world it is held against.
    pub world: Option<String>,
    /// What it asks for.
    pub imports: Vec<String>,
    /// What it offers.
    pub exports: Vec<String>,
    /// What the manifest lets it do; nothing for a file that no manifest names.
    pub may: Option<Vec<String>>,
    /// What does not fit its world.
    pub differences: Vec<Difference>,
    /// Imports that nothing answers here.
    pub unanswered_here: Vec<String>,
    /// Imports that nothing answers on Spin.
    pub unanswered_on_spin: Vec<String>,
}

impl Explanation {
    /// Whether it fits its world and runs here.
    #[must_use]
    pub fn fits(&self) -> bool {
        self.differences.is_empty() && self.unanswered_here.is_empty()
    }
}

/// Explains the component in `bytes`; one of a manifest with what that says of it.
pub(super) fn explain(name: &str, bytes: &[u8], component: Option<&Component>) -> Result<Explanation, EdgeError> {
    let not_one = |message: String| EdgeError::NotAComponent { component: name.to_owned(), message };
    let surface = Surface::of_component(bytes).map_err(not_one)?;
    let world = super::world_of(name);
    let differences = match world {
        Some(world) => {
            let joined = Surface::as_joined(bytes).map_err(not_one)?;
            worlds::load()?.get(world).map(|world| joined.differences(world)).unwrap_or_default()
        }
        None => Vec::new(),
    };
    let answered = |import: &str| {
        let dependencies = component.into_iter().flat_map(|component| &component.dependencies);
        dependencies.into_iter().any(|dependency| crate::edge::compose::covers(&dependency.import, import))
    };
    let without = |offers: &[Offers]| {
        let open = surface.imports.keys().filter(|import| !answered(import) && !is_offered(import, offers));
        open.cloned().collect::<Vec<_>>()
    };
    let mut unanswered_here = without(&[HERE, CANDIDATE]);
    unanswered_here.extend(surface.imports.iter().flat_map(|(import, functions)| changed(import, functions)));
    Ok(Explanation {
        name: name.to_owned(),
        size: bytes.len(),
        digest: format!("sha256:{}", hex::encode(Sha256::digest(bytes))),
        made_by: made_by(bytes),
        world: world.map(str::to_owned),
        unanswered_here,
        unanswered_on_spin: without(&[HERE, CANDIDATE, SPIN_TOO]),
        imports: surface.imports.into_keys().collect(),
        exports: surface.exports.into_keys().collect(),
        may: component.map(may),
        differences,
    })
}

/// Functions of an older candidate that the release has by other names, or otherwise.
fn changed<'a>(import: &'a str, functions: &'a BTreeSet<String>) -> impl Iterator<Item = String> + 'a {
    let is_older = import.starts_with("wasi:http/types@") && import.ends_with(candidate::OLDER);
    let differs = |name: &str| name.ends_with("-timeout-ms") || name == "[method]future-trailers.get";
    functions.iter().filter(move |name| is_older && differs(name)).map(move |name| format!("{name} of {import}"))
}

/// Whether this host answers an import of this name.
pub(in crate::edge) fn is_answered(import: &str) -> bool {
    is_offered(import, &[HERE, CANDIDATE])
}

pub(super) fn is_offered(import: &str, offers: &[Offers]) -> bool {
    let name = InterfaceName::parse(import);
    let version = name.version.as_ref().map(ToString::to_string).unwrap_or_default();
    offers.iter().flat_map(|offers| offers.iter()).any(|(package, line)| {
        (*package == name.package || *package == name.path())
            && (version == *line || (line.ends_with('.') && version.starts_with(line) && !version.contains('-')))
    })
}

/// The `producers` of the component and of the modules in it.
fn made_by(bytes: &[u8]) -> Vec<String> {
    let mut found = BTreeSet::new();
    for payload in Parser::new(0).parse_all(bytes).map_while(Result::ok) {
        let Payload::CustomSection(section) = payload else { continue };
        let KnownCustom::Producers(fields) = section.as_known() else { continue };
        for field in fields.into_iter().map_while(Result::ok) {
            let values = field.values.into_iter().map_while(Result::ok);
            found.extend(values.map(|value| format!("{} {}", value.name, value.version).trim().to_owned()));
        }
    }
    found.into_iter().collect()
}

/// In words; of variables and the environment the names only, for some are secret.
fn may(component: &Component) -> Vec<String> {
    let mut all = Vec::new();
    if !component.allowed_hosts.is_empty() {
        all.push(format!("reach {}", component.allowed_hosts));
    }
    for mount in &component.mounts {
        all.push(format!("read {} as {}", mount.source.display(), mount.destination));
    }
    let mut variables: Vec<&str> = component.variables.keys().map(String::as_str).collect();
    variables.sort_unstable();
    let environment: Vec<&str> = component.environment.keys().map(String::as_str).collect();
    let stores: Vec<&str> = component.key_value_stores.iter().map(String::as_str).collect();
    for (what, names) in [
        ("open the key-value stores", stores),
        ("know the variables", variables),
        ("know of the environment", environment),
    ] {
        if !names.is_empty() {
            all.push(format!("{what} {}", names.join(", ")));
        }
    }
    for dependency in &component.dependencies {
        let from = match &dependency.source {
            DependencySource::Component(id) => id.clone(),
            DependencySource::Code(source) => source.to_string(),
        };
        all.push(format!("ask {from} for {}", dependency.import));
    }
    all
}

impl fmt::Display for Explanation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let world = self.world.as_deref().unwrap_or("none of ours");
        writeln!(
            f,
            "{}\n  size      {} bytes\n  digest    {}\n  world     {world}",
            self.name, self.size, self.digest
        )?;
        let mut list = |name: &str, all: &[String]| -> fmt::Result {
            for (n, one) in all.iter().enumerate() {
                writeln!(f, "  {:<9} {one}", if n == 0 { name } else { "" })?;
            }
            Ok(())
        };
        list("made by", &self.made_by)?;
        list("imports", &self.imports)?;
        list("exports", &self.exports)?;
        match &self.may {
            Some(may) if may.is_empty() => list("may", &["compute, and nothing else".to_owned()])?,
            Some(may) => list("may", may)?,
            None => {}
        }
        let verdict = |unanswered: &[String]| match unanswered {
            [] => "yes".to_owned(),
            unanswered => format!("no: nothing there answers {}", unanswered.join(", ")),
        };
        list(
            "fits",
            &match self.differences.as_slice() {
                [] => vec!["yes".to_owned()],
                differences => differences.iter().map(|difference| format!("no: it {difference}")).collect(),
            },
        )?;
        list("runs here", &[verdict(&self.unanswered_here)])?;
        list("on Spin", &[verdict(&self.unanswered_on_spin)])
    }
}
