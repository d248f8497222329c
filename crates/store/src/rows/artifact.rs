//! Artifacts: single-use things. What is spent stays until it expires, so that a second use is told from a
//! guess.

use crate::driver::Row;
use crate::tx::params;
use crate::{SecretHash, StoreError, Tx};
use prokura_core::{GrantId, Timestamp};

/// What sort of single-use thing. The same secret of two kinds is two artifacts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ArtifactKind {
    /// An authorization code (RFC 6749 §4.1.2).
    Code,
    /// A pushed authorization request (RFC 9126).
    Par,
    /// A refresh token (RFC 6749 §6).
    RefreshToken,
    /// The `jti` of a client or grant assertion (RFC 7523 §3).
    AssertionJti,
    /// A sign-in and consent under way.
    Interaction,
    /// A token that lets a client be registered (RFC 7591 §3).
    RegistrationToken,
    /// A link by which a person signs in.
    SignInLink,
    /// The challenge of a passkey ceremony.
    PasskeyChallenge,
    /// A device code (RFC 8628).
    DeviceCode,
    /// The code that a person carries to the page for it (RFC 8628 §6.1), and then what was answered.
    UserCode,
    /// What a client asks with while its user is asked elsewhere (`auth_req_id`, OpenID Connect CIBA Core §7.3).
    Backchannel,
    /// What that user is asked, and then what was answered.
    BackchannelAsk,
    /// The `jti` of a proof of possession (RFC 9449 §11.1).
    DpopJti,
    /// An approval of one call.
    Approval,
    /// A sign-in at an identity provider that was begun here (`state`).
    UpstreamState,
    /// A password that was right and waits for its second factor.
    SecondStep,
    /// A time step of a one-time code (RFC 6238 §5.2: each is accepted once).
    TotpStep,
    /// A code that stands in for a lost second factor.
    RecoveryCode,
    /// Evidence of a workload, with the key that it was first shown with.
    EvidenceKey,
    /// The `jti` of a security event of a transmitter.
    SignalJti,
    /// What a transmitter has to say to show that its stream works.
    SignalState,
    /// The `jti` of a signed posture.
    PostureJti,
}

impl ArtifactKind {
    /// Every kind.
    pub const ALL: [Self; 22] = [
        Self::Code,
        Self::Par,
        Self::RefreshToken,
        Self::AssertionJti,
        Self::Interaction,
        Self::RegistrationToken,
        Self::SignInLink,
        Self::PasskeyChallenge,
        Self::DeviceCode,
        Self::UserCode,
        Self::Backchannel,
        Self::BackchannelAsk,
        Self::DpopJti,
        Self::Approval,
        Self::UpstreamState,
        Self::SecondStep,
        Self::TotpStep,
        Self::RecoveryCode,
        Self::EvidenceKey,
        Self::SignalJti,
        Self::SignalState,
        Self::PostureJti,
    ];

    /// The word in the database.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Code => "code",
            Self::Par => "par",
            Self::RefreshToken => "refresh_token",
            Self::AssertionJti => "assertion_jti",
            Self::Interaction => "interaction",
            Self::RegistrationToken => "registration_token",
            Self::SignInLink => "sign_in_link",
            Self::PasskeyChallenge => "passkey_challenge",
            Self::DeviceCode => "device_code",
            Self::UserCode => "user_code",
            Self::Backchannel => "backchannel",
            Self::BackchannelAsk => "backchannel_ask",
            Self::DpopJti => "dpop_jti",
            Self::Approval => "approval",
            Self::UpstreamState => "upstream_state",
            Self::SecondStep => "second_step",
            Self::TotpStep => "totp_step",
            Self::RecoveryCode => "recovery_code",
            Self::EvidenceKey => "evidence_key",
            Self::SignalJti => "signal_jti",
            Self::SignalState => "signal_state",
            Self::PostureJti => "posture_jti",
        }
    }
}

