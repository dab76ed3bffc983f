//! The pages in a real Chromium, the whole way with a real photograph.
//!
//! `UPDATE_SCREENSHOTS=1` renews the pictures that the README shows; else they go to the target directory.

use std::ffi::OsStr;

use image2model_tests::browser::{self, can_browse};
use image2model_tests::process::root;
use image2model_tests::{Product, photo};

/// Runs a file of browser tests against the product.
fn drive(tests: &str, product: &Product, more: (&str, &OsStr)) {
    let renew = std::env::var_os("UPDATE_SCREENSHOTS").is_some();
    let pictures = root().join(if renew { "docs/images" } else { "target/screenshots" });
    let of_all = [("BASE_URL", product.url().as_ref()), ("SCREENSHOT_DIR", pictures.as_os_str()), more];
    browser::drive(tests, &of_all).unwrap();
}

#[test]
fn a_person_makes_a_model_and_turns_it() {
    if !can_browse().unwrap() {
        return;
    }
    let product = Product::setup().with("FAL_SIM_SPEED", "6").start().unwrap();
    let photograph = product.data().join("photograph.jpg");
    std::fs::write(&photograph, photo::jpeg(4000, 3000, 1).unwrap()).unwrap();
    drive("main_job.test.mjs", &product, ("PHOTO", photograph.as_os_str()));
}

#[test]
fn a_person_reads_and_tries_the_api() {
    if !can_browse().unwrap() {
        return;
    }
    let key = "key-of-a-user-0123456789";
    let product = Product::setup().with("API_KEY", key).start().unwrap();
    drive("reference.test.mjs", &product, ("API_KEY", key.as_ref()));
}
