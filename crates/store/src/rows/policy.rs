//! Policy sets: their versions, which of them is in force, and the entities that were told besides.

use crate::driver::Row;
use crate::revoked::Kind;
use crate::tx::{Word, params};
use crate::{StoreError, Tx};
use prokura_core::Timestamp;

/// A version of a policy set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PolicyVersion {
    /// The set.
    pub set: String,
    /// The hash of its texts.
    pub version: String,
    /// What it is written in.
    pub language: String,
    /// Its texts, as JSON text; empty where only the versions are listed.
    pub texts: String,
    /// When it was first seen.
    pub at: Timestamp,
    /// Who brought it.
    pub by: String,
    /// What they said of it.
    pub note: String,
}

/// Which version of a set is in force.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PolicyStanding {
    /// The set.
    pub set: String,
    /// The version that is in force; empty if none is yet.
    pub active: String,
    /// The version that its files held when somebody last saw them change.
    pub of_files: String,
    /// How many times a version of it was put in force.
    pub n: u64,
}

/// That a version was put in force.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PolicyActivation {
    /// The set.
    pub set: String,
    /// The version.
    pub version: String,
    /// When.
    pub at: Timestamp,
    /// Who did it.
    pub by: String,
    /// Why.
    pub note: String,
}

/// An entity that somebody told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredEntity {
    /// Its kind.
    pub kind: String,
    /// Its id within the kind.
    pub id: String,
    /// Attributes and parents, as JSON text.
    pub entity: String,
    /// When it was told.
    pub at: Timestamp,
    /// Who told it.
    pub by: String,
}

/// The one word about policies, and the one about entities: their numbers grow with every change.
const POLICIES: &str = "policies";
const DIRECTORY: &str = "directory";