/// A single-use thing as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Artifact {
    /// The grant it belongs to, if any.
    pub grant: Option<GrantId>,
    /// What its owner put in.
    pub payload: Vec<u8>,
    /// Of no use from then on.
    pub expires_at: Timestamp,
    /// When it was spent.
    pub consumed_at: Option<Timestamp>,
}

/// What came of an attempt to spend an artifact.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Consumed {
    /// This attempt spent it; the payload is what it held before.
    Won(Artifact),
    /// It was spent before: a replay, or a retry after a lost answer.
    Already(Artifact),
    /// There is none.
    Absent,
    /// It was never spent and has expired.
    Expired,
}

const COLUMNS: &str = "grant_id, payload, expires_at, consumed_at";

impl Tx<'_> {
    /// Stores an artifact. Only the hash of `secret` is kept.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] if there is one of that kind and secret: for a `jti`, take
    /// [`claim`](Self::claim) instead.
    pub fn put_artifact(
        &mut self,
        kind: ArtifactKind,
        secret: &str,
        grant: Option<&GrantId>,
        payload: &[u8],
        expires_at: Timestamp,
    ) -> Result<(), StoreError> {
        self.execute(
            "INSERT INTO artifacts (kind, id_hash, grant_id, payload, expires_at) VALUES (?1, ?2, ?3, ?4, ?5)",
            params![
                kind.as_str(), &SecretHash::of(secret).0, grant.map(GrantId::as_str), payload, expires_at
            ],
        )
        .map(drop)
    }

    /// Notes that `secret` (a `jti` that others chose) was seen; false if it was seen before and may not be
    /// again until `expires_at`. The first of any number of simultaneous claims wins.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn claim(
        &mut self,
        kind: ArtifactKind,
        secret: &str,
        now: Timestamp,
        expires_at: Timestamp,
    ) -> Result<bool, StoreError> {
        let claimed = self.execute(
            "INSERT INTO artifacts (kind, id_hash, payload, expires_at, consumed_at)
             VALUES (?1, ?2, ?3, ?4, ?5)
             ON CONFLICT (kind, id_hash) DO UPDATE
             SET expires_at = excluded.expires_at, consumed_at = excluded.consumed_at
             WHERE artifacts.expires_at <= excluded.consumed_at",
            params![kind.as_str(), &SecretHash::of(secret).0, [0_u8; 0].as_slice(), expires_at, now],
        )?;
        Ok(claimed == 1)
    }

    /// Gives `secret` the value `first` until `expires_at` unless it has one, and says which one it has: of any number of
    /// simultaneous attempts, one is the first and all hear the same.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn bind_first(
        &mut self,
        kind: ArtifactKind,
        secret: &str,
        first: &[u8],
        now: Timestamp,
        expires_at: Timestamp,
    ) -> Result<Vec<u8>, StoreError> {
        self.execute(
            "INSERT INTO artifacts (kind, id_hash, payload, expires_at) VALUES (?1, ?2, ?3, ?4)
             ON CONFLICT (kind, id_hash) DO UPDATE
             SET payload = excluded.payload, expires_at = excluded.expires_at
             WHERE artifacts.expires_at <= ?5",
            params![kind.as_str(), &SecretHash::of(secret).0, first, expires_at, now],
        )?;
        let bound = self.artifact(kind, secret)?.map(|a| a.payload);
        bound.ok_or_else(|| StoreError::Corrupt { column: "artifacts.payload", detail: "it is gone".into() })
    }

    /// Takes from `secret` the value that [`bind_first`](Self::bind_first) gave it, so that the next one counts; false if
    /// it had none.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn unbind_first(
        &mut self,
        kind: ArtifactKind,
        secret: &str,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let gone = self.execute(
            "DELETE FROM artifacts WHERE kind = ?1 AND id_hash = ?2 AND expires_at > ?3",
            params![kind.as_str(), &SecretHash::of(secret).0, now],
        )?;
        Ok(gone == 1)
    }

    /// The artifact, spent or not, expired or not.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn artifact(&mut self, kind: ArtifactKind, secret: &str) -> Result<Option<Artifact>, StoreError> {
        let sql = format!("SELECT {COLUMNS} FROM artifacts WHERE kind = ?1 AND id_hash = ?2");
        self.row(&sql, params![kind.as_str(), &SecretHash::of(secret).0], artifact)
    }

    /// Spends an artifact. Of any number of simultaneous attempts exactly one wins.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn consume(
        &mut self,
        kind: ArtifactKind,
        secret: &str,
        now: Timestamp,
    ) -> Result<Consumed, StoreError> {
        let sql = format!(
            "UPDATE artifacts SET consumed_at = ?3
             WHERE kind = ?1 AND id_hash = ?2 AND consumed_at IS NULL AND expires_at > ?3
             RETURNING {COLUMNS}"
        );
        let won = self.row(&sql, params![kind.as_str(), &SecretHash::of(secret).0, now], artifact)?;
        match won {
            Some(artifact) => Ok(Consumed::Won(artifact)),
            None => self.why_not(kind, secret),
        }
    }

    /// Spends an artifact and leaves `payload` in it for whoever comes with it again: a refresh token
    /// remembers its successor (FAPI 2.0 §5.3.2.1, note on rotation).
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn consume_with(
        &mut self,
        kind: ArtifactKind,
        secret: &str,
        now: Timestamp,
        payload: &[u8],
    ) -> Result<Consumed, StoreError> {
        let before = self.artifact(kind, secret)?;
        let won = self.execute(
            "UPDATE artifacts SET consumed_at = ?3, payload = ?4
             WHERE kind = ?1 AND id_hash = ?2 AND consumed_at IS NULL AND expires_at > ?3",
            params![kind.as_str(), &SecretHash::of(secret).0, now, payload],
        )?;
        match before {
            Some(artifact) if won == 1 => Ok(Consumed::Won(Artifact { consumed_at: Some(now), ..artifact })),
            _ => self.why_not(kind, secret),
        }
    }

    fn why_not(&mut self, kind: ArtifactKind, secret: &str) -> Result<Consumed, StoreError> {
        Ok(match self.artifact(kind, secret)? {
            None => Consumed::Absent,
            Some(artifact) if artifact.consumed_at.is_some() => Consumed::Already(artifact),
            Some(_) => Consumed::Expired,
        })
    }

    /// Replaces the payload of an artifact that is neither spent nor expired, if it still is `expected`; says
    /// whether it was.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn update_payload(
        &mut self,
        kind: ArtifactKind,
        secret: &str,
        expected: &[u8],
        payload: &[u8],
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let updated = self.execute(
            "UPDATE artifacts SET payload = ?4
             WHERE kind = ?1 AND id_hash = ?2 AND payload = ?3 AND consumed_at IS NULL AND expires_at > ?5",
            params![kind.as_str(), &SecretHash::of(secret).0, expected, payload, now],
        )?;
        Ok(updated == 1)
    }

    /// Spends every artifact of a grant: no code and no refresh token of it can be used any more. Says how many
    /// were not spent before.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn revoke_artifacts_by_grant(&mut self, grant: &GrantId, now: Timestamp) -> Result<u64, StoreError> {
        self.execute(
            "UPDATE artifacts SET consumed_at = ?2 WHERE grant_id = ?1 AND consumed_at IS NULL",
            params![grant.as_str(), now],
        )
    }
}

fn artifact(row: &Row<'_>) -> Result<Artifact, StoreError> {
    let grant: Option<String> = row.get(0)?;
    let corrupt = |_| StoreError::Corrupt { column: "artifacts.grant_id", detail: "no id".into() };
    Ok(Artifact {
        grant: grant.map(GrantId::parse).transpose().map_err(corrupt)?,
        payload: row.get(1)?,
        expires_at: row.time(2)?,
        consumed_at: row.maybe_time(3)?,
    })
}
