//! What a provider's word is worth here: domains, groups, assurance, names.

use super::token::Vouched;
use super::{Provider, ProviderFault};
use prokura_config::Preset;
use prokura_core::Acr;
use prokura_oauth::json::Value;
use prokura_oauth::relying::claim;
use std::collections::BTreeSet;

/// How many groups of a person are looked at.
const MAX_GROUPS: usize = 1000;
/// Authentication methods that are kept: those of RFC 8176 §2.
const METHODS: [&str; 22] = [
    "face", "fpt", "geo", "hwk", "iris", "kba", "mca", "mfa", "otp", "pin", "pop", "pwd", "rba", "retina",
    "sc", "sms", "swk", "tel", "user", "vbm", "wia", "fido",
];

/// A person as a provider describes them, after its word was weighed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Person {
    pub(super) subject: String,
    /// The e-mail address, if the provider has verified it.
    pub(super) email: Option<String>,
    /// What the provider calls the person, to show.
    pub(super) label: String,
    /// The name to show, for a new user.
    pub(super) name: String,
    /// What a user name may be made of.
    pub(super) handle: String,
    pub(super) groups: Vec<String>,
    pub(super) acr: Acr,
    pub(super) amr: String,
}

impl Vouched {
    fn text(&self, name: &str) -> Option<&str> {
        self.value(name).and_then(Value::as_str).filter(|t| !t.is_empty())
    }

    /// A claim: of the ID token, else of the UserInfo endpoint.
    fn value(&self, path: &str) -> Option<&Value> {
        claim(&self.token.claims, path).or_else(|| self.userinfo.as_ref().and_then(|u| claim(u, path)))
    }

    /// Address and flag come from the same document, and the flag is `true`, not some text.
    fn verified_email(&self) -> Option<&str> {
        let documents = [Some(&self.token.claims), self.userinfo.as_ref()];
        let claims = documents.into_iter().flatten().find(|c| c.contains_key("email"))?;
        let verified = claims.get("email_verified").and_then(Value::as_bool) == Some(true);
        claims.str("email").filter(|e| verified && is_email(e))
    }

    fn groups(&self, path: &str) -> BTreeSet<&str> {
        let all = self.value(path).and_then(Value::as_array).unwrap_or_default();
        all.iter().take(MAX_GROUPS).filter_map(Value::as_str).collect()
    }
}

/// One `@`, something on both sides, nothing invisible.
/// An address as it is kept and compared: in lower case; `None` if it is none.
pub(crate) fn email_of(email: &str) -> Option<String> {
    is_email(email).then(|| email.to_lowercase())
}

fn is_email(email: &str) -> bool {
    let plain = email.len() <= 254 && email.bytes().all(|b| b.is_ascii_graphic());
    plain && email.split_once('@').is_some_and(|(l, d)| !l.is_empty() && !d.is_empty() && !d.contains('@'))
}

impl Provider {
    /// Who it is, if the provider's people may come in at all.
    pub(super) fn weigh(&self, vouched: &Vouched) -> Result<Person, ProviderFault> {
        let email = match self.config.preset {
            // Whoever administers a tenant can write any address there.
            Preset::Entra => None,
            _ => vouched.verified_email().map(str::to_lowercase),
        };
        self.check_domain(vouched, email.as_deref())?;
        let groups = vouched.groups(&self.config.groups_claim);
        let wanted = &self.config.allowed_groups;
        if !wanted.is_empty() && !wanted.iter().any(|g| groups.contains(g.as_str())) {
            return Err(ProviderFault::Group);
        }
        let handle = ["preferred_username", "email", "name"].iter().find_map(|n| vouched.text(n));
        let shown = vouched.text("email").or(vouched.text("preferred_username"));
        Ok(Person {
            subject: vouched.token.subject.clone(),
            label: shown.unwrap_or(&vouched.token.subject).chars().take(128).collect(),
            name: vouched.text("name").or(handle).unwrap_or(&self.config.name).to_owned(),
            handle: handle.unwrap_or("user").to_owned(),
            groups: self.kept(&groups),
            acr: self.assurance(vouched),
            amr: methods(&vouched.token.amr),
            email,
        })
    }

    fn check_domain(&self, vouched: &Vouched, email: Option<&str>) -> Result<(), ProviderFault> {
        let allowed = &self.config.allowed_domains;
        if allowed.is_empty() {
            return Ok(());
        }
        // Google: `hd` is the organisation; an address of a private account may have any domain.
        let domain = match self.config.preset {
            Preset::Google => vouched.token.claims.str("hd").map(str::to_lowercase),
            _ => email.and_then(|e| e.rsplit_once('@')).map(|(_, d)| d.to_owned()),
        };
        if domain.is_some_and(|d| allowed.contains(&d)) { Ok(()) } else { Err(ProviderFault::Domain) }
    }

    /// The groups that the configuration names, under our names.
    fn kept(&self, groups: &BTreeSet<&str>) -> Vec<String> {
        let ours = self.config.groups.iter().filter(|(theirs, _)| groups.contains(theirs.as_str()));
        ours.map(|(_, ours)| ours.clone()).collect::<BTreeSet<_>>().into_iter().collect()
    }

