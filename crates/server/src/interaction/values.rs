//! Values in details, argument by argument: which of them a user leaves, of what is asked for or of what was allowed. They only
//! go, bounds only tighten, shapes only get narrower. What was not posted, twice, or as something else is no answer: then the
//! user is asked again.

use super::prospect::Unfit;
use crate::people::Fields;
use prokura_core::{Constraint, Decimal, Detail, Details, Left, Pattern, Test};
use prokura_ui::{
    Argument, ArgumentPart, ArgumentValue, ENGLISH, Permission, Shown, argument_label, detail_beginning,
    detail_sentence, literal,
};
use std::collections::{BTreeMap, BTreeSet};

/// The most fields that a page has for values. The details that bring more are left or taken away as a whole.
const MOST: usize = 160;
/// The field with the place of a detail that is left.
pub(crate) const DETAIL: &str = "detail";
/// The field with a value that is left: the places of its detail, its constraint and its own.
const VALUE: &str = "value";
/// The longest number that is taken, in bytes.
const LONGEST: usize = 64;

/// The places of a value.
type Place = (usize, usize, usize);

/// What is left of the values in details, not weighed yet.
#[derive(Debug, Clone, Default)]
pub(crate) enum Values {
    /// Everything: nobody was asked.
    #[default]
    All,
    /// What was posted: values, and texts by the places of their detail and constraint.
    Posted(BTreeSet<Place>, BTreeMap<(usize, usize), String>),
}

