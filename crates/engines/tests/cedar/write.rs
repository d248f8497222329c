//! The random policies, written as Cedar.

use super::policy::{Does, E, Head, Id, Policy, V};

fn id((kind, id): Id) -> String {
    format!("{kind}::\"{id}\"")
}

fn expression(e: &E) -> String {
    let two = |a: &E, op: &str, b: &E| format!("({} {op} {})", expression(a), expression(b));
    match e {
        E::Lit(V::Bool(b)) => b.to_string(),
        E::Lit(V::Number(text, _)) => (*text).to_owned(),
        E::Lit(V::Text(text)) => format!("{text:?}"),
        E::Lit(V::Who(who)) => id(*who),
        E::Lit(other) => panic!("{other:?} is no literal"),
        E::Principal => "principal".to_owned(),
        E::Action => "action".to_owned(),
        E::Resource => "resource".to_owned(),
        E::Arguments => "context.arguments".to_owned(),
        E::Scopes => "context.scopes".to_owned(),
        E::Get(of, name) => format!("{}.{name}", expression(of)),
        E::Has(of, name) => format!("({} has {name})", expression(of)),
        E::Eq(a, b) => two(a, "==", b),
        E::Less(a, b) => two(a, "<", b),
        E::AtMost(a, b) => two(a, "<=", b),
        E::In(a, b) => two(a, "in", b),
        E::Contains(a, b) => format!("{}.contains({})", expression(a), expression(b)),
        E::Like(a, pattern) => format!("({} like \"{pattern}\")", expression(a)),
        E::Is(a, kind) => format!("({} is {kind})", expression(a)),
        E::And(a, b) => two(a, "&&", b),
        E::Or(a, b) => two(a, "||", b),
        E::Not(a) => format!("!({})", expression(a)),
        E::If(a, b, c) => format!("(if {} then {} else {})", expression(a), expression(b), expression(c)),
        E::List(items) => format!("[{}]", items.iter().map(expression).collect::<Vec<_>>().join(", ")),
    }
}

fn head(name: &str, head: &Head) -> String {
    match head {
        Head::Any => name.to_owned(),
        Head::Is(who) => format!("{name} == {}", id(*who)),
        Head::In(many) if name == "action" => {
            format!("{name} in [{}]", many.iter().map(|m| id(*m)).collect::<Vec<_>>().join(", "))
        }
        Head::In(many) => format!("{name} in {}", id(many[0])),
        Head::Kind(kind) => format!("{name} is {kind}"),
        Head::KindIn(kind, who) => format!("{name} is {kind} in {}", id(*who)),
    }
}

/// The policy as Cedar, called by its number.
pub(crate) fn policy(number: usize, p: &Policy) -> String {
    let does = if p.does == Does::Forbid { "forbid" } else { "permit" };
    let oblige = if p.does == Does::Oblige { format!("@size(\"{number}\") ") } else { String::new() };
    let mut text = format!(
        "@id(\"{number}\") {oblige}{does}({}, {}, {})",
        head("principal", &p.principal),
        head("action", &p.action),
        head("resource", &p.resource)
    );
    for when in &p.when {
        text += &format!(" when {{ {} }}", expression(when));
    }
    for unless in &p.unless {
        text += &format!(" unless {{ {} }}", expression(unless));
    }
    text + ";\n"
}
