//! What stands around every page, and the parts that several pages share.

use crate::shown::Shown;
use crate::text::{Catalogue, ENGLISH};

/// What stands around every page.
#[derive(Debug, Clone)]
pub struct Frame {
    /// The texts.
    pub text: &'static Catalogue,
    /// What every address on the page starts with: the issuer's path, without a slash at its end.
    pub base: String,
    /// Whose server this is: the issuer's host, with its port where it has one.
    pub host: String,
    /// Who is signed in.
    pub user: Option<Shown>,
    /// The nonce of the page's content security policy.
    pub nonce: String,
    /// Whether the server runs with `--dev`.
    pub dev: bool,
}

impl Frame {
    /// A frame in English for nobody yet.
    pub fn new(
        base: impl Into<String>,
        host: impl Into<String>,
        nonce: impl Into<String>,
        dev: bool,
    ) -> Self {
        let (base, host, nonce) = (base.into(), host.into(), nonce.into());
        Self { text: &ENGLISH, base, host, user: None, nonce, dev }
    }

    /// The same frame with a user signed in.
    #[must_use]
    pub fn signed_in(mut self, name: &str) -> Self {
        self.user = Some(Shown::name(name));
        self
    }

    /// The address of the style sheet.
    pub fn style(&self) -> String {
        format!("{}{}", self.base, crate::assets::STYLE.path())
    }

    /// The address of the page script.
    pub fn script(&self) -> String {
        format!("{}{}", self.base, crate::assets::SCRIPT.path())
    }

    /// The address of the seal.
    pub fn seal(&self) -> String {
        format!("{}{}", self.base, crate::assets::SEAL.path())
    }
}

/// Where a form goes and the mark that it carries.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Form {
    /// The path it is posted to.
    pub action: String,
    /// The token that binds it to the session or interaction.
    pub token: String,
}

/// One hop of the chain: who, and what it may at most do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hop {
    /// Who.
    pub name: Shown,
    /// What it may at most do, or its part: `you`, `2 permissions until 18:00`.
    pub limit: String,
    /// Whether it is the place of the action, not an actor.
    pub place: bool,
}

impl Hop {
    /// Somebody who acts.
    pub fn actor(name: &str, limit: impl Into<String>) -> Self {
        Self { name: Shown::name(name), limit: limit.into(), place: false }
    }

    /// What is acted on: a resource, or `resource/action`.
    pub fn place(name: &str, limit: impl Into<String>) -> Self {
        Self { name: Shown::name(name), limit: limit.into(), place: true }
    }
}

/// One permission.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Permission {
    /// The name of the form's field.
    pub name: &'static str,
    /// Its value.
    pub value: String,
    /// What it allows, as a sentence begins: `Read sales reports`.
    pub sentence: Shown,
    /// The actions that it bundles: `tool:read_report`.
    pub actions: Vec<String>,
    /// Whether it is asked for still.
    pub kept: bool,
    /// What can be taken away in it, argument by argument.
    pub arguments: Vec<Argument>,
}

/// What can be taken away of one argument of a permission.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Argument {
    /// What is asked of it: `to is one of`.
    pub label: Shown,
    /// What can be changed.
    pub part: ArgumentPart,
    /// What is wrong with the answer before.
    pub wrong: Option<Shown>,
}

/// What can be changed of one argument.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ArgumentPart {
    /// Values that can be taken away.
    Values(Vec<ArgumentValue>),
    /// A bound or a shape that can be tightened.
    Bound {
        /// The name of the form's field.
        field: String,
        /// What stands in it.
        value: String,
        /// Whether it is a number.
        number: bool,
    },
}

/// A value that can be taken away.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ArgumentValue {
    /// What the form says for it.
    pub value: String,
    /// The value, exactly.
    pub said: Shown,
    /// Whether it is asked for still.
    pub kept: bool,
}

/// What a notice means. Each has its word and its sign, never colour alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Meaning {
    /// Permitted, done.
    Permitted,
    /// Needs attention.
    Attention,
    /// Refused.
    Refused,
}

impl Meaning {
    /// Its class in the style sheet.
    pub fn class(self) -> &'static str {
        match self {
            Self::Permitted => "permitted",
            Self::Attention => "attention",
            Self::Refused => "refused",
        }
    }

    /// Its sign.
    pub fn sign(self) -> &'static str {
        match self {
            Self::Permitted => "✓",
            Self::Attention => "!",
            Self::Refused => "✕",
        }
    }

    /// Its role: what was refused is said aloud at once.
    pub fn role(self) -> &'static str {
        match self {
            Self::Permitted | Self::Attention => "status",
            Self::Refused => "alert",
        }
    }

    /// Its word.
    pub fn word(self, text: &Catalogue) -> String {
        match self {
            Self::Permitted => text.word_done,
            Self::Attention => text.word_attention,
            Self::Refused => text.word_refused,
        }
        .to_string()
    }
}

/// A sentence at the top of a page about what has just happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notice {
    /// What it means.
    pub meaning: Meaning,
    /// The sentence.
    pub sentence: String,
}
