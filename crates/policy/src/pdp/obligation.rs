//! Obligations as policies write them: as an annotation's name and text in Cedar, as an object in Rego and AuthZEN.

use prokura_core::{Acr, ApprovalNeed, Obligation, Rate, Rewrite, Rewriting, Rows, Selector, Source, Target};
use prokura_oauth::json::{Object, Value, obj};
use std::time::Duration;

/// An obligation that cannot be read. Whoever meets one must deny.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the obligation `{name}` cannot be read: {why}")]
pub struct InvalidObligation {
    /// Its name.
    pub name: String,
    /// Why, and how it is written.
    pub why: String,
}

fn invalid(name: &str, why: impl Into<String>) -> InvalidObligation {
    InvalidObligation { name: name.chars().take(64).collect(), why: why.into() }
}

/// Reads an obligation from its name and the text that follows it, as in an annotation:
///
/// | Name | Text |
/// |-|-|
/// | `drop`, `redact`, `hash` | selectors, with `,` between them: `$..ssn, $.salary` |
/// | `mask` | `4: $.iban` keeps the last four characters |
/// | `only` | `id, name: $.employees[*]` keeps these members |
/// | `rows` | `view Employee by id: $.employees`; `view Employee by id, manager is User: $.employees` where a member is the id of another entity |
/// | `size` | bytes: `65536` |
/// | `rate` | `10 per 60s` |
/// | `approval` | `2 of hr, managers for 10m: raises are agreed to`; `hr with mfa for 10m: …` |
/// | `target` | `.recipient, .amount`; `.recipient from consent, results or 1 of hr for 10m: why` |
/// | `review` | why |
///
/// # Errors
/// [`InvalidObligation`].
pub fn from_words(name: &str, text: &str) -> Result<Obligation, InvalidObligation> {
    let bad = |why: &str| invalid(name, why);
    let rewrite = |at: &str, how| Ok(Obligation::Rewrite(Rewrite { at: selectors(name, at)?, how }));
    match name {
        "drop" => rewrite(text, Rewriting::Drop),
        "redact" => rewrite(text, Rewriting::Redact),
        "hash" => rewrite(text, Rewriting::Hash),
        "mask" => {
            let (keep, at) = text.split_once(':').ok_or_else(|| bad("write `4: $.iban`"))?;
            let keep = keep.trim().parse().map_err(|_| bad("write how many characters stay: `4: $.iban`"))?;
            rewrite(at, Rewriting::Mask(keep))
        }
        "only" => {
            let (names, at) = text.split_once(':').ok_or_else(|| bad("write `id, name: $.rows[*]`"))?;
            rewrite(at, Rewriting::Only(list(names)))
        }
        "rows" => rows(text).ok_or_else(|| bad("write `view Employee by id, manager is User: $.employees`")),
        "size" => text.trim().parse().map(Obligation::SizeAtMost).map_err(|_| bad("write a number of bytes")),
        "rate" => rate(text).ok_or_else(|| bad("write `10 per 60s`")),
        "approval" => approval(text).ok_or_else(|| bad("write `2 of hr, managers for 10m: why`")),
        "target" => {
            target(text).ok_or_else(|| bad("write `.recipient from consent, results or hr for 10m: why`"))
        }
        "review" => Ok(Obligation::Review(text.to_owned())),
        _ => Err(bad("there is no such obligation")),
    }
}

fn list(text: &str) -> Vec<String> {
    text.split(',').map(|n| n.trim().to_owned()).filter(|n| !n.is_empty()).collect()
}

fn selectors(name: &str, text: &str) -> Result<Vec<Selector>, InvalidObligation> {
    let read = |t: &String| Selector::parse(t).map_err(|e| invalid(name, e.to_string()));
    let all = list(text).iter().map(read).collect::<Result<Vec<_>, _>>()?;
    if all.is_empty() { Err(invalid(name, "it names nothing: write `$.name`")) } else { Ok(all) }
}

fn rows(text: &str) -> Option<Obligation> {
    let (what, at) = text.split_once(':')?;
    let mut parts = what.split(',');
    let words: Vec<_> = parts.next()?.split_whitespace().collect();
    let [action, kind, "by", id] = words.as_slice() else { return None };
    let references = parts.map(reference).collect::<Option<_>>()?;
    let at = Selector::parse(at.trim()).ok()?;
    let own = |word: &&str| (*word).to_owned();
    Some(Obligation::Rows(Rows { at, kind: own(kind), id: own(id), action: own(action), references }))
}

