//! The program as its users run it: arguments in, answers and exit codes out.

mod demo;
mod program;
mod refusals;
mod serving;
