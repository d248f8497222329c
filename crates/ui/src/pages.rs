//! The pages: one struct each. What stands in a struct is all that its page can show.

use crate::frame::{Form, Frame, Notice};
use crate::ident::Ident;
use crate::qr::Qr;
use crate::shown::Shown;
use crate::text::Text;
use crate::when::When;
use askama::Template;

/// Which software asks, as far as is known.
#[derive(Debug, Clone)]
pub struct Asker {
    /// What it calls itself.
    pub name: Shown,
    /// What resource it asks for.
    pub resource: Shown,
}

/// The sign-in page.
#[derive(Debug, Clone, Template)]
#[template(path = "sign_in.html")]
pub struct SignIn {
    /// What stands around.
    pub frame: Frame,
    /// Why the reader was sent here; `None` for the account's own sign-in.
    pub asker: Option<Asker>,
    /// Whether the reader is signed in already, and has to prove once more who they are.
    pub again: bool,
    /// What went before, where it was refused.
    pub notice: Option<Notice>,
    /// The form of the password; `None` if passwords are off.
    pub password: Option<Form>,
    /// The user name that was typed.
    pub login: String,
    /// Other providers at which the reader may sign in.
    pub providers: Vec<ProviderLink>,
    /// The form of the passkey, and the request options (WebAuthn §5.5) as JSON.
    pub passkey: Option<PasskeyForm>,
}

/// A link to a provider's own sign-in.
#[derive(Debug, Clone)]
pub struct ProviderLink {
    /// What people call it.
    pub title: Shown,
    /// Where it leads.
    pub href: String,
}

/// The authenticator application, on the security page.
#[derive(Debug, Clone)]
pub struct TotpRow {
    /// When it was added.
    pub added: When,
    /// When it was last used.
    pub last_used: Option<When>,
    /// How many recovery codes were not used.
    pub codes_left: u32,
    /// The form that makes new ones.
    pub codes: Form,
    /// The form that removes it.
    pub remove: Form,
}

/// The page between the password and the session.
#[derive(Debug, Clone, Template)]
#[template(path = "second_step.html")]
pub struct SecondStep {
    /// What stands around.
    pub frame: Frame,
    /// The form.
    pub form: Form,
    /// The state that comes back with the code.
    pub state: String,
    /// What was refused before.
    pub notice: Option<Notice>,
}

/// The page that enrols an authenticator application.
#[derive(Debug, Clone, Template)]
#[template(path = "enrol.html")]
pub struct Enrol {
    /// What stands around.
    pub frame: Frame,
    /// The form.
    pub form: Form,
    /// The state that comes back with the code.
    pub state: String,
    /// The secret as text, in groups.
    pub secret: Vec<String>,
    /// The secret as a picture.
    pub qr: Option<Qr>,
    /// What was refused before.
    pub notice: Option<Notice>,
    /// Whether the reader cannot go on without.
    pub required: bool,
}

/// The page that shows recovery codes, once.
#[derive(Debug, Clone, Template)]
#[template(path = "recovery_codes.html")]
pub struct RecoveryCodes {
    /// What stands around.
    pub frame: Frame,
    /// The codes.
    pub codes: Vec<String>,
    /// Where to go on.
    pub onward: String,
}

/// The page of a new password.
#[derive(Debug, Clone, Template)]
#[template(path = "password.html")]
pub struct Password {
    /// What stands around.
    pub frame: Frame,
    /// The form.
    pub form: Form,
    /// The user name, for password managers.
    pub login: String,
    /// Whether there is a password, which is asked for.
    pub has_one: bool,
    /// What was refused before.
    pub notice: Option<Notice>,
}

/// An account at a provider, on the security page.
#[derive(Debug, Clone)]
pub struct IdentityRow {
    /// What people call the provider.
    pub provider: Shown,
    /// What the provider calls the person.
    pub label: Shown,
    /// When it was connected.
    pub added: When,
    /// When it was last used.
    pub last_used: Option<When>,
    /// The form that disconnects it.
    pub remove: Form,
}

/// A form that a passkey fills in.
#[derive(Debug, Clone)]
pub struct PasskeyForm {
    /// Where it goes.
    pub form: Form,
    /// The options for the browser, as JSON.
    pub options: String,
    /// The state that comes back with the answer.
    pub state: String,
}

/// The page where a person brings a device's code.
#[derive(Debug, Clone, Template)]
#[template(path = "device.html")]
pub struct DeviceCode {
    /// What stands around.
    pub frame: Frame,
    /// The form.
    pub form: Form,
    /// The code that came with the address, to be compared; `None` if it is to be typed.
    pub compare: Option<String>,
    /// What was typed.
    pub typed: String,
    /// What was refused before.
    pub notice: Option<Notice>,
}

