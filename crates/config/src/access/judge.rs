//! Policies that cannot be: unknown names, conditions that cannot be read, and such as can never match.

use super::{AccessMode, AccessPolicyConfig, AccessStage, AppliesConfig, OWN_RESOURCES};
use super::{NarrowConfig, OtherwiseConfig, OtherwiseWord};
use crate::{Config, ConfigError, ResourceConfig, Span};
use prokura_core::{ActionPattern, AgentId, ClientId, FactName, Scope, ScopeSet, UserId};
use prokura_policy::access::{
    AccessPolicies, AccessPolicy, Applies, Mode, Narrowing, Otherwise, PolicyName, Stage,
};

/// So many policies are weighed in the time that a decision may take.
const MOST: usize = 500;

/// One policy that is read, for errors about it.
struct Reading<'a> {
    config: &'a Config,
    policy: &'a AccessPolicyConfig,
}

/// The policies, made ready to be asked.
pub(crate) fn policies(config: &Config) -> Result<AccessPolicies, ConfigError> {
    let all = &config.access_policies;
    if all.len() > MOST {
        let reason = format!("there are {}", all.len());
        return Err(ConfigError::value("access_policy", reason, format!("use at most {MOST}")));
    }
    let read = all.iter().map(|policy| Reading { config, policy }.read()).collect::<Result<Vec<_>, _>>()?;
    approvals(&read)?;
    AccessPolicies::new(read).map_err(|e| {
        ConfigError::value("access_policy", e.to_string(), "give each its own name and at least one test")
    })
}

/// Whoever tests for an approval means one of a policy that asks for approvals.
fn approvals(policies: &[AccessPolicy]) -> Result<(), ConfigError> {
    let asking = |name: &FactName| {
        let asks = |p: &&AccessPolicy| p.otherwise == Otherwise::Approval;
        policies.iter().filter(asks).any(|p| p.name.approval().as_ref() == Some(name))
    };
    let all = AccessPolicies::new(policies.to_vec()).unwrap_or_default();
    match all.names().iter().find(|n| n.as_str().starts_with("approval.") && !asking(n)) {
        Some(unknown) => Err(ConfigError::value(
            "access_policy.requires.fact",
            format!("no policy asks for the approval `{unknown}`"),
            "name one with `otherwise = \"approval\"`, as `approval.NAME`",
        )),
        None => Ok(()),
    }
}

