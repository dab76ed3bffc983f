//! The pages in a real Chromium, the whole way with a real photograph.
//!
//! `UPDATE_SCREENSHOTS=1` renews the pictures that the README shows; else they go to the target directory.

use std::process::Command;

use image2model_tests::process::root;
use image2model_tests::product::browser_tests;
use image2model_tests::{Product, photo};

fn has(program: &str) -> bool {
    Command::new(program).arg("--version").output().is_ok_and(|o| o.status.success())
}

#[test]
fn a_person_makes_a_model_and_turns_it() {
    if !has("node") || !["chromium", "chromium-browser", "google-chrome"].iter().any(|name| has(name)) {
        println!("left out: this machine has no Node or no Chromium");
        return;
    }
    let folder = browser_tests();
    let install = Command::new("npm").args(["ci", "--no-audit", "--no-fund"]).current_dir(&folder).output().unwrap();
    assert!(install.status.success(), "{}", String::from_utf8_lossy(&install.stderr));

    let product = Product::setup().with("FAL_SIM_SPEED", "6").start().unwrap();
    let photograph = product.data().join("photograph.jpg");
    std::fs::write(&photograph, photo::jpeg(4000, 3000, 1).unwrap()).unwrap();
    let renew = std::env::var_os("UPDATE_SCREENSHOTS").is_some();
    let pictures = root().join(if renew { "docs/images" } else { "target/screenshots" });
    let mut test = Command::new("node");
    test.args(["--test", "main_job.test.mjs"])
        .current_dir(&folder)
        .env("BASE_URL", product.url())
        .env("PHOTO", &photograph)
        .env("SCREENSHOT_DIR", &pictures);
    let output = test.output().unwrap();
    assert!(
        output.status.success(),
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
}
