//! Writes every page in every state to a folder, to be looked at: `cargo run --example gallery -- FOLDER`.

use prokura_ui::{SCRIPT, SEAL, STYLE, samples::samples};
use std::path::PathBuf;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let folder = PathBuf::from(std::env::args().nth(1).unwrap_or_else(|| "gallery".to_owned()));
    std::fs::create_dir_all(folder.join("assets"))?;
    for asset in [&STYLE, &SCRIPT, &SEAL] {
        std::fs::write(folder.join(asset.path().trim_start_matches('/')), asset.body)?;
    }
    for sample in samples()? {
        let html = sample.html.replace("\"/assets/", "\"assets/");
        std::fs::write(folder.join(format!("{}-{}.html", sample.page, sample.state)), html)?;
    }
    Ok(())
}
