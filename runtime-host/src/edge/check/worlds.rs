//! The worlds of `wit/worlds`, carried in the program so that a check needs no source tree.

use std::collections::HashMap;

use include_dir::{Dir, include_dir};
use wit_parser::{Resolve, SourceMap, UnresolvedPackageGroup};

use super::surface::Surface;
use crate::edge::EdgeError;

static WIT: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/../wit");
/// The folder with the package of worlds.
const WORLDS: &str = "worlds";

/// Every world by name.
pub(super) fn load() -> Result<HashMap<String, Surface>, EdgeError> {
    let mut main = None;
    let mut packages = Vec::new();
    for folder in WIT.dirs().chain(WIT.get_dir("deps").into_iter().flat_map(|deps| deps.dirs())) {
        match folder.path().to_str() {
            Some("deps") => {}
            Some(WORLDS) => main = Some(parse(folder)?),
            _ => packages.push(parse(folder)?),
        }
    }
    let main = main.ok_or_else(|| EdgeError::invalid("wit", "there are no worlds"))?;
    let mut resolve = Resolve::default();
    let package = resolve
        .push_groups(main, packages)
        .map_err(|error| EdgeError::invalid("wit", format!("the contracts cannot be read: {error}")))?;
    let worlds = resolve.packages.get(package).map(|package| package.worlds.clone()).unwrap_or_default();
    Ok(worlds.into_iter().map(|(name, id)| (name, Surface::of_world(&resolve, id))).collect())
}

fn parse(folder: &Dir<'_>) -> Result<UnresolvedPackageGroup, EdgeError> {
    let mut map = SourceMap::new();
    for file in folder.files().filter(|file| file.path().extension().is_some_and(|extension| extension == "wit")) {
        map.push_str(&file.path().display().to_string(), file.contents_utf8().unwrap_or_default());
    }
    map.parse().map_err(|(map, error)| EdgeError::invalid("wit", error.render(&map)))
}
