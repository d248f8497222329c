//! Cedar's own type-aware partial evaluation as a third opinion, beside our filter and lists and the decision on each row.
//!
//! It needs a schema, and policies, entities and requests that are exactly of it; so the worlds here are typed, and nothing in
//! them fails. What it knows is what we know: of a condition on rows everything but the row, of a list everything but the
//! arguments.

use super::cases;
use super::policy::Dice;
use cedar_policy::{
    Context, Decision, Entities, Entity as CedarEntity, EntityId as CedarId, EntityTypeName, EntityUid,
    PartialEntities, PartialEntityUid, PartialRequest, PolicySet, Request, RestrictedExpression, Schema,
    TpeResponse,
};
use prokura_core::Timestamp;
use prokura_engines::cedar::{CedarEngine, Source};
use prokura_oauth::json::{Object, Value, obj};
use prokura_policy::pdp::{
    Aim, Directory, Effect, Engine, Entity, EntityId, Listed, Met, Question, reference,
};
use std::collections::{HashMap, HashSet};
use std::fmt::Write as _;
use std::sync::Arc;

const SCHEMA: &str = r#"
entity Group in [Group];
entity Folder in [Folder];
entity User in [Group] = { n: Long, s: String, b: Bool, m?: Long };
entity Doc in [Folder] = { n: Long, s: String, b: Bool, who: User, many: Set<String>, m?: Long, by?: User };
action "ga", "gb";
action "a0" in ["ga"] appliesTo { principal: [User], resource: [Doc], context: Sent };
action "a1" in ["ga", "gb"] appliesTo { principal: [User], resource: [Doc], context: Sent };
action "a2" appliesTo { principal: [User], resource: [Doc], context: Sent };
type Sent = { chain: Set<User>, now: datetime, arguments: { n: Long, s: String, who: String, m?: Long } };
"#;

const USERS: [&str; 3] = ["u0", "u1", "u2"];
const ROWS: usize = 4;
const WORDS: [&str; 3] = ["x", "xy", "*"];

/// A condition that is of the schema.
fn condition(dice: &mut Dice, depth: usize) -> String {
    if depth > 0 && dice.one_in(2) {
        let [a, b, c] = [(); 3].map(|()| condition(dice, depth - 1));
        return match dice.below(6) {
            0 | 1 => format!("({a} && {b})"),
            2 | 3 => format!("({a} || {b})"),
            4 => format!("!({a})"),
            _ => format!("(if {a} then {b} else {c})"),
        };
    }
    let one = |dice: &mut Dice| dice.of(&["principal", "resource", "context.arguments"]);
    let long = |dice: &mut Dice| match dice.below(2) {
        0 => dice.below(4).to_string(),
        _ => format!("{}.n", one(dice)),
    };
    let text = |dice: &mut Dice| match dice.below(2) {
        0 => format!("{:?}", dice.of(&WORDS)),
        _ => format!("{}.s", one(dice)),
    };
    match dice.below(13) {
        0 => format!("{} < {}", long(dice), long(dice)),
        1 => format!("{} <= {}", long(dice), long(dice)),
        2 => format!("{} == {}", long(dice), long(dice)),
        3 => format!("{} == {}", text(dice), text(dice)),
        4 => "resource.who == principal".to_owned(),
        5 => format!("resource.who == User::\"{}\"", dice.of(&USERS)),
        6 => format!("resource.many.contains({})", text(dice)),
        7 => format!("{}.b", dice.of(&["principal", "resource"])),
        8 => {
            let of = one(dice);
            format!("({of} has m && {of}.m < {})", long(dice))
        }
        9 => "(resource has by && resource.by == principal)".to_owned(),
        10 => format!("principal in Group::\"{}\"", dice.of(&["g0", "g1"])),
        11 => format!("{} like {:?}", text(dice), dice.of(&["x*", "*y", "x"])),
        _ => format!("resource == Doc::\"d{}\"", dice.below(ROWS)),
    }
}

