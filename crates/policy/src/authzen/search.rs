//! Searches (§8): everything of one sort that would be permitted.

use super::malformed::{object, optional, properties, text};
use super::{Act, Malformed, Party};
use prokura_oauth::json::{Object, Value, obj};

/// What is looked for, and what is given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Sought {
    /// Subjects of this type, of which this is said (§8.4).
    Subjects {
        /// Their type.
        kind: String,
        /// What is said of each.
        properties: Object,
        /// What they do.
        action: Act,
        /// To what.
        resource: Party,
    },
    /// Resources of this type, of which this is said (§8.5).
    Resources {
        /// Who.
        subject: Party,
        /// Does what.
        action: Act,
        /// Their type.
        kind: String,
        /// What is said of each.
        properties: Object,
    },
    /// Actions (§8.6).
    Actions {
        /// Who does them.
        subject: Party,
        /// To what.
        resource: Party,
    },
}

/// Which part of the results (§8.2.1).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Page {
    /// Where the page before ended; none for the first.
    pub token: Option<String>,
    /// At most so many.
    pub limit: Option<u32>,
}

/// A search.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Search {
    /// What is looked for.
    pub sought: Sought,
    /// In which circumstances.
    pub context: Object,
    /// Which part.
    pub page: Page,
}

/// The type and the properties of what is looked for; an id is ignored (§8.4.1).
fn wanted(from: &mut Object, name: &str) -> Result<(String, Object), Malformed> {
    let mut object = object(from, name)?;
    Ok((text(&mut object, name, "type")?, properties(&mut object, name)?.unwrap_or_default()))
}

impl Search {
    /// Reads a search for subjects.
    ///
    /// # Errors
    /// [`Malformed`].
    pub fn subjects(mut from: Object) -> Result<Self, Malformed> {
        let (kind, properties) = wanted(&mut from, "subject")?;
        let action = Act::take(&mut from)?;
        let resource = Party::take(&mut from, "resource")?;
        Self::of(Sought::Subjects { kind, properties, action, resource }, from)
    }

    /// Reads a search for resources.
    ///
    /// # Errors
    /// [`Malformed`].
    pub fn resources(mut from: Object) -> Result<Self, Malformed> {
        let subject = Party::take(&mut from, "subject")?;
        let action = Act::take(&mut from)?;
        let (kind, properties) = wanted(&mut from, "resource")?;
        Self::of(Sought::Resources { subject, action, kind, properties }, from)
    }

    /// Reads a search for actions.
    ///
    /// # Errors
    /// [`Malformed`].
    pub fn actions(mut from: Object) -> Result<Self, Malformed> {
        let subject = Party::take(&mut from, "subject")?;
        let resource = Party::take(&mut from, "resource")?;
        Self::of(Sought::Actions { subject, resource }, from)
    }

    fn of(sought: Sought, mut rest: Object) -> Result<Self, Malformed> {
        let context = optional(&mut rest, "context")?.unwrap_or_default();
        let page = optional(&mut rest, "page")?.map(Page::read).transpose()?.unwrap_or_default();
        Ok(Self { sought, context, page })
    }

    /// Everything that must be the same from page to page (§8.2), in canonical form. The limit is not in it: it is kept
    /// beside the place, since whoever turns the page need not repeat it.
    pub fn query(&self) -> Vec<u8> {
        let sort = |kind: &str, properties: &Object| {
            Value::from(obj([("type", kind.into()), ("properties", properties.clone().into())]))
        };
        let (what, subject, action, resource) = match &self.sought {
            Sought::Subjects { kind, properties, action, resource } => {
                ("subject", sort(kind, properties), action.to_object().into(), resource.to_object().into())
            }
            Sought::Resources { subject, action, kind, properties } => {
                ("resource", subject.to_object().into(), action.to_object().into(), sort(kind, properties))
            }
            Sought::Actions { subject, resource } => {
                ("action", subject.to_object().into(), Value::Null, resource.to_object().into())
            }
        };
        let context = Value::from(self.context.clone());
        let members = [
            ("what", what.into()),
            ("subject", subject),
            ("action", action),
            ("resource", resource),
            ("context", context),
        ];
        obj(members).to_jcs()
    }
}

