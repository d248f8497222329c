//! The second factor after a password: a one-time code (RFC 6238), or a recovery code in its place.
//!
//! Invariants: a code is accepted once; guesses are counted before they are looked at, and slower than those of
//! passwords, because who guesses here knows the password; the secret is stored sealed for its user and enrolment.

mod enrol;
mod step;

pub(crate) use enrol::{enrol_at_sign_in, finish};
pub(crate) use step::{after_password, code};

use crate::people::{PageFault, People};
use prokura_core::{Timestamp, random_id};
use prokura_oauth::totp::{STEP, TotpSecret};
use prokura_store::{ArtifactKind, SecondFactor, StoreError, Tx};
use std::time::Duration;

/// How many recovery codes there are.
const CODES: usize = 10;
/// A step that was used is remembered until nobody accepts it any more.
const REMEMBER: Duration = Duration::from_secs(4 * STEP);
/// Letters and digits that are not taken for others; 32 of them, so a code of 16 has 80 bits.
const LETTERS: &[u8; 32] = b"abcdefghjkmnpqrstuvwxyz023456789";
const LETTERS_OF_A_CODE: usize = 16;

/// What a secret is sealed for.
fn owner(factor: &SecondFactor) -> Vec<u8> {
    format!("{} {}", factor.user, factor.enrolment).into_bytes()
}

/// What was typed, without what people put in between.
fn tidy(typed: &str) -> String {
    typed.chars().filter(|c| !c.is_whitespace() && *c != '-').take(64).collect::<String>().to_lowercase()
}

/// A code that was typed: of which step, or to be looked up among the recovery codes.
#[derive(Clone)]
enum Typed {
    Step(u64),
    Recovery(String),
}

impl People {
    /// New recovery codes, in groups of four.
    pub(crate) fn recovery_codes(&self) -> Vec<String> {
        (0..CODES).map(|_| self.recovery_code()).collect()
    }

    fn recovery_code(&self) -> String {
        let mut bytes = [0; LETTERS_OF_A_CODE];
        self.rng.fill(&mut bytes);
        bytes.iter().map(|b| char::from(LETTERS[usize::from(b % 32)])).collect()
    }

    /// A second factor of `user` with this secret.
    fn factor(&self, user: &prokura_core::UserId, secret: &TotpSecret) -> Result<SecondFactor, PageFault> {
        let mut factor = SecondFactor {
            user: user.clone(),
            enrolment: random_id("e_", &*self.rng),
            sealed: String::new(),
            codes_left: u32::try_from(CODES).unwrap_or(u32::MAX),
            created_at: self.now(),
            last_used_at: None,
        };
        let sealed = self.second_factors.seal(secret.bytes(), &owner(&factor), &*self.rng);
        factor.sealed = sealed.map_err(|e| PageFault::Ours(e.into()))?;
        Ok(factor)
    }

    /// What a typed code is, for a factor; nothing if it is neither.
    fn read_code(&self, factor: &SecondFactor, typed: &str) -> Result<Option<Typed>, PageFault> {
        let typed = tidy(typed);
        if typed.len() == LETTERS_OF_A_CODE {
            return Ok(Some(Typed::Recovery(typed)));
        }
        let secret = self.second_factors.open(&factor.sealed, &owner(factor));
        let secret = secret.as_deref().and_then(TotpSecret::from_bytes);
        let secret =
            secret.ok_or_else(|| PageFault::Ours(anyhow::anyhow!("a second factor cannot be opened")))?;
        Ok(secret.step_of(&typed, self.now()).map(Typed::Step))
    }
}

/// Spends a code; false if it was spent before, by whoever was quicker.
fn spend(tx: &mut Tx<'_>, factor: &SecondFactor, typed: &Typed, now: Timestamp) -> Result<bool, StoreError> {
    match typed {
        Typed::Recovery(code) => tx.use_recovery_code(factor, code, now),
        Typed::Step(step) => {
            let won = claim(tx, factor, *step, now)?;
            if won {
                tx.use_second_factor(&factor.user, now)?;
            }
            Ok(won)
        }
    }
}

/// Notes that the code of a step was accepted (RFC 6238 §5.2).
fn claim(tx: &mut Tx<'_>, factor: &SecondFactor, step: u64, now: Timestamp) -> Result<bool, StoreError> {
    let name = format!("{} {step}", factor.enrolment);
    tx.claim(ArtifactKind::TotpStep, &name, now, now.after(REMEMBER))
}
