//! The keys of approvals: what would happen is sealed for its task, and single arguments are known again by a keyed hash.

use super::{Conditions, Facts};
use prokura_core::{Rng, TaskId};
use prokura_oauth::json::{Limits, Object, Value, parse};
use prokura_oauth::seal::{MacKey, MasterKey, SealError, SealKey};
use prokura_oauth::secret::sha256_base64url;
use std::fmt::Write as _;

/// The hash of what a call is done with: the SHA-256 of the canonical bytes (RFC 8785) in base64url. No arguments
/// and an empty object are the same.
pub fn arguments_hash(arguments: Option<&Value>) -> String {
    let empty = Value::Object(Object::default());
    sha256_base64url(&arguments.unwrap_or(&empty).to_jcs())
}

/// What seals and opens what would happen.
pub struct ApprovalSeal {
    seal: SealKey,
    mac: MacKey,
}

impl ApprovalSeal {
    /// Derived from the installation's key, so that every process that shares it reads the same.
    ///
    /// # Errors
    /// [`SealError`].
    pub fn new(master: &MasterKey) -> Result<Self, SealError> {
        Ok(Self { seal: master.seal_key("approvals")?, mac: master.mac_key("approvals")? })
    }

    /// Seals what would happen, for this task alone.
    ///
    /// # Errors
    /// [`SealError`].
    pub fn seal(&self, task: &TaskId, facts: &Facts, rng: &dyn Rng) -> Result<String, SealError> {
        self.seal.seal(&facts.to_object().to_vec(), format!("task {task}").as_bytes(), rng)
    }

    /// Opens it; none if it was forgotten, or is another task's.
    pub fn open(&self, task: &TaskId, sealed: &str) -> Option<Facts> {
        Facts::read(&self.opened(sealed, &format!("task {task}"))?)
    }

    /// Seals the conditions of a standing agreement.
    ///
    /// # Errors
    /// [`SealError`].
    pub fn seal_conditions(
        &self,
        rule: &str,
        conditions: &Conditions,
        rng: &dyn Rng,
    ) -> Result<String, SealError> {
        self.seal.seal(&conditions.to_object().to_vec(), format!("rule {rule}").as_bytes(), rng)
    }

    /// Opens them; none of anything else: then the agreement holds for nothing.
    pub fn open_conditions(&self, rule: &str, sealed: &str) -> Option<Conditions> {
        Conditions::read(&self.opened(sealed, &format!("rule {rule}"))?)
    }

    fn opened(&self, sealed: &str, aad: &str) -> Option<Object> {
        let bytes = self.seal.open(sealed, aad.as_bytes())?;
        parse(&bytes, &Limits::DOCUMENT).ok()?.into_object()
    }

    /// Keyed hashes of the single arguments, a line each: by them equal ones are known again, and nothing else is.
    pub fn shape(&self, arguments: &Object) -> String {
        let mut lines: Vec<String> = arguments.iter().map(|(name, value)| self.line(name, value)).collect();
        lines.sort_unstable();
        lines.join("\n")
    }

    /// The line of one argument: its name's hash, a space, its value's.
    pub(super) fn line(&self, name: &str, value: &Value) -> String {
        let with = [name.as_bytes(), b"\0", &value.to_jcs()].concat();
        format!("{} {}", self.name(name), hex(&self.mac.mac(&with)))
    }

    /// The hash of a name.
    pub(super) fn name(&self, name: &str) -> String {
        hex(&self.mac.mac(name.as_bytes()))
    }
}

fn hex(bytes: &[u8; 32]) -> String {
    bytes.iter().take(16).fold(String::new(), |mut text, byte| {
        // Writing to a text never fails.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use prokura_core::SeededRng;

    fn value(text: &str) -> Value {
        parse(text.as_bytes(), &Limits::DOCUMENT).unwrap()
    }

    fn hash(text: &str) -> String {
        arguments_hash(Some(&value(text)))
    }

    #[test]
    fn e41_what_is_written_differently_and_means_the_same_is_the_same() {
        let one = hash(r#"{"id":"e7","salary":52000,"note":"é\/"}"#);
        for same in [
            r#"{"note":"\u00e9/","salary":52000,"id":"e7"}"#,
            r#"{ "salary" : 5.2e4, "id" : "\u00657", "note":"é/" }"#,
            r#"{"id":"e7","salary":52000.0,"note":"é/"}"#,
        ] {
            assert_eq!(hash(same), one, "{same}");
        }
        for other in [
            r#"{"id":"e7","salary":52000.01,"note":"é/"}"#,
            r#"{"id":"e7","salary":"52000","note":"é/"}"#,
            r#"{"id":"e8","salary":52000,"note":"é/"}"#,
            r#"{"id":"e7","salary":52000,"note":"e\u0301/"}"#,
            r#"{"id":"e7","salary":52000,"note":"é/","x":null}"#,
            r#"{"id":"e7","salary":52000}"#,
            r#"{"Id":"e7","salary":52000,"note":"é/"}"#,
        ] {
            assert_ne!(hash(other), one, "{other}");
        }
        assert_ne!(hash(r#"{"n":9007199254740993}"#), hash(r#"{"n":9007199254740992}"#), "no digit is lost");
        assert_ne!(hash(r#"{"l":[1,2]}"#), hash(r#"{"l":[2,1]}"#));
        assert_eq!(arguments_hash(None), hash("{}"));
    }

    #[test]
    fn what_is_sealed_opens_for_its_own_task_only() {
        let (rng, one) = (SeededRng::new(1), TaskId::parse("apt_1").unwrap());
        let key = ApprovalSeal::new(&MasterKey::new([7; 32])).unwrap();
        let facts = Facts::new("Pay", value(r#"{"to":"x"}"#).into_object().unwrap(), vec![]);
        let sealed = key.seal(&one, &facts, &rng).unwrap();
        assert!(!sealed.contains("to"));
        assert_eq!(key.open(&one, &sealed), Some(facts));
        assert_eq!(key.open(&TaskId::parse("apt_2").unwrap(), &sealed), None);
        assert_eq!(ApprovalSeal::new(&MasterKey::new([8; 32])).unwrap().open(&one, &sealed), None);
        assert_eq!(key.open(&one, ""), None);
    }
}
