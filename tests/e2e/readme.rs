//! The README's page of curl lines, run as it stands: every line succeeds, and what it says comes out does, in that order.

use std::process::Command;

use image2model_tests::process::root;
use image2model_tests::{Product, photo};

const SECTION: &str = "## Over HTTP";

/// The section's shell blocks, as one script.
fn script() -> String {
    let readme = std::fs::read_to_string(root().join("README.md")).unwrap();
    let (_, section) = readme.split_once(SECTION).unwrap();
    let section = section.split("\n## ").next().unwrap();
    let blocks: Vec<&str> = section.split("```bash\n").skip(1).filter_map(|rest| rest.split("```").next()).collect();
    assert!(blocks.len() >= 4, "the blocks are not found any more");
    blocks.concat()
}

/// What the lines say will come out: after `# =>`.
fn promised(script: &str) -> Vec<&str> {
    script.lines().filter_map(|line| line.split_once("# => ")).map(|(_, words)| words.trim()).collect()
}

fn run(product: &Product, keys: &[(&str, &str)]) {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("chair.jpg"), photo::jpeg(800, 600, 1).unwrap()).unwrap();
    let script = script();
    let output = Command::new("bash")
        .args(["-e", "-u", "-o", "pipefail", "-c", &script])
        .current_dir(folder.path())
        .env_remove("API_KEY")
        .env_remove("ADMIN_API_KEY")
        .env("BASE", product.url())
        .envs(keys.iter().copied())
        .output()
        .unwrap();
    let (said, complained) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{said}\n{complained}");
    let mut rest = &*said;
    for words in promised(&script) {
        let (_, after) = rest.split_once(words).unwrap_or_else(|| panic!("{words:?} does not come out:\n{said}"));
        rest = after;
    }
    let archive = std::fs::read(folder.path().join("all.zip")).unwrap();
    assert!(archive.starts_with(b"PK"), "the archive is none");
}

#[test]
fn the_curl_lines_work_as_they_stand() {
    run(&Product::setup().start().unwrap(), &[]);
}

#[test]
fn the_curl_lines_work_with_keys() {
    let keys = [("API_KEY", "key-of-a-user-0123456789"), ("ADMIN_API_KEY", "key-of-an-admin-0123456789")];
    let setup = keys.iter().fold(Product::setup(), |setup, (name, key)| setup.with(name, *key));
    run(&setup.start().unwrap(), &keys);
}
