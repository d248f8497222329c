//! The resource server's half.
