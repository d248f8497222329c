//! `prokura user`: people.

use super::standing::Target;
use super::{AdminArgs, Opened, missing};
use crate::failure::Failure;
use crate::show::{Table, exact, json, plain, print};
use clap::{Args, Subcommand};
use prokura_server::signin::{NewUser, add, sign_in_link};
use prokura_store::{StoreError, User};
use serde_json::json as object;
use std::io::{BufRead, IsTerminal};
use zeroize::Zeroizing;

/// People
#[derive(Debug, Args)]
pub(crate) struct UserCommand {
    #[command(flatten)]
    args: AdminArgs,
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Add a person; prints a link that signs them in once, unless a password is given
    Add {
        /// The name to sign in with
        login: String,
        /// The name to show; the name to sign in with if nothing is said
        #[arg(long)]
        name: Option<String>,
        /// The e-mail address by which an identity provider may know them
        #[arg(long)]
        email: Option<String>,
        /// Ask for a password, twice; from a pipe, read it from standard input
        #[arg(long)]
        password: bool,
    },
    /// List people
    List,
    /// Show a person: the ways into the account, and where it is open
    Show {
        /// The name to sign in with
        login: String,
    },
    /// List a person's sessions
    Sessions {
        /// The name to sign in with
        login: String,
        /// End them all
        #[arg(long)]
        end: bool,
    },
    /// The second factor of a person
    #[command(subcommand)]
    Totp(TotpCommand),
    /// Print a link that signs a person in once; it is good for an hour
    Link {
        /// The name to sign in with
        login: String,
    },
    /// Stop a person, and every agent that acts for them, at the next call
    Disable {
        /// The name to sign in with
        login: String,
        /// Why, for the record
        #[arg(long, default_value = "disabled by an administrator")]
        why: String,
    },
    /// Let a person in again
    Enable {
        /// The name to sign in with
        login: String,
    },
}

#[derive(Debug, Subcommand)]
enum TotpCommand {
    /// Turn a person's one-time codes off, with their recovery codes
    Reset {
        /// The name to sign in with
        login: String,
    },
}

impl UserCommand {
    pub(crate) async fn run(self) -> Result<(), Failure> {
        let opened = self.args.open().await?;
        match self.what {
            What::Add { login, name, email, password } => opened.add_user(login, name, email, password).await,
            What::Show { login } => opened.show_user(&login).await,
            What::Sessions { login, end } => opened.sessions(&login, end).await,
            What::Totp(TotpCommand::Reset { login }) => opened.reset_totp(&login).await,
            What::List => opened.list_users().await,
            What::Link { login } => {
                let user = opened.user(&login).await?;
                opened.print_link(&user.id.to_string(), &user).await
            }
            What::Disable { login, why } => opened.stop_user(&login, true, why).await,
            What::Enable { login } => opened.stop_user(&login, false, String::new()).await,
        }
    }
}

impl Opened {
    pub(super) async fn user(&self, login: &str) -> Result<User, Failure> {
        let name = login.to_owned();
        let user = self.store.read::<_, StoreError>(move |tx| tx.user_by_name(&name)).await?;
        user.ok_or_else(|| missing("user", &plain(login), "user list"))
    }

    async fn add_user(
        &self,
        login: String,
        name: Option<String>,
        email: Option<String>,
        password: bool,
    ) -> Result<(), Failure> {
        if let Some(odd) = email.as_ref().filter(|e| !is_email(e)) {
            return Err(Failure::refused(format!("`{}` is no e-mail address", plain(odd))));
        }
        let password = password.then(ask_password).transpose()?;
        let new = NewUser { name: name.unwrap_or_else(|| login.clone()), login, password };
        let id = add(&self.store, &*self.clock, &*self.rng, &new).await.map_err(Failure::refused)?;
        if let Some(email) = email {
            self.give_email(&id, email).await?;
        }
        if new.password.is_some() {
            return self.done("user:add", id.as_str(), format!("{} can sign in.", plain(&new.name)));
        }
        let user = self.user(&new.login).await?;
        self.print_link(id.as_str(), &user).await
    }

    async fn print_link(&self, id: &str, user: &User) -> Result<(), Failure> {
        let path = sign_in_link(&self.store, &*self.clock, &*self.rng, &user.id).await?;
        let link = format!("{}{path}", self.loaded.config.issuer);
        if self.json {
            return json(&object!({ "id": id, "link": link }));
        }
        let name = plain(&user.display_name);
        print(format!("{name} signs in with this link, once, within the hour:\n  {link}"))
    }

    async fn list_users(&self) -> Result<(), Failure> {
        let mut table = Table::new(&["name", "shown as", "state", "password", "since", "id"]);
        let mut after: Option<String> = None;
        loop {
            let from = after.clone();
            let page = self.store.read::<_, StoreError>(move |tx| tx.users(from.as_deref(), 500)).await?;
            let Some(last) = page.last() else { break };
            after = Some(last.name.clone());
            for user in page {
                if self.json {
                    json(&as_json(&user))?;
                    continue;
                }
                let state = if user.disabled { "disabled" } else { "active" };
                let password = if user.password_hash.is_some() { "yes" } else { "no" };
                table.row([
                    user.name,
                    plain(&user.display_name),
                    state.into(),
                    password.into(),
                    exact(user.created_at),
                    user.id.to_string(),
                ]);
            }
        }
        if self.json { Ok(()) } else { print(table) }
    }

    async fn stop_user(&self, login: &str, disabled: bool, why: String) -> Result<(), Failure> {
        let user = self.user(login).await?;
        self.stop(Target::User(user.id), &plain(&user.display_name), disabled, why).await
    }
}

/// One `@` with something on both sides, and nothing that does not show.
fn is_email(email: &str) -> bool {
    let plain = email.len() <= 254 && email.bytes().all(|b| b.is_ascii_graphic());
    plain && email.split_once('@').is_some_and(|(l, d)| !l.is_empty() && !d.is_empty() && !d.contains('@'))
}

fn as_json(user: &User) -> serde_json::Value {
    object!({
        "id": user.id.as_str(), "name": user.name, "display_name": user.display_name, "disabled": user.disabled,
        "password": user.password_hash.is_some(), "created_at": exact(user.created_at),
    })
}

/// A password never stands in the arguments, where every process of the machine could read it.
fn ask_password() -> Result<String, Failure> {
    if !std::io::stdin().is_terminal() {
        let mut line = Zeroizing::new(String::new());
        std::io::stdin().lock().read_line(&mut line).map_err(Failure::refused)?;
        return Ok(line.trim_end_matches(['\r', '\n']).to_owned());
    }
    let ask = |prompt: &str| rpassword::prompt_password(prompt).map_err(Failure::refused);
    let (first, second) = (ask("Password (12 characters or more): ")?, ask("Again: ")?);
    if first == second {
        Ok(first)
    } else {
        Err(Failure::refused("the two passwords differ; nothing was changed"))
    }
}