fn policy(dice: &mut Dice, number: usize) -> String {
    let does = dice.of(&["permit", "permit", "permit", "forbid"]);
    let principal = match dice.below(4) {
        0 => format!("principal == User::\"{}\"", dice.of(&USERS)),
        1 => format!("principal in Group::\"{}\"", dice.of(&["g0", "g1"])),
        _ => "principal".to_owned(),
    };
    let action = match dice.below(4) {
        0 => format!("action == Action::\"{}\"", dice.of(&["a0", "a1", "a2"])),
        1 => format!("action in [Action::\"{}\"]", dice.of(&["ga", "gb"])),
        _ => "action".to_owned(),
    };
    let resource = match dice.below(6) {
        0 => format!("resource == Doc::\"d{}\"", dice.below(ROWS)),
        1 => "resource is Doc".to_owned(),
        _ => "resource".to_owned(),
    };
    let mut text = format!("@id(\"{number}\") {does}({principal}, {action}, {resource})");
    for clause in ["when", "when", "unless"] {
        if dice.one_in(2) {
            let _ = write!(text, " {clause} {{ {} }}", condition(dice, 2));
        }
    }
    text + ";\n"
}

/// An entity or arguments in both forms.
struct Both {
    ours: Object,
    theirs: HashMap<String, RestrictedExpression>,
}

impl Both {
    fn new() -> Self {
        Self { ours: Object::new(), theirs: HashMap::new() }
    }

    fn put(&mut self, name: &str, ours: Value, theirs: RestrictedExpression) {
        self.ours.insert(name, ours);
        self.theirs.insert(name.to_owned(), theirs);
    }

    fn long(&mut self, name: &str, n: usize) {
        let n = i64::try_from(n).unwrap();
        self.put(name, n.into(), RestrictedExpression::new_long(n));
    }

    fn text(&mut self, name: &str, text: &str) {
        self.put(name, text.into(), RestrictedExpression::new_string(text.to_owned()));
    }

    fn user(&mut self, name: &str, id: &str) {
        self.put(name, reference("User", id), RestrictedExpression::new_entity_uid(uid("User", id)));
    }

    fn common(dice: &mut Dice) -> Self {
        let mut both = Self::new();
        both.long("n", dice.below(4));
        both.text("s", dice.of(&WORDS));
        if dice.one_in(2) {
            both.long("m", dice.below(4));
        }
        both
    }

    fn thing(dice: &mut Dice) -> Self {
        let (mut both, b) = (Self::common(dice), dice.one_in(2));
        both.put("b", b.into(), RestrictedExpression::new_bool(b));
        both
    }

    fn row(dice: &mut Dice) -> Self {
        let mut both = Self::thing(dice);
        both.user("who", dice.of(&USERS));
        if dice.one_in(2) {
            both.user("by", dice.of(&USERS));
        }
        let words: Vec<&str> = WORDS.into_iter().filter(|_| dice.one_in(2)).collect();
        let theirs = words.iter().map(|w| RestrictedExpression::new_string((*w).to_owned()));
        both.put(
            "many",
            words.iter().map(|w| Value::from(*w)).collect(),
            RestrictedExpression::new_set(theirs),
        );
        both
    }

    fn sent(dice: &mut Dice) -> Self {
        let mut both = Self::common(dice);
        both.text("who", dice.of(&USERS));
        both
    }
}

fn uid(kind: &str, id: &str) -> EntityUid {
    EntityUid::from_type_name_and_id(kind.parse().unwrap(), CedarId::new(id))
}

struct Known(HashMap<EntityId, Arc<Entity>>);

impl Directory for Known {
    fn entity(&self, id: &EntityId) -> Option<Arc<Entity>> {
        self.0.get(id).cloned()
    }

    fn all(&self) -> Box<dyn Iterator<Item = Arc<Entity>> + '_> {
        Box::new(self.0.values().cloned())
    }

    fn revision(&self) -> u64 {
        0
    }
}

/// Entities in both forms; those of Cedar with everything above them.
struct World {
    text: String,
    engine: CedarEngine,
    schema: Schema,
    known: Known,
    others: Vec<CedarEntity>,
    rows: Vec<(Entity, CedarEntity)>,
}