impl Page {
    fn read(mut from: Object) -> Result<Self, Malformed> {
        let token = match from.remove("token") {
            None => None,
            Some(Value::String(token)) => Some(token),
            Some(_) => return Err(Malformed::Type("page.token".to_owned(), "a string")),
        };
        let limit = match from.remove("limit") {
            None => None,
            Some(limit) => {
                let whole = limit.as_u64();
                let whole = whole
                    .ok_or_else(|| Malformed::Type("page.limit".to_owned(), "a whole number of 0 or more"))?;
                Some(u32::try_from(whole).unwrap_or(u32::MAX))
            }
        };
        optional(&mut from, "properties")
            .map_err(|_| Malformed::Type("page.properties".to_owned(), "an object"))?;
        // An empty token is what a last page ends with; to begin anew there is none.
        Ok(Self { token, limit })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use prokura_oauth::json::{Limits, parse};

    fn object(text: &str) -> Object {
        parse(text.as_bytes(), &Limits::DOCUMENT).unwrap().into_object().unwrap()
    }

    const ALICE: &str = r#""subject":{"type":"user","id":"alice"}"#;
    const READ: &str = r#""action":{"name":"read"}"#;
    const RECORD: &str = r#""resource":{"type":"record","id":"1"}"#;

    #[test]
    fn what_is_looked_for_needs_no_id_and_what_is_given_does() {
        let all = format!("{{{ALICE},{READ},{RECORD}}}");
        let [s, r, a] =
            [Search::subjects, Search::resources, Search::actions].map(|f| f(object(&all)).unwrap());
        assert!(matches!(s.sought, Sought::Subjects { kind, .. } if kind == "user"));
        assert!(matches!(r.sought, Sought::Resources { kind, .. } if kind == "record"));
        assert!(matches!(a.sought, Sought::Actions { .. }));
        let no_subject = all.replace(r#","id":"alice""#, "");
        assert!(Search::subjects(object(&no_subject)).is_ok());
        for read in [Search::resources, Search::actions] {
            assert_eq!(read(object(&no_subject)).unwrap_err().to_string(), "`subject.id` is missing");
        }
        let no_resource = all.replace(r#","id":"1""#, "");
        assert!(Search::resources(object(&no_resource)).is_ok());
        assert_eq!(
            Search::subjects(object(&no_resource)).unwrap_err().to_string(),
            "`resource.id` is missing"
        );
        let no_action = format!("{{{ALICE},{RECORD}}}");
        assert!(
            Search::subjects(object(&no_action)).is_err() && Search::resources(object(&no_action)).is_err()
        );
    }

    #[test]
    fn a_page_is_a_part_of_the_same_search() {
        let search = |rest: &str| Search::resources(object(&format!("{{{ALICE},{READ},{RECORD}{rest}}}")));
        let first = search(r#","page":{"limit":2,"properties":{"sort":"id"}}"#).unwrap();
        let next = search(r#","page":{"token":"abc"},"future":1"#).unwrap();
        assert_eq!((first.page.limit, next.page.token.as_deref()), (Some(2), Some("abc")));
        assert_eq!(first.query(), next.query());
        assert_ne!(first.query(), search(r#","context":{"t":1}"#).unwrap().query());
        let other = Search::subjects(object(&format!("{{{ALICE},{READ},{RECORD}}}"))).unwrap();
        assert_ne!(first.query(), other.query());
        for bad in
            [r#","page":[]"#, r#","page":{"token":7}"#, r#","page":{"limit":-1}"#, r#","page":{"limit":1.5}"#]
        {
            assert!(search(bad).is_err(), "{bad}");
        }
    }
}
