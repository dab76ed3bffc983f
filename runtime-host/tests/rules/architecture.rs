//! `docs/architecture.md` beside the code: which room imports which, and every key in Redis.

use std::collections::BTreeSet;

use crate::sources::{code, files, read, root};

/// What stands between backticks in one cell of a table's row.
fn names(row: &str, cell: usize) -> Vec<&str> {
    row.split('|').nth(cell).unwrap_or_default().split('`').skip(1).step_by(2).collect()
}

/// The rooms that a text of the host imports, and `domain`.
fn imported(code: &str, rooms: &BTreeSet<String>) -> BTreeSet<String> {
    let mut imported: BTreeSet<String> = BTreeSet::new();
    for rest in code.split("crate::").skip(1) {
        let list = rest.strip_prefix('{').map_or(rest, |list| list.split('}').next().unwrap());
        for path in if list == rest { vec![rest] } else { list.split(',').collect() } {
            let path = path.trim_start();
            let end = path.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(path.len());
            imported.extend(rooms.get(&path[..end]).cloned());
        }
    }
    imported.extend(code.contains("image2model_domain").then(|| "domain".to_owned()));
    imported
}

/// A key's name with nothing in its places.
fn shape(key: &str) -> String {
    key.split('{').map(|piece| piece.rsplit('}').next().unwrap()).collect::<Vec<_>>().join("{}")
}

#[test]
fn rooms_import_what_the_architecture_says() {
    let architecture = read("docs/architecture.md");
    let sources = files(&root().join("runtime-host/src"), ".rs");
    let room = |path: &str| path.split('/').nth(2).unwrap().trim_end_matches(".rs").to_owned();
    let mut rooms: BTreeSet<String> = sources.iter().map(|(path, _)| room(path)).collect();
    // Not rooms: what the crate is made of, and the program that wires all of them.
    rooms.retain(|room| !["lib", "main", "cli"].contains(&room.as_str()));
    for own in &rooms {
        let of_own = sources.iter().filter(|(path, _)| room(path) == *own);
        let mut imports: BTreeSet<String> = of_own.flat_map(|(_, text)| imported(&code(text), &rooms)).collect();
        imports.remove(own);
        let row = architecture.lines().find(|line| line.starts_with(&format!("| `runtime-host/src/{own}` |")));
        let row = row.unwrap_or_else(|| panic!("docs/architecture.md does not know the room {own}"));
        let allowed: BTreeSet<String> = names(row, 3).into_iter().map(str::to_owned).collect();
        assert_eq!(imports, allowed, "what {own} imports, and what docs/architecture.md says");
    }
}

#[test]
fn every_key_in_redis_is_in_the_architecture() {
    let architecture = read("docs/architecture.md");
    let described: BTreeSet<String> = architecture.lines().flat_map(|row| names(row, 1)).map(shape).collect();
    let keys = code(&read("domain/src/keys.rs"));
    let of_rust = keys.split("self.name(").skip(1).map(|rest| shape(rest.split('"').nth(1).unwrap()));
    // Nothing is kept under the anchor.
    for key in of_rust.filter(|key| key != "queue:ring") {
        assert!(described.contains(&key), "docs/architecture.md does not tell of {key}");
    }
    for (path, lua) in files(&root().join("domain/src/scripts"), ".lua") {
        let literal = |rest: &str| rest.split('\'').next().unwrap().to_owned();
        let of_queue = lua.split("queue_key('").skip(1).map(|rest| format!("queue:{}", literal(rest)));
        let others = lua.split("P .. '").skip(1).map(literal);
        for key in of_queue.chain(others) {
            let told = |known: &String| *known == key || (key.ends_with(':') && known.starts_with(&key));
            assert!(described.iter().any(told), "docs/architecture.md does not tell of {key}, which {path} uses");
        }
    }
}