impl Reading<'_> {
    fn wrong<T>(
        &self,
        key: &str,
        reason: impl Into<String>,
        fix: impl Into<String>,
    ) -> Result<T, ConfigError> {
        Err(ConfigError::value(format!("access_policy {}{key}", self.policy.name), reason, fix))
    }

    fn read(&self) -> Result<AccessPolicy, ConfigError> {
        let Some(name) = PolicyName::parse(&self.policy.name) else {
            let fix = "use 1 to 64 lower-case letters, digits and `_`, beginning with a letter";
            let reason = format!("`{}` is no name", self.policy.name);
            return Err(ConfigError::value("access_policy.name", reason, fix));
        };
        let applies = self.applies(&self.policy.applies)?;
        let condition = self.policy.requires.as_ref().map(|c| c.condition(self.policy.unknown, 0));
        let requires = condition.transpose().or_else(|w| self.wrong(".requires", w.reason, w.fix))?;
        let mode = match self.policy.mode {
            AccessMode::On => Mode::On,
            AccessMode::ReportOnly => Mode::ReportOnly,
            AccessMode::Off => Mode::Off,
        };
        Ok(AccessPolicy { name, mode, otherwise: self.otherwise(&applies)?, applies, requires })
    }

    fn otherwise(&self, applies: &Applies) -> Result<Otherwise, ConfigError> {
        Ok(match &self.policy.otherwise {
            OtherwiseConfig::Word(OtherwiseWord::Deny) => Otherwise::Deny,
            OtherwiseConfig::Word(OtherwiseWord::Approval) => Otherwise::Approval,
            OtherwiseConfig::Word(OtherwiseWord::Quarantine) => Otherwise::Quarantine,
            OtherwiseConfig::Less(less) => Otherwise::Narrow(self.narrowing(less, applies)?),
        })
    }

    fn narrowing(&self, less: &NarrowConfig, applies: &Applies) -> Result<Narrowing, ConfigError> {
        if less.without.is_empty() && less.life.is_none() {
            let fix = "name scopes in `without`, or a `life`, or write `otherwise = \"deny\"`";
            return self.wrong(".otherwise", "it takes nothing away", fix);
        }
        let has = |scope: &String| self.concerned(applies).any(|r| r.scopes.contains_key(scope));
        let own = applies.resources.is_empty()
            || applies.resources.iter().any(|r| OWN_RESOURCES.contains(&r.as_str()));
        if let Some(unknown) = less.without.iter().find(|s| !own && !has(s)) {
            let reason = format!("no resource that the policy concerns has a scope `{unknown}`");
            return self.wrong(".otherwise.without", reason, "use one of their scopes");
        }
        let scopes = less.without.iter().map(Scope::parse).collect::<Result<ScopeSet, _>>();
        let without = scopes.or_else(|e| self.wrong(".otherwise.without", e.to_string(), "mend it"))?;
        Ok(Narrowing { without, life: less.life.map(Span::get) })
    }

    /// The resources of the configuration that a policy concerns.
    fn concerned<'a>(&'a self, applies: &'a Applies) -> impl Iterator<Item = &'a ResourceConfig> {
        let named = |r: &&ResourceConfig| applies.resources.is_empty() || applies.resources.contains(&r.name);
        self.config.resources.iter().filter(named)
    }

    fn applies(&self, said: &AppliesConfig) -> Result<Applies, ConfigError> {
        let known =
            |name: &&String| self.config.resource(name).is_some() || OWN_RESOURCES.contains(&name.as_str());
        if let Some(unknown) = said.resources.iter().find(|name| !known(name)) {
            let fix = "use the name of a `[[resource]]`, or `admin`, `grants` or `userinfo`";
            return self.wrong(".applies.resources", format!("there is no resource `{unknown}`"), fix);
        }
        let vouched = |name: &&String| self.config.workload.provider(name).is_some();
        if let Some(unknown) = said.providers.iter().find(|name| !vouched(name)) {
            let fix = "use the name of a `[[workload.provider]]`";
            return self.wrong(".applies.providers", format!("there is no provider `{unknown}`"), fix);
        }
        let users = said.users.iter().map(|u| {
            let user = UserId::parse(u.as_str()).ok().filter(|_| u.starts_with(UserId::PREFIX));
            user.ok_or(u)
        });
        let users = users.collect::<Result<_, _>>().or_else(|bad| {
            self.wrong(
                ".applies.users",
                format!("`{bad}` is no user's id"),
                "write `usr_…`, as `prokura user list` shows it",
            )
        })?;
        let clients = said.clients.iter().map(|c| ClientId::parse(c.as_str()));
        let clients = clients
            .collect::<Result<_, _>>()
            .or_else(|e| self.wrong(".applies.clients", e.to_string(), "write the `client_id`"))?;
        let applies = Applies {
            agents: said.agents.iter().map(|a| self.agent(a)).collect::<Result<_, _>>()?,
            users,
            clients,
            resources: said.resources.clone(),
            actions: self.actions(said)?,
            stages: said.stages.iter().copied().map(stage).collect(),
            providers: said.providers.clone(),
        };
        self.can_match(&applies)?;
        Ok(applies)
    }

    /// An agent by its id, which the store must know when the server starts, or by a name of the configuration.
    fn agent(&self, name: &str) -> Result<AgentId, ConfigError> {
        let of_clients = self.config.clients.iter().map(|c| c.agent.as_ref().unwrap_or(&c.id).as_str());
        let of_rules = self.config.workload.rules.iter().map(|r| r.agent.as_str());
        let configured = of_clients.chain(of_rules).any(|known| known == name);
        let full = if name.starts_with(AgentId::PREFIX) {
            name.to_owned()
        } else {
            format!("{}{name}", AgentId::PREFIX)
        };
        match AgentId::parse(full) {
            Ok(id) if configured || name.starts_with(AgentId::PREFIX) => Ok(id),
            _ => self.wrong(
                ".applies.agents",
                format!("there is no agent `{name}`"),
                "use the `agent` of a `[[client]]` or of a `[[workload.rule]]`, or an id that `prokura agent list` shows",
            ),
        }
    }

    fn actions(&self, said: &AppliesConfig) -> Result<Vec<ActionPattern>, ConfigError> {
        let read = said.actions.iter().map(|text| ActionPattern::parse(text));
        read.collect::<Result<_, _>>().or_else(|e| self.wrong(".applies.actions", e.to_string(), "mend it"))
    }

    fn can_match(&self, applies: &Applies) -> Result<(), ConfigError> {
        if applies.actions.is_empty() {
            return Ok(());
        }
        if !applies.stages.is_empty() && !applies.stages.contains(&Stage::Call) {
            let fix = "add `call` to `stages`, or remove `actions`";
            return self.wrong(".applies", "it can never match: actions are known at calls only", fix);
        }
        let bundles = |r: &ResourceConfig, pattern: &ActionPattern| {
            let open = r.public && r.scopes.is_empty();
            open || r.scopes.values().flat_map(|s| &s.actions).any(|a| a.overlaps(pattern))
        };
        let possible = |pattern: &&ActionPattern| self.concerned(applies).any(|r| bundles(r, pattern));
        match applies.actions.iter().find(|pattern| !possible(pattern)) {
            Some(unknown) => self.wrong(
                ".applies.actions",
                format!("it can never match: no scope of the resources bundles `{unknown}`"),
                "use an action that a scope bundles",
            ),
            None => Ok(()),
        }
    }
}

fn stage(stage: AccessStage) -> Stage {
    match stage {
        AccessStage::Issuance => Stage::Issuance,
        AccessStage::Refresh => Stage::Refresh,
        AccessStage::Exchange => Stage::Exchange,
        AccessStage::Call => Stage::Call,
    }
}
