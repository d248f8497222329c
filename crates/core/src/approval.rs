//! Approvals of one call: what exactly is asked, who may agree, and what becomes of it.
//!
//! A task is made when a call needs somebody's agreement. It stands for exactly this call: this grant, this actor, this
//! action, these arguments. It is used once or not at all.

use crate::{
    Acr, AgentId, ClientId, Demand, GrantId, Principal, ResourceUri, SignIn, TaskId, Timestamp, UserId,
};
use std::collections::BTreeSet;
use std::fmt;
use std::time::Duration;

/// What can come of an action that went wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Risk {
    /// Little.
    Low,
    /// Something that people would notice.
    Medium,
    /// Much: money, people's data, things that are gone.
    High,
}

impl Risk {
    /// Every risk, the least first.
    pub const ALL: [Self; 3] = [Self::Low, Self::Medium, Self::High];

    /// Its word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
        }
    }

    /// The risk of that word.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|r| r.as_str() == word)
    }
}

/// The user in whose name it is done, among those who may agree.
pub const SUBJECT: &str = "subject";
/// The operator, by a command or the administration API, among those who may agree.
pub const OPERATOR: &str = "operator";

/// Who must agree, and for how long an agreement is good.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Quorum {
    /// Groups, [`SUBJECT`] or [`OPERATOR`]; at least one.
    pub approvers: BTreeSet<String>,
    /// So many of them; at least 1.
    pub of: u8,
    /// How surely each must have signed in.
    pub acr: Option<Acr>,
    /// How long an agreement may be used.
    pub lasts: Duration,
}

/// Where a task is in its life. All but the first two are final.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TaskState {
    /// It waits for votes.
    Pending,
    /// Enough agreed; the call may be made once.
    Approved,
    /// The call was made.
    Used,
    /// Somebody refused.
    Refused,
    /// Nobody decided, or nobody called, in time.
    Expired,
    /// What it stood for is no more: the grant ended, or the call was changed.
    Void,
}

impl TaskState {
    /// Every state.
    pub const ALL: [Self; 6] =
        [Self::Pending, Self::Approved, Self::Used, Self::Refused, Self::Expired, Self::Void];

    /// Its word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Approved => "approved",
            Self::Used => "used",
            Self::Refused => "refused",
            Self::Expired => "expired",
            Self::Void => "void",
        }
    }

    /// The state of that word.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|s| s.as_str() == word)
    }

    /// Whether something may still become of it.
    pub fn is_open(self) -> bool {
        matches!(self, Self::Pending | Self::Approved)
    }
}

impl Quorum {
    /// Whether anybody could ever be enough, when it is done with this authority.
    pub fn is_possible(&self, subject: &Principal) -> bool {
        let groups = self.approvers.iter().any(|a| a != SUBJECT && a != OPERATOR);
        let own = matches!(subject, Principal::User(_)) && self.approvers.contains(SUBJECT);
        let few = usize::from(own) + usize::from(self.approvers.contains(OPERATOR));
        self.of > 0 && (groups || few >= usize::from(self.of))
    }
}

impl fmt::Display for TaskState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The call that a task stands for. Two calls are the same if all of it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AskedCall {
    /// The grant that the caller's token rests on.
    pub grant: GrantId,
    /// The grant at the root of it: the task holds for tokens below this one.
    pub root: GrantId,
    /// Whose authority is used.
    pub subject: Principal,
    /// Who uses it.
    pub actor: AgentId,
    /// Everybody through whom it came, the actor first: none of them may agree.
    pub chain: Vec<AgentId>,
    /// The client that asked.
    pub client: ClientId,
    /// Where.
    pub resource: ResourceUri,
    /// What the operator calls that.
    pub server: String,
    /// What: `tool:NAME`.
    pub action: String,
    /// The SHA-256 of the canonical bytes of the arguments (RFC 8785), in base64url.
    pub arguments: String,
}

/// A call that waits for somebody to agree to it, and what became of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApprovalTask {
    /// Its id, as in its address.
    pub id: TaskId,
    /// What is to be done.
    pub call: AskedCall,
    /// Who must agree.
    pub quorum: Quorum,
    /// Why it is asked, for who decides.
    pub because: String,
    /// Where it is in its life.
    pub state: TaskState,
    /// Who agreed so far, or refused.
    pub votes: Vec<Vote>,
    /// When it was first asked for.
    pub asked_at: Timestamp,
    /// Until when it waits; once approved, until when it may be used.
    pub until: Timestamp,
    /// Until when the grants last: no agreement is good for longer.
    pub grant_until: Timestamp,
}

