//! Every refusal of the gateway, as `docs/refusals.md` lists them.

use super::*;
use crate::oblige::{Reply, Waits};
use prokura_core::{Acr, Constraint, Demand, InvalidBudget, Path, TaskId, Test, Timestamp};
use prokura_mcp::schema::Why;
use prokura_policy::access::{
    AccessPolicies, AccessPolicy, Applies, FixedFacts, Mode, Otherwise, PolicyName, Situation, Stage,
};

fn denied(reason: Reason, missing: &str) -> Fault {
    let scopes = ScopeSet::parse(missing).unwrap_or_default();
    Fault::Denied { denial: Denial { reason, missing: scopes.clone() }, ask: scopes, remedy: None }
}

/// A refusal by a policy with this `otherwise`.
fn access(otherwise: Otherwise) -> Fault {
    let name = PolicyName::parse("p").unwrap();
    let policy =
        AccessPolicy { name, mode: Mode::On, applies: Applies::default(), requires: None, otherwise };
    let scopes = ScopeSet::default();
    let situation = Situation {
        stage: Stage::Call,
        subject: None,
        agent: None,
        client: None,
        workload: None,
        resource: "sales",
        action: None,
        scopes: &scopes,
        address: None,
        sign_in: None,
        now: Timestamp::from_seconds(0),
    };
    let verdict = AccessPolicies::new(vec![policy]).unwrap().evaluate(&situation, &FixedFacts::default());
    Fault::Access(Box::new(NotMet::new(verdict, &situation, &TraceId::parse("tr_1").unwrap())))
}

fn decided() -> Vec<Fault> {
    let constraint = Constraint { path: Path::parse(".quarter").unwrap(), test: Test::Present };
    vec![
        denied(Reason::ScopeMissing, "read:report"),
        denied(Reason::Unmapped, ""),
        denied(Reason::NotInDetails, ""),
        denied(Reason::Constraint(Box::new(constraint)), ""),
        denied(Reason::SignIn(Demand { acr: Some(Acr::Phr), max_age: Some(300) }), ""),
        Fault::Budget(Undrawn::Calls),
        Fault::Budget(Undrawn::Sum(Path::parse(".amount").unwrap())),
        Fault::Budget(InvalidBudget::NoNumber(Path::parse(".amount").unwrap()).into()),
        Fault::Budget(Undrawn::Elsewhere),
    ]
}

/// Every way in which an approval is wanting.
fn unapproved() -> Vec<Fault> {
    let task = TaskId::parse("apt_1").unwrap();
    let waits = |reply| {
        Unapproved::Waits(Waits {
            tasks: vec![task.clone()],
            address: "https://as.example/approve/apt_1".to_owned(),
            because: "its risk is high".to_owned(),
            went: false,
            reply,
        })
    };
    let all = [
        waits(Reply::Elicit),
        waits(Reply::Input("state".to_owned())),
        waits(Reply::Told(crate::version::Era::Modern)),
        waits(Reply::Denied),
        Unapproved::Refused(task.clone()),
        Unapproved::Declined,
        Unapproved::Changed,
        Unapproved::Gone,
        Unapproved::Full,
        Unapproved::Nobody,
        Unapproved::Elsewhere,
    ];
    all.into_iter().map(|why| Fault::Unapproved(Box::new(why))).collect()
}

fn all() -> Vec<Fault> {
    let proof = Fault::Proof(ProofError::Method);
    let version = BadHeaders::UnsupportedVersion { requested: "1900-01-01".to_owned() };
    let mut all = vec![
        Fault::ForeignHost,
        Fault::ForeignOrigin,
        Fault::HttpMethod,
        Fault::NotAcceptable,
        Fault::MediaType,
        Fault::TooLarge,
        Fault::SlowBody,
        Fault::NoToken,
        Fault::BadAuthorization,
        Fault::InvalidToken("the token is not valid here"),
        Fault::Bound,
        Fault::Unbound,
        Fault::NoProof,
        proof,
        Fault::ProofNonce,
        Fault::ProofReplayed,
        Fault::GrantRevoked,
        Fault::RevocationStale,
        Fault::BudgetElsewhere,
        Fault::Unjudged,
        Fault::RateLimited { seconds: 1, first: true },
        Fault::Malformed(Malformed { code: -32700, reason: "it is no JSON".to_owned(), id: None }),
        Fault::Headers(BadHeaders::Mismatch { header: "Mcp-Name", what: "differs from the body" }),
        Fault::Headers(version),
        Fault::Headers(BadHeaders::MissingMeta("io.modelcontextprotocol/protocolVersion")),
        Fault::Call(BadCall::Unknown, Era::Modern),
        Fault::Call(BadCall::Unknown, Era::Legacy),
        Fault::Call(BadCall::UnknownNotification, Era::Modern),
        Fault::Call(BadCall::Parameter("name"), Era::Modern),
        Fault::Call(BadCall::CaseVariant, Era::Modern),
        Fault::Call(BadCall::Climbs, Era::Modern),
        Fault::UnexpectedResponse,
    ];
    all.extend(decided());
    all.extend([
        access(Otherwise::Deny),
        access(Otherwise::Approval),
        access(Otherwise::Quarantine),
        Fault::Policy(Box::default()),
        Fault::Policy(Box::new(Refused::as_coaz(false))),
        Fault::Policy(Box::new(Refused::as_coaz(true))),
        Fault::Mapping(Box::new(MappingError::Subject)),
        Fault::ToolChanged,
        Fault::ToolNew,
        Fault::ToolUnknown,
        Fault::ToolSchema(BadSchema::Reference("https://elsewhere.example/schema".to_owned())),
        Fault::Arguments(Misfit { place: ".amount".to_owned(), why: Why::Integer }),
        Fault::Arguments(Misfit { place: ".bcc".to_owned(), why: Why::Unknown }),
        Fault::ToolsUnread,
        Fault::Untold(Box::new(Selector::parse("$.recipient").unwrap())),
        Fault::Withheld(Withheld::Opaque),
        Fault::Unmet("rows"),
        Fault::NoSession,
        Fault::UnknownSession,
        Fault::UnknownEvent,
        Fault::UnknownTask,
        Fault::BadState,
        Fault::BadCursor,
        Fault::NotRecorded,
        Fault::NoTransaction,
        Fault::UpstreamDown,
        Fault::UpstreamTimeout,
        Fault::UpstreamBad("no JSON"),
        Fault::UpstreamSays(StatusCode::FORBIDDEN),
    ]);
    all.extend(unapproved());
    all
}

#[test]
fn every_refusal_has_its_status_code_word_and_sentence() {
    let line = |fault: &Fault| {
        let row = fault.row();
        format!("{} {} {}: {}", row.status.as_u16(), row.code, row.word, row.sentence)
    };
    insta::assert_snapshot!(all().iter().map(line).collect::<Vec<_>>().join("\n"));
}
