//! The pages on which somebody decides what software may do.

use crate::frame::{ArgumentPart, Form, Frame, Hop, Notice, Permission};
use crate::ident::Ident;
use crate::shown::Shown;
use crate::text::Text;
use crate::when::When;
use askama::Template;

/// How far the asking software is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// Its metadata document was fetched from the host that it names.
    Published,
    /// The operator wrote it into the configuration.
    Configured,
    /// It registered itself: everything it says is its own word.
    Unverified,
}

impl Standing {
    fn is_published(self) -> bool {
        self == Self::Published
    }
}

/// The software that asks.
#[derive(Debug, Clone)]
pub struct Software {
    /// What it calls itself.
    pub name: Shown,
    /// The host of its client id, or the id itself where that is no address.
    pub id_host: String,
    /// Its client id.
    pub id: Ident,
    /// How far it is known.
    pub standing: Standing,
    /// Where the answer goes: the host of the redirect address, or its scheme.
    pub redirect_host: String,
    /// Whether the answer goes to a program on this computer.
    pub loopback: bool,
}

/// Another device that asks.
#[derive(Debug, Clone)]
pub struct Device {
    /// The code that it shows.
    pub code: String,
    /// Since when it waits.
    pub asked: When,
    /// The address that it asked from.
    pub from: String,
    /// Whether the reader comes from the same network.
    pub near: bool,
}

/// Software that is elsewhere, and put its question before the reader.
#[derive(Debug, Clone)]
pub struct Calling {
    /// Since when it waits.
    pub asked: When,
    /// The address that it asked from.
    pub from: String,
    /// The words that it shows, too, if there are any.
    pub message: Option<Shown>,
}

/// What becomes of something that was allowed before.
#[derive(Debug, Clone)]
pub struct Change {
    /// What is so.
    pub title: Text,
    /// What it means for the answer.
    pub lead: Text,
    /// What was allowed already and stays offered.
    pub already: Vec<Shown>,
    /// What is new.
    pub new: Vec<Shown>,
    /// What ends.
    pub ends: Vec<Shown>,
}

/// Something about the software that is different from when it was allowed something.
#[derive(Debug, Clone)]
pub struct Changed {
    /// What.
    pub what: Text,
    /// As it was.
    pub before: Shown,
    /// As it is.
    pub after: Shown,
}

/// What the organisation does not let the reader allow.
#[derive(Debug, Clone)]
pub struct Withheld {
    /// What it is, a sentence each.
    pub said: Vec<Shown>,
    /// Whom to ask for it.
    pub contact: Option<Shown>,
}

/// An agent that may get a part of what is allowed.
#[derive(Debug, Clone)]
pub struct Further {
    /// The form's value: its id.
    pub value: String,
    /// What it is called.
    pub name: Shown,
    /// Its id, shortened.
    pub id: Ident,
    /// What it may at most do.
    pub most: String,
    /// Whether it is left.
    pub kept: bool,
}

/// A choice of duration.
#[derive(Debug, Clone)]
pub struct Duration {
    /// The form's value, in seconds.
    pub seconds: i64,
    /// `30 days`.
    pub label: String,
    /// Until when that is.
    pub until: When,
    /// Whether it is chosen.
    pub chosen: bool,
}

/// The consent page.
#[derive(Debug, Clone, Template)]
#[template(path = "consent.html")]
pub struct Consent {
    /// What stands around.
    pub frame: Frame,
    /// The form.
    pub form: Form,
    /// Where to go to sign in as somebody else.
    pub switch: Form,
    /// What was refused before.
    pub notice: Option<Notice>,
    /// Who asks.
    pub software: Software,
    /// The device that waits for the answer, in place of the redirect address.
    pub device: Option<Device>,
    /// The software that waits elsewhere for the answer, in place of the redirect address.
    pub called: Option<Calling>,
    /// What is different about the software since it was allowed something.
    pub changed: Vec<Changed>,
    /// Whether the organisation allows all of it already, so that there is nothing to choose.
    pub organisation: bool,
    /// What the organisation does not let the reader allow.
    pub withheld: Option<Withheld>,
    /// What becomes of what was allowed before.
    pub change: Option<Change>,
    /// Who acts for whom.
    pub chain: Vec<Hop>,
    /// The resource's title.
    pub resource: Shown,
    /// The resource's address.
    pub resource_uri: String,
    /// What it may do.
    pub permissions: Vec<Permission>,
    /// How much of it there is, a sentence each.
    pub budgets: Vec<Shown>,
    /// Who may get a part of it besides.
    pub further: Vec<Further>,
    /// For how long.
    pub durations: Vec<Duration>,
}

/// The page after a No to unverified software: nobody is sent anywhere by itself.
#[derive(Debug, Clone, Template)]
#[template(path = "refused.html")]
pub struct Refused {
    /// What stands around.
    pub frame: Frame,
    /// What the software calls itself.
    pub client: Shown,
    /// Where its answer would go.
    pub host: String,
    /// The address with the refusal.
    pub link: String,
}

/// The page that says that the organisation decides, and whom to ask.
#[derive(Debug, Clone, Template)]
#[template(path = "organisation.html")]
pub struct Organisation {
    /// What stands around.
    pub frame: Frame,
    /// The form that leads back with a No.
    pub form: Form,
    /// Where to go to sign in as somebody else.
    pub switch: Form,
    /// What the software calls itself.
    pub client: Shown,
    /// The resource's title.
    pub resource: Shown,
    /// What was asked for, and whom to ask.
    pub withheld: Withheld,
}