/// Who decides.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Voter {
    /// A person.
    User(UserId),
    /// The operator, by a command (no name) or as this client of the administration API.
    Operator(Option<ClientId>),
}

impl fmt::Display for Voter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::User(user) => f.write_str(user.as_str()),
            Self::Operator(None) => f.write_str(OPERATOR),
            Self::Operator(Some(client)) => write!(f, "{OPERATOR}:{client}"),
        }
    }
}

/// One vote.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Vote {
    /// Who, as [`Voter`] is written: once each.
    pub by: String,
    /// Whether they agree.
    pub agrees: bool,
    /// What they said; may be empty.
    pub word: String,
    /// When.
    pub at: Timestamp,
}

/// Somebody who means to decide, and what is known of them.
#[derive(Debug, Clone)]
pub struct Ballot {
    /// Who.
    pub voter: Voter,
    /// In which groups they are.
    pub groups: BTreeSet<String>,
    /// The agent that speaks for them, where it is a client of the administration API.
    pub agent: Option<AgentId>,
    /// How they signed in.
    pub sign_in: Option<SignIn>,
    /// Whether they agree.
    pub agrees: bool,
    /// What they say.
    pub word: String,
    /// When.
    pub at: Timestamp,
}

/// Why somebody may not decide.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoVote {
    /// Nobody asked them.
    #[error("somebody else is asked")]
    NotAsked,
    /// They have decided.
    #[error("you have decided on this already")]
    Twice,
    /// Nothing can become of it any more.
    #[error("this is {0} already")]
    Over(TaskState),
    /// They must prove better who they are.
    #[error("it needs {0}")]
    SignIn(Demand),
    /// The client acts for the agent that asks.
    #[error("whoever asks does not decide")]
    Own,
}

impl ApprovalTask {
    /// Its state at `now`: what was not decided or not used in time is over.
    pub fn state_at(&self, now: Timestamp) -> TaskState {
        if self.state.is_open() && now >= self.until { TaskState::Expired } else { self.state }
    }

    /// How many agreed.
    pub fn agreed(&self) -> usize {
        self.votes.iter().filter(|v| v.agrees).count()
    }

    /// Whether somebody who is in these groups is asked to agree.
    pub fn asks(&self, voter: &Voter, groups: &BTreeSet<String>) -> bool {
        match voter {
            Voter::Operator(_) => self.quorum.approvers.contains(OPERATOR),
            Voter::User(user) => {
                let own = matches!(&self.call.subject, Principal::User(subject) if subject == user);
                // A group of that name is nobody: the words mean what they mean.
                let is_group = |group: &str| group != SUBJECT && group != OPERATOR;
                let listed =
                    |group: &String| is_group(group) && self.quorum.approvers.contains(group.as_str());
                if own { self.quorum.approvers.contains(SUBJECT) } else { groups.iter().any(listed) }
            }
        }
    }

    /// Whether they may see it: who is asked, whose authority it is, and the operator. These may refuse, too.
    pub fn concerns(&self, voter: &Voter, groups: &BTreeSet<String>) -> bool {
        let own = matches!((voter, &self.call.subject), (Voter::User(u), Principal::User(s)) if u == s);
        own || matches!(voter, Voter::Operator(_)) || self.asks(voter, groups)
    }

    /// Whether the operator has agreed already: by whichever client or command, that is one voice.
    fn is_operators(&self, voter: &Voter) -> bool {
        let prefix = format!("{OPERATOR}:");
        let operators = |vote: &Vote| vote.by == OPERATOR || vote.by.starts_with(&prefix);
        matches!(voter, Voter::Operator(_)) && self.votes.iter().any(operators)
    }

    /// Whether the client that decides is the one that asks.
    fn is_by(&self, voter: &Voter) -> bool {
        matches!(voter, Voter::Operator(Some(client)) if *client == self.call.client)
    }

