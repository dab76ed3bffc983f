//! Each script carries exactly the preludes that it needs: a function that is missing shows only where it is called, and one
//! that nobody calls is made anew at each call all the same.
#![allow(clippy::unwrap_used, reason = "what cannot be read fails the test")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

const SCRIPTS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/src/scripts");
const COMMANDS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/src/commands");

/// What is in a folder, by its name without the extension.
fn texts(folder: &str) -> BTreeMap<String, String> {
    let files = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    files.map(|path| (stem(&path), fs::read_to_string(&path).unwrap())).collect()
}

fn stem(path: &Path) -> String {
    path.file_stem().unwrap().to_str().unwrap().to_owned()
}

/// The names a Lua text uses, without its comments and strings.
fn words(lua: &str) -> BTreeSet<&str> {
    let lines = lua.lines().map(|line| line.split("--").next().unwrap());
    // Strings are every second piece; none of ours has a quote within.
    let code = lines.flat_map(|line| line.split('\'').step_by(2));
    code.flat_map(|code| code.split(|c: char| !c.is_alphanumeric() && c != '_')).collect()
}

/// The names it gives to all that follows.
fn defined(lua: &str) -> BTreeSet<&str> {
    let locals = lua.lines().filter_map(|line| line.strip_prefix("local "));
    locals.map(|rest| rest.trim_start_matches("function ").split([' ', '(']).next().unwrap()).collect()
}

/// What the commands put in front of each script.
fn carried() -> BTreeMap<String, Vec<String>> {
    let mut carried = BTreeMap::new();
    for source in texts(COMMANDS).values() {
        let calls = source.split("script!(\"").skip(1).map(|rest| rest.split(')').next().unwrap());
        let steps = source.split(" as \"").skip(1).filter_map(|rest| Some(rest.split_once(" {")?.0));
        for named in calls.chain(steps) {
            let (name, preludes) = named.split_once('"').unwrap();
            let words = preludes.split(|c: char| !c.is_alphanumeric() && c != '_').filter(|word| !word.is_empty());
            carried.insert(name.to_owned(), words.map(str::to_owned).collect());
        }
    }
    carried
}

#[test]
fn a_script_carries_the_preludes_that_it_needs_and_no_other() {
    let scripts = texts(SCRIPTS);
    let carried = carried();
    let prelude = |name: &str| scripts.get(&format!("prelude_{name}")).unwrap();
    let bodies = scripts.iter().filter(|(name, _)| !name.starts_with("prelude"));
    let mut seen = 0;
    for (name, body) in bodies {
        let own = defined(body);
        let used: BTreeSet<_> = words(body).difference(&own).copied().collect();
        let uses = |prelude: &str| !used.is_disjoint(&defined(prelude));
        let ends = uses(prelude("ending"));
        let mut needed = Vec::new();
        // What ends files uses what is known of lines.
        needed.extend((ends || uses(prelude("queue"))).then_some("queue"));
        needed.extend(ends.then_some("ending"));
        needed.extend(uses(prelude("api_key")).then_some("api_key"));
        assert_eq!(carried.get(name), Some(&needed.into_iter().map(str::to_owned).collect()), "{name}");
        seen += 1;
    }
    assert_eq!(seen, carried.len(), "a command names a script that is not there");
    assert!(seen > 40);
}

#[test]
fn a_prelude_uses_what_is_in_front_of_it() {
    let scripts = texts(SCRIPTS);
    for (name, behind) in [
        ("", ["_queue", "_ending", "_api_key"].as_slice()),
        ("_queue", &["_ending", "_api_key"]),
        ("_ending", &["_api_key"]),
        ("_api_key", &["_queue", "_ending"]),
    ] {
        let text = scripts.get(&format!("prelude{name}")).unwrap();
        let used: BTreeSet<_> = words(text).difference(&defined(text)).copied().collect();
        for other in behind {
            let theirs = defined(scripts.get(&format!("prelude{other}")).unwrap());
            assert!(used.is_disjoint(&theirs), "prelude{name} uses {:?} of prelude{other}", used.intersection(&theirs));
        }
    }
}
