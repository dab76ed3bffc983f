//! What a component could have the use of that it was not given itself: joined into others, it runs with what they are granted.

use super::super::manifest::{Application, Component, Dependency, DependencySource};

/// Whether there is any of it, in the component itself or in whatever it is joined into.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Around {
    pub files: bool,
    pub environment: bool,
}

impl Around {
    /// That of the component `id`.
    pub fn of(application: &Application, id: &str) -> Self {
        let mut all = vec![id];
        let mut looked = 0;
        while let Some(part) = all.get(looked).copied() {
            looked += 1;
            for whole in joined_with(application, part) {
                if !all.contains(&whole) {
                    all.push(whole);
                }
            }
        }
        let any = |has: fn(&Component) -> bool| all.iter().filter_map(|id| application.components.get(*id)).any(has);
        Self { files: any(|one| !one.mounts.is_empty()), environment: any(|one| !one.environment.is_empty()) }
    }
}

/// The components that `part` is joined into: those that depend on it, and those that it stands in front of.
fn joined_with<'a>(application: &'a Application, part: &str) -> impl Iterator<Item = &'a str> {
    let names = move |dependencies: &[Dependency]| {
        dependencies.iter().any(|one| matches!(&one.source, DependencySource::Component(id) if id == part))
    };
    let above = application.components.values().filter(move |whole| names(&whole.dependencies));
    let behind = application.routes.iter().filter(move |route| names(&route.middleware));
    above.map(|whole| whole.id.as_str()).chain(behind.map(|route| route.component.as_str()))
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;

    #[test]
    fn what_a_component_is_joined_into_counts_however_far_above() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("pages")).unwrap();
        let files = "files = [{ source = \"pages\", destination = \"/\" }]";
        let manifest = format!(
            "spin_manifest_version = 2\n[application]\nname = \"a\"\n\
             [[trigger.http]]\nroute = \"/\"\ncomponent = \"root\"\ndependencies.middleware = [{{ component = \"front\" }}]\n\
             [component.root]\nsource = \"r.wasm\"\n{files}\n[component.root.dependencies]\n\"a:b/c\" = {{ component = \"lib\" }}\n\
             [component.lib]\nsource = \"l.wasm\"\n[component.lib.dependencies]\n\"d:e/f\" = {{ component = \"deep\" }}\n\
             [component.deep]\nsource = \"d.wasm\"\nenvironment = {{ A = \"1\" }}\n\
             [component.front]\nsource = \"f.wasm\"\n[component.apart]\nsource = \"a.wasm\"\n"
        );
        std::fs::write(folder.path().join("spin.toml"), manifest).unwrap();
        let application = Application::load(&folder.path().join("spin.toml"), &HashMap::new(), None).unwrap();
        let of = |id| Around::of(&application, id);
        for id in ["root", "lib", "front"] {
            assert_eq!(of(id), Around { files: true, environment: false }, "{id}");
        }
        assert_eq!(of("deep"), Around { files: true, environment: true });
        assert_eq!(of("apart"), Around { files: false, environment: false });
    }
}
