//! View structs in, HTML out.
#![forbid(unsafe_code)]
