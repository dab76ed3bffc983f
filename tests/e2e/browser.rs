//! The pages in a real Chromium, the whole way with a real photograph.
//!
//! `UPDATE_SCREENSHOTS=1` renews the pictures that the README shows; else they go to the target directory. `SCREENSHOTS=1` keeps
//! one of every state in every look there.

use std::ffi::OsStr;
use std::path::Path;
use std::time::Duration;

use image2model_tests::browser::{self, can_browse};
use image2model_tests::process::root;
use image2model_tests::sim::Sim;
use image2model_tests::{Product, photo};

/// Runs a file of browser tests against the product at that address.
fn drive(tests: &str, url: &str, more: &[(&str, &OsStr)]) {
    let renew = std::env::var_os("UPDATE_SCREENSHOTS").is_some();
    let pictures = root().join(if renew { "docs/images" } else { "target/screenshots" });
    let of_all = [("BASE_URL", url.as_ref()), ("SCREENSHOT_DIR", pictures.as_os_str())];
    browser::drive(tests, &[&of_all[..], more].concat()).unwrap();
}

/// The same, with a product that is restarted, on the same data, whenever the file `sign` appears.
fn drive_restarting(tests: &str, product: &mut Product, sign: &Path, more: &[(&str, &OsStr)]) {
    let url = product.url().to_owned();
    std::thread::scope(|scope| {
        let driving = scope.spawn(|| drive(tests, &url, more));
        while !driving.is_finished() {
            if sign.exists() {
                product.stop().unwrap();
                product.start_again().unwrap();
                std::fs::remove_file(sign).unwrap();
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        driving.join().unwrap();
    });
}

#[test]
fn a_person_makes_a_model_and_turns_it() {
    if !can_browse().unwrap() {
        return;
    }
    // Outside of the product, so that what it makes is not lost when the product is restarted.
    // Slow enough that a page is there before its job has ended.
    let sim = Sim::start("8").unwrap();
    let mut product = Product::setup().with_sim(&sim).start().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let (photograph, sign) = (folder.path().join("photograph.jpg"), folder.path().join("restart"));
    std::fs::write(&photograph, photo::jpeg(4000, 3000, 1).unwrap()).unwrap();
    let component = root().join("target/wasm32-wasip2/release/image2model_web.wasm");
    let more = [("PHOTO", photograph.as_os_str()), ("RESTART", sign.as_os_str()), ("COMPONENT", component.as_os_str())];
    drive_restarting("main_job.test.mjs", &mut product, &sign, &more);
}

/// Every state of the pages, against a stand-in that shows them at once, in a browser of their own: one that has drawn models
/// for minutes is slow.
#[test]
fn every_state_of_the_pages_is_whole() {
    if can_browse().unwrap() {
        drive("states.test.mjs", "", &[]);
    }
}

#[test]
fn a_person_signs_in_reads_and_tries_the_api() {
    if !can_browse().unwrap() {
        return;
    }
    let (key, admin) = ("key-of-a-user-0123456789", "key-of-an-admin-0123456789");
    let setup = Product::setup().with("API_KEY", key).with("ADMIN_API_KEY", admin).with("JOB_ACCESS", "owner");
    let product = setup.start().unwrap();
    let python = root().join("target/python/venv/bin/python");
    let more = [("API_KEY", key.as_ref()), ("ADMIN_API_KEY", admin.as_ref()), ("PYTHON", python.as_os_str())];
    drive("reference.test.mjs", product.url(), &more);
}
