//! `prokura policy`: policies are checked, tested, explained, compared, and put in force.

mod check;
mod diff;
mod explain;
mod import;
mod place;
mod test;
mod versions;

use super::{AdminArgs, OPERATOR, Opened, missing};
use crate::failure::Failure;
use crate::serve::load::Loaded;
use crate::show::print;
use clap::{Args, Subcommand};
use prokura_config::{PolicyLanguage, PolicyMode, PolicySet};
use prokura_decider::files;
use prokura_decider::text::SetText;
use prokura_oauth::json::Object;
use prokura_policy::pdp::EngineError;
use std::path::{Path, PathBuf};

/// Policies: check, test, explain and compare them, and say which version is in force
#[derive(Debug, Args)]
pub(crate) struct PolicyCommand {
    #[command(flatten)]
    args: AdminArgs,
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Check policies, with the place of everything that is wrong; the configured sets, or files
    Check {
        #[command(flatten)]
        of: Files,
    },
    /// Put the cases of tables to policies; fails if something comes out otherwise than it must
    Test {
        /// The tables: TOML or JSON
        #[arg(required = true)]
        tables: Vec<PathBuf>,
        /// Only these configured sets
        #[arg(long = "set")]
        sets: Vec<String>,
        #[command(flatten)]
        of: Policies,
    },
    /// Say why something is permitted or denied: which rule, which fact, what would permit it
    Explain(Box<explain::ExplainArgs>),
    /// Compare two versions: `staff@3f2a`, `staff` (in force), `staff@files`, a file or a folder
    Diff {
        /// The one
        a: String,
        /// The other
        b: String,
        /// Also put the cases of these tables to both, and say which answers differ
        #[arg(long = "table")]
        tables: Vec<PathBuf>,
    },
    /// List the sets, and which version of each is in force; of one set, all its versions
    List {
        /// The set
        set: Option<String>,
    },
    /// Print the policies of a version: `staff` (in force), `staff@3f2a`, `staff@files`
    Show {
        /// Which
        which: String,
    },
    /// Put a version in force in every process, until the files of the set change
    Activate {
        /// The set
        set: String,
        /// The version, by the first digits of its hash; `files` for what the files hold
        #[arg(id = "begins", value_name = "VERSION")]
        version: String,
        /// Why, for the record
        #[arg(long, default_value = "")]
        note: String,
    },
    /// Carry policies of another language over to Cedar
    #[command(subcommand)]
    Import(import::ImportCommand),
    /// Put the version in force that was in force before
    Rollback {
        /// The set
        set: String,
        /// Why, for the record
        #[arg(long, default_value = "")]
        note: String,
    },
}

/// Files in place of the configured sets.
#[derive(Debug, Args)]
struct Files {
    /// Files or folders, all of one language, in place of the configured sets
    files: Vec<String>,
    /// Their schema, for Cedar
    #[arg(long, requires = "files")]
    schema: Option<String>,
}

/// The same behind a flag, where files stand for something else.
#[derive(Debug, Args)]
struct Policies {
    /// Policies in files or folders, all of one language, in place of the configured sets
    #[arg(long = "policies", value_name = "FILE", conflicts_with = "sets")]
    files: Vec<String>,
    /// Their schema, for Cedar
    #[arg(long, requires = "files")]
    schema: Option<String>,
}

impl PolicyCommand {
    pub(crate) async fn run(self) -> Result<(), Failure> {
        let Self { args, what } = self;
        match what {
            What::Check { of } => check::check(&args, of),
            What::Test { tables, sets, of } => test::test(&args, &tables, &sets, of),
            What::Explain(asked) => args.open().await?.explain_policy(*asked).await,
            What::Diff { a, b, tables } => diff::diff(&args, &a, &b, &tables).await,
            What::List { set: None } => args.open().await?.list_sets().await,
            What::List { set: Some(set) } => args.open().await?.list_versions(&set).await,
            What::Show { which } => versions::show(&args, &which).await,
            What::Activate { set, version, note } => args.open().await?.activate(set, &version, note).await,
            What::Import(asked) => asked.run(),
            What::Rollback { set, note } => args.open().await?.roll_back(set, note).await,
        }
    }
}

/// One line for machines.
fn line(object: &Object) -> Result<(), Failure> {
    print(String::from_utf8_lossy(&object.to_vec()))
}

/// A set that stands in these files, whose language their names say.
fn set_of(files: Vec<String>, schema: Option<String>) -> Result<PolicySet, Failure> {
    let first = files.first().map(String::as_str).unwrap_or_default();
    let language = language(Path::new(first)).ok_or_else(|| {
        let why = "the name of a policy file ends with `.cedar`, `.rego` or `.polar`, and a folder holds such files";
        Failure::usage(format!("`{first}`: {why}"))
    })?;
    Ok(PolicySet {
        name: "policies".to_owned(),
        language,
        files,
        schema,
        url: None,
        token: None,
        timeout: None,
        mode: PolicyMode::On,
    })
}

fn language(path: &Path) -> Option<PolicyLanguage> {
    let of = |path: &Path| match path.extension()?.to_str()? {
        "cedar" => Some(PolicyLanguage::Cedar),
        "rego" => Some(PolicyLanguage::Rego),
        "polar" => Some(PolicyLanguage::Polar),
        _ => None,
    };
    if !path.is_dir() {
        return of(path);
    }
    let mut inside: Vec<_> = std::fs::read_dir(path).ok()?.filter_map(|e| Some(e.ok()?.path())).collect();
    inside.sort();
    inside.iter().find_map(|p| of(p))
}

/// The configured sets that stand in files: those of these names, or all.
fn configured(loaded: &Loaded, names: &[String]) -> Result<Vec<PolicySet>, Failure> {
    let all = &loaded.config.policy.sets;
    if let Some(unknown) = names.iter().find(|n| all.iter().all(|s| s.name != **n)) {
        return Err(missing("policy set", unknown, "policy list"));
    }
    let wanted = |s: &&PolicySet| names.is_empty() || names.contains(&s.name);
    Ok(all.iter().filter(wanted).filter(|s| !s.language.is_remote()).cloned().collect())
}

fn read(set: &PolicySet) -> Result<SetText, Failure> {
    files::read(set).map_err(|e: EngineError| Failure::refused(format!("`policy.set {}`: {e}", set.name)))
}
