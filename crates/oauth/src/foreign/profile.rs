//! How the known servers write their access tokens. What is peculiar to one of them stands here and nowhere else.

use super::Subject;
use crate::jose::{Algorithm, NO_TYP};
use crate::json::{Object, Value};
use std::fmt;

/// Whose way of writing access tokens an issuer has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Profile {
    /// RFC 9068, as most new servers have it.
    Rfc9068,
    /// Keycloak: `typ` in the header is `JWT`; the claim `typ` says what sort of token it is.
    Keycloak,
    /// Microsoft Entra ID, tokens of version 1.0 and 2.0.
    Entra,
    /// Okta, custom authorization servers.
    Okta,
    /// Auth0, in its own profile and in that of RFC 9068.
    Auth0,
}

const AT: &str = "at+jwt";
const APPLICATION_AT: &str = "application/at+jwt";
/// Claims that only an ID token has (OpenID Connect Core §2, §3.1.3.6, §3.3.2.11).
const OF_ID_TOKENS: [&str; 3] = ["nonce", "at_hash", "c_hash"];

impl Profile {
    /// The `typ`s of its access tokens.
    pub fn types(self) -> &'static [&'static str] {
        match self {
            Self::Rfc9068 => &[AT, APPLICATION_AT],
            Self::Keycloak | Self::Entra | Self::Auth0 => &[AT, APPLICATION_AT, "JWT"],
            Self::Okta => &[AT, APPLICATION_AT, "JWT", NO_TYP],
        }
    }

    /// What its access tokens are signed with, if nothing is said.
    pub fn algorithms(self) -> &'static [Algorithm] {
        use Algorithm::{EdDsa, Es256, Ps256, Rs256};
        match self {
            Self::Rfc9068 | Self::Keycloak => &[Rs256, Ps256, Es256, EdDsa],
            Self::Entra | Self::Okta | Self::Auth0 => &[Rs256],
        }
    }

    /// Where the client stands; the first that is there.
    pub(super) fn client(self) -> &'static [&'static str] {
        match self {
            Self::Rfc9068 => &["client_id"],
            Self::Keycloak => &["azp", "client_id"],
            // Version 2.0 says `azp`, version 1.0 `appid`.
            Self::Entra => &["azp", "appid", "client_id"],
            Self::Okta => &["cid", "client_id"],
            Self::Auth0 => &["azp", "client_id"],
        }
    }

    /// Where the subject stands; the first that is there.
    pub(super) fn subject(self) -> &'static [&'static str] {
        match self {
            // `sub` is another one for each application; `oid` is the person's in the whole tenant.
            Self::Entra => &["oid", "sub"],
            // `sub` is a login name, which can be given to somebody else; `uid` cannot.
            Self::Okta => &["uid", "sub"],
            Self::Rfc9068 | Self::Keycloak | Self::Auth0 => &["sub"],
        }
    }

    /// Where the scope stands.
    pub(super) fn scope(self) -> &'static str {
        match self {
            Self::Entra | Self::Okta => "scp",
            Self::Rfc9068 | Self::Keycloak | Self::Auth0 => "scope",
        }
    }

    /// Where roles stand.
    pub(super) fn roles(self, kind: Subject, audience: &str) -> Vec<ClaimPath> {
        match (self, kind) {
            // RFC 9068 §2.2.3.1.
            (Self::Rfc9068, _) => ["roles", "groups", "entitlements"].map(|c| ClaimPath::of(&[c])).into(),
            (Self::Keycloak, _) => vec![
                ClaimPath::of(&["realm_access", "roles"]),
                ClaimPath::of(&["resource_access", audience, "roles"]),
            ],
            // Beside `scp`, `roles` are the person's, whatever the client was allowed: they would widen it.
            (Self::Entra, Subject::Person) => Vec::new(),
            (Self::Entra, Subject::Software) => vec![ClaimPath::of(&["roles"])],
            (Self::Okta, _) => vec![ClaimPath::of(&["groups"])],
            (Self::Auth0, _) => vec![ClaimPath::of(&["permissions"])],
        }
    }

    /// Whether a client acts for itself. In doubt a person is meant: then nobody's name is lost from the record.
    pub(super) fn kind(self, claims: &Object, client: &str) -> Subject {
        let is = |name: &str, value: &str| claims.str(name) == Some(value);
        let software = match self {
            // RFC 9068 §2.2: the subject of a client's own token is the client.
            Self::Rfc9068 => is("sub", client) || !claims.contains_key("sub"),
            Self::Keycloak => {
                let name = claims.str("preferred_username").and_then(|n| n.strip_prefix("service-account-"));
                is("client_id", client) && name.is_some_and(|n| n.eq_ignore_ascii_case(client))
            }
            Self::Entra => is("idtyp", "app") || (!is("idtyp", "user") && !claims.contains_key("scp")),
            Self::Okta => is("sub", client) && !claims.contains_key("uid"),
            Self::Auth0 => {
                claims.str("sub").and_then(|s| s.strip_suffix("@clients")).is_some_and(|c| c == client)
                    || is("sub", client)
            }
        };
        if software { Subject::Software } else { Subject::Person }
    }

    /// Whether it is an access token and no other that the same keys sign.
    pub(super) fn check_class(self, header: &Object, claims: &Object) -> Result<(), &'static str> {
        let typ = header.str("typ").unwrap_or_default();
        if [AT, APPLICATION_AT].iter().any(|t| t.eq_ignore_ascii_case(typ)) {
            return Ok(());
        }
        match self {
            Self::Keycloak => match claims.str("typ") {
                Some("Bearer" | "DPoP") => Ok(()),
                _ => Err("the claim `typ` is neither `Bearer` nor `DPoP`"),
            },
            Self::Okta if claims.str("jti").is_some_and(|id| id.starts_with("ID.")) => {
                Err("its `jti` is that of an ID token")
            }
            _ if OF_ID_TOKENS.iter().any(|c| claims.contains_key(c)) => Err("it has claims of an ID token"),
            _ => Ok(()),
        }
    }

    /// The profile of that name.
    pub fn parse(word: &str) -> Option<Self> {
        Some(match word {
            "rfc9068" => Self::Rfc9068,
            "keycloak" => Self::Keycloak,
            "entra" => Self::Entra,
            "okta" => Self::Okta,
            "auth0" => Self::Auth0,
            _ => return None,
        })
    }
}

/// Where a claim stands: its name, or the names on the way to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClaimPath(Vec<String>);

impl ClaimPath {
    /// These names, from the outside in.
    pub fn of(names: &[&str]) -> Self {
        Self(names.iter().map(|n| (*n).to_owned()).collect())
    }

    /// Reads a path as it is written in a configuration: names with dots between them. A name with a slash in it is
    /// one name, for that is how claims are named by an address (`https://example.com/roles`); `None` if a name is
    /// empty or there are more than four.
    pub fn parse(text: &str) -> Option<Self> {
        let names: Vec<_> = if text.contains('/') { vec![text] } else { text.split('.').collect() };
        (names.len() <= 4 && names.iter().all(|n| !n.is_empty())).then(|| Self::of(&names))
    }

    pub(super) fn find<'a>(&self, claims: &'a Object) -> Option<&'a Value> {
        let (last, way) = self.0.split_last()?;
        let mut at = claims;
        for name in way {
            at = at.get(name)?.as_object()?;
        }
        at.get(last)
    }
}

impl fmt::Display for ClaimPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.join("."))
    }
}