    /// What the configuration says of the provider's `acr`; else two factors if it says so by `amr`.
    fn assurance(&self, vouched: &Vouched) -> Acr {
        let token = &vouched.token;
        if let Some(named) = token.acr.as_ref().and_then(|acr| self.config.acr.get(acr)) {
            return (*named).into();
        }
        if token.amr.iter().any(|m| m == "mfa") { Acr::Mfa } else { Acr::Single }
    }
}

fn methods(amr: &[String]) -> String {
    let known: Vec<_> = METHODS.into_iter().filter(|m| amr.iter().any(|a| a == m)).collect();
    known.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::signin::provider::Credential;
    use prokura_config::Config;
    use prokura_oauth::json::{Object, obj};
    use prokura_oauth::relying::IdToken;

    fn provider(more: &str) -> Provider {
        let text = format!(
            "issuer = \"https://as.example\"\ndatabase = \"sqlite:x.db\"\n[[identity_provider]]\nname = \"corp\"\nclient_id = \"c\"\nclient_secret = {{ env = \"S\" }}\n{more}"
        );
        let config = Config::parse(&text).unwrap().identity_providers.remove(0);
        Provider { config, credential: Credential::Secret(String::new()) }
    }

    fn generic(more: &str) -> Provider {
        provider(&format!("issuer = \"https://idp.example\"\n{more}"))
    }

    fn vouched(claims: Object, userinfo: Option<Object>) -> Vouched {
        let amr = vec!["pwd".into(), "mfa".into(), "made-up".into()];
        let token = IdToken { subject: "s".into(), auth_time: None, acr: Some("gold".into()), amr, claims };
        Vouched { token, userinfo }
    }

    fn email(address: &str, verified: impl Into<Value>) -> Object {
        obj([("email", address.into()), ("email_verified", verified.into())])
    }

    #[test]
    fn only_a_verified_address_is_one() {
        let of = |claims, userinfo| generic("").weigh(&vouched(claims, userinfo)).unwrap().email;
        assert_eq!(of(email("Ada@Example.org", true), None).as_deref(), Some("ada@example.org"));
        assert_eq!(
            of(Object::new(), Some(email("ada@example.org", true))).as_deref(),
            Some("ada@example.org")
        );
        for odd in [
            email("ada@example.org", false),
            email("ada@example.org", "true"),
            email("ada@example.org", 1_i64),
            obj([("email", "ada@example.org".into())]),
            email("ada@evil.example@example.org", true),
            email("ada@example.org\u{0}", true),
        ] {
            assert_eq!(of(odd.clone(), None), None, "{odd:?}");
        }
        // A flag of one document says nothing of the address in the other.
        let split = of(obj([("email", "ada@example.org".into())]), Some(email("eve@example.org", true)));
        assert_eq!(split, None);
        let entra = provider("preset = \"entra\"\nissuer = \"https://login.microsoftonline.com/8c/v2.0\"");
        assert_eq!(entra.weigh(&vouched(email("ada@example.org", true), None)).unwrap().email, None);
    }

    #[test]
    fn a_domain_is_that_of_the_verified_address_and_at_google_the_organisation() {
        let corp = generic("allowed_domains = [\"example.org\"]");
        assert!(corp.weigh(&vouched(email("ada@example.org", true), None)).is_ok());
        for odd in
            [email("ada@example.org", false), email("a@x.example.org", true), email("a@notexample.org", true)]
        {
            assert_eq!(corp.weigh(&vouched(odd, None)), Err(ProviderFault::Domain));
        }
        let google = provider("preset = \"google\"\nallowed_domains = [\"example.org\"]");
        assert_eq!(google.weigh(&vouched(email("ada@example.org", true), None)), Err(ProviderFault::Domain));
        assert!(google.weigh(&vouched(obj([("hd", "example.org".into())]), None)).is_ok());
    }

    #[test]
    fn groups_let_in_and_are_kept_under_our_names() {
        let corp = generic(
            "allowed_groups = [\"/staff\"]\ngroups_claim = \"realm_access.roles\"\ngroups = { \"/staff\" = \"staff\", \"/x\" = \"x\" }",
        );
        let of = |groups: &[&str]| {
            let roles = obj([("roles", groups.iter().copied().collect())]);
            corp.weigh(&vouched(obj([("realm_access", roles.into())]), None))
        };
        assert_eq!(of(&["/staff", "/other"]).unwrap().groups, ["staff"]);
        assert_eq!(of(&["/Staff", "staff"]), Err(ProviderFault::Group));
        assert_eq!(corp.weigh(&vouched(obj([("groups", "/staff".into())]), None)), Err(ProviderFault::Group));
    }

    #[test]
    fn assurance_is_what_the_configuration_says_else_what_amr_says_and_never_more() {
        let of = |more: &str| generic(more).weigh(&vouched(Object::new(), None)).unwrap();
        assert_eq!((of("").acr, of("").amr.as_str()), (Acr::Mfa, "mfa pwd"));
        assert_eq!(of("acr = { gold = \"phr\" }").acr, Acr::Phr);
        assert_eq!(of("acr = { gold = \"single\" }").acr, Acr::Single);
    }
}
