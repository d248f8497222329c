//! Policies, entities and requests at random, in a syntax tree of their own, which is also written as Cedar.

/// Numbers at random that come again from their seed (SplitMix64).
pub(crate) struct Dice(u64);

impl Dice {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) ^ 0x5851_F42D_4C95_7F2D)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    pub(crate) fn below(&mut self, n: usize) -> usize {
        usize::try_from(self.next() % n as u64).unwrap()
    }

    pub(crate) fn one_in(&mut self, n: usize) -> bool {
        self.below(n) == 0
    }

    pub(crate) fn of<T: Clone>(&mut self, all: &[T]) -> T {
        all[self.below(all.len())].clone()
    }
}

/// An entity: kind and id.
pub(crate) type Id = (&'static str, &'static str);

pub(crate) const USERS: [Id; 3] = [("User", "u0"), ("User", "u1"), ("User", "u2")];
pub(crate) const DOCS: [Id; 3] = [("Doc", "d0"), ("Doc", "d1"), ("Doc", "d2")];
pub(crate) const GROUPS: [Id; 4] = [("Group", "g0"), ("Group", "g1"), ("Folder", "f0"), ("Folder", "f1")];
pub(crate) const ACTIONS: [Id; 3] = [("Action", "a0"), ("Action", "a1"), ("Action", "a2")];
pub(crate) const ACTION_GROUPS: [Id; 2] = [("Action", "ga"), ("Action", "gb")];
/// Names of attributes and arguments.
pub(crate) const NAMES: [&str; 6] = ["n", "m", "s", "b", "who", "many"];