impl World {
    fn of(dice: &mut Dice) -> Self {
        let text: String = (0..3 + dice.below(6)).map(|n| policy(dice, n)).collect();
        let schema = Source::new("schema", SCHEMA.to_owned());
        let engine = CedarEngine::load(&[Source::new("random", text.clone())], Some(schema))
            .unwrap_or_else(|e| panic!("{e:?}\n{text}"));
        let schema = Schema::from_cedarschema_str(SCHEMA).unwrap().0;
        let (mut known, mut others) = (HashMap::new(), Vec::new());
        let mut add = |kind: &str, id: &str, both: Both, parents: &[&str]| {
            let (ours, theirs) = made(kind, id, both, parents);
            known.insert(ours.id.clone(), Arc::new(ours));
            others.push(theirs);
        };
        add("Group", "g0", Both::new(), &[]);
        add("Group", "g1", Both::new(), if dice.one_in(2) { &["g0"] } else { &[] });
        for user in USERS {
            let groups: Vec<&str> = ["g0", "g1"].into_iter().filter(|_| dice.one_in(3)).collect();
            add("User", user, Both::thing(dice), &groups);
        }
        let rows = (0..ROWS).map(|n| made("Doc", &format!("d{n}"), Both::row(dice), &[])).collect();
        Self { text, engine, schema, known: Known(known), others, rows }
    }
}

fn made(kind: &str, id: &str, both: Both, groups: &[&str]) -> (Entity, CedarEntity) {
    let ours = Entity {
        id: EntityId::new(kind, id).unwrap(),
        attributes: both.ours,
        parents: groups.iter().map(|g| EntityId::new("Group", g).unwrap()).collect(),
    };
    let parents: HashSet<EntityUid> = groups.iter().map(|g| uid("Group", g)).collect();
    (ours, CedarEntity::new(uid(kind, id), both.theirs, parents).unwrap())
}

#[derive(Debug, Default)]
struct Figures {
    rows: u64,
    permitted: u64,
    released: u64,
    withheld: u64,
    asked: u64,
    residuals: u64,
    lists: u64,
    shown: u64,
    open: u64,
}

/// One request: a user, an action, arguments.
struct Asked<'w> {
    world: &'w World,
    subject: Arc<Entity>,
    action: &'static str,
    sent: Both,
    context: Object,
}

impl<'w> Asked<'w> {
    fn of(dice: &mut Dice, world: &'w World) -> Self {
        let subject = world.known.entity(&EntityId::new("User", dice.of(&USERS)).unwrap()).unwrap();
        Self {
            world,
            subject,
            action: dice.of(&["a0", "a1", "a2"]),
            sent: Both::sent(dice),
            context: obj([]),
        }
    }

    fn question<'a>(&'a self, resource: &'a Entity) -> Question<'a> {
        Question {
            subject: &self.subject,
            actor: None,
            chain: &[],
            grant: None,
            action: self.action,
            arguments: Some(&self.sent.ours),
            resource,
            context: &self.context,
            directory: &self.world.known,
            now: Timestamp::from_seconds(0),
        }
    }

    fn principal(&self) -> EntityUid {
        uid("User", self.subject.id.id())
    }

    fn cedar_context(&self) -> Context {
        let arguments = RestrictedExpression::new_record(self.sent.theirs.clone()).unwrap();
        let chain = RestrictedExpression::new_set([]);
        let now = RestrictedExpression::new_datetime("1970-01-01");
        Context::from_pairs(
            [("arguments", arguments), ("chain", chain), ("now", now)].map(|(n, v)| (n.to_owned(), v)),
        )
        .unwrap()
    }

    fn entities(&self, rows: &[&CedarEntity]) -> Entities {
        let all = self.world.others.iter().chain(rows.iter().copied()).cloned();
        Entities::from_entities(all, Some(&self.world.schema)).unwrap()
    }

    fn request(&self, row: &CedarEntity) -> Request {
        let action = uid("Action", self.action);
        Request::new(self.principal(), action, row.uid(), self.cedar_context(), Some(&self.world.schema))
            .unwrap()
    }

