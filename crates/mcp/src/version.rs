//! Protocol versions and their two eras (MCP 2026-07-28, "Versioning and Compatibility").

/// How a version carries its state.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Era {
    /// Since 2026-07-28: every request carries version and capabilities; there is no session.
    Modern,
    /// Until 2025-11-25: `initialize` begins a session.
    Legacy,
}

/// The versions that are relayed, newest first.
pub const SUPPORTED: [&str; 5] = ["2026-07-28", "2025-11-25", "2025-06-18", "2025-03-26", "2024-11-05"];

/// The version of a legacy request that names none (MCP 2025-11-25, "Protocol Version Header").
pub const ASSUMED: &str = "2025-03-26";

/// A version that is relayed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Version(&'static str);

impl Version {
    /// The version of that name, if it is relayed.
    pub fn parse(name: &str) -> Option<Self> {
        SUPPORTED.into_iter().find(|v| *v == name).map(Self)
    }

    /// The version of a legacy request that names none.
    pub const fn assumed() -> Self {
        Self(ASSUMED)
    }

    /// The versions that a single request may name, for a client that named another. Those of the legacy era are
    /// agreed on by `initialize`, with the upstream; that it speaks them is not known here.
    pub fn of_requests() -> impl Iterator<Item = Self> {
        SUPPORTED.into_iter().map(Self).filter(|v| v.era() == Era::Modern)
    }

    /// Its name.
    pub fn as_str(self) -> &'static str {
        self.0
    }

    /// Its era.
    pub fn era(self) -> Era {
        // Versions are dates; the first modern one is 2026-07-28.
        if self.0 >= "2026-07-28" { Era::Modern } else { Era::Legacy }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_modern_version_is_of_july_2026() {
        assert_eq!(Version::parse("2026-07-28").unwrap().era(), Era::Modern);
        assert_eq!(Version::parse("2025-11-25").unwrap().era(), Era::Legacy);
        assert_eq!(Version::assumed().era(), Era::Legacy);
        assert_eq!(Version::parse("1900-01-01"), None);
        assert_eq!(Version::parse("2026-07-28 "), None);
        assert_eq!(Version::of_requests().map(Version::as_str).collect::<Vec<_>>(), ["2026-07-28"]);
    }
}
