//! Whether a workload speaks for itself, where nobody said so: `docs/decisions/0012-the-agents-own-platform.md`.

use prokura_sdk::workload::SpeaksFor;

/// What is known when it has to be decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Circumstances {
    /// Whether somebody sits at a terminal.
    pub terminal: bool,
    /// Whether no browser can be shown.
    pub headless: bool,
    /// Whether a login of a person is kept for this server.
    pub signed_in: bool,
}

/// Whether the platform that was found is used although nobody asked for it. What was put there for this process is; what
/// a whole machine has, only where no person can be meant.
pub fn speaks_for_itself(found: SpeaksFor, so: Circumstances) -> bool {
    match found {
        SpeaksFor::Process => true,
        SpeaksFor::Machine => so.headless && !so.terminal && !so.signed_in,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_at_a_machine_in_a_cloud_becomes_that_machine_by_surprise() {
        let service = Circumstances { terminal: false, headless: true, signed_in: false };
        assert!(speaks_for_itself(SpeaksFor::Machine, service));
        for person in [
            Circumstances { terminal: true, ..service },
            Circumstances { headless: false, ..service },
            Circumstances { signed_in: true, ..service },
        ] {
            assert!(!speaks_for_itself(SpeaksFor::Machine, person), "{person:?}");
            assert!(speaks_for_itself(SpeaksFor::Process, person), "{person:?}");
        }
    }
}
