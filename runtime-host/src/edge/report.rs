//! What the host can say of the components it serves.

use super::manifest::DependencySource;
use super::swap::Switch;
use super::usage::UsageReport;

/// One component of the manifest.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct ComponentReport {
    /// Its id.
    pub id: String,
    /// The application's version, which its components share.
    pub version: String,
    /// SHA-256 of what is served of it, `sha256:…`.
    pub digest: String,
    /// The same of the file that the manifest names.
    pub manifest_digest: String,
    /// Its routes; none for a library component.
    pub routes: Vec<String>,
    /// The components that it is composed into: what it does there counts as theirs.
    pub used_by: Vec<String>,
    /// What it was asked, and what it takes.
    #[serde(flatten)]
    pub usage: UsageReport,
}

/// Every component of the application.
pub(super) fn components(switch: &Switch) -> Vec<ComponentReport> {
    let loaded = &switch.loaded;
    let application = &loaded.application;
    let depends_on = |id: &str, other: &str| {
        let own = application.components.get(id).into_iter().flat_map(|component| &component.dependencies);
        let in_front = application.routes.iter().filter(|route| route.component == id);
        let mut all = own.chain(in_front.flat_map(|route| &route.middleware));
        all.any(|d| matches!(&d.source, DependencySource::Component(of) if of == other))
    };
    let report = |id: String| {
        let (digest, manifest_digest) = switch.digests(&id);
        ComponentReport {
            version: application.version.clone(),
            digest,
            manifest_digest,
            routes: application
                .routes
                .iter()
                .filter(|r| r.component == id)
                .filter_map(|r| Some(r.pattern.as_ref()?.as_str().to_owned()))
                .collect(),
            used_by: application.components.keys().filter(|other| depends_on(other, &id)).cloned().collect(),
            usage: loaded.usage(&id).read(),
            id,
        }
    };
    loaded.component_ids().into_iter().map(report).collect()
}
