//! The only place that names a database driver: transactions, single-use artifacts, group commit.
#![forbid(unsafe_code)]
