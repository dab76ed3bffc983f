//! Why the application could not be loaded or served, in words for the operator who reads it at start.
//! Nothing here is ever sent to a client.

use std::path::PathBuf;

use super::manifest::Place;
use super::swap::fetch::FetchError;

/// What can be wrong with an application, its components or the place they run in.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EdgeError {
    /// A file that the application needs could not be read.
    #[error("cannot read {what} {path}: {source}", path = path.display())]
    Read {
        /// What the file is: `the manifest`, `component "web"`.
        what: String,
        /// Where it was looked for.
        path: PathBuf,
        /// Why it could not be read.
        source: std::io::Error,
    },
    /// The manifest is not valid TOML, or a key has a value of the wrong shape.
    #[error("line {line}: {path} is not a Spin manifest this host understands: {message}", path = path.display())]
    Syntax {
        /// The manifest.
        path: PathBuf,
        /// Where in it.
        line: usize,
        /// The parser's own words.
        message: String,
    },
    /// Something Spin knows and this host does not do.
    #[error("{place}: `{key}` is not supported: {reason}")]
    Unsupported {
        /// The table: `component "web"`.
        place: Place,
        /// The key in it.
        key: String,
        /// Why, and what to do instead.
        reason: String,
    },
    /// A value that cannot mean anything.
    #[error("{place}: {message}")]
    Invalid {
        /// The table: `component "web"`.
        place: Place,
        /// What is wrong with it.
        message: String,
    },
    /// Variables that have no value, all of them at once.
    #[error("no value for required variable(s) {}: set SPIN_VARIABLE_<NAME>", listed(.variables))]
    MissingVariables {
        /// Each by its name, where it is declared.
        variables: Vec<Place>,
    },
    /// A component that is elsewhere could not be had.
    #[error("{place}: cannot be fetched, {from}: {source}")]
    Fetch {
        /// Where the manifest names it.
        place: Place,
        /// Where it should be.
        from: String,
        /// Why it could not be had.
        source: FetchError,
    },
    /// The certificates that components are to trust as well cannot be read.
    #[error("OUTBOUND_CA_FILE {path}: {message}", path = path.display())]
    Authorities {
        /// Their file.
        path: PathBuf,
        /// What is wrong with it.
        message: String,
    },
    /// A file that should hold a component does not.
    #[error("component {component:?} is not a WebAssembly component: {message}")]
    NotAComponent {
        /// The component's id.
        component: String,
        /// What the decoder said.
        message: String,
    },
    /// A component that is one, and wants more of the engine than there is for any.
    #[error("{place}: is larger than components may be here: {message}")]
    TooLarge {
        /// Where its code is named.
        place: Place,
        /// What the engine said: what is too large, and how large it may be.
        message: String,
    },
    /// A component and its dependencies do not fit together.
    #[error("{place}: cannot be composed with {dependency:?}: {message}")]
    Composition {
        /// Where the component says that it depends.
        place: Place,
        /// What it depends on.
        dependency: String,
        /// What does not fit.
        message: String,
    },
    /// A dependency wants a capability that the manifest does not let it inherit.
    #[error(
        "{place}: does not let {dependency:?} inherit {capability:?}, but that imports {import}: \
         add {capability:?} to `inherit_configuration`, or use a dependency that does without"
    )]
    NotInherited {
        /// Where the component says that it depends.
        place: Place,
        /// What it depends on.
        dependency: String,
        /// The interface it imports.
        import: String,
        /// The configuration that would have to be inherited.
        capability: String,
    },
    /// A component imports something that the host does not offer it, or exports the wrong thing.
    #[error("component {component:?} does not fit this host: {message}")]
    Link {
        /// The component's id.
        component: String,
        /// What the linker said.
        message: String,
    },
    /// A component asked for by name is not in the manifest, or is of another kind.
    #[error("no component {component:?} that {wanted} in the manifest")]
    NoSuchComponent {
        /// The id that was asked for.
        component: String,
        /// What it should have done: `exports image2model:guard/guard`.
        wanted: String,
    },
    /// The engine refused its configuration or a component's code.
    #[error("the WebAssembly engine: {0}")]
    Engine(String),
    /// The compile cache cannot be used.
    #[error("the compile cache {path}: {source}", path = path.display())]
    Cache {
        /// Its folder.
        path: PathBuf,
        /// Why it cannot be used.
        source: std::io::Error,
    },
}

impl EdgeError {
    /// A stable name for logs and exit reports.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Read { .. } => "EDGE_READ",
            Self::Syntax { .. } => "MANIFEST_SYNTAX",
            Self::Unsupported { .. } => "MANIFEST_UNSUPPORTED",
            Self::Invalid { .. } => "MANIFEST_INVALID",
            Self::MissingVariables { .. } => "VARIABLE_MISSING",
            Self::Fetch { .. } => "COMPONENT_FETCH",
            Self::Authorities { .. } => "AUTHORITIES",
            Self::NotAComponent { .. } => "NOT_A_COMPONENT",
            Self::TooLarge { .. } => "COMPONENT_TOO_LARGE",
            Self::Composition { .. } => "COMPOSITION",
            Self::NotInherited { .. } => "CAPABILITY_NOT_INHERITED",
            Self::Link { .. } => "COMPONENT_LINK",
            Self::NoSuchComponent { .. } => "NO_SUCH_COMPONENT",
            Self::Engine(_) => "ENGINE",
            Self::Cache { .. } => "COMPILE_CACHE",
        }
    }

    /// Whether the same call may succeed later without anybody changing anything.
    pub fn is_retryable(&self) -> bool {
        matches!(self, Self::Fetch { source, .. } if source.is_retryable())
    }

    /// The label under which it is counted.
    pub fn metric_label(&self) -> &'static str {
        self.code()
    }

    pub(crate) fn engine(error: wasmtime::Error) -> Self {
        Self::Engine(format!("{error:#}"))
    }

    pub(crate) fn invalid(place: impl Into<Place>, message: impl Into<String>) -> Self {
        Self::Invalid { place: place.into(), message: message.into() }
    }

    pub(crate) fn unsupported(place: impl Into<Place>, key: &str, reason: impl Into<String>) -> Self {
        Self::Unsupported { place: place.into(), key: key.to_owned(), reason: reason.into() }
    }
}

/// `name (line 7), other (line 9)`.
fn listed(variables: &[Place]) -> String {
    variables.iter().map(Place::named).collect::<Vec<_>>().join(", ")
}