    /// Takes one vote. As soon as one refuses it is refused; as soon as enough agree it is approved, until
    /// [`until`](Self::until).
    ///
    /// # Errors
    /// [`NoVote`]; then nothing has changed.
    pub fn decide(mut self, ballot: &Ballot) -> Result<Self, NoVote> {
        let Ballot { voter, groups, agent, sign_in, agrees, word, at } = ballot;
        let may = if *agrees { self.asks(voter, groups) } else { self.concerns(voter, groups) };
        let name = voter.to_string();
        match self.state_at(*at) {
            _ if !may => return Err(NoVote::NotAsked),
            TaskState::Pending => {}
            state => return Err(NoVote::Over(state)),
        }
        if *agrees && (agent.as_ref().is_some_and(|a| self.call.chain.contains(a)) || self.is_by(voter)) {
            return Err(NoVote::Own);
        }
        if self.votes.iter().any(|vote| vote.by == name) || (*agrees && self.is_operators(voter)) {
            return Err(NoVote::Twice);
        }
        let demand = Demand { acr: self.quorum.acr, max_age: None };
        if *agrees && matches!(voter, Voter::User(_)) && !demand.is_met_by(*sign_in, *at) {
            return Err(NoVote::SignIn(demand));
        }
        self.votes.push(Vote { by: name, agrees: *agrees, word: word.clone(), at: *at });
        if !agrees {
            self.state = TaskState::Refused;
        } else if self.agreed() >= usize::from(self.quorum.of) {
            self.state = TaskState::Approved;
            self.until = at.after(self.quorum.lasts).min(self.grant_until);
        }
        Ok(self)
    }

