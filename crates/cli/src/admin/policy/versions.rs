//! Versions of policy sets: which there are, which is in force, and putting another in force.

use super::test::invalid;
use super::{AdminArgs, OPERATOR, Opened, configured, line, missing, read};
use crate::failure::Failure;
use crate::show::{Table, exact, plain, print, source};
use prokura_config::{PolicyMode, PolicySet};
use prokura_decider::text::{SetText, short};
use prokura_decider::{files, languages, version_of};
use prokura_oauth::json::obj;
use prokura_store::{PolicyActivation, PolicyStanding, PolicyVersion, StoreError, Tx};

/// So many versions of one set are listed.
const MOST: u32 = 1000;

impl Opened {
    /// Every configured set, and what is in force.
    pub(super) async fn list_sets(&self) -> Result<(), Failure> {
        let policy = &self.loaded.config.policy;
        // Where all of them only report, none counts, whatever it says of itself.
        let mode = |set: &PolicySet| if policy.mode == PolicyMode::On { set.mode } else { policy.mode };
        let mut table = Table::new(&["set", "language", "mode", "in force", "since", "by", "files"]);
        for set in &policy.sets {
            let standing = self.standing(&set.name).await?;
            let last = self.activations(&set.name, 1).await?.into_iter().next();
            let active = standing.as_ref().map_or("", |s| s.active.as_str());
            let files = of_files(set, active);
            if self.json {
                let mut object = obj([
                    ("set", set.name.as_str().into()),
                    ("language", set.language.as_str().into()),
                    ("mode", mode(set).as_str().into()),
                    ("active", active.into()),
                    ("files", files.as_str().into()),
                ]);
                if let Some(last) = &last {
                    object.insert("since", exact(last.at).into());
                    object.insert("by", last.by.as_str().into());
                    object.insert("note", last.note.as_str().into());
                }
                line(&object)?;
            }
            table.row([
                set.name.clone(),
                set.language.as_str().to_owned(),
                mode(set).as_str().to_owned(),
                short(active).to_owned(),
                last.as_ref().map_or_else(String::new, |a| exact(a.at)),
                last.as_ref().map_or_else(String::new, |a| plain(&a.by)),
                files,
            ]);
        }
        if self.json { Ok(()) } else { print(table) }
    }

    /// All versions of one set, and when they were put in force.
    pub(super) async fn list_versions(&self, set: &str) -> Result<(), Failure> {
        let name = set.to_owned();
        let versions =
            self.store.read::<_, StoreError>(move |tx| tx.policy_versions(&name, "", MOST)).await?;
        let activations = self.activations(set, MOST).await?;
        let active = activations.first().map(|a| a.version.clone()).unwrap_or_default();
        let mut table = Table::new(&["version", "seen", "by", "in force", "note"]);
        for version in versions {
            let last = activations.iter().find(|a| a.version == version.version);
            let state = match last {
                Some(_) if version.version == active => "now".to_owned(),
                Some(last) => format!("last put in force {}", exact(last.at)),
                None => "never".to_owned(),
            };
            let note = last.map_or(&version.note, |a| &a.note);
            if self.json {
                line(&obj([
                    ("set", set.into()),
                    ("version", version.version.as_str().into()),
                    ("seen", exact(version.at).into()),
                    ("by", version.by.as_str().into()),
                    ("active", (version.version == active).into()),
                    ("note", note.as_str().into()),
                ]))?;
            }
            let by = last.map_or(&version.by, |a| &a.by);
            table.row([short(&version.version).to_owned(), exact(version.at), plain(by), state, plain(note)]);
        }
        if self.json { Ok(()) } else { print(table) }
    }

    async fn standing(&self, set: &str) -> Result<Option<PolicyStanding>, Failure> {
        let name = set.to_owned();
        Ok(self.store.read::<_, StoreError>(move |tx| tx.policy_standing(&name)).await?)
    }

    async fn activations(&self, set: &str, most: u32) -> Result<Vec<PolicyActivation>, Failure> {
        let name = set.to_owned();
        Ok(self.store.read::<_, StoreError>(move |tx| tx.policy_activations(&name, most)).await?)
    }