impl Tx<'_> {
    /// Keeps a version; false if it is known already, and then it stays as it was.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn put_policy_version(&mut self, v: &PolicyVersion) -> Result<bool, StoreError> {
        let added = self.execute(
            "INSERT INTO policy_versions (set_name, version, language, texts, at, by_whom, note)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7) ON CONFLICT (set_name, version) DO NOTHING",
            params![&v.set, &v.version, &v.language, &v.texts, v.at, &v.by, &v.note],
        )?;
        Ok(added == 1)
    }

    /// A version, with its texts.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn policy_version(&mut self, set: &str, version: &str) -> Result<Option<PolicyVersion>, StoreError> {
        let sql = "SELECT set_name, version, language, texts, at, by_whom, note FROM policy_versions
                   WHERE set_name = ?1 AND version = ?2";
        self.row(sql, params![set, version], of_version)
    }

    /// The versions of a set whose hash begins so, without their texts, newest first, at most `limit`.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn policy_versions(
        &mut self,
        set: &str,
        begins: &str,
        limit: u32,
    ) -> Result<Vec<PolicyVersion>, StoreError> {
        let sql = "SELECT set_name, version, language, '', at, by_whom, note FROM policy_versions
                   WHERE set_name = ?1 AND substr(version, 1, length(?2)) = ?2 ORDER BY at DESC, version LIMIT ?3";
        self.rows(sql, params![set, begins, limit], of_version)
    }

    /// Which version of a set is in force; `None` if there never was one.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn policy_standing(&mut self, set: &str) -> Result<Option<PolicyStanding>, StoreError> {
        self.row("SELECT name, active, of_files, n FROM policy_sets WHERE name = ?1", params![set], standing)
    }

    /// Which versions of all sets are in force, by name.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn policy_standings(&mut self) -> Result<Vec<PolicyStanding>, StoreError> {
        self.rows("SELECT name, active, of_files, n FROM policy_sets ORDER BY name", &[], standing)
    }

    /// Puts a version in force, for every process; false if it is already.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] if there is no such version.
    pub fn activate_policy(&mut self, a: &PolicyActivation) -> Result<bool, StoreError> {
        if self.policy_version(&a.set, &a.version)?.is_none() {
            return Err(StoreError::Conflict(format!("there is no version {} of `{}`", a.version, a.set)));
        }
        let sql = "INSERT INTO policy_sets (name, active, of_files, n) VALUES (?1, ?2, '', 1)
                   ON CONFLICT (name) DO UPDATE SET active = excluded.active, n = policy_sets.n + 1
                   WHERE policy_sets.active <> excluded.active RETURNING n";
        let Some(n) = self.row(sql, params![&a.set, &a.version], |row| row.count(0))? else {
            return Ok(false);
        };
        self.execute(
            "INSERT INTO policy_activations (set_name, n, version, at, by_whom, note)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
            params![&a.set, n, &a.version, a.at, &a.by, &a.note],
        )?;
        self.notice((Kind::Policies, POLICIES), &a.by, a.at)?;
        Ok(true)
    }

    /// Notes which version the files of a set hold.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn note_policy_files(&mut self, set: &str, version: &str) -> Result<(), StoreError> {
        self.execute(
            "INSERT INTO policy_sets (name, active, of_files, n) VALUES (?1, '', ?2, 0)
             ON CONFLICT (name) DO UPDATE SET of_files = excluded.of_files",
            params![set, version],
        )
        .map(drop)
    }

    /// What was put in force of a set, newest first, at most `limit`.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn policy_activations(&mut self, set: &str, limit: u32) -> Result<Vec<PolicyActivation>, StoreError> {
        let sql = "SELECT set_name, version, at, by_whom, note FROM policy_activations WHERE set_name = ?1
                   ORDER BY n DESC LIMIT ?2";
        self.rows(sql, params![set, limit], |row| {
            Ok(PolicyActivation {
                set: row.get(0)?,
                version: row.get(1)?,
                at: row.time(2)?,
                by: row.get(3)?,
                note: row.get(4)?,
            })
        })
    }

    /// Keeps an entity in the place of the one with its name. Every process hears of it.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn put_policy_entity(&mut self, e: &StoredEntity) -> Result<(), StoreError> {
        self.execute(
            "INSERT INTO policy_entities (kind, id, entity, at, by_whom) VALUES (?1, ?2, ?3, ?4, ?5)
             ON CONFLICT (kind, id) DO UPDATE SET entity = excluded.entity, at = excluded.at,
             by_whom = excluded.by_whom",
            params![&e.kind, &e.id, &e.entity, e.at, &e.by],
        )?;
        self.notice((Kind::Directory, DIRECTORY), &e.by, e.at)
    }

    /// Forgets an entity; false if there is none of that name.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn delete_policy_entity(
        &mut self,
        kind: &str,
        id: &str,
        by: &str,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let sql = "DELETE FROM policy_entities WHERE kind = ?1 AND id = ?2";
        if self.execute(sql, params![kind, id])? == 0 {
            return Ok(false);
        }
        self.notice((Kind::Directory, DIRECTORY), by, now)?;
        Ok(true)
    }

    /// The entities that were told, by kind and id, after `after`, at most `limit`.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn policy_entities(
        &mut self,
        after: (&str, &str),
        limit: u32,
    ) -> Result<Vec<StoredEntity>, StoreError> {
        let sql = "SELECT kind, id, entity, at, by_whom FROM policy_entities
                   WHERE kind > ?1 OR (kind = ?1 AND id > ?2) ORDER BY kind, id LIMIT ?3";
        self.rows(sql, params![after.0, after.1, limit], |row| {
            Ok(StoredEntity {
                kind: row.get(0)?,
                id: row.get(1)?,
                entity: row.get(2)?,
                at: row.time(3)?,
                by: row.get(4)?,
            })
        })
    }

    /// Says that users, agents or their groups are others than before, to whoever keeps them in memory.
    pub(crate) fn say_directory(&mut self) -> Result<(), StoreError> {
        self.notice((Kind::Directory, DIRECTORY), "", Timestamp::from_micros(0))
    }

    fn notice(&mut self, (kind, id): (Kind, &str), by: &str, at: Timestamp) -> Result<(), StoreError> {
        let (word, until) = (Word::ACTIVE, Timestamp::FOR_EVER);
        self.say(Word { kind, id, word, at, by, why: id, until, floor: 0 })
    }
}

fn of_version(row: &Row<'_>) -> Result<PolicyVersion, StoreError> {
    Ok(PolicyVersion {
        set: row.get(0)?,
        version: row.get(1)?,
        language: row.get(2)?,
        texts: row.get(3)?,
        at: row.time(4)?,
        by: row.get(5)?,
        note: row.get(6)?,
    })
}

fn standing(row: &Row<'_>) -> Result<PolicyStanding, StoreError> {
    Ok(PolicyStanding { set: row.get(0)?, active: row.get(1)?, of_files: row.get(2)?, n: row.count(3)? })
}