/// `manager is User`.
fn reference(text: &str) -> Option<(String, String)> {
    match text.split_whitespace().collect::<Vec<_>>().as_slice() {
        [member, "is", kind] => Some(((*member).to_owned(), (*kind).to_owned())),
        _ => None,
    }
}

/// `.recipient, .amount from consent or hr for 10m: why`.
fn target(text: &str) -> Option<Obligation> {
    let (what, otherwise) = text.split_once(" or ").map_or((text, None), |(what, who)| (what, Some(who)));
    let otherwise = match otherwise.map(approval) {
        None => None,
        Some(Some(Obligation::Approval(need))) => Some(need),
        Some(_) => return None,
    };
    let (at, from) = what.split_once(" from ").map_or((what, None), |(at, from)| (at, Some(from)));
    let at: Vec<_> = list(at).iter().map(|t| argument(t)).collect::<Option<_>>()?;
    let from = match from.map(list) {
        None => Source::ALL.to_vec(),
        Some(words) => words.iter().map(|w| source(w)).collect::<Option<Vec<_>>>()?,
    };
    let some = !at.is_empty() && !from.is_empty();
    some.then_some(Obligation::Target(Target { at, from, otherwise }))
}

fn source(word: &str) -> Option<Source> {
    Source::ALL.into_iter().find(|s| s.as_str() == word)
}

/// An argument is written as a path, `.recipient`, or as a selector, `$.recipients[*]`.
fn argument(text: &str) -> Option<Selector> {
    let whole = if text.starts_with('$') { text.to_owned() } else { format!("${text}") };
    Selector::parse(&whole).ok().filter(|s| !s.parts().is_empty())
}

fn rate(text: &str) -> Option<Obligation> {
    let (calls, per) = text.split_once(" per ")?;
    let (calls, per) = (calls.trim().parse().ok().filter(|c| *c > 0)?, span(per)?);
    Some(Obligation::Rate(Rate { calls, per }))
}

fn approval(text: &str) -> Option<Obligation> {
    let (who, because) = text.split_once(':')?;
    let (who, lasts) = who.split_once(" for ")?;
    let (who, acr) = match who.split_once(" with ") {
        Some((who, acr)) => (who, Some(Acr::parse(acr.trim())?)),
        None => (who, None),
    };
    let (of, who) = who.split_once(" of ").map_or(("1", who), |(of, who)| (of, who));
    let (of, approvers) = (of.trim().parse().ok().filter(|n| *n > 0)?, list(who));
    let need = ApprovalNeed { approvers, of, acr, lasts: span(lasts)?, because: because.trim().to_owned() };
    (!need.approvers.is_empty()).then_some(Obligation::Approval(need))
}