    /// What Cedar leaves where the row is open (and the arguments known), or the arguments (and the row known).
    fn left<T>(&self, row: Option<&CedarEntity>, then: impl FnOnce(&TpeResponse<'_>) -> T) -> T {
        let (schema, policies): (_, &PolicySet) = (&self.world.schema, self.world.engine.policies());
        let (resource, context, rows) = match row {
            None => (
                PartialEntityUid::new("Doc".parse::<EntityTypeName>().unwrap(), None),
                Some(self.cedar_context()),
                vec![],
            ),
            Some(row) => (PartialEntityUid::from_concrete(row.uid()), None, vec![row]),
        };
        let principal = PartialEntityUid::from_concrete(self.principal());
        let request =
            PartialRequest::new(principal, uid("Action", self.action), resource, context, schema).unwrap();
        let entities = PartialEntities::from_concrete(self.entities(&rows), schema).unwrap();
        then(&policies.tpe(&request, &entities, schema).unwrap())
    }

    fn rows(&self, figures: &mut Figures) -> Result<(), String> {
        let stand_in = Entity::bare(EntityId::new("Doc", "?").unwrap());
        let filter = self.world.engine.filter(&self.question(&stand_in), "Doc");
        self.left(None, |left| {
            figures.residuals += u64::from(left.decision().is_none());
            for (row, theirs) in &self.world.rows {
                let finding = self.world.engine.decide(&self.question(row));
                let again = left.reauthorize(&self.request(theirs), &self.entities(&[theirs])).unwrap();
                let (ours, cedars) = (finding.effect == Effect::Permit, again.decision() == Decision::Allow);
                let met = filter.meets(row.id.id(), &row.attributes);
                let settled = left.decision().is_none_or(|d| d == again.decision());
                if ours != cedars || !settled || met == Met::Yes && !cedars {
                    return Err(format!("{} {met:?} by {filter:?}; {finding:?}; Cedar: {again:?}", row.id));
                }
                figures.rows += 1;
                figures.permitted += u64::from(cedars);
                match met {
                    Met::Yes => figures.released += 1,
                    // In a world in which nothing fails, a filter is not narrower either.
                    Met::No if cedars => {
                        return Err(format!("{} is permitted, and not met by {filter:?}", row.id));
                    }
                    Met::No => figures.withheld += 1,
                    Met::Ask => figures.asked += 1,
                }
            }
            Ok(())
        })
    }

    fn list(&self, figures: &mut Figures) -> Result<(), String> {
        for (row, theirs) in &self.world.rows {
            let listed = [Listed { action: self.action, aim: Aim::At(row), tool: None }];
            let shown = self.world.engine.visible(&self.question(row), &listed)[0];
            self.left(Some(theirs), |left| {
                let fits = match left.decision() {
                    Some(Decision::Allow) => shown == Effect::Permit,
                    Some(Decision::Deny) => shown != Effect::Permit,
                    // What Cedar leaves open may be decided here: `false && open` is false, and so is `open && false`.
                    None => {
                        figures.open += 1;
                        true
                    }
                };
                figures.lists += 1;
                figures.shown += u64::from(shown == Effect::Permit);
                fits.then_some(())
                    .ok_or_else(|| format!("{} is {shown:?} in a list; Cedar: {:?}", row.id, left.decision()))
            })?;
        }
        Ok(())
    }
}

#[test]
fn f01_cedars_own_partial_evaluation_leaves_what_ours_does() {
    // Each costs Cedar the type check of all policies, five times.
    let questions = (cases() / 400).min(2_000);
    let (mut figures, mut asked, mut seed) = (Figures::default(), 0, 0);
    while asked < questions {
        let mut dice = Dice::new(seed);
        let world = World::of(&mut dice);
        for number in 0..20 {
            let question = Asked::of(&mut dice, &world);
            if let Err(why) = question.rows(&mut figures).and_then(|()| question.list(&mut figures)) {
                panic!(
                    "world {seed}, question {number}: {why}\n{}\n{} {:?}",
                    world.text, question.action, question.sent.ours
                );
            }
            asked += 1;
        }
        seed += 1;
    }
    println!(
        "{asked} questions about rows and lists, 0 disagreements with Cedar's partial evaluation: {figures:?}"
    );
    assert!(
        figures.permitted * 10 > figures.rows && figures.permitted * 10 < figures.rows * 9,
        "{figures:?}"
    );
    assert!(figures.residuals * 5 > asked && figures.released * 20 > figures.rows, "{figures:?}");
    assert!(figures.shown * 10 > figures.lists && figures.open * 10 > figures.lists, "{figures:?}");
    assert!(figures.asked < figures.rows, "a filter that asks about every row is none: {figures:?}");
}
