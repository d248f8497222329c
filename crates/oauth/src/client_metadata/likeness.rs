//! What a client looks like to the one who lets it in: the part of its metadata that, if it changed, would have been another
//! question. A user who agreed to one is asked again about the other (draft-ietf-oauth-client-id-metadata-document §6.4:
//! whoever controls the document can change it at any time).

use super::{AuthMethod, ClientKeys, ClientMetadata};
use crate::jose::{Algorithm, KeySet, VerifyingKey};
use crate::json::{self, Limits, Object, Value, obj};
use crate::redirect::{RedirectUri, shown_host};
use crate::secret::sha256_base64url;
use std::collections::BTreeSet;
use url::Url;

/// What a client looks like.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Likeness {
    name: String,
    /// The hosts of its redirect URIs; of loopback without the port, which is any.
    answers: BTreeSet<String>,
    method: AuthMethod,
    keys: Keys,
    home: Option<String>,
    logo: Option<String>,
}

/// Where its keys are from.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Keys {
    Nowhere,
    /// In the metadata: their thumbprints. One that stays vouches for those that come beside it.
    Here(BTreeSet<String>),
    /// At this host. Which keys are there is the host's to say.
    At(String),
}

/// What may be different.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Aspect {
    /// `client_name`.
    Name,
    /// The hosts of `redirect_uris`.
    Answers,
    /// `token_endpoint_auth_method`.
    Method,
    /// `jwks`, or the host of `jwks_uri`.
    Keys,
    /// The host of `client_uri`.
    Home,
    /// The host of `logo_uri`.
    Logo,
}

/// One thing that is different, as it was and as it is; empty for nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// What.
    pub aspect: Aspect,
    /// As it was.
    pub before: String,
    /// As it is.
    pub after: String,
}

impl Likeness {
    /// What a client with this metadata looks like; `called` is what it is called where it has no name.
    pub fn of(metadata: &ClientMetadata, called: &str) -> Self {
        let host = |url: &Option<Url>| url.as_ref().map(|u| shown_host(u.as_str()));
        Self {
            name: metadata.name.clone().unwrap_or_else(|| called.to_owned()),
            answers: metadata.redirect_uris.iter().map(answer).collect(),
            method: metadata.auth_method,
            keys: match &metadata.keys {
                None => Keys::Nowhere,
                Some(ClientKeys::At(url)) => Keys::At(shown_host(url.as_str())),
                Some(ClientKeys::Inline(jwks)) => Keys::Here(thumbprints(jwks)),
            },
            home: host(&metadata.client_uri),
            logo: host(&metadata.logo_uri),
        }
    }

    /// What is different now, in the order in which people should read it; nothing if a user would be asked the same.
    pub fn differences(&self, now: &Self) -> Vec<Difference> {
        let text = |o: &Option<String>| o.clone().unwrap_or_default();
        let all = [
            (Aspect::Name, self.name.clone(), now.name.clone()),
            (Aspect::Answers, list(&self.answers), list(&now.answers)),
            (Aspect::Method, self.method.as_str().to_owned(), now.method.as_str().to_owned()),
            (Aspect::Home, text(&self.home), text(&now.home)),
            (Aspect::Logo, text(&self.logo), text(&now.logo)),
        ];
        let mut found: Vec<_> = all
            .into_iter()
            .filter(|(_, before, after)| before != after)
            .map(|(aspect, before, after)| Difference { aspect, before, after })
            .collect();
        if !self.keys.go_on_in(&now.keys) {
            found.push(Difference {
                aspect: Aspect::Keys,
                before: self.keys.shown(),
                after: now.keys.shown(),
            });
        }
        found
    }

    /// To be kept.
    pub fn to_text(&self) -> String {
        let mut o = obj([
            ("name", self.name.as_str().into()),
            ("answers", self.answers.iter().map(String::as_str).collect()),
            ("method", self.method.as_str().into()),
        ]);
        match &self.keys {
            Keys::Nowhere => {}
            Keys::Here(all) => o.insert("keys", all.iter().map(String::as_str).collect()),
            Keys::At(host) => o.insert("keys_at", host.as_str().into()),
        }
        for (name, host) in [("home", &self.home), ("logo", &self.logo)] {
            if let Some(host) = host {
                o.insert(name, host.as_str().into());
            }
        }
        String::from_utf8(o.to_vec()).unwrap_or_default()
    }

    /// Reads what [`to_text`](Self::to_text) wrote.
    pub fn of_text(text: &str) -> Option<Self> {
        let o = json::parse(text.as_bytes(), &Limits::DOCUMENT).ok()?.into_object()?;
        Some(Self {
            name: o.str("name")?.to_owned(),
            answers: words(&o, "answers")?,
            method: AuthMethod::parse(o.str("method")?)?,
            keys: match (o.str("keys_at"), o.contains_key("keys")) {
                (Some(host), _) => Keys::At(host.to_owned()),
                (None, true) => Keys::Here(words(&o, "keys")?),
                (None, false) => Keys::Nowhere,
            },
            home: o.str("home").map(str::to_owned),
            logo: o.str("logo").map(str::to_owned),
        })
    }
}

impl Keys {
    /// Whether who has these is who has `now`.
    fn go_on_in(&self, now: &Self) -> bool {
        match (self, now) {
            (Self::Here(before), Self::Here(after)) => before == after || !before.is_disjoint(after),
            _ => self == now,
        }
    }

