//! Completion scripts and manual pages, made from the arguments themselves.

use crate::args::Prokura;
use crate::failure::Failure;
use clap::{Args, CommandFactory};
use clap_complete::Shell;
use std::path::{Path, PathBuf};

#[derive(Debug, Args)]
pub(crate) struct ManArgs {
    /// A folder for a page for every command
    folder: Option<PathBuf>,
}

/// Prints a completion script.
pub(crate) fn completions(shell: Shell) -> Result<(), Failure> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Prokura::command(), "prokura", &mut script);
    crate::show::print(String::from_utf8_lossy(&script).trim_end())
}

/// Prints the page of the program, or writes all pages.
pub(crate) fn man(asked: &ManArgs) -> Result<(), Failure> {
    let Some(folder) = &asked.folder else {
        let mut page = Vec::new();
        clap_mangen::Man::new(Prokura::command()).render(&mut page).map_err(Failure::refused)?;
        return crate::show::print(String::from_utf8_lossy(&page).trim_end());
    };
    write_all(folder).map_err(|e| Failure::refused(format!("{}: {e}", folder.display())))
}

fn write_all(folder: &Path) -> std::io::Result<()> {
    std::fs::create_dir_all(folder)?;
    clap_mangen::generate_to(Prokura::command(), folder)
}