    /// Uses it up.
    ///
    /// # Errors
    /// [`NoVote::Over`] in every state but [`TaskState::Approved`], and after its time.
    pub fn used(mut self, now: Timestamp) -> Result<Self, NoVote> {
        match self.state_at(now) {
            TaskState::Approved => {
                self.state = TaskState::Used;
                Ok(self)
            }
            state => Err(NoVote::Over(state)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn task(approvers: &[&str], of: u8, acr: Option<Acr>) -> ApprovalTask {
        ApprovalTask {
            id: TaskId::parse("apt_1").unwrap(),
            call: AskedCall {
                grant: GrantId::parse("g_2").unwrap(),
                root: GrantId::parse("g_1").unwrap(),
                subject: Principal::User(UserId::parse("usr_alice").unwrap()),
                actor: AgentId::parse("agt_x").unwrap(),
                chain: vec![AgentId::parse("agt_x").unwrap()],
                client: ClientId::parse("cli_x").unwrap(),
                resource: ResourceUri::parse("https://as.example/mcp/crm").unwrap(),
                server: "crm".to_owned(),
                action: "tool:pay".to_owned(),
                arguments: "00".repeat(32),
            },
            quorum: Quorum {
                approvers: approvers.iter().map(|a| (*a).to_owned()).collect(),
                of,
                acr,
                lasts: Duration::from_secs(60),
            },
            because: "payments are agreed to".to_owned(),
            state: TaskState::Pending,
            votes: vec![],
            asked_at: Timestamp::from_seconds(0),
            until: Timestamp::from_seconds(100),
            grant_until: Timestamp::from_seconds(1000),
        }
    }

    fn ballot(user: &str, groups: &[&str], agrees: bool, at: i64) -> Ballot {
        let at = Timestamp::from_seconds(at);
        Ballot {
            voter: Voter::User(UserId::parse(user).unwrap()),
            groups: groups.iter().map(|g| (*g).to_owned()).collect(),
            agent: None,
            sign_in: Some(SignIn { at, acr: Acr::Single }),
            agrees,
            word: String::new(),
            at,
        }
    }

    #[test]
    fn enough_different_people_of_the_group_agree() {
        let task = task(&["hr"], 2, None);
        let one = task.decide(&ballot("usr_bob", &["hr"], true, 10)).unwrap();
        assert_eq!((one.state, one.agreed()), (TaskState::Pending, 1));
        let again = one.clone().decide(&ballot("usr_bob", &["hr"], true, 11));
        assert_eq!(again, Err(NoVote::Twice));
        let other = one.clone().decide(&ballot("usr_carol", &["sales"], true, 11));
        assert_eq!(other, Err(NoVote::NotAsked));
        let two = one.decide(&ballot("usr_carol", &["hr", "sales"], true, 20)).unwrap();
        assert_eq!((two.state, two.until), (TaskState::Approved, Timestamp::from_seconds(80)));
        assert_eq!(two.state_at(Timestamp::from_seconds(80)), TaskState::Expired);
        let used = two.clone().used(Timestamp::from_seconds(79)).unwrap();
        assert_eq!(used.used(Timestamp::from_seconds(79)), Err(NoVote::Over(TaskState::Used)));
        assert_eq!(two.used(Timestamp::from_seconds(80)), Err(NoVote::Over(TaskState::Expired)));
    }

    #[test]
    fn whose_authority_it_is_agrees_only_if_asked_and_may_always_refuse() {
        let hr = task(&["hr"], 1, None);
        let own = hr.clone().decide(&ballot("usr_alice", &["hr"], true, 1));
        assert_eq!(own, Err(NoVote::NotAsked), "although she is in hr");
        let refused = hr.decide(&ballot("usr_alice", &[], false, 1)).unwrap();
        assert_eq!(refused.state, TaskState::Refused);
        let asked = task(&["subject"], 1, None).decide(&ballot("usr_alice", &[], true, 1)).unwrap();
        assert_eq!(asked.state, TaskState::Approved);
        let stranger = task(&["subject"], 1, None).decide(&ballot("usr_bob", &["subject"], true, 1));
        assert_eq!(stranger, Err(NoVote::NotAsked), "whatever a group is called");
    }

    #[test]
    fn whoever_asks_does_not_decide() {
        let operator = |client: &str, agent: &str| Ballot {
            voter: Voter::Operator(Some(ClientId::parse(client).unwrap())),
            agent: Some(AgentId::parse(agent).unwrap()),
            ..ballot("usr_bob", &[], true, 1)
        };
        let task = task(&["operator"], 1, None);
        assert_eq!(task.clone().decide(&operator("cli_other", "agt_x")), Err(NoVote::Own));
        assert_eq!(task.clone().decide(&operator("cli_x", "agt_other")), Err(NoVote::Own));
        assert_eq!(task.decide(&operator("cli_o", "agt_o")).unwrap().state, TaskState::Approved);
    }

    #[test]
    fn the_operator_has_one_voice_however_many_speak() {
        let by = |client: Option<&str>, agrees: bool| Ballot {
            voter: Voter::Operator(client.map(|c| ClientId::parse(c).unwrap())),
            ..ballot("usr_bob", &[], agrees, 1)
        };
        let one = task(&["operator", "hr"], 2, None).decide(&by(Some("cli_o"), true)).unwrap();
        for other in [Some("cli_p"), None] {
            assert_eq!(one.clone().decide(&by(other, true)), Err(NoVote::Twice), "{other:?}");
            assert_eq!(one.clone().decide(&by(other, false)).unwrap().state, TaskState::Refused);
        }
        let two = one.decide(&ballot("usr_bob", &["hr"], true, 2)).unwrap();
        assert_eq!(two.state, TaskState::Approved);
    }

    #[test]
    fn one_refusal_ends_it_and_nothing_is_decided_too_late() {
        let two = task(&["hr"], 2, None).decide(&ballot("usr_bob", &["hr"], true, 1)).unwrap();
        let refused = two.decide(&ballot("usr_carol", &["hr"], false, 2)).unwrap();
        assert_eq!(refused.state, TaskState::Refused);
        let more = refused.decide(&ballot("usr_dave", &["hr"], true, 3));
        assert_eq!(more, Err(NoVote::Over(TaskState::Refused)));
        let late = task(&["hr"], 1, None).decide(&ballot("usr_bob", &["hr"], true, 100));
        assert_eq!(late, Err(NoVote::Over(TaskState::Expired)));
    }

    #[test]
    fn an_agreement_may_need_a_surer_sign_in_and_a_refusal_never_does() {
        let task = task(&["hr"], 1, Some(Acr::Mfa));
        let weak = task.clone().decide(&ballot("usr_bob", &["hr"], true, 1));
        assert_eq!(weak, Err(NoVote::SignIn(Demand { acr: Some(Acr::Mfa), max_age: None })));
        let sure = Some(SignIn { at: Timestamp::from_seconds(1), acr: Acr::Phr });
        let sure = Ballot { sign_in: sure, ..ballot("usr_bob", &["hr"], true, 1) };
        assert_eq!(task.clone().decide(&sure).unwrap().state, TaskState::Approved);
        let refused = task.decide(&ballot("usr_bob", &["hr"], false, 1)).unwrap();
        assert_eq!(refused.state, TaskState::Refused);
    }

    #[test]
    fn no_agreement_outlasts_the_grant() {
        let mut task = task(&["subject"], 1, None);
        task.grant_until = Timestamp::from_seconds(30);
        let agreed = task.decide(&ballot("usr_alice", &[], true, 10)).unwrap();
        assert_eq!(agreed.until, Timestamp::from_seconds(30));
    }
}
