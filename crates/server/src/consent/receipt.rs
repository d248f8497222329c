//! Receipts: what somebody allowed, as they can keep it and show it to others (the parts of a consent receipt of ISO/IEC TS
//! 27560:2023 that there is something to say in: who, whose server, which software, for what, until when, how to withdraw).

use crate::account::permissions;
use prokura_config::Config;
use prokura_core::{AgentId, Evidence, Grant, GrantId, GrantState, MayAct, Timestamp, UserId};
use prokura_oauth::jose::{JoseError, SigningKey};
use prokura_oauth::json::{Object, Value, obj};
use prokura_oauth::rich;
use prokura_store::{StoreError, Tx};
use prokura_ui::{ENGLISH, detail_sentence};

/// The `typ` of a signed receipt.
pub(crate) const TYP: &str = "consent-receipt+jwt";
/// After what it is made.
const SCHEMA: &str = "ISO/IEC TS 27560:2023";

/// Software, as it was when it was allowed something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Party {
    pub(crate) agent: AgentId,
    pub(crate) name: String,
}

/// What one grant was made for, in words and in ids.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Receipt {
    /// The server that keeps the grant, and whom to turn to.
    pub(crate) issuer: String,
    pub(crate) grant: GrantId,
    pub(crate) revision: u64,
    pub(crate) user: UserId,
    pub(crate) user_name: String,
    /// Who may act.
    pub(crate) agent: Party,
    /// By which clients.
    pub(crate) clients: Vec<String>,
    pub(crate) resource: String,
    pub(crate) resource_title: String,
    /// What may be done, a sentence each.
    pub(crate) purposes: Vec<String>,
    pub(crate) scopes: Vec<String>,
    /// The details (RFC 9396), or null.
    pub(crate) details: Value,
    /// Through whom besides; `None` if the operator's rules say it.
    pub(crate) through: Option<Vec<Party>>,
    pub(crate) since: Timestamp,
    pub(crate) until: Timestamp,
    pub(crate) state: &'static str,
    /// When it ended.
    pub(crate) ended: Option<Timestamp>,
    /// Who agreed: the user, or an administrator by the consent of that name.
    pub(crate) administrator: Option<String>,
    /// The interaction in which the user agreed.
    pub(crate) interaction: Option<String>,
}

impl Receipt {
    /// The receipt of a user's root grant; `None` if it is no user's, or was made for another reason than that somebody
    /// agreed.
    ///
    /// # Errors
    /// [`StoreError`].
    pub(crate) fn of(tx: &mut Tx<'_>, config: &Config, grant: &Grant) -> Result<Option<Self>, StoreError> {
        let Some(user) = grant.user().and_then(|u| tx.user(u).transpose()).transpose()? else {
            return Ok(None);
        };
        let (administrator, interaction) = match &grant.evidence {
            Evidence::Consent { interaction } => (None, Some(interaction.clone())),
            Evidence::Administrator { consent } => (Some(consent.clone()), None),
            _ => return Ok(None),
        };
        let place = config.resources.iter().find(|r| config.resource_uri(r) == grant.resource);
        let said = permissions(place, &grant.actions).into_iter().map(|(_, said)| said.as_str().to_owned());
        let detailed = grant.details.iter().map(|d| detail_sentence(d, &ENGLISH).as_str().to_owned());
        let through = match &grant.terms.may_act {
            MayAct::ByRule => None,
            MayAct::Only(agents) => Some(agents.iter().map(|a| party(tx, a)).collect::<Result<Vec<_>, _>>()?),
        };
        let of_grant: Vec<_> =
            tx.grant_clients(&grant.id)?.into_iter().map(|c| c.client.to_string()).collect();
        let clients = match of_grant.is_empty() {
            true => tx.clients_of_agent(&grant.grantee)?.iter().map(ToString::to_string).collect(),
            false => of_grant,
        };
        Ok(Some(Self {
            issuer: config.issuer.as_str().to_owned(),
            grant: grant.id.clone(),
            revision: grant.revision,
            user: user.id,
            user_name: user.display_name,
            agent: party(tx, &grant.grantee)?,
            clients,
            resource: grant.resource.to_string(),
            resource_title: place.map_or(grant.resource.as_str(), |p| p.title()).to_owned(),
            purposes: said.chain(detailed).collect(),
            scopes: grant.actions.iter().map(ToString::to_string).collect(),
            details: match grant.details.is_empty() {
                true => Value::Null,
                false => rich::to_value(&grant.details, &grant.resource),
            },
            through,
            since: grant.not_before,
            until: grant.expires_at,
            state: state(&grant.state),
            ended: match &grant.state {
                GrantState::Revoked(r) => Some(r.at),
                _ => None,
            },
            administrator,
            interaction,
        }))
    }