/// A value. Numbers keep how they are written.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum V {
    Bool(bool),
    /// What it is written as, and what it counts in ten-thousandths; nothing if no policy can compute with it.
    Number(&'static str, Option<i64>),
    Text(&'static str),
    Who(Id),
    Many(Vec<V>),
    Null,
}

const NUMBERS: [(&str, Option<i64>); 12] = [
    ("0", Some(0)),
    ("-0", Some(0)),
    ("1", Some(10_000)),
    ("1.0", Some(10_000)),
    ("10e-1", Some(10_000)),
    ("2", Some(20_000)),
    ("0.02E2", Some(20_000)),
    ("3", Some(30_000)),
    ("1.5", Some(15_000)),
    ("15e-1", Some(15_000)),
    ("1e30", None),
    ("0.00001", None),
];

/// An expression.
#[derive(Debug, Clone)]
pub(crate) enum E {
    Lit(V),
    Principal,
    Action,
    Resource,
    /// An attribute.
    Get(Box<E>, &'static str),
    /// `context.arguments`.
    Arguments,
    /// `context.scopes`.
    Scopes,
    Has(Box<E>, &'static str),
    Eq(Box<E>, Box<E>),
    Less(Box<E>, Box<E>),
    AtMost(Box<E>, Box<E>),
    In(Box<E>, Box<E>),
    Contains(Box<E>, Box<E>),
    Like(Box<E>, &'static str),
    Is(Box<E>, &'static str),
    And(Box<E>, Box<E>),
    Or(Box<E>, Box<E>),
    Not(Box<E>),
    If(Box<E>, Box<E>, Box<E>),
    List(Vec<E>),
}

/// A part of a head.
#[derive(Debug, Clone)]
pub(crate) enum Head {
    Any,
    Is(Id),
    In(Vec<Id>),
    Kind(&'static str),
    KindIn(&'static str, Id),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Does {
    Permit,
    Forbid,
    Oblige,
}

/// A policy.
#[derive(Debug, Clone)]
pub(crate) struct Policy {
    pub(crate) does: Does,
    pub(crate) principal: Head,
    pub(crate) action: Head,
    pub(crate) resource: Head,
    pub(crate) when: Vec<E>,
    pub(crate) unless: Vec<E>,
}

/// An entity with what is known of it.
#[derive(Debug, Clone)]
pub(crate) struct Thing {
    pub(crate) id: Id,
    pub(crate) attributes: Vec<(&'static str, V)>,
    pub(crate) parents: Vec<Id>,
}

impl Dice {
    pub(crate) fn value(&mut self) -> V {
        match self.below(12) {
            0..=4 => {
                let (text, counts) = self.of(&NUMBERS);
                V::Number(text, counts)
            }
            5 | 6 => V::Text(self.of(&["x", "xy", "*", "1"])),
            7 => V::Bool(self.one_in(2)),
            8 | 9 => V::Who(self.of(&USERS)),
            10 => V::Many((0..self.below(3)).map(|_| self.simple()).collect()),
            _ => V::Null,
        }
    }

    fn simple(&mut self) -> V {
        match self.below(3) {
            0 => V::Text(self.of(&["x", "xy", "1"])),
            1 => V::Who(self.of(&USERS)),
            _ => V::Number("1", Some(10_000)),
        }
    }

    pub(crate) fn members(&mut self) -> Vec<(&'static str, V)> {
        let mut members = Vec::new();
        for name in NAMES {
            if !self.one_in(3) {
                members.push((name, self.fitting(name)));
            }
        }
        members
    }

    /// Mostly of the type that the name promises.
    fn fitting(&mut self, name: &str) -> V {
        if self.one_in(5) {
            return self.value();
        }
        match name {
            "s" => V::Text(self.of(&["x", "xy", "*", "1"])),
            "b" => V::Bool(self.one_in(2)),
            "who" => V::Who(self.of(&USERS)),
            "many" => V::Many((0..self.below(4)).map(|_| self.simple()).collect()),
            _ => {
                let (text, counts) = self.of(&NUMBERS[..10]);
                V::Number(text, counts)
            }
        }
    }

    fn literal(&mut self) -> E {
        E::Lit(match self.below(5) {
            0 | 1 => self.of(&[
                V::Number("0", Some(0)),
                V::Number("1", Some(10_000)),
                V::Number("2", Some(20_000)),
            ]),
            2 => V::Text(self.of(&["x", "xy", "*"])),
            3 => V::Bool(self.one_in(2)),
            _ => V::Who(self.of(&USERS)),
        })
    }

    fn of_record(&mut self) -> E {
        match self.below(4) {
            0 => E::Principal,
            1 => E::Arguments,
            _ => E::Resource,
        }
    }

    fn term(&mut self) -> E {
        match self.below(10) {
            0 => self.of(&[E::Principal, E::Resource, E::Action]),
            1..=3 => self.literal(),
            4 => E::Get(Box::new(E::Get(Box::new(self.of_record()), "who")), self.of(&NAMES)),
            _ => E::Get(Box::new(self.of_record()), self.of(&NAMES)),
        }
    }

    fn pair(&mut self) -> (Box<E>, Box<E>) {
        (Box::new(self.term()), Box::new(self.term()))
    }

    pub(crate) fn condition(&mut self, depth: usize) -> E {
        if depth > 0 && self.one_in(2) {
            let mut deeper = || Box::new(self.condition(depth - 1));
            let (a, b, c) = (deeper(), deeper(), deeper());
            return match self.below(6) {
                0 | 1 => E::And(a, b),
                2 | 3 => E::Or(a, b),
                4 => E::Not(a),
                _ => E::If(a, b, c),
            };
        }
        match self.below(12) {
            0..=2 => {
                let name = self.of(&["s", "who", "n", "b"]);
                let other = self.fitting_term(name);
                let (a, b) = (Box::new(E::Get(Box::new(self.of_record()), name)), Box::new(other));
                if self.one_in(2) { E::Eq(a, b) } else { E::Eq(b, a) }
            }
            3 => {
                let (a, b) = self.pair();
                E::Eq(a, b)
            }
            4 => E::Has(Box::new(self.of_record()), self.of(&NAMES)),
            5 => {
                let (a, b) = (Box::new(E::Get(Box::new(self.of_record()), "n")), Box::new(self.literal()));
                if self.one_in(2) { E::Less(a, b) } else { E::Less(b, a) }
            }
            6 => {
                let (a, b) = (Box::new(E::Get(Box::new(self.of_record()), "m")), Box::new(self.literal()));
                if self.one_in(2) { E::AtMost(a, b) } else { E::AtMost(b, a) }
            }
            7 => {
                let whom = Box::new(self.of(&[E::Principal, E::Resource, E::Action]));
                let ids: Vec<Id> = GROUPS.into_iter().chain(USERS).chain(ACTION_GROUPS).collect();
                let group = |dice: &mut Self| E::Lit(V::Who(dice.of(&ids)));
                let groups =
                    if self.one_in(2) { group(self) } else { E::List(vec![group(self), group(self)]) };
                E::In(whom, Box::new(groups))
            }
            8 => {
                let set = if self.one_in(3) { E::Scopes } else { E::Get(Box::new(self.of_record()), "many") };
                E::Contains(Box::new(set), Box::new(self.term()))
            }
            9 => E::Like(
                Box::new(E::Get(Box::new(self.of_record()), "s")),
                self.of(&["x*", "*", "x\\*", "*y", "x"]),
            ),
            10 => E::Is(Box::new(self.of(&[E::Principal, E::Resource])), self.of(&["User", "Doc"])),
            _ => E::Get(Box::new(self.of_record()), "b"),
        }
    }

    fn fitting_term(&mut self, name: &str) -> E {
        match name {
            "who" => self.of(&[E::Principal, E::Get(Box::new(E::Arguments), "who")]),
            "s" => E::Lit(V::Text(self.of(&["x", "xy", "*"]))),
            "b" => E::Lit(V::Bool(self.one_in(2))),
            _ => E::Lit(V::Number("1", Some(10_000))),
        }
    }

    fn whom(&mut self, own: &[Id], kind: &'static str) -> Head {
        match self.below(6) {
            0 => Head::Is(self.of(own)),
            1 => Head::In(vec![self.of(&GROUPS)]),
            2 => Head::Kind(self.of(&[kind, "Doc"])),
            3 => Head::KindIn(kind, self.of(&GROUPS)),
            _ => Head::Any,
        }
    }

    pub(crate) fn policy(&mut self) -> Policy {
        let does = self.of(&[Does::Permit, Does::Permit, Does::Permit, Does::Forbid, Does::Oblige]);
        let actions: Vec<Id> = ACTIONS.into_iter().chain(ACTION_GROUPS).collect();
        let action = match self.below(5) {
            0 => Head::Any,
            1 | 2 => Head::Is(self.of(&ACTIONS)),
            _ => Head::In((0..1 + self.below(2)).map(|_| self.of(&actions)).collect()),
        };
        let few = |dice: &mut Self, most: usize| (0..dice.below(most)).map(|_| dice.condition(2)).collect();
        Policy {
            does,
            principal: self.whom(&USERS, "User"),
            action,
            resource: self.whom(&DOCS, "Doc"),
            when: few(self, 3),
            unless: few(self, 2),
        }
    }

    pub(crate) fn thing(&mut self, id: Id, above: &[Id]) -> Thing {
        let parents = (0..self.below(3)).map(|_| self.of(above)).collect();
        Thing { id, attributes: self.members(), parents }
    }
}
