//! Whom a subject means here. What means nobody is nobody: the event is recorded and does nothing.

use super::Refusal;
use super::effect::Job;
use prokura_core::{AgentId, ClientId, GrantId, UserId, WorkloadId};
use prokura_oauth::signals::{Complex, Event, Subject, SubjectId};
use prokura_store::{StoreError, Tx};

/// The most workloads that one name may mean.
const MANY: u32 = 1000;

/// Somebody or something here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Who {
    /// A person.
    User(UserId),
    /// What a person let these agents do.
    UserAt(UserId, Vec<AgentId>),
    /// An agent.
    Agent(AgentId),
    /// A client.
    Client(ClientId),
    /// A workload.
    Workload(WorkloadId),
    /// One grant.
    Grant(GrantId),
    /// What workloads run on; only facts are kept of it.
    Host(String),
}

impl Who {
    /// By what it is told from others.
    pub(super) fn key(&self) -> String {
        match self {
            Self::User(id) => format!("user:{id}"),
            Self::UserAt(id, agents) => {
                let agents: Vec<_> = agents.iter().map(AgentId::as_str).collect();
                format!("user:{id}@{}", agents.join(","))
            }
            Self::Agent(id) => format!("agent:{id}"),
            Self::Client(id) => format!("client:{id}"),
            Self::Workload(id) => format!("workload:{id}"),
            Self::Grant(id) => format!("grant:{id}"),
            Self::Host(id) => format!("host:{id}"),
        }
    }
}

/// Everybody whom a subject means.
pub(super) fn find(
    tx: &mut Tx<'_>,
    job: &Job,
    subject: &Subject,
    event: &Event,
) -> Result<Vec<Who>, Refusal> {
    let found = match subject {
        Subject::Simple(id) => match event {
            Event::DeviceComplianceChange { .. } => device(tx, job, id)?,
            _ => named(tx, job, id)?,
        },
        Subject::Complex(complex) => of_complex(tx, job, complex, event)?,
    };
    Ok(found)
}

/// All members describe one subject (SSF §"Complex Subject Interpretation"): a session is the narrowest, an application
/// narrows what is meant of a user, and a member that means nobody here makes that the whole does.
fn of_complex(tx: &mut Tx<'_>, job: &Job, complex: &Complex, event: &Event) -> Result<Vec<Who>, StoreError> {
    let is_of_a_device = match event {
        Event::DeviceComplianceChange { .. } => true,
        Event::RiskLevelChange(risk) => risk.principal == "DEVICE",
        _ => false,
    };
    if is_of_a_device && let Some(id) = complex.member("device") {
        return device(tx, job, id);
    }
    if let Some(id) = complex.member("session") {
        let grants: Vec<_> = named(tx, job, id)?.into_iter().filter(|w| matches!(w, Who::Grant(_))).collect();
        if !grants.is_empty() {
            return Ok(grants);
        }
    }
    match (complex.member("user"), complex.member("application"), complex.member("device")) {
        (Some(user), Some(application), _) => {
            let agents = agents(tx, job, application)?;
            let users = named(tx, job, user)?;
            Ok(users.into_iter().filter_map(|who| narrowed(who, &agents)).collect())
        }
        (Some(user), None, _) => named(tx, job, user),
        (None, Some(application), _) => named(tx, job, application),
        (None, None, Some(id)) => device(tx, job, id),
        (None, None, None) => Ok(Vec::new()),
    }
}

fn narrowed(who: Who, agents: &[AgentId]) -> Option<Who> {
    match who {
        Who::User(_) if agents.is_empty() => None,
        Who::User(id) => Some(Who::UserAt(id, agents.to_vec())),
        other => Some(other),
    }
}

fn agents(tx: &mut Tx<'_>, job: &Job, id: &SubjectId) -> Result<Vec<AgentId>, StoreError> {
    let mut agents = Vec::new();
    for who in named(tx, job, id)? {
        match who {
            Who::Agent(id) => agents.push(id),
            Who::Client(id) => agents.extend(tx.agent_of_client(&id)?.map(|a| a.id)),
            _ => {}
        }
    }
    Ok(agents)
}