/// The page after a device's question was answered.
#[derive(Debug, Clone, Template)]
#[template(path = "device_done.html")]
pub struct DeviceDone {
    /// What stands around.
    pub frame: Frame,
    /// Whether the answer was Allow.
    pub allowed: bool,
}

/// The page that asks whether to sign out, where a client's word is not enough.
#[derive(Debug, Clone, Template)]
#[template(path = "log_out.html")]
pub struct LogOut {
    /// What stands around.
    pub frame: Frame,
    /// The form.
    pub form: Form,
}

/// The page after signing out.
#[derive(Debug, Clone, Template)]
#[template(path = "signed_out.html")]
pub struct SignedOut {
    /// What stands around.
    pub frame: Frame,
}

/// A passkey on the security page.
#[derive(Debug, Clone)]
pub struct PasskeyRow {
    /// What its owner called it.
    pub label: Shown,
    /// When it was added.
    pub added: When,
    /// When it was last used.
    pub last_used: Option<When>,
    /// The form that removes it.
    pub remove: Form,
}

/// A session on the security page.
#[derive(Debug, Clone)]
pub struct SessionRow {
    /// Which browser.
    pub browser: Shown,
    /// From which address.
    pub address: String,
    /// How the user signed in.
    pub way: String,
    /// Since when.
    pub since: When,
    /// When it was last used.
    pub last_used: When,
    /// Whether it is this browser.
    pub this: bool,
    /// The form that ends it.
    pub end: Form,
}

/// "Sign-in and security".
#[derive(Debug, Clone, Template)]
#[template(path = "security.html")]
pub struct Security {
    /// What stands around.
    pub frame: Frame,
    /// What has just happened.
    pub notice: Option<Notice>,
    /// The user's passkeys.
    pub passkeys: Vec<PasskeyRow>,
    /// The form that adds one, with the creation options (WebAuthn §5.4) as JSON; none where browsers give the
    /// server no passkeys.
    pub add: Option<PasskeyForm>,
    /// Whether the user has a password; `None` where passwords are off.
    pub password: Option<bool>,
    /// The user's authenticator application.
    pub totp: Option<TotpRow>,
    /// Whether one can be enrolled.
    pub totp_offered: bool,
    /// The user's accounts at providers.
    pub identities: Vec<IdentityRow>,
    /// Providers that can be connected.
    pub connect: Vec<ProviderLink>,
    /// Where the user is signed in.
    pub sessions: Vec<SessionRow>,
    /// The form that ends every session but this.
    pub end_others: Form,
    /// The form that signs out.
    pub sign_out: Form,
}

/// A field that was not accepted.
#[derive(Debug, Clone, Default)]
pub struct FirstProblems {
    /// Why not the user name.
    pub login: Option<Text>,
    /// Why not the name.
    pub name: Option<Text>,
    /// Why not the password.
    pub password: Option<Text>,
}

impl FirstProblems {
    /// Whether there is any.
    pub fn any(&self) -> bool {
        self.login.is_some() || self.name.is_some() || self.password.is_some()
    }
}

/// The page that a one-time link opens for a user.
#[derive(Debug, Clone, Template)]
#[template(path = "welcome.html")]
pub struct Welcome {
    /// What stands around.
    pub frame: Frame,
    /// The form.
    pub form: Form,
    /// Whom the link signs in.
    pub name: Shown,
}

/// The page that makes the first user.
#[derive(Debug, Clone, Template)]
#[template(path = "first_user.html")]
pub struct FirstUser {
    /// What stands around.
    pub frame: Frame,
    /// The form.
    pub form: Form,
    /// The user name that was typed.
    pub login: String,
    /// The name that was typed.
    pub name: String,
    /// Whether passwords are accepted here.
    pub password: bool,
    /// What was not accepted.
    pub problems: FirstProblems,
}

/// A page that says why there is no other.
#[derive(Debug, Clone, Template)]
#[template(path = "fault.html")]
pub struct Fault {
    /// What stands around.
    pub frame: Frame,
    /// What is so.
    pub title: Text,
    /// What it means for the reader, and what to do.
    pub lead: Text,
    /// What exactly was refused, for the one who mends the software.
    pub detail: Option<Shown>,
    /// The protocol's error code.
    pub code: Option<String>,
    /// Leads to the entry in the record.
    pub trace: Ident,
}
