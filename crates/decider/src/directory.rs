//! What is known of everybody: users, groups, roles, agents, servers, and entities that were told; one snapshot.

use prokura_config::{Config, IdentityProvider};
use prokura_core::{Timestamp, UserId};
use prokura_oauth::json::{self, Limits, Object, Value, obj};
use prokura_policy::pdp::{Directory, Entity, EntityId};
use prokura_store::{Agent, Identity, Store, StoreError, Tx, User, fold_name};
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// So many rows are read at a time.
const PAGE: u32 = 1000;

/// Adds to what is known of entities, such as what relations say.
pub trait Layer: Send + Sync {
    /// Adds attributes or parents to an entity of a snapshot that is being made.
    fn add(&self, entity: &mut Entity);
}

/// Engines keep what they prepared by the revision, so no two snapshots of a process have the same.
fn next_revision() -> u64 {
    static LAST: AtomicU64 = AtomicU64::new(0);
    LAST.fetch_add(1, Ordering::Relaxed) + 1
}

/// Everything that is known, as it was at one moment.
#[derive(Default)]
pub struct Snapshot {
    entities: HashMap<EntityId, Arc<Entity>>,
    revision: u64,
    /// When some of it does not hold any more by itself: a provider's word on groups is too old then.
    until: Option<Timestamp>,
}

impl Snapshot {
    /// One of exactly these entities.
    pub fn of(entities: impl IntoIterator<Item = Entity>) -> Self {
        let entities = entities.into_iter().map(|e| (e.id.clone(), Arc::new(e))).collect();
        Self { entities, revision: next_revision(), until: None }
    }

    /// How many entities are known.
    pub fn len(&self) -> usize {
        self.entities.len()
    }

    /// Whether none is.
    pub fn is_empty(&self) -> bool {
        self.entities.is_empty()
    }

    /// When it must be made anew, at the latest.
    pub fn until(&self) -> Option<Timestamp> {
        self.until
    }
}

impl Directory for Snapshot {
    fn entity(&self, id: &EntityId) -> Option<Arc<Entity>> {
        self.entities.get(id).cloned()
    }

    fn all(&self) -> Box<dyn Iterator<Item = Arc<Entity>> + '_> {
        Box::new(self.entities.values().cloned())
    }

    fn revision(&self) -> u64 {
        self.revision
    }
}

/// The rows that a snapshot is made of.
#[derive(Debug, Clone, Default)]
struct Rows {
    users: Vec<User>,
    identities: Vec<Identity>,
    agents: Vec<Agent>,
    told: Vec<Entity>,
}

/// Makes a snapshot of what the store, the configuration and `files` say now.
///
/// # Errors
/// [`StoreError`].
pub async fn snapshot(
    store: &Store,
    config: &Config,
    files: &[Entity],
    layers: &[Arc<dyn Layer>],
    now: Timestamp,
) -> Result<Snapshot, StoreError> {
    let rows = store.read::<_, StoreError>(rows).await?;
    let mut making =
        Making { config, now, members: Members::of(config), entities: HashMap::new(), until: None };
    making.servers();
    making.groups_and_roles();
    making.users(&rows);
    for agent in &rows.agents {
        making.agent(agent);
    }
    making.strangers();
    // What was told by the API is newer than what stands in files.
    for entity in rows.told.iter().chain(files) {
        making.told(entity);
    }
    let Making { mut entities, until, .. } = making;
    for entity in entities.values_mut() {
        layers.iter().for_each(|layer| layer.add(entity));
    }
    let entities = entities.into_iter().map(|(id, e)| (id, Arc::new(e))).collect();
    Ok(Snapshot { entities, revision: next_revision(), until })
}