    fn shown(&self) -> String {
        match self {
            Self::Nowhere => String::new(),
            Self::At(host) => host.clone(),
            Self::Here(all) => {
                all.iter().map(|t| t.chars().take(12).collect::<String>()).collect::<Vec<_>>().join(", ")
            }
        }
    }
}

fn answer(uri: &RedirectUri) -> String {
    let host = shown_host(uri.as_str());
    if uri.is_loopback() { "localhost".to_owned() } else { host }
}

/// The thumbprints (RFC 7638) of keys that stand in the metadata; the hash of all of it where one has none.
fn thumbprints(jwks: &Object) -> BTreeSet<String> {
    let keys = KeySet::from_jwks(jwks, &Algorithm::PUBLIC).ok();
    let all: Option<BTreeSet<String>> = keys
        .filter(|k| !k.is_empty())
        .and_then(|keys| keys.iter().map(VerifyingKey::thumbprint).map(|t| t.map(str::to_owned)).collect());
    all.unwrap_or_else(|| BTreeSet::from([sha256_base64url(&jwks.to_vec())]))
}

fn words(o: &Object, name: &str) -> Option<BTreeSet<String>> {
    let all = o.get(name).and_then(Value::as_array)?.iter();
    all.map(|v| v.as_str().map(str::to_owned)).collect()
}

fn list(all: &BTreeSet<String>) -> String {
    all.iter().map(String::as_str).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn likeness(more: &str) -> Likeness {
        let text =
            format!(r#"{{"client_name":"Planner","redirect_uris":["https://planner.example/cb"]{more}}}"#);
        let object = json::parse(text.as_bytes(), &Limits::DOCUMENT).unwrap().into_object().unwrap();
        let merged = ClientMetadata::from_registration(&object).unwrap();
        Likeness::of(&merged, "cli_1")
    }

    fn aspects(before: &Likeness, after: &Likeness) -> Vec<Aspect> {
        before.differences(after).into_iter().map(|d| d.aspect).collect()
    }

    const KEY_A: &str = r#"{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}"#;
    const KEY_B: &str = r#"{"kty":"OKP","crv":"Ed25519","x":"Xx4_L89E6RsyvDTzN9wuN3cDwgifPkXMgFJv_HMIxdk"}"#;

    #[test]
    fn what_is_kept_comes_back_and_is_not_different() {
        for more in [
            "",
            r#","client_uri":"https://planner.example/","logo_uri":"https://cdn.example/l.png""#,
            r#","token_endpoint_auth_method":"private_key_jwt","jwks_uri":"https://planner.example/jwks""#,
            &format!(r#","token_endpoint_auth_method":"private_key_jwt","jwks":{{"keys":[{KEY_A}]}}"#),
        ] {
            let one = likeness(more);
            assert_eq!(Likeness::of_text(&one.to_text()).unwrap(), one);
            assert!(one.differences(&one).is_empty());
        }
    }

    #[test]
    fn keys_that_go_on_are_no_change_and_others_are() {
        let with = |keys: &str| {
            likeness(&format!(
                r#","token_endpoint_auth_method":"private_key_jwt","jwks":{{"keys":[{keys}]}}"#
            ))
        };
        let (a, both, b) = (with(KEY_A), with(&format!("{KEY_A},{KEY_B}")), with(KEY_B));
        assert!(aspects(&a, &both).is_empty());
        assert_eq!(aspects(&a, &b), [Aspect::Keys]);
        let at = |host: &str| {
            likeness(&format!(
                r#","token_endpoint_auth_method":"private_key_jwt","jwks_uri":"https://{host}/jwks.json""#
            ))
        };
        assert!(aspects(&at("a.example"), &at("a.example")).is_empty());
        assert_eq!(aspects(&at("a.example"), &at("b.example")), [Aspect::Keys]);
        assert_eq!(aspects(&a, &at("a.example")), [Aspect::Keys]);
    }

    #[test]
    fn each_part_that_matters_is_seen_and_the_rest_is_not() {
        let base = likeness("");
        let named = |name: &str, uri: &str, more: &str| {
            let text = format!(r#"{{"client_name":"{name}","redirect_uris":["{uri}"]{more}}}"#);
            let object = json::parse(text.as_bytes(), &Limits::DOCUMENT).unwrap().into_object().unwrap();
            Likeness::of(&ClientMetadata::from_registration(&object).unwrap(), "cli_1")
        };
        let cb = "https://planner.example/cb";
        assert_eq!(aspects(&base, &named("Bank", cb, "")), [Aspect::Name]);
        assert_eq!(aspects(&base, &named("Planner", "https://evil.example/cb", "")), [Aspect::Answers]);
        assert_eq!(aspects(&base, &likeness(r#","token_endpoint_auth_method":"none""#)), [Aspect::Method]);
        assert_eq!(aspects(&base, &likeness(r#","client_uri":"https://evil.example/""#)), [Aspect::Home]);
        assert_eq!(aspects(&base, &likeness(r#","logo_uri":"https://evil.example/l""#)), [Aspect::Logo]);
        assert!(aspects(&base, &named("Planner", "https://planner.example/other", "")).is_empty());
        assert!(aspects(&base, &likeness(r#","software_version":"2","scope":"a""#)).is_empty());
        // Any port of loopback is the same place.
        let (one, two) = (named("P", "http://127.0.0.1:1/cb", ""), named("P", "http://127.0.0.1:2/cb", ""));
        assert!(aspects(&one, &two).is_empty());
    }
}
