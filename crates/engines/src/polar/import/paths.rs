//! Expressions.

use super::body::{Bound, Reader, State, Why, bound};
use super::cedar::{field, has, text_of};
use super::goals::kind_of;
use super::model::text;
use polar_core::terms::{Call, Numeric, Operation, Operator, Term, Value};

impl Reader<'_> {
    /// An expression, and what must hold for it to be there.
    pub(super) fn expression(&self, term: &Term, state: &State) -> Result<(String, Vec<String>), Why> {
        let plain = |text: String| Ok((text, Vec::new()));
        match term.value() {
            Value::Number(Numeric::Integer(i)) => plain(i.to_string()),
            Value::Number(Numeric::Float(f)) => {
                Err(format!("Cedar counts in whole numbers, and `{f}` is none"))
            }
            Value::String(text) => plain(text_of(text)),
            Value::Boolean(b) => plain(b.to_string()),
            Value::List(items) => {
                let items = items.iter().map(|item| Ok(self.expression(item, state)?.0));
                plain(format!("[{}]", items.collect::<Result<Vec<_>, Why>>()?.join(", ")))
            }
            Value::Variable(name) => match state.names.get(&name.0) {
                Some(Bound::Expression(path, _)) => plain(path.clone()),
                Some(Bound::Text(text)) => plain(text_of(text)),
                Some(Bound::Action) => plain("action".to_owned()),
                Some(Bound::Request) => Err("it hands on the whole request".to_owned()),
                None => Err(format!("nothing says what `{}` is", name.0)),
            },
            Value::Expression(Operation { operator: Operator::Dot, args }) => self.dot(args, state),
            Value::Expression(Operation { operator: Operator::New, args }) => match args
                .first()
                .map(Term::value)
            {
                Some(Value::Call(Call { name, args, .. })) if args.len() == 1 && text(&args[0]).is_some() => {
                    plain(format!("{}::{}", name.0, text_of(&text(&args[0]).unwrap_or_default())))
                }
                _ => Err(format!("`{term}` makes what Cedar cannot name")),
            },
            other => Err(format!("`{term}` is no value that Cedar has ({})", kind_of(other))),
        }
    }

    fn dot(&self, args: &[Term], state: &State) -> Result<(String, Vec<String>), Why> {
        let [of, name] = args else { return Err("a field of nothing".to_owned()) };
        if bound(of, state) == Some(&Bound::Request) {
            return request(name);
        }
        if let Some(path) = self.context_of(of, name, state) {
            return Ok(guarded("context", &path));
        }
        let (of, mut when) = self.expression(of, state)?;
        match name.value() {
            Value::String(name) if name == "id" || name == "type" => Err(format!(
                "Cedar compares entities, and not their `{name}`: compare `{of}` with one, such as `User::\"…\"`"
            )),
            Value::String(name) => {
                if of.starts_with("context") {
                    when.push(has(&of, name));
                }
                Ok((field(&of, name), when))
            }
            Value::Call(call) => {
                let texts: Vec<String> = call.args.iter().filter_map(text).collect();
                match (call.name.0.as_str(), &texts[..]) {
                    ("has", [name]) => Ok((format!("({})", has(&of, name)), when)),
                    ("is_in", [kind, id]) => Ok((format!("({of} in {kind}::{})", text_of(id)), when)),
                    (name, _) => Err(format!("the method `{name}` is the application's own")),
                }
            }
            _ => Err("it computes the name of a field".to_owned()),
        }
    }

    /// `request.context.x` is `context.x`.
    fn context_of(&self, of: &Term, name: &Term, state: &State) -> Option<String> {
        let Value::Expression(Operation { operator: Operator::Dot, args }) = of.value() else { return None };
        let [request, member] = &args[..] else { return None };
        let is_context = bound(request, state) == Some(&Bound::Request) && text(member)? == "context";
        if is_context { text(name) } else { None }
    }
}

fn request(name: &Term) -> Result<(String, Vec<String>), Why> {
    match text(name).as_deref() {
        Some(name @ ("actor" | "chain" | "grant" | "arguments")) => Ok(guarded("context", name)),
        Some("context") => Ok(("context".to_owned(), Vec::new())),
        Some(other) => Err(format!("`request.{other}` has no place in Cedar's context")),
        None => Err("it computes what it asks of the request".to_owned()),
    }
}

fn guarded(of: &str, name: &str) -> (String, Vec<String>) {
    (field(of, name), vec![has(of, name)])
}