/// What a device is here: workloads that are it or run on it, and the host itself.
fn device(tx: &mut Tx<'_>, job: &Job, id: &SubjectId) -> Result<Vec<Who>, StoreError> {
    let mut found = named(tx, job, id)?;
    for one in id.each() {
        let name = match one {
            SubjectId::Opaque(id) => Some(id),
            SubjectId::IssSub { issuer, subject } if speaks_of(job, issuer) => Some(subject),
            _ => None,
        };
        for host in name.into_iter().flat_map(|name| hosts(name)) {
            found.push(Who::Host(host));
        }
    }
    Ok(found)
}

/// By what a host is known: what it is called, after the claim that says so.
fn hosts(name: &str) -> Vec<String> {
    if name.starts_with("node:") || name.starts_with("instance:") {
        return vec![name.to_owned()];
    }
    vec![format!("node:{name}"), format!("instance:{name}")]
}

fn named(tx: &mut Tx<'_>, job: &Job, id: &SubjectId) -> Result<Vec<Who>, StoreError> {
    let mut found: Vec<Who> = Vec::new();
    for one in id.each() {
        for who in simple(tx, job, one)? {
            if !found.contains(&who) {
                found.push(who);
            }
        }
    }
    Ok(found)
}

fn simple(tx: &mut Tx<'_>, job: &Job, id: &SubjectId) -> Result<Vec<Who>, StoreError> {
    match id {
        SubjectId::IssSub { issuer, subject } if *issuer == job.issuer => {
            Ok(own(tx, subject)?.into_iter().collect())
        }
        SubjectId::IssSub { issuer, subject } if speaks_of(job, issuer) => {
            match tx.identity(issuer, subject)? {
                Some(identity) => Ok(vec![Who::User(identity.user)]),
                None => workloads(tx, subject),
            }
        }
        SubjectId::Email(email) if is_within(email, &job.transmitter.config.email_domains) => {
            Ok(tx.user_by_email(email)?.map(|user| Who::User(user.id)).into_iter().collect())
        }
        SubjectId::Opaque(id) | SubjectId::Uri(id) => match own(tx, id)? {
            Some(who) => Ok(vec![who]),
            None => workloads(tx, id),
        },
        _ => Ok(Vec::new()),
    }
}

/// Whether the transmitter may name somebody by the word of that issuer.
fn speaks_of(job: &Job, issuer: &str) -> bool {
    let config = &job.transmitter.config;
    match &config.subject_issuers {
        Some(all) => all.iter().any(|i| i == issuer),
        None => config.issuer == issuer,
    }
}

fn is_within(email: &str, domains: &[String]) -> bool {
    let domain = email.rsplit_once('@').map(|(_, domain)| domain);
    domain.is_some_and(|domain| domains.iter().any(|d| d.eq_ignore_ascii_case(domain)))
}

/// Somebody by this server's own id, who exists.
fn own(tx: &mut Tx<'_>, id: &str) -> Result<Option<Who>, StoreError> {
    if id.starts_with(UserId::PREFIX) {
        let Ok(id) = UserId::parse(id) else { return Ok(None) };
        return Ok(tx.user(&id)?.map(|user| Who::User(user.id)));
    }
    if id.starts_with(AgentId::PREFIX) {
        let Ok(id) = AgentId::parse(id) else { return Ok(None) };
        return Ok(tx.agent(&id)?.map(|agent| Who::Agent(agent.id)));
    }
    if id.starts_with(WorkloadId::PREFIX) {
        let Ok(id) = WorkloadId::parse(id) else { return Ok(None) };
        return Ok(tx.workload(&id)?.map(|workload| Who::Workload(workload.id)));
    }
    if id.starts_with(GrantId::PREFIX) {
        let Ok(id) = GrantId::parse(id) else { return Ok(None) };
        return Ok(tx.grant(&id)?.map(|grant| Who::Grant(grant.id)));
    }
    let Ok(client) = ClientId::parse(id) else { return Ok(None) };
    Ok(tx.agent_of_client(&client)?.map(|_| Who::Client(client)))
}

/// The workloads that their infrastructure calls so.
fn workloads(tx: &mut Tx<'_>, name: &str) -> Result<Vec<Who>, StoreError> {
    Ok(tx.workloads_named(name, MANY)?.into_iter().map(|w| Who::Workload(w.id)).collect())
}