    /// The one kept version whose hash begins so; the one in force if nothing is said.
    pub(super) async fn version(&self, set: &str, begins: &str) -> Result<PolicyVersion, Failure> {
        let wanted = match begins {
            "" => self.standing(set).await?.map(|s| s.active).filter(|v| !v.is_empty()),
            _ => Some(begins.to_owned()),
        };
        let Some(wanted) = wanted else {
            let why = format!(
                "no version of `{set}` was ever in force: `prokura serve` puts what its files hold in force, and \
                 `{set}@files` names that",
                set = plain(set)
            );
            return Err(Failure::refused(why));
        };
        let name = set.to_owned();
        let find = move |tx: &mut Tx<'_>| {
            let found = tx.policy_versions(&name, &wanted, 2)?;
            match &found[..] {
                [only] => tx.policy_version(&name, &only.version).map(|v| (v, 1)),
                more => Ok((None, more.len())),
            }
        };
        match self.store.read::<_, StoreError>(find).await? {
            (Some(version), _) => Ok(version),
            (None, 0) => {
                Err(missing("version", &format!("{}@{}", plain(set), plain(begins)), "policy list SET"))
            }
            (None, _) => {
                Err(Failure::usage(format!("more than one version begins with `{}`", plain(begins))))
            }
        }
    }

    pub(super) async fn activate(&self, set: String, version: &str, note: String) -> Result<(), Failure> {
        let set = configured(&self.loaded, std::slice::from_ref(&set))?.pop();
        let Some(set) = set else { return Err(elsewhere()) };
        if version == "files" {
            let text = read(&set)?;
            let new = version_of(&set.name, &text, OPERATOR, &note, self.clock.now());
            return self.put_in_force(&set, &text, new, note, "policy:activate").await;
        }
        let kept = self.version(&set.name, version).await?;
        let text = text_of(&set, &kept)?;
        self.put_in_force(&set, &text, kept, note, "policy:activate").await
    }

    pub(super) async fn roll_back(&self, set: String, note: String) -> Result<(), Failure> {
        let set = configured(&self.loaded, std::slice::from_ref(&set))?.pop();
        let Some(set) = set else { return Err(elsewhere()) };
        let Some(before) = self.activations(&set.name, 2).await?.into_iter().nth(1) else {
            return Err(Failure::refused(format!("no other version of `{}` was in force before", set.name)));
        };
        let kept = self.version(&set.name, &before.version).await?;
        let text = text_of(&set, &kept)?;
        self.put_in_force(&set, &text, kept, note, "policy:rollback").await
    }

    async fn put_in_force(
        &self,
        set: &PolicySet,
        text: &SetText,
        version: PolicyVersion,
        note: String,
        action: &str,
    ) -> Result<(), Failure> {
        languages::engine(&set.name, text).map_err(|problems| invalid(&set.name, text, &problems))?;
        let mut event = self.event(action);
        event.details.insert("set", set.name.as_str().into());
        event.details.insert("version", version.version.as_str().into());
        if !note.is_empty() {
            event.details.insert("note", note.as_str().into());
        }
        let activation = PolicyActivation {
            set: set.name.clone(),
            version: version.version.clone(),
            at: self.clock.now(),
            by: OPERATOR.to_owned(),
            note,
        };
        let id = version.version.clone();
        let done = self.store.transact::<_, StoreError>(move |tx| {
            tx.put_policy_version(&version)?;
            let done = tx.activate_policy(&activation)?;
            if done {
                tx.record(event.clone());
            }
            Ok(done)
        });
        let said = if done.await? {
            format!(
                "Version {} of {} is in force; every process hears of it within a second.",
                short(&id),
                set.name
            )
        } else {
            format!("Version {} of {} was in force already.", short(&id), set.name)
        };
        self.done(action, &id, said)
    }
}

fn elsewhere() -> Failure {
    Failure::usage("the policies of this set are elsewhere: no version of them is kept here")
}

fn text_of(set: &PolicySet, version: &PolicyVersion) -> Result<SetText, Failure> {
    if version.language != set.language.as_str() {
        let (kept, set) = (&version.language, set.language.as_str());
        return Err(Failure::refused(format!("that version is written in {kept}, and the set is in {set}")));
    }
    SetText::from_json(set.language, &version.texts).map_err(Failure::refused)
}

/// How what the files hold compares to what is in force.
fn of_files(set: &PolicySet, active: &str) -> String {
    if set.language.is_remote() {
        return "elsewhere".to_owned();
    }
    match files::read(set) {
        Err(_) => "cannot be read".to_owned(),
        Ok(text) => match languages::check(&set.name, &text) {
            Err(problems) => format!("not valid ({})", problems.len()),
            Ok(_) if text.version() == active => "the same".to_owned(),
            Ok(_) => short(&text.version()).to_owned(),
        },
    }
}

/// A set's texts: in force (`staff`), of a version (`staff@3f2a`), of its files (`staff@files`), or of files as they are.
pub(super) async fn named(args: &AdminArgs, which: &str) -> Result<(String, SetText), Failure> {
    if std::path::Path::new(which).exists() {
        let set = super::set_of(vec![which.to_owned()], None)?;
        return Ok((which.to_owned(), read(&set)?));
    }
    let (name, version) = which.split_once('@').unwrap_or((which, ""));
    let opened = args.open().await?;
    let set = configured(&opened.loaded, &[name.to_owned()])?.pop().ok_or_else(elsewhere)?;
    if version == "files" {
        return Ok((which.to_owned(), read(&set)?));
    }
    let kept = opened.version(name, version).await?;
    let label = format!("{name}@{}", short(&kept.version));
    Ok((label, text_of(&set, &kept)?))
}

pub(super) async fn show(args: &AdminArgs, which: &str) -> Result<(), Failure> {
    let (label, text) = named(args, which).await?;
    if args.json {
        let mut object = text.to_object();
        object.insert("version", text.version().into());
        object.insert("language", text.language.as_str().into());
        return line(&object);
    }
    print(format!("# {}", plain(&label)))?;
    for file in text.files.iter().chain(&text.schema) {
        print(format!("# {}", plain(&file.name)))?;
        for line in file.text.lines() {
            print(source(line))?;
        }
    }
    Ok(())
}
