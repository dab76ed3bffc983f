//! The photographs as given: looked at before anything is sent, all problems at once.

use std::path::{Path, PathBuf};

/// One file to be sent.
pub struct Image {
    /// Where it is.
    pub path: PathBuf,
    /// Its name without folders.
    pub name: String,
    /// Bytes.
    pub size: u64,
}

impl Image {
    /// The media type that its extension stands for; the server looks for itself.
    pub fn content_type(&self) -> &'static str {
        match self.name.rsplit_once('.').map(|(_, e)| e.to_ascii_lowercase()).as_deref() {
            Some("jpg" | "jpeg") => "image/jpeg",
            Some("png") => "image/png",
            _ => "application/octet-stream",
        }
    }
}

pub fn read_all(paths: &[PathBuf]) -> anyhow::Result<Vec<Image>> {
    let (mut images, mut problems) = (Vec::new(), Vec::new());
    for path in paths {
        match read(path) {
            Ok(image) => images.push(image),
            Err(problem) => problems.push(format!("{}: {problem}", path.display())),
        }
    }
    anyhow::ensure!(problems.is_empty(), "{}", problems.join("\n"));
    Ok(images)
}

fn read(path: &Path) -> Result<Image, String> {
    let facts = std::fs::metadata(path).map_err(|e| e.to_string())?;
    if !facts.is_file() {
        return Err("is not a file".to_owned());
    }
    if facts.len() == 0 {
        return Err("is empty".to_owned());
    }
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    Ok(Image { path: path.to_owned(), name, size: facts.len() })
}
