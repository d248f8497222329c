//! Migrations: numbered, embedded, each applied in one transaction.

use crate::StoreError;
use crate::driver::Connection;

/// One step of the schema.
struct Migration {
    version: i64,
    common: &'static str,
    sqlite: &'static str,
    postgres: &'static str,
}

const MIGRATIONS: &[Migration] = &[
    Migration {
        version: 1,
        common: include_str!("../migrations/0001_initial.sql"),
        sqlite: include_str!("../migrations/0001_initial.sqlite.sql"),
        postgres: include_str!("../migrations/0001_initial.postgres.sql"),
    },
    Migration {
        version: 2,
        common: include_str!("../migrations/0002_sign_in.sql"),
        sqlite: "",
        postgres: "",
    },
    Migration {
        version: 3,
        common: include_str!("../migrations/0003_details.sql"),
        sqlite: "",
        postgres: "",
    },
    Migration {
        version: 4,
        common: include_str!("../migrations/0004_grant_names.sql"),
        sqlite: "",
        postgres: "",
    },
    Migration {
        version: 5,
        common: include_str!("../migrations/0005_workloads.sql"),
        sqlite: "",
        postgres: "",
    },
    Migration { version: 6, common: include_str!("../migrations/0006_facts.sql"), sqlite: "", postgres: "" },
    Migration {
        version: 7,
        common: include_str!("../migrations/0007_approvals.sql"),
        sqlite: "",
        postgres: "",
    },
    Migration {
        version: 8,
        common: include_str!("../migrations/0008_signals.sql"),
        sqlite: "",
        postgres: "",
    },
    Migration { version: 9, common: include_str!("../migrations/0009_graph.sql"), sqlite: "", postgres: "" },
    Migration { version: 10, common: include_str!("../migrations/0010_used.sql"), sqlite: "", postgres: "" },
    Migration {
        version: 11,
        common: include_str!("../migrations/0011_consent.sql"),
        sqlite: "",
        postgres: "",
    },
    Migration {
        version: 12,
        common: include_str!("../migrations/0012_status.sql"),
        sqlite: "",
        postgres: "",
    },
    Migration { version: 13, common: include_str!("../migrations/0013_tools.sql"), sqlite: "", postgres: "" },
    Migration {
        version: 14,
        common: include_str!("../migrations/0014_policies.sql"),
        sqlite: "",
        postgres: "",
    },
    Migration {
        version: 15,
        common: include_str!("../migrations/0015_relations.sql"),
        sqlite: "",
        postgres: "",
    },
    Migration {
        version: 16,
        common: include_str!("../migrations/0016_approval_tasks.sql"),
        sqlite: "",
        postgres: "",
    },
    Migration {
        version: 17,
        common: include_str!("../migrations/0017_relations_last.sql"),
        sqlite: "",
        postgres: "",
    },
    Migration {
        version: 18,
        common: include_str!("../migrations/0018_backchannel.sql"),
        sqlite: "",
        postgres: "",
    },
];

/// The newest version that this program knows.
fn known() -> i64 {
    MIGRATIONS.last().map_or(0, |m| m.version)
}

/// Brings the schema up to date; refuses one that is newer than this program.
pub(crate) fn migrate(conn: &mut Connection) -> Result<(), StoreError> {
    conn.begin_migration()?;
    let applied = apply(conn);
    match applied {
        Ok(()) => conn.commit(),
        Err(e) => {
            conn.rollback();
            Err(e)
        }
    }
}

fn apply(conn: &mut Connection) -> Result<(), StoreError> {
    conn.batch("CREATE TABLE IF NOT EXISTS schema_version (version BIGINT NOT NULL)")?;
    let found = conn.query("SELECT version FROM schema_version", &[], |row| row.get::<i64>(0))?;
    let found = found.first().copied();
    if found.is_none() {
        conn.execute("INSERT INTO schema_version (version) VALUES (0)", &[])?;
    }
    let found = found.unwrap_or(0);
    if found > known() {
        return Err(StoreError::NewerSchema { found, known: known() });
    }
    for step in MIGRATIONS.iter().filter(|m| m.version > found) {
        let ddl = conn.ddl(step.common, step.sqlite, step.postgres);
        conn.batch(&ddl)?;
        conn.execute("UPDATE schema_version SET version = ?1", &[step.version.into()])?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::DatabaseUrl;
    use crate::driver::Access;

    #[test]
    fn migrating_twice_changes_nothing_and_a_newer_schema_is_refused() {
        let mut conn = Connection::open(&DatabaseUrl::memory(), Access::Write).unwrap();
        migrate(&mut conn).unwrap();
        migrate(&mut conn).unwrap();
        conn.batch("UPDATE schema_version SET version = 99").unwrap();
        let refused = migrate(&mut conn).unwrap_err();
        assert_eq!(refused, StoreError::NewerSchema { found: 99, known: known() });
        assert!(refused.to_string().contains("newer program"));
    }

    #[test]
    fn the_steps_are_numbered_from_one_without_gaps() {
        let numbers: Vec<_> = MIGRATIONS.iter().map(|m| m.version).collect();
        assert_eq!(numbers, (1..=known()).collect::<Vec<_>>());
    }
}