fn rows(tx: &mut Tx<'_>) -> Result<Rows, StoreError> {
    let mut rows = Rows::default();
    loop {
        let page = tx.users(rows.users.last().map(|u: &User| u.name.as_str()), PAGE)?;
        let done = page.is_empty();
        rows.users.extend(page);
        if done {
            break;
        }
    }
    loop {
        let last =
            rows.identities.last().map(|i: &Identity| (i.user.clone(), Identity::id(&i.issuer, &i.subject)));
        let page = tx.identities_with_groups(last.as_ref().map(|(user, id)| (user, id)), PAGE)?;
        let done = page.is_empty();
        rows.identities.extend(page);
        if done {
            break;
        }
    }
    loop {
        let page = tx.agents(rows.agents.last().map(|a: &Agent| &a.id), PAGE)?;
        let done = page.is_empty();
        rows.agents.extend(page);
        if done {
            break;
        }
    }
    told(tx, &mut rows.told)?;
    Ok(rows)
}

fn told(tx: &mut Tx<'_>, told: &mut Vec<Entity>) -> Result<(), StoreError> {
    let mut last = (String::new(), String::new());
    loop {
        let page = tx.policy_entities((&last.0, &last.1), PAGE)?;
        let Some(end) = page.last() else { return Ok(()) };
        last = (end.kind.clone(), end.id.clone());
        for stored in page {
            let limits = Limits { max_bytes: 1 << 20, max_depth: 32 };
            let read = json::parse(stored.entity.as_bytes(), &limits).ok().and_then(Value::into_object);
            let entity = read.and_then(|o| crate::entities::of_object(&o).ok());
            told.push(entity.ok_or_else(|| StoreError::Corrupt {
                column: "policy_entities.entity",
                detail: "it is no entity".to_owned(),
            })?);
        }
    }
}

/// A snapshot that is being made.
struct Making<'a> {
    config: &'a Config,
    now: Timestamp,
    members: Members,
    entities: HashMap<EntityId, Entity>,
    until: Option<Timestamp>,
}

fn id(kind: &str, id: &str) -> Option<EntityId> {
    EntityId::new(kind, id).ok()
}

/// Who the configuration says is in which group or has which role.
#[derive(Default)]
struct Members {
    /// By id, or by `group:NAME` and `role:NAME`.
    by_word: HashMap<String, Vec<EntityId>>,
    /// By the folded name to sign in with.
    by_login: HashMap<String, Vec<EntityId>>,
}

impl Members {
    fn of(config: &Config) -> Self {
        let groups = config.groups.iter().map(|g| ("Group", &g.name, &g.members));
        let roles = config.roles.iter().map(|r| ("Role", &r.name, &r.members));
        let mut all = Self::default();
        for (kind, name, members) in groups.chain(roles) {
            let Some(id) = id(kind, name) else { continue };
            for member in members {
                // Nobody becomes another by a name to sign in with that looks like an id.
                let is_word = ["usr_", "agt_", "group:", "role:"].iter().any(|w| member.starts_with(w));
                let (map, key) = if is_word {
                    (&mut all.by_word, member.clone())
                } else {
                    (&mut all.by_login, fold_name(member))
                };
                map.entry(key).or_default().push(id.clone());
            }
        }
        all
    }

    fn of_word(&self, word: &str) -> Vec<EntityId> {
        self.by_word.get(word).cloned().unwrap_or_default()
    }

    fn of_user(&self, user: &User) -> Vec<EntityId> {
        let mut all = self.of_word(user.id.as_str());
        all.extend(self.by_login.get(&fold_name(&user.name)).into_iter().flatten().cloned());
        all.sort();
        all.dedup();
        all
    }
}

