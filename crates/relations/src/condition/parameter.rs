//! The types of parameters, and how JSON is read as them.

use cel::objects::Opaque;
use cel::{Context, Env, Program, Value as Cel};
use ipnet::IpNet;
use prokura_oauth::json::{Number, Value};
use std::collections::HashMap;
use std::fmt;
use std::net::IpAddr;
use std::sync::{Arc, LazyLock};

/// The type of a parameter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Simple {
    Any,
    Bool,
    String,
    Int,
    Uint,
    Double,
    Duration,
    Timestamp,
    Address,
}

/// A simple type, or a list or map of one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    One(Simple),
    List(Simple),
    Map(Simple),
}

const SIMPLE: &[(&str, Simple)] = &[
    ("any", Simple::Any),
    ("bool", Simple::Bool),
    ("string", Simple::String),
    ("int", Simple::Int),
    ("uint", Simple::Uint),
    ("double", Simple::Double),
    ("duration", Simple::Duration),
    ("timestamp", Simple::Timestamp),
    ("ipaddress", Simple::Address),
];

fn simple(text: &str) -> Option<Simple> {
    SIMPLE.iter().find(|(name, _)| *name == text).map(|(_, kind)| *kind)
}

impl Kind {
    pub(super) const ALL: &str =
        "write bool, string, int, uint, double, duration, timestamp, ipaddress, list<…> or map<…>";

    pub(super) fn parse(text: &str) -> Option<Self> {
        match text.strip_suffix('>').and_then(|t| t.split_once('<')) {
            Some(("list", of)) => simple(of).map(Self::List),
            Some(("map", of)) => simple(of).map(Self::Map),
            Some(_) => None,
            None => simple(text).map(Self::One),
        }
    }

    /// The value that an expression sees, or why it is none of this type.
    pub(super) fn read(self, value: &Value) -> Result<Cel, String> {
        match (self, value) {
            (Self::One(kind), value) => kind.read(value),
            (Self::List(kind), Value::Array(all)) => {
                let all = all.iter().map(|v| kind.read(v)).collect::<Result<Vec<_>, _>>()?;
                Ok(Cel::List(Arc::new(all)))
            }
            (Self::Map(kind), Value::Object(all)) => {
                let all = all.iter().map(|(name, v)| Ok((name.to_owned(), kind.read(v)?)));
                Ok(all.collect::<Result<HashMap<String, Cel>, String>>()?.into())
            }
            _ => Err(format!("it is no {self}")),
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = |kind: Simple| SIMPLE.iter().find(|(_, k)| *k == kind).map_or("any", |(name, _)| name);
        match self {
            Self::One(kind) => f.write_str(name(*kind)),
            Self::List(kind) => write!(f, "list<{}>", name(*kind)),
            Self::Map(kind) => write!(f, "map<{}>", name(*kind)),
        }
    }
}

/// `timestamp(text)` and `duration(text)` of the language itself.
static TIMES: LazyLock<Option<(Arc<Env>, Program, Program)>> = LazyLock::new(|| {
    let env = Env::stdlib();
    let (timestamp, duration) = (env.compile("timestamp(text)").ok()?, env.compile("duration(text)").ok()?);
    Some((Arc::new(env), timestamp, duration))
});

fn time(text: &str, duration: bool) -> Option<Cel> {
    let (env, at, lasts) = TIMES.as_ref()?;
    let mut context = Context::with_env(Arc::clone(env));
    context.add_variable_from_value("text", text);
    if duration { lasts } else { at }.execute(&context).ok()
}

impl Simple {
    fn read(self, value: &Value) -> Result<Cel, String> {
        let found = match (self, value) {
            (Self::Any, value) => Some(any(value)),
            (Self::Bool, Value::Bool(b)) => Some(Cel::Bool(*b)),
            (Self::String, Value::String(text)) => Some(text.as_str().into()),
            (Self::Int, value) => number(value).and_then(|n| whole(&n)).map(Cel::Int),
            (Self::Uint, value) => number(value)
                .and_then(|n| n.as_u64().or_else(|| whole(&n).and_then(|i| u64::try_from(i).ok())))
                .map(Cel::UInt),
            (Self::Double, value) => {
                number(value).map(|n| n.as_f64()).filter(|n| n.is_finite()).map(Cel::Float)
            }
            (Self::Duration, Value::String(text)) => time(text, true),
            (Self::Timestamp, Value::String(text)) => time(text, false),
            (Self::Address, Value::String(text)) => Address::parse(text).map(|a| Cel::Opaque(Arc::new(a))),
            _ => None,
        };
        found.ok_or_else(|| format!("it is no {}", Kind::One(self)))
    }
}

/// A number, also where it is written as a text.
fn number(value: &Value) -> Option<Number> {
    match value {
        Value::Number(n) => Some(n.clone()),
        Value::String(text) => Number::parse(text),
        _ => None,
    }
}

/// The integer, also where it is written with a fraction of zero or an exponent. Nothing is rounded.
fn whole(n: &Number) -> Option<i64> {
    n.as_i64().or_else(|| {
        let f = n.as_f64();
        let exact = f.fract() == 0.0 && f.abs() < 9_007_199_254_740_992.0;
        exact.then_some(f as i64)
    })
}

/// What has no declared type: numbers are doubles, as in OpenFGA.
fn any(value: &Value) -> Cel {
    match value {
        Value::Null => Cel::Null,
        Value::Bool(b) => Cel::Bool(*b),
        Value::Number(n) => Cel::Float(n.as_f64()),
        Value::String(text) => text.as_str().into(),
        Value::Array(all) => Cel::List(Arc::new(all.iter().map(any).collect())),
        Value::Object(all) => {
            all.iter().map(|(name, v)| (name.to_owned(), any(v))).collect::<HashMap<String, Cel>>().into()
        }
    }
}

/// An IP address; one of IPv4 that is mapped into IPv6 is that of IPv4.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Address(IpAddr);

impl Address {
    pub(super) fn parse(text: &str) -> Option<Self> {
        text.parse::<IpAddr>().ok().map(|a| Self(a.to_canonical()))
    }

    pub(super) fn is_in(self, network: IpNet) -> bool {
        match network {
            IpNet::V6(v6) if v6.prefix_len() >= 96 => match v6.addr().to_ipv4_mapped() {
                Some(v4) => ipnet::Ipv4Net::new(v4, v6.prefix_len() - 96)
                    .is_ok_and(|n| IpNet::V4(n).contains(&self.0)),
                None => network.contains(&self.0),
            },
            _ => network.contains(&self.0),
        }
    }
}

impl Opaque for Address {
    fn runtime_type_name(&self) -> &str {
        "IPAddress"
    }
}
