//! Writes a photograph to try the product with: `photograph OUT.jpg [WIDTH HEIGHT [SEED]]`, 12 megapixels by default.

use anyhow::Context;

fn main() -> anyhow::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let path = arguments.first().context("usage: photograph OUT.jpg [WIDTH HEIGHT [SEED]]")?;
    let number = |at: usize, default: u32| arguments.get(at).map_or(Ok(default), |text| text.parse());
    let bytes = image2model_photograph::jpeg(number(1, 4000)?, number(2, 3000)?, number(3, 1)?)?;
    std::fs::write(path, bytes).with_context(|| format!("could not write {path}"))
}