    /// Where it is seen and ended.
    pub(crate) fn withdrawal(&self) -> String {
        format!("{}/account", self.issuer)
    }

    /// The receipt as the claims of a token that says it at `now`. It gives nobody anything: its `typ` is its own.
    pub(crate) fn claims(&self, now: Timestamp) -> Object {
        let list = |all: &[String]| all.iter().map(String::as_str).collect::<Value>();
        let purpose = obj([
            ("purposes", list(&self.purposes)),
            ("lawful_basis", if self.administrator.is_some() { "organisation" } else { "consent" }.into()),
            (
                "services",
                Value::Array(vec![Value::Object(obj([
                    ("resource", self.resource.as_str().into()),
                    ("title", self.resource_title.as_str().into()),
                ]))]),
            ),
            ("permissions", list(&self.scopes)),
            ("withdrawal_method", self.withdrawal().into()),
        ]);
        let mut purpose = purpose;
        if !matches!(self.details, Value::Null) {
            purpose.insert("authorization_details", self.details.clone());
        }
        let mut o = obj([
            ("iss", self.issuer.as_str().into()),
            ("sub", self.user.as_str().into()),
            ("iat", now.seconds().into()),
            ("jti", format!("rcpt_{}_{}", self.grant, self.revision).into()),
            ("schema_version", SCHEMA.into()),
            ("record_id", self.grant.as_str().into()),
            ("revision", self.revision.into()),
            ("pii_principal", person(&self.user, &self.user_name)),
            ("pii_processing", Value::Array(vec![Value::Object(purpose)])),
            ("parties", self.parties()),
            ("event", Value::Object(self.event())),
        ]);
        if let Some(through) = &self.through {
            o.insert("through", Value::Array(through.iter().map(Party::to_value).collect()));
        }
        o
    }

    /// The signed receipt, a compact JWS.
    ///
    /// # Errors
    /// [`JoseError`] if the key cannot sign.
    pub(crate) fn sign(&self, key: &SigningKey, now: Timestamp) -> Result<String, JoseError> {
        key.sign(TYP, &self.claims(now))
    }

    fn parties(&self) -> Value {
        let controller = obj([("role", "controller".into()), ("id", self.issuer.as_str().into())]);
        let mut software = obj([
            ("role", "recipient".into()),
            ("id", self.agent.agent.as_str().into()),
            ("name", self.agent.name.as_str().into()),
        ]);
        software.insert("clients", self.clients.iter().map(String::as_str).collect());
        Value::Array(vec![Value::Object(controller), Value::Object(software)])
    }

    fn event(&self) -> Object {
        let by = match &self.administrator {
            Some(name) => format!("administrator:{name}"),
            None => self.user.to_string(),
        };
        let mut o = obj([
            ("time", self.since.seconds().into()),
            ("valid_until", self.until.seconds().into()),
            ("entity_id", by.into()),
            ("type", "explicit".into()),
            ("state", self.state.into()),
        ]);
        if let Some(ended) = self.ended {
            o.insert("withdrawn_at", ended.seconds().into());
        }
        if let Some(interaction) = &self.interaction {
            o.insert("interaction", interaction.as_str().into());
        }
        o
    }
}

impl Party {
    fn to_value(&self) -> Value {
        Value::Object(obj([("id", self.agent.as_str().into()), ("name", self.name.as_str().into())]))
    }
}

fn person(user: &UserId, name: &str) -> Value {
    Value::Object(obj([("id", user.as_str().into()), ("name", name.into())]))
}

fn party(tx: &mut Tx<'_>, agent: &AgentId) -> Result<Party, StoreError> {
    let name = tx.agent(agent)?.map_or_else(|| agent.to_string(), |a| a.name);
    Ok(Party { agent: agent.clone(), name })
}

fn state(state: &GrantState) -> &'static str {
    match state {
        GrantState::Active => "given",
        GrantState::Suspended => "paused",
        GrantState::Revoked(_) => "withdrawn",
    }
}