/// What can be changed of a constraint.
enum Part<'a> {
    Values(&'a [prokura_core::Literal]),
    Number(String),
    /// As [`Self::Number`], without a fraction.
    Count(u32),
    Shape(&'a str),
}

impl<'a> Part<'a> {
    fn of(constraint: &'a Constraint) -> Option<Self> {
        Some(match &constraint.test {
            Test::OneOf(values) | Test::SubsetOf(values) => Self::Values(values),
            Test::Below(n) | Test::AtMost(n) | Test::Above(n) | Test::AtLeast(n) => {
                Self::Number(n.text().to_owned())
            }
            Test::LengthAtMost(n) => Self::Count(*n),
            // What would not come back from a page as it stands there cannot be changed on it.
            Test::Like(shape) if Shown::exact(shape.as_str()).as_str() == shape.as_str() => {
                Self::Shape(shape.as_str())
            }
            Test::Like(_) | Test::Equals(_) | Test::Present | Test::Absent | Test::LengthAtLeast(_) => {
                return None;
            }
        })
    }

    fn fields(&self) -> usize {
        match self {
            Self::Values(values) => values.len(),
            Self::Number(_) | Self::Count(_) | Self::Shape(_) => 1,
        }
    }

    /// What a text means that was posted for it; nothing if it is as it was.
    fn read(&self, posted: &str) -> Result<Option<Left>, Unfit> {
        let number = || Decimal::parse(posted).filter(|_| posted.len() <= LONGEST);
        let left = match self {
            Self::Values(_) => return Err(Unfit::Values),
            Self::Number(_) => number().map(Left::Bound),
            Self::Count(_) => number().filter(is_count).map(Left::Bound),
            Self::Shape(_) => Pattern::new(posted).map(Left::Shape),
        };
        if posted == self.text() { Ok(None) } else { left.map(Some).ok_or(Unfit::Values) }
    }

    /// As it stands in its field; nothing of values, which have a field each.
    fn text(&self) -> String {
        match self {
            Self::Values(_) => String::new(),
            Self::Number(number) => number.clone(),
            Self::Count(count) => count.to_string(),
            Self::Shape(shape) => (*shape).to_owned(),
        }
    }
}

fn is_count(number: &Decimal) -> bool {
    number.scaled(0).is_some()
}

/// The places where a value stands for the first time. One that stands there again goes and stays with it.
fn firsts(all: &[prokura_core::Literal]) -> impl Iterator<Item = (usize, &prokura_core::Literal)> {
    all.iter().enumerate().filter(|(n, value)| all.iter().position(|v| v == *value) == Some(*n))
}

fn field(detail: usize, constraint: usize) -> String {
    format!("bound.{detail}.{constraint}")
}

fn places(text: &str) -> Option<Place> {
    let mut parts = text.split('.').map(|p| p.parse().ok());
    let all = (parts.next()??, parts.next()??, parts.next()??);
    parts.next().is_none().then_some(all)
}

/// What can be changed of the detail, by the places of its constraints.
fn parts(detail: &Detail) -> impl Iterator<Item = (usize, Part<'_>)> {
    detail.constraints().iter().enumerate().filter_map(|(at, c)| Some((at, Part::of(c)?)))
}

/// The places of the details whose values are on the page: the first ones, as many as have room.
fn on_page(details: &Details) -> BTreeSet<usize> {
    let mut room = MOST;
    let mut fits = |(place, detail): (usize, &Detail)| {
        let fields: usize = parts(detail).map(|(_, part)| part.fields()).sum();
        room = room.checked_sub(fields)?;
        (fields > 0).then_some(place)
    };
    details.iter().enumerate().filter_map(&mut fits).collect()
}

impl Values {
    /// What was posted of these.
    pub(crate) fn posted(fields: &Fields, asked: &Details) -> Self {
        let shown = on_page(asked);
        let texts = asked.iter().enumerate().filter(|(place, _)| shown.contains(place));
        let texts = texts.flat_map(|(place, detail)| parts(detail).map(move |(at, part)| (place, at, part)));
        let texts = texts.filter(|(.., part)| !matches!(part, Part::Values(_)));
        let text = |(place, at, _)| ((place, at), fields.one(&field(place, at)).trim().to_owned());
        Self::Posted(fields.many(VALUE).filter_map(places).collect(), texts.map(text).collect())
    }

    /// What is left of the detail at that place.
    ///
    /// # Errors
    /// [`Unfit::Values`] where nothing is left of an argument, or more than was asked for.
    pub(super) fn left_of(&self, asked: &Details, place: usize, detail: &Detail) -> Result<Detail, Unfit> {
        let left = self.left(asked, (place, detail)).ok_or(Unfit::Values)?;
        detail.narrowed(&left).ok_or(Unfit::Values)
    }

    /// What was said of the constraints of the detail at that place, of those that do not stay as they are. `None` if that is
    /// no answer. Whether it is less is not weighed yet.
    pub(crate) fn left(
        &self,
        all: &Details,
        (place, detail): (usize, &Detail),
    ) -> Option<BTreeMap<usize, Left>> {
        if matches!(self, Self::All) || !on_page(all).contains(&place) {
            return Some(BTreeMap::new());
        }
        let said = parts(detail).map(|(at, part)| Ok((at, self.said((place, at), &part)?)));
        let said: Vec<_> = said.collect::<Result<_, Unfit>>().ok()?;
        Some(said.into_iter().filter_map(|(at, left)| Some((at, left?))).collect())
    }

    /// What was said of one argument; nothing if it stays as it is.
    fn said(&self, (place, at): (usize, usize), part: &Part<'_>) -> Result<Option<Left>, Unfit> {
        let Self::Posted(kept, texts) = self else { return Ok(None) };
        match part {
            Part::Values(all) => {
                let is_kept = |n: &usize| kept.contains(&(place, at, *n));
                let left: BTreeSet<usize> = firsts(all).map(|(n, _)| n).filter(is_kept).collect();
                match left.len() {
                    0 => Err(Unfit::Values),
                    some if some == firsts(all).count() => Ok(None),
                    _ => Ok(Some(Left::Values(left))),
                }
            }
            part => part.read(texts.get(&(place, at)).map_or("", String::as_str)),
        }
    }
}

/// One of the details on a page, with what can be changed of it below. `again` is what was answered before: what was taken away
/// stays so. Of one that is not kept nothing is wrong.
pub(crate) fn permission(
    all: &Details,
    (place, detail): (usize, &Detail),
    (kept, again): (bool, &Values),
) -> Permission {
    let mut arguments = arguments(all, (place, detail), again);
    if !kept {
        arguments.values_mut().for_each(|argument| argument.wrong = None);
    }
    let sentence = match arguments.is_empty() {
        true => detail_sentence(detail, &ENGLISH),
        false => detail_beginning(detail, &arguments.keys().copied().collect(), &ENGLISH),
    };
    Permission {
        name: DETAIL,
        value: place.to_string(),
        sentence,
        actions: Vec::new(),
        kept,
        arguments: arguments.into_values().collect(),
    }
}

/// What of the detail at that place is on the page, argument by argument, by the places of its constraints.
fn arguments(
    asked: &Details,
    (place, detail): (usize, &Detail),
    again: &Values,
) -> BTreeMap<usize, Argument> {
    if !on_page(asked).contains(&place) {
        return BTreeMap::new();
    }
    let argument = |(at, part): (usize, Part<'_>)| {
        let constraint = detail.constraints().get(at)?;
        let fits = match again.said((place, at), &part) {
            Ok(Some(left)) => constraint.narrowed(&left).is_some(),
            Ok(None) => true,
            Err(_) => false,
        };
        let argument = Argument {
            label: argument_label(constraint, &ENGLISH)?,
            wrong: (!fits).then(|| wrong(&part)),
            part: again.part((place, at), &part),
        };
        Some((at, argument))
    };
    parts(detail).filter_map(argument).collect()
}

impl Values {
    /// The fields of one argument as they stand.
    fn part(&self, (place, at): (usize, usize), part: &Part<'_>) -> ArgumentPart {
        let bound = |number| {
            let value = match self {
                Self::All => part.text(),
                Self::Posted(_, texts) => texts.get(&(place, at)).cloned().unwrap_or_default(),
            };
            ArgumentPart::Bound { field: field(place, at), value, number }
        };
        let kept = |n: usize| match self {
            Self::All => true,
            Self::Posted(kept, _) => kept.contains(&(place, at, n)),
        };
        match part {
            Part::Values(all) => {
                let one = |(n, value)| ArgumentValue {
                    value: format!("{place}.{at}.{n}"),
                    said: Shown::whole(&literal(value)),
                    kept: kept(n),
                };
                ArgumentPart::Values(firsts(all).map(one).collect())
            }
            Part::Number(_) | Part::Count(_) => bound(true),
            Part::Shape(_) => bound(false),
        }
    }
}

fn wrong(part: &Part<'_>) -> Shown {
    let said = match part {
        Part::Values(_) => ENGLISH.argument_none.to_string(),
        Part::Number(_) | Part::Count(_) => ENGLISH.argument_bound_wrong.with("was", part.text()).to_string(),
        Part::Shape(_) => ENGLISH.argument_shape_wrong.with("was", part.text()).to_string(),
    };
    Shown::whole(&said)
}

#[cfg(test)]
mod tests {
    use super::*;
    use prokura_core::ResourceUri;
    use prokura_oauth::rich;
    use proptest::prelude::*;

    fn resource() -> ResourceUri {
        ResourceUri::parse("https://as.example/mcp/pay").unwrap()
    }

    fn details(text: &str) -> Details {
        rich::parse(&text.replace('\'', "\""), &resource()).unwrap()
    }

    fn left(asked: &Details, body: &str) -> Result<Vec<String>, Unfit> {
        let fields = Fields::parse(body.as_bytes()).unwrap();
        let values = Values::posted(&fields, asked);
        asked.iter().enumerate().map(|(at, d)| Ok(values.left_of(asked, at, d)?.to_string())).collect()
    }

    const PAY: &str = "[{'type':'mcp_tool','actions':['pay'],'constraints':[['in','.to',['ann','bob','ann']],\
        ['<=','.amount',100],['like','.file','/home/*'],['==','.currency','EUR']]}]";

    #[test]
    fn what_is_left_is_what_was_said_or_nothing_is() {
        let asked = details(PAY);
        let usual = "bound.0.1=100&bound.0.2=/home/*";
        let whole = "pay where to is one of \"ann\", \"bob\", \"ann\" and amount is at most 100 and \
                     file is like \"/home/*\" and currency is \"EUR\"";
        let all = left(&asked, &format!("value=0.0.0&value=0.0.1&{usual}")).unwrap();
        assert_eq!(all, [whole]);
        let some = left(&asked, "value=0.0.1&bound.0.1=9.50&bound.0.2=/home/ann/*").unwrap();
        assert_eq!(
            some,
            ["pay where to is one of \"bob\" and amount is at most 9.50 and file is like \"/home/ann/*\" \
              and currency is \"EUR\""]
        );
    }

    #[test]
    fn a29_a_tampered_value_is_no_answer() {
        let asked = details(PAY);
        for body in [
            // Nothing, nothing known, or only what the page never had.
            "",
            "bound.0.1=100&bound.0.2=/home/*",
            "value=0.0.2&bound.0.1=100&bound.0.2=/home/*",
            "value=0.0.7&bound.0.1=100&bound.0.2=/home/*",
            "value=1.0.0&bound.0.1=100&bound.0.2=/home/*",
            "value=0.0&value=a.b.c&value=0.0.0.0&bound.0.1=100&bound.0.2=/home/*",
            // More, or what is no number.
            "value=0.0.0&bound.0.1=100.01&bound.0.2=/home/*",
            "value=0.0.0&bound.0.1=1e9&bound.0.2=/home/*",
            "value=0.0.0&bound.0.1=NaN&bound.0.2=/home/*",
            "value=0.0.0&bound.0.1=0x10&bound.0.2=/home/*",
            "value=0.0.0&bound.0.1=[1]&bound.0.2=/home/*",
            "value=0.0.0&bound.0.1=&bound.0.2=/home/*",
            "value=0.0.0&bound.0.2=/home/*",
            // Twice, so that nobody knows which.
            "value=0.0.0&bound.0.1=1&bound.0.1=2&bound.0.2=/home/*",
            // Another shape, of which not everything was asked for.
            "value=0.0.0&bound.0.1=100&bound.0.2=*",
            "value=0.0.0&bound.0.1=100&bound.0.2=/etc/*",
            "value=0.0.0&bound.0.1=100&bound.0.2=",
        ] {
            assert_eq!(left(&asked, body), Err(Unfit::Values), "{body}");
        }
        let long = format!("value=0.0.0&bound.0.1=0.{}&bound.0.2=/home/*", "0".repeat(LONGEST));
        assert_eq!(left(&asked, &long), Err(Unfit::Values), "longer than what is stored can be");
        // What the page lets nobody change is as it was, whatever is posted for it.
        let locked = "value=0.0.0&value=0.3.0&bound.0.1=1&bound.0.2=/home/*&bound.0.3=USD";
        assert!(left(&asked, locked).unwrap()[0].ends_with("and currency is \"EUR\""));
    }

    proptest! {
        /// Whatever is posted: what is left is a part of what was asked for, or there is no answer.
        #[test]
        fn a29_whatever_is_posted_what_is_left_is_a_part(
            fields in prop::collection::vec(
                ("(value|bound\\.[0-2]\\.[0-4]|detail)", "([0-2]\\.[0-4]\\.[0-4]|-?[0-9]{1,3}(\\.[0-9]{1,2})?(e[0-9]{1,3})?|/home/[a*]{0,3}|\\PC{0,6})"),
                0..12,
            ),
        ) {
            let asked = details(PAY);
            let body = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(&fields).finish();
            let values = Values::posted(&Fields::parse(body.as_bytes()).unwrap(), &asked);
            let detail = asked.iter().next().unwrap();
            if let Ok(left) = values.left_of(&asked, 0, detail) {
                prop_assert!(left.is_part_of(detail), "{left}");
                let stored = rich::to_text(&Details::new([left.clone()]).unwrap(), &resource());
                prop_assert_eq!(rich::of_text(&stored, &resource()), Ok(Details::new([left]).unwrap()));
            }
        }
    }

    #[test]
    fn what_has_no_room_is_left_or_taken_away_as_a_whole() {
        let many: Vec<String> = (0..60).map(|i| format!("'v{i}'")).collect();
        let one = |tool: &str| {
            format!(
                "{{'type':'mcp_tool','actions':['{tool}'],'constraints':[['in','.to',[{}]]]}}",
                many.join(",")
            )
        };
        let asked = details(&format!("[{},{},{}]", one("a"), one("b"), one("c")));
        assert_eq!(on_page(&asked), BTreeSet::from([0, 1]));
        let third = asked.iter().nth(2).unwrap();
        assert_eq!(arguments(&asked, (2, third), &Values::All), BTreeMap::new());
        let nothing = Values::posted(&Fields::parse(b"").unwrap(), &asked);
        assert_eq!(nothing.left_of(&asked, 2, third), Ok(third.clone()));
        assert_eq!(nothing.left_of(&asked, 1, asked.iter().nth(1).unwrap()), Err(Unfit::Values));
    }

    #[test]
    fn what_would_not_come_back_as_it_stands_is_not_asked_for() {
        let asked =
            details("[{'type':'mcp_tool','actions':['a'],'constraints':[['like','.to','\\u200bx*']]}]");
        assert!(on_page(&asked).is_empty());
    }
}
