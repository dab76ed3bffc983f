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

/// Runs a file of browser tests against the product.
fn drive(tests: &str, product: &Product, more: &[(&str, &str)]) {
    let folder = browser_tests();
    let install = Command::new("npm").args(["ci", "--no-audit", "--no-fund"]).current_dir(&folder).output().unwrap();
    assert!(install.status.success(), "{}", String::from_utf8_lossy(&install.stderr));
    let renew = std::env::var_os("UPDATE_SCREENSHOTS").is_some();
    let pictures = root().join(if renew { "docs/images" } else { "target/screenshots" });
    let output = Command::new("node")
        .args(["--test", tests])
        .current_dir(&folder)
        .env("BASE_URL", product.url())
        .env("SCREENSHOT_DIR", &pictures)
        .envs(more.iter().copied())
        .output()
        .unwrap();
    let said = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    assert!(output.status.success(), "{}{}", said(&output.stdout), said(&output.stderr));
}

fn can_browse() -> bool {
    let can = has("node") && ["chromium", "chromium-browser", "google-chrome"].iter().any(|name| has(name));
    if !can {
        println!("left out: this machine has no Node or no Chromium");
    }
    can
}

#[test]
fn a_person_makes_a_model_and_turns_it() {
    if !can_browse() {
        return;
    }
    let product = Product::setup().with("FAL_SIM_SPEED", "6").start().unwrap();
    let photograph = product.data().join("photograph.jpg");
    std::fs::write(&photograph, photo::jpeg(4000, 3000, 1).unwrap()).unwrap();
    drive("main_job.test.mjs", &product, &[("PHOTO", photograph.to_str().unwrap())]);
}

#[test]
fn a_person_reads_and_tries_the_api() {
    if !can_browse() {
        return;
    }
    let key = "key-of-a-user-0123456789";
    let product = Product::setup().with("API_KEY", key).start().unwrap();
    drive("reference.test.mjs", &product, &[("API_KEY", key)]);
}
