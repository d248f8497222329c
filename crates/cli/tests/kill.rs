//! What the program acknowledged survives `kill -9`. These are short; `cargo xtask kill` goes on for long.
#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a test ends where its world does not hold")]

use prokura_testkit::kill::{Database, Options, has_postgres, run};

async fn killed(database: Database, runs: u32) -> Vec<String> {
    let binary = env!("CARGO_BIN_EXE_prokura").into();
    let report =
        run(&Options { runs, seed: 1, database, binary, clients: 12, progress: false }).await.unwrap();
    println!("{}", report.table());
    report.violations
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_acknowledged_survives_a_kill() {
    assert_eq!(killed(Database::Sqlite, 20).await, Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_acknowledged_survives_a_kill_on_postgres() {
    if !has_postgres() {
        eprintln!("SKIPPED: no PostgreSQL: install it or set PROKURA_TEST_POSTGRES");
        assert!(std::env::var("CI").as_deref() != Ok("true"), "CI must test PostgreSQL");
        return;
    }
    assert_eq!(killed(Database::Postgres, 6).await, Vec::<String>::new());
}
