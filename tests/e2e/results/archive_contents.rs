//! A downloaded ZIP, looked into with Python's `zipfile` and tested with `unzip -t`.

use std::path::Path;
use std::process::{Command, Output};

use reqwest::Response;
use serde_json::Value;

/// An archive on disk.
pub struct Contents {
    folder: tempfile::TempDir,
    /// As announced.
    pub length: u64,
}

impl Contents {
    /// Saves an answer that must be a ZIP of the announced length, and tests it.
    pub async fn of(mut answer: Response) -> Self {
        use std::io::Write;
        assert_eq!(
            (answer.status().as_u16(), &answer.headers()["content-type"]),
            (200, &"application/zip".parse().unwrap())
        );
        let length: u64 = answer.headers()["content-length"].to_str().unwrap().parse().unwrap();
        let folder = tempfile::tempdir().unwrap();
        let mut file = std::fs::File::create(folder.path().join("all.zip")).unwrap();
        while let Some(chunk) = answer.chunk().await.unwrap() {
            file.write_all(&chunk).unwrap();
        }
        assert_eq!(file.metadata().unwrap().len(), length);
        let contents = Self { folder, length };
        contents.test();
        contents
    }

    /// `unzip -t`, and every checksum in Python.
    pub fn test(&self) {
        test_file(&self.folder.path().join("all.zip"));
    }

    /// Names in order.
    pub fn names(&self) -> Vec<String> {
        let listed = self.python("print('\\n'.join(z.namelist()))");
        String::from_utf8(listed).unwrap().lines().map(str::to_owned).collect()
    }

    /// An entry's bytes.
    pub fn entry(&self, name: &str) -> Vec<u8> {
        self.python(&format!("sys.stdout.buffer.write(z.read({name:?}))"))
    }

    /// Its own table of contents.
    pub fn manifest(&self) -> Value {
        serde_json::from_slice(&self.entry("manifest.json")).unwrap()
    }

    fn python(&self, statement: &str) -> Vec<u8> {
        python(&self.folder.path().join("all.zip"), statement)
    }
}

/// Two implementations find nothing wrong with it.
pub fn test_file(path: &Path) {
    let unzip = Command::new("unzip").args(["-tqq"]).arg(path).output().unwrap();
    assert!(unzip.status.success(), "{}", said(&unzip));
    python(path, "assert z.testzip() is None");
}

fn python(path: &Path, statement: &str) -> Vec<u8> {
    let script = format!("import sys, zipfile\nz = zipfile.ZipFile(sys.argv[1])\n{statement}");
    let output = Command::new("python3").env("PYTHONIOENCODING", "utf-8").args(["-c", &script]).arg(path).output();
    let output = output.unwrap();
    assert!(output.status.success(), "{}", said(&output));
    output.stdout
}

fn said(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}
