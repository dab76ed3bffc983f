//! What a root is composed from, as one digest: its own code, that of all that is joined with it, and how. The same recipe
//! always comes to the same component, so what was compiled by it once is found again without composing anything.

use std::fmt::Write as _;

use sha2::{Digest, Sha256};

use super::EdgeError;
use super::compose::{Around, HOW};
use super::manifest::{Application, Component, Dependency, DependencySource};
use super::sources::{Overrides, Sources};

/// Names what comes of composing. SHA-256, hexadecimal.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Recipe(String);

impl Recipe {
    /// That of `root`: `component` with everything it depends on, behind `middleware`. Where `overrides` have a release of a
    /// component, that is taken.
    pub fn of(
        root: &str,
        application: &Application,
        sources: &Sources,
        component: &Component,
        middleware: &[Dependency],
        overrides: &Overrides,
    ) -> Result<Self, EdgeError> {
        let mut writing = Writing { application, sources, overrides, text: String::new() };
        writing.word(root);
        HOW.iter().for_each(|how| writing.word(how));
        writing.component(component, &mut Vec::new())?;
        writing.word("behind");
        writing.parts(middleware, &mut Vec::new())?;
        Ok(Self::read(&writing.text))
    }

    /// Of what is not composed: its own bytes.
    #[cfg(test)]
    pub fn of_bytes(bytes: &[u8]) -> Self {
        Self(hex::encode(Sha256::digest(bytes)))
    }

    fn read(text: &str) -> Self {
        Self(hex::encode(Sha256::digest(text)))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

struct Writing<'a> {
    application: &'a Application,
    sources: &'a Sources,
    overrides: &'a Overrides,
    text: String,
}

impl Writing<'_> {
    /// With its length, so that no two recipes read the same.
    fn word(&mut self, word: &str) {
        let _ = write!(self.text, "{} {word} ", word.len());
    }

    /// `above` are the components that depend on it. A circle ends here; whoever composes it refuses it.
    fn component(&mut self, component: &Component, above: &mut Vec<String>) -> Result<(), EdgeError> {
        self.word(&component.id);
        if above.contains(&component.id) {
            return Ok(());
        }
        let own = self.overrides.get(&component.id).or_else(|| self.sources.code(component));
        self.word(own.map_or("", |code| &code.digest));
        // What a part may do without being told depends on whether there is any of it.
        let around = Around::of(self.application, &component.id);
        self.word(&format!("{} {}", around.files, around.environment));
        above.push(component.id.clone());
        self.parts(&component.dependencies, above)?;
        above.pop();
        Ok(())
    }

    fn parts(&mut self, dependencies: &[Dependency], above: &mut Vec<String>) -> Result<(), EdgeError> {
        self.word(&dependencies.len().to_string());
        for Dependency { place: _, import, source, export, inherit } in dependencies {
            self.word(import);
            self.word(&format!("{export:?} {inherit:?}"));
            match source {
                DependencySource::Code(source) => {
                    self.word("code");
                    self.word(self.sources.digest(source).unwrap_or_default());
                }
                DependencySource::Component(id) => {
                    let component = self.application.components.get(id).ok_or_else(|| EdgeError::NoSuchComponent {
                        component: id.clone(),
                        wanted: "is depended on".to_owned(),
                    })?;
                    // A release may ask for no more than what it takes the place of.
                    let is_release = self.overrides.contains_key(id);
                    let before = is_release.then(|| self.sources.code(component)).flatten();
                    self.word(before.map_or("", |code| &code.digest));
                    self.component(component, above)?;
                }
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;
    use std::path::Path;

    use super::*;
    use crate::edge::sources::Code;
    use crate::edge::swap::fetch::Logins;

    /// An application whose `app` depends on `lib`, with these lines for either.
    fn application(folder: &Path, depends: &str, app: &str) -> (Application, Sources) {
        for name in ["app", "lib"] {
            std::fs::write(folder.join(format!("{name}.wasm")), name).unwrap();
        }
        let manifest = format!(
            "spin_manifest_version = 2\n[application]\nname = \"a\"\n[[trigger.http]]\nroute = \"/\"\ncomponent = \"app\"\n\
             [component.lib]\nsource = \"lib.wasm\"\n[component.app]\nsource = \"app.wasm\"\n{app}\n\
             [component.app.dependencies]\n\"x:y/z\" = {{ component = \"lib\", {depends} }}\n"
        );
        std::fs::write(folder.join("spin.toml"), manifest).unwrap();
        let application = Application::load(&folder.join("spin.toml"), &HashMap::new(), None).unwrap();
        let sources = Sources::read(&application, None, &Logins::default()).unwrap();
        (application, sources)
    }

    fn recipe((application, sources): &(Application, Sources), overrides: &Overrides) -> Recipe {
        Recipe::of("app", application, sources, &application.components["app"], &[], overrides).unwrap()
    }

    #[test]
    fn whatever_changes_what_is_composed_changes_the_recipe_and_nothing_else_does() {
        let folder = tempfile::tempdir().unwrap();
        let (said, none) = ("inherit_configuration = false", Overrides::new());
        let first = application(folder.path(), said, "");
        let elsewhere = tempfile::tempdir().unwrap();
        let same = application(elsewhere.path(), said, "description = \"as before\"");
        assert_eq!(recipe(&first, &none), recipe(&same, &none));
        let release = Overrides::from([("lib".to_owned(), Code::new("another".as_bytes()))]);
        let all = [
            recipe(&first, &none),
            recipe(&application(folder.path(), "inherit_configuration = true", ""), &none),
            recipe(&application(folder.path(), "export = \"a:b/c\", inherit_configuration = false", ""), &none),
            recipe(&application(folder.path(), said, "environment = { A = \"1\" }"), &none),
            recipe(&first, &release),
        ];
        for (index, one) in all.iter().enumerate() {
            assert!(all.iter().skip(index + 1).all(|other| other != one), "{index} is as a later one");
        }
        // What a variable holds is the component's to read, not the composition's.
        let other = application(folder.path(), said, "environment = { A = \"2\" }");
        assert_eq!(Some(&recipe(&other, &none)), all.get(3));
    }
}
