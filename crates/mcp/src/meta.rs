//! Members of `_meta` that the protocol keeps for itself (MCP 2026-07-28, "`_meta`").

/// Where a modern request says its version.
pub const VERSION: &str = "io.modelcontextprotocol/protocolVersion";
/// Where a modern request says what its client can do.
pub const CAPABILITIES: &str = "io.modelcontextprotocol/clientCapabilities";
/// Where a modern request says which software its client is.
pub const CLIENT: &str = "io.modelcontextprotocol/clientInfo";
/// Where a modern request says from which level on it wants to be told.
pub const LOG_LEVEL: &str = "io.modelcontextprotocol/logLevel";
/// Where a modern result says which software its server is.
pub const SERVER: &str = "io.modelcontextprotocol/serverInfo";
/// Where a modern notification names the subscription it belongs to.
pub const SUBSCRIPTION: &str = "io.modelcontextprotocol/subscriptionId";
/// Where a legacy message names the task it belongs to.
pub const RELATED_TASK: &str = "io.modelcontextprotocol/related-task";