impl Making<'_> {
    fn put(&mut self, kind: &str, name: &str, attributes: Object, parents: Vec<EntityId>) {
        if let Some(id) = id(kind, name) {
            self.entities.insert(id.clone(), Entity { id, attributes, parents });
        }
    }

    fn servers(&mut self) {
        for resource in &self.config.resources {
            let attributes =
                obj([("name", resource.name.as_str().into()), ("title", resource.title().into())]);
            self.put("Server", &resource.name, attributes, Vec::new());
        }
    }

    fn groups_and_roles(&mut self) {
        let said = self.config.identity_providers.iter().flat_map(|p| p.groups.values());
        let groups = self.config.groups.iter().map(|g| &g.name).chain(said);
        for group in groups {
            let parents = self.members.of_word(&format!("group:{group}"));
            self.put("Group", group, obj([("name", group.as_str().into())]), parents);
        }
        for role in &self.config.roles {
            let parents = self.members.of_word(&format!("role:{}", role.name));
            self.put("Role", &role.name, obj([("name", role.name.as_str().into())]), parents);
        }
    }

    /// Users with their groups and roles; one who is disabled is in no group and has no role.
    fn users(&mut self, rows: &Rows) {
        let mut said: HashMap<&UserId, Vec<EntityId>> = HashMap::new();
        for identity in &rows.identities {
            let groups = self.said(identity);
            said.entry(&identity.user).or_default().extend(groups);
        }
        for user in &rows.users {
            let mut attributes = obj([
                ("login", user.name.as_str().into()),
                ("name", user.display_name.as_str().into()),
                ("disabled", user.disabled.into()),
            ]);
            if let Some(email) = &user.email {
                attributes.insert("email", email.as_str().into());
            }
            let mut parents = if user.disabled { Vec::new() } else { self.members.of_user(user) };
            let of_providers = said.remove(&user.id).unwrap_or_default();
            for group in of_providers.into_iter().filter(|_| !user.disabled) {
                if !parents.contains(&group) {
                    parents.push(group);
                }
            }
            self.put("User", user.id.as_str(), attributes, parents);
        }
    }

    /// The groups that an identity still vouches for. Of a provider that is not configured any more, none.
    fn said(&mut self, identity: &Identity) -> Vec<EntityId> {
        let provider = self.config.identity_providers.iter().find(|p| p.issuer() == identity.issuer);
        let ends = |p: &IdentityProvider| identity.last_used_at.map(|at| at.after(p.groups_last.get()));
        let Some((provider, ends)) = provider.and_then(|p| Some((p, ends(p)?))) else { return Vec::new() };
        if ends <= self.now {
            return Vec::new();
        }
        self.until = Some(self.until.map_or(ends, |until| until.min(ends)));
        let ours = |g: &&String| provider.groups.values().any(|known| known == *g);
        identity.groups.iter().filter(ours).filter_map(|g| id("Group", g)).collect()
    }

    fn agent(&mut self, agent: &Agent) {
        let parents = if agent.disabled { Vec::new() } else { self.members.of_word(agent.id.as_str()) };
        let attributes = obj([("name", agent.name.as_str().into()), ("disabled", agent.disabled.into())]);
        self.put("Agent", agent.id.as_str(), attributes, parents);
    }

    /// Members whom the configuration names by their id and this database does not know: people and agents of another issuer.
    fn strangers(&mut self) {
        let named: Vec<_> =
            self.members.by_word.iter().map(|(word, of)| (word.clone(), of.clone())).collect();
        for (word, parents) in named {
            let kind = match &word {
                user if user.starts_with("usr_") => "User",
                agent if agent.starts_with("agt_") => "Agent",
                _ => continue,
            };
            let known = id(kind, &word).is_none_or(|id| self.entities.contains_key(&id));
            if !known {
                self.put(kind, &word, Object::new(), parents);
            }
        }
    }

    /// What was told is added to what is known: it replaces nothing that is known here for sure.
    fn told(&mut self, entity: &Entity) {
        let known = self.entities.entry(entity.id.clone()).or_insert_with(|| Entity::bare(entity.id.clone()));
        for (name, value) in entity.attributes.iter() {
            if !known.attributes.contains_key(name) {
                known.attributes.insert(name, value.clone());
            }
        }
        for parent in &entity.parents {
            if !known.parents.contains(parent) {
                known.parents.push(parent.clone());
            }
        }
    }
}
