//! Relations for whoever does not share the database: told page by page, from where the follower says that it is.
//!
//! A follower that knows nothing hears first all tuples, in the order of their keys, and then what changed since it began:
//! so it has them as they are, whatever was written meanwhile. It believes nothing before it heard everything.

use super::view::{Heard, News, Told};
use super::{Relations, RelationsFault, Revision, Version, View, read_model};
use prokura_core::Timestamp;
use prokura_oauth::json::{Object, Value, obj};
use prokura_relations::{Key, Tuple};
use prokura_store::{RelationChange, RelationTuple, Tx};
use std::fmt;
use std::sync::Arc;

/// So many tuples stand on a page at most, and so many bytes of names and contexts.
const PAGE: u32 = 1000;
const ROOM: usize = 256 << 10;

/// Where a follower is.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Place {
    /// It knows nothing.
    #[default]
    Nowhere,
    /// It has heard the tuples up to this one, since this revision.
    Among(u64, Key),
    /// It has heard the changes up to this one of this revision.
    At(u64, u64),
}

impl Place {
    /// Reads what [`Display`](fmt::Display) writes.
    pub fn parse(text: &str) -> Option<Self> {
        if text.is_empty() {
            return Some(Self::Nowhere);
        }
        let words: Vec<_> = text.split(' ').collect();
        let revision = Revision::parse(words.first()?)?.0;
        match words[1..] {
            [] => Some(Self::At(revision, RelationChange::after(revision).1)),
            [n] => Some(Self::At(revision, n.parse().ok()?)),
            [user, relation, object] => Some(Self::Among(revision, Key::parse(user, relation, object).ok()?)),
            _ => None,
        }
    }
}

/// Names have no spaces in them.
impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Nowhere => Ok(()),
            Self::Among(revision, key) => {
                write!(f, "{} {} {} {}", Revision(*revision), key.user, key.relation, key.object)
            }
            Self::At(revision, n) => write!(f, "{} {n}", Revision(*revision)),
        }
    }
}

/// What is told at once.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Page {
    /// Whether the follower has to forget what it knows: it is told everything from the beginning.
    anew: bool,
    /// The version of the model, and its text if the follower has another; 0 if there is none.
    version: u64,
    model: Option<String>,
    told: Vec<Told>,
    /// Where the follower is after this.
    next: Place,
    /// Whether that is everything that there was.
    all: bool,
}

