//! MCP enforcement: route, authenticate, parse, decide, record, inject, forward, redact, record.
#![forbid(unsafe_code)]
