//! What happens at the same time: thousands of interleavings of what ends or narrows a grant with what mints under it.
//!
//! Every race runs on SQLite in memory and in a file and on PostgreSQL, most rounds one step of one request at a time in
//! an order that a seed decides, every eighth on threads. `PROKURA_RACES` says how many rounds of each.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a test ends where its world does not hold"
)]

#[path = "../../../store/tests/conformance/postgres.rs"]
mod postgres;
mod round;
mod schedule;
#[path = "../world/mod.rs"]
mod world;

mod codes;
mod exchanges;
mod own;
mod refreshes;

use round::Driver;

macro_rules! on_every_driver {
    ($($subject:ident { $($test:ident)* })*) => {
        on_every_driver!(@ on_sqlite_file, File; $($subject { $($test)* })*);
        on_every_driver!(@ in_memory, Memory; $($subject { $($test)* })*);
        on_every_driver!(@ on_postgresql, Postgres; $($subject { $($test)* })*);
    };
    (@ $name:ident, $driver:ident; $($subject:ident { $($test:ident)* })*) => {
        mod $name {
            $(mod $subject {
                $(#[test]
                fn $test() {
                    crate::round::rounds(stringify!($test), crate::Driver::$driver, crate::$subject::MORE, crate::$subject::$test);
                })*
            })*
        }
    };
}

on_every_driver! {
    refreshes {
        c14_of_many_refreshes_comes_one_successor
        c16_a_revocation_against_refreshes
        c16_a_suspension_against_refreshes
    }
    codes {
        c16_a_revocation_against_the_redemption_of_a_code
        c11_two_redemptions_of_a_code_end_what_came_of_it
    }
    exchanges {
        c16_a_revocation_against_exchanges
        c16_a_suspension_against_exchanges
        c17_a_narrowing_against_refreshes_and_exchanges
        d01_exchanges_at_once_make_one_grant
    }
    own {
        c16_a_suspension_against_tokens_of_a_clients_own
        c16_a_suspension_against_evidence_of_a_workload
    }
}