/// A page that cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the member `{0}` of the page is missing or malformed")]
pub struct UnreadablePage(&'static str);

impl Page {
    /// As it is sent.
    pub fn to_object(&self) -> Object {
        let told = self.told.iter().map(|t| {
            let mut one = t.tuple.to_json();
            if t.gone {
                one.insert("gone", true.into());
            }
            if let Some(until) = t.until {
                one.insert("until", until.micros().into());
            }
            Value::Object(one)
        });
        let mut page = obj([
            ("anew", self.anew.into()),
            ("version", self.version.into()),
            ("tuples", Value::Array(told.collect())),
            ("next", self.next.to_string().into()),
            ("all", self.all.into()),
        ]);
        if let Some(model) = &self.model {
            page.insert("model", model.as_str().into());
        }
        page
    }

    /// Reads what [`to_object`](Self::to_object) writes.
    ///
    /// # Errors
    /// [`UnreadablePage`] names the member.
    pub fn read(page: &Object) -> Result<Self, UnreadablePage> {
        let flag = |name| page.get(name).and_then(Value::as_bool).ok_or(UnreadablePage(name));
        let tuples = page.get("tuples").and_then(Value::as_array).ok_or(UnreadablePage("tuples"))?;
        Ok(Self {
            anew: flag("anew")?,
            version: page.get("version").and_then(Value::as_u64).ok_or(UnreadablePage("version"))?,
            model: page.str("model").map(str::to_owned),
            told: tuples.iter().map(told).collect::<Option<_>>().ok_or(UnreadablePage("tuples"))?,
            next: page.str("next").and_then(Place::parse).ok_or(UnreadablePage("next"))?,
            all: flag("all")?,
        })
    }
}

fn told(value: &Value) -> Option<Told> {
    let mut one = value.as_object()?.clone();
    let until = match one.remove("until") {
        None => None,
        Some(until) => Some(Timestamp::from_micros(until.as_i64()?)),
    };
    let gone = one.remove("gone").map_or(Some(false), |gone| gone.as_bool())?;
    Some(Told { tuple: Tuple::from_json(&Value::Object(one)).ok()?, until, gone })
}

impl Relations {
    /// What comes after `place`, for a follower that has the model of `version`.
    ///
    /// # Errors
    /// [`RelationsFault::Store`].
    pub async fn page(&self, place: Place, version: u64) -> Result<Page, RelationsFault> {
        let this = self.clone();
        self.store.read(move |tx| this.page_in(tx, &place, version)).await
    }

    fn page_in(&self, tx: &mut Tx<'_>, place: &Place, version: u64) -> Result<Page, RelationsFault> {
        let (newest, in_force) = (tx.relation_revision()?, tx.relation_model_version()?);
        if in_force != version {
            // The model comes alone: it may be large.
            let model = tx.relation_models(None, 1)?.pop().map(|m| m.body);
            return Ok(Page { version: in_force, model, next: place.clone(), ..Page::default() });
        }
        let page = match place {
            Place::At(revision, n) if *revision <= newest => {
                tx.relation_changes((*revision, *n), PAGE)?.map(|changes| self.changed(&changes, newest))
            }
            Place::Among(since, key) if *since <= newest => Some(self.among(tx, *since, Some(key))),
            _ => None,
        };
        // Who is nowhere, was elsewhere, or was away for too long, begins anew.
        let page = page.unwrap_or_else(|| self.among(tx, newest, None).map(|p| Page { anew: true, ..p }));
        page.map(|page| Page { version, ..page })
    }

    fn changed(&self, changes: &[RelationChange], newest: u64) -> Result<Page, RelationsFault> {
        let mut page = Page { next: Place::At(newest, RelationChange::after(newest).1), ..Page::default() };
        let mut room = ROOM;
        for change in changes {
            page.told.push(self.told(&change.tuple, change.gone)?);
            if !takes(&mut room, &change.tuple) {
                page.next = Place::At(change.revision, change.n);
                return Ok(page);
            }
        }
        match changes.last().filter(|_| changes.len() == PAGE as usize) {
            Some(last) => page.next = Place::At(last.revision, last.n),
            None => page.all = true,
        }
        Ok(page)
    }

    fn among(&self, tx: &mut Tx<'_>, since: u64, after: Option<&Key>) -> Result<Page, RelationsFault> {
        let after = after.map(super::rows::row_of_key);
        let rows = tx.relation_tuples(("", "", "", ""), after.as_ref(), PAGE)?;
        let mut page = Page { next: Place::At(since, RelationChange::after(since).1), ..Page::default() };
        let (mut room, mut more) = (ROOM, rows.len() == PAGE as usize);
        for row in &rows {
            page.told.push(self.told(row, false)?);
            if !takes(&mut room, row) {
                more = true;
                break;
            }
        }
        if let Some(last) = page.told.last().filter(|_| more) {
            page.next = Place::Among(since, last.tuple.key.clone());
        }
        Ok(page)
    }
}

/// Whether there is room for another after this one.
fn takes(room: &mut usize, row: &RelationTuple) -> bool {
    let size = row.object.len() + row.subject.len() + 2 * row.context.len() + 128;
    *room = room.saturating_sub(size);
    *room > 0
}

/// Fills a view with what another database says.
#[derive(Debug, Default)]
pub struct Followed {
    view: Arc<View>,
    place: Place,
    version: Option<Arc<Version>>,
    /// What was heard so far of all tuples, where it begins anew.
    gathered: Option<Vec<Told>>,
    /// What was heard so far of what changed: half of a change is never asked.
    changed: Vec<Told>,
}

impl Followed {
    /// Fills `view`, which nobody else does.
    pub fn new(view: Arc<View>) -> Self {
        Self { view, ..Self::default() }
    }

    /// What it fills.
    pub fn view(&self) -> Arc<View> {
        Arc::clone(&self.view)
    }

    /// What to ask for: what comes after this, and besides the model of this version.
    pub fn asks(&self) -> (String, u64) {
        (self.place.to_string(), self.version.as_ref().map_or(0, |v| v.number))
    }

    /// Takes the answer to what was asked at `asked_at`; whether that is all there is. If so, it was so then, and the view is
    /// as fresh.
    ///
    /// # Errors
    /// [`RelationsFault`]; then everything has to be heard anew, and until then nothing is believed.
    pub fn take(&mut self, page: Page, asked_at: Timestamp) -> Result<bool, RelationsFault> {
        let taken = self.taken(page, asked_at);
        if taken.is_err() {
            (self.place, self.gathered) = (Place::Nowhere, None);
            self.changed.clear();
            self.view.doubt();
        }
        taken
    }

    fn taken(&mut self, page: Page, asked_at: Timestamp) -> Result<bool, RelationsFault> {
        if page.version != self.version.as_ref().map_or(0, |v| v.number) {
            self.version = match (page.version, page.model) {
                (0, _) => None,
                (_, None) => return Err(RelationsFault::NoModel),
                (number, Some(text)) => Some(Arc::new(Version { number, model: read_model(&text)? })),
            };
            return Ok(false);
        }
        if page.anew {
            (self.gathered, self.changed) = (Some(Vec::new()), Vec::new());
        }
        let of_all = page.anew || matches!(self.place, Place::Among(..));
        match self.gathered.as_mut().filter(|_| of_all) {
            Some(gathered) => gathered.extend(page.told),
            None => self.changed.extend(page.told),
        }
        self.place = page.next;
        if !page.all {
            return Ok(false);
        }
        let changed = std::mem::take(&mut self.changed);
        let news = match self.gathered.take() {
            Some(gathered) => News::All(gathered, changed),
            None => News::Changes(changed),
        };
        let revision = if let Place::At(revision, _) = self.place { revision } else { 0 };
        self.view.apply(news, Heard { revision, version: self.version.clone(), at: asked_at })?;
        Ok(true)
    }
}
