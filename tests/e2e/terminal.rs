//! The main job from a terminal: `image2model submit`.

use image2model_tests::client::{Upload, text};
use image2model_tests::product::image2model;
use image2model_tests::{Product, glb, photo};

#[test]
fn submit_uploads_follows_and_downloads() {
    let product = Product::setup().start().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let (chair, vase, out) =
        (folder.path().join("chair.jpg"), folder.path().join("vase.png"), folder.path().join("out"));
    std::fs::write(&chair, photo::jpeg(4000, 3000, 1).unwrap()).unwrap();
    std::fs::write(&vase, photo::png(200, 300, 2).unwrap()).unwrap();

    let mut submit = image2model().unwrap();
    submit.args(["submit", "--url", product.url(), "--face-limit", "4000", "--out"]).arg(&out).arg(&chair).arg(&vase);
    let output = submit.output().unwrap();
    let said = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert_eq!(output.status.code(), Some(0), "{said}");
    for name in ["chair.glb", "vase.glb"] {
        assert!(glb::inspect(&std::fs::read(out.join(name)).unwrap()).unwrap().triangles <= 4000);
    }
}

#[test]
fn the_exit_code_tells() {
    let product = Product::setup().start().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let (good, refused) = (folder.path().join("good.jpg"), folder.path().join("sim-content-policy.jpg"));
    std::fs::write(&good, photo::jpeg(200, 200, 1).unwrap()).unwrap();
    std::fs::write(&refused, photo::jpeg(200, 200, 2).unwrap()).unwrap();
    let text = folder.path().join("text.jpg");
    std::fs::write(&text, "no image").unwrap();

    let run = |files: &[&std::path::Path]| {
        let out = tempfile::tempdir().unwrap();
        let output = image2model()
            .unwrap()
            .args(["submit", "--url", product.url(), "--out"])
            .arg(out.path())
            .args(files)
            .output()
            .unwrap();
        (
            output.status.code(),
            format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr)),
        )
    };
    let (code, said) = run(&[&good, &refused]);
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("sim-content-policy.jpg"), "{said}");
    let (code, said) = run(&[&text]);
    assert_eq!(code, Some(2), "{said}");
    assert!(said.contains("text.jpg"), "{said}");
    let (code, said) = run(&[&folder.path().join("missing.jpg")]);
    assert_eq!(code, Some(2), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn watch_follows_a_job_that_was_uploaded_before() {
    let product = Product::setup().start().unwrap();
    let client = product.client().unwrap();
    let upload = |name: &str, seed| Upload::new(name, photo::jpeg(200, 200, seed).unwrap());
    let made = client.upload(&[upload("chair.jpg", 1), upload("vase.jpg", 2)], &[]).await.unwrap();
    let partly = client.upload(&[upload("good.jpg", 3), upload("sim-content-policy.jpg", 4)], &[]).await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let watch = |job: &str, more: &[&str]| {
        let mut command = image2model().unwrap();
        let output = command.args(["watch", "--url", product.url(), job]).args(more).output().unwrap();
        let said = [output.stdout, output.stderr].concat();
        (output.status.code(), String::from_utf8_lossy(&said).into_owned())
    };
    let out = folder.path().join("out");
    let (code, said) = watch(text(&made, "job_id"), &["--out", out.to_str().unwrap()]);
    assert_eq!(code, Some(0), "{said}");
    for name in ["chair.glb", "vase.glb"] {
        assert!(glb::inspect(&std::fs::read(out.join(name)).unwrap()).unwrap().triangles > 0);
    }
    // Once it has ended, and by its task id.
    let (code, said) = watch(text(&made, "task_id"), &[]);
    assert!(code == Some(0) && said.contains("vase.jpg: done: http://"), "{said}");
    let (code, said) = watch(text(&partly, "job_id"), &[]);
    assert!(code == Some(1) && said.contains("sim-content-policy.jpg: failed: "), "{said}");
    for unknown in ["0123456789abcdef0123456789abcdef", "nonsense"] {
        let (code, said) = watch(unknown, &[]);
        assert!(code == Some(2) && said.starts_with("image2model: "), "{said}");
    }
}
