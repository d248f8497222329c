//! How checks are sorted.

use std::fmt;

/// How bad it is if a check finds something.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// A document says that it must be so (or there is no other way for a client to go on).
    Must,
    /// A document says that it should be so, or clients in use need it.
    Should,
}

/// What a check belongs to, in the order in which a client comes by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Group {
    /// Whether there is an MCP server at all.
    Reach,
    /// From the refusal of a request to the metadata of the resource.
    Discovery,
    /// What resource and authorization server say of themselves.
    Metadata,
    /// How a client becomes known.
    Registration,
    /// The authorization endpoint.
    Authorization,
    /// The token endpoint, and what is done with tokens.
    Tokens,
    /// Streamable HTTP.
    Transport,
}

impl Group {
    /// The heading.
    pub fn title(self) -> &'static str {
        match self {
            Self::Reach => "Reach",
            Self::Discovery => "Discovery",
            Self::Metadata => "Metadata",
            Self::Registration => "Registration",
            Self::Authorization => "Authorization",
            Self::Tokens => "Tokens",
            Self::Transport => "Transport",
        }
    }
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Must => "must",
            Self::Should => "should",
        })
    }
}