/// `60s`, `10m`, `8h`, `2d`.
fn span(text: &str) -> Option<Duration> {
    let text = text.trim();
    let (number, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    let seconds = match unit {
        "s" => 1,
        "m" => 60,
        "h" => 3600,
        "d" => 86_400,
        _ => return None,
    };
    let number: u64 = number.parse().ok().filter(|n| *n > 0)?;
    number.checked_mul(seconds).map(Duration::from_secs)
}

/// Reads an obligation from an object: `{"type": "redact", "at": "$..ssn"}`; `at`, or whatever else the words of its name
/// are, stands in `with`: `{"type": "mask", "with": "4: $.iban"}`.
///
/// # Errors
/// [`InvalidObligation`].
pub fn from_object(object: &Object) -> Result<Obligation, InvalidObligation> {
    let name = object.str("type").ok_or_else(|| invalid("?", "it has no `type`"))?;
    if let Some(other) = object.keys().find(|k| !matches!(*k, "type" | "with")) {
        return Err(invalid(name, format!("it has a member `{other}`: only `type` and `with` are known")));
    }
    from_words(name, object.str("with").ok_or_else(|| invalid(name, "`with` must be a text"))?)
}

/// Writes an obligation as [`from_object`] reads it; none for those that no policy writes.
pub fn to_object(obligation: &Obligation) -> Option<Object> {
    let (name, text) = to_words(obligation)?;
    Some(obj([("type", name.into()), ("with", Value::from(text))]))
}

fn to_words(obligation: &Obligation) -> Option<(&'static str, String)> {
    Some(match obligation {
        Obligation::MarkPrivate | Obligation::SignIn(_) => return None,
        Obligation::Rewrite(Rewrite { at, how }) => {
            let at = at.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
            match how {
                Rewriting::Drop => ("drop", at),
                Rewriting::Redact => ("redact", at),
                Rewriting::Hash => ("hash", at),
                Rewriting::Mask(keep) => ("mask", format!("{keep}: {at}")),
                Rewriting::Only(names) => ("only", format!("{}: {at}", names.join(", "))),
            }
        }
        Obligation::Rows(Rows { at, kind, id, action, references }) => {
            let others: String =
                references.iter().map(|(name, kind)| format!(", {name} is {kind}")).collect();
            ("rows", format!("{action} {kind} by {id}{others}: {at}"))
        }
        Obligation::SizeAtMost(bytes) => ("size", bytes.to_string()),
        Obligation::Rate(Rate { calls, per }) => ("rate", format!("{calls} per {}s", per.as_secs())),
        Obligation::Approval(need) => ("approval", agreed(need)),
        Obligation::Target(Target { at, from, otherwise }) => {
            let at: Vec<_> = at.iter().map(|s| s.to_string().split_off(1)).collect();
            let from: Vec<_> = from.iter().map(|s| s.as_str()).collect();
            let who = otherwise.as_ref().map(|need| format!(" or {}", agreed(need))).unwrap_or_default();
            ("target", format!("{} from {}{who}", at.join(", "), from.join(", ")))
        }
        Obligation::Review(why) => ("review", why.clone()),
    })
}

fn agreed(need: &ApprovalNeed) -> String {
    let ApprovalNeed { approvers, of, acr, lasts, because } = need;
    let (who, sure) = (approvers.join(", "), acr.map_or(String::new(), |acr| format!(" with {acr}")));
    format!("{of} of {who}{sure} for {}s: {because}", lasts.as_secs())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_read_is_written_the_same() {
        for (name, text) in [
            ("drop", "$..ssn, $.salary"),
            ("redact", "$"),
            ("hash", "$.employees[*].email"),
            ("mask", "4: $.iban"),
            ("only", "id, name: $.employees[*]"),
            ("rows", "view Employee by id: $.employees"),
            ("rows", "view Employee by id, manager is User, team is Team: $.employees"),
            ("target", ".recipient, .lines[*].iban from consent, results"),
            ("target", ".recipient from results or 1 of hr for 600s: a new recipient, or a new account"),
            ("size", "65536"),
            ("rate", "10 per 60s"),
            ("approval", "2 of hr, subject for 600s: raises are agreed to"),
            ("approval", "1 of hr with mfa for 60s: why"),
            ("review", "exports are looked at"),
        ] {
            let read = from_words(name, text).unwrap();
            let object = to_object(&read).unwrap();
            assert_eq!((object.str("type"), object.str("with")), (Some(name), Some(text)));
            assert_eq!(from_object(&object), Ok(read));
        }
    }

    #[test]
    fn what_cannot_be_read_is_no_obligation() {
        for (name, text) in [
            ("drop", ""),
            ("drop", "ssn"),
            ("mask", "$.iban"),
            ("mask", "300: $.iban"),
            ("rows", "view Employee: $"),
            ("size", "many"),
            ("rate", "0 per 60s"),
            ("rate", "1 per 0s"),
            ("approval", "hr: why"),
            ("approval", "0 of hr for 1m: why"),
            ("rows", "view Employee by id, manager User: $"),
            ("rows", "view Employee by id and more: $"),
            ("target", ""),
            ("target", "recipient"),
            ("target", "$"),
            ("target", ".recipient from anywhere"),
            ("target", ".recipient from "),
            ("target", ".recipient or hr"),
            ("approval", "hr with luck for 1m: why"),
            ("forget", "$"),
        ] {
            assert!(from_words(name, text).is_err(), "{name} {text}");
        }
    }
}
