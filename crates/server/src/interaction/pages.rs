//! The walk through an interaction: this browser, signed in, agreed before or asked now, answered once.

use super::asked::{Asked, Prompt, Stored};
use super::decide::{Ending, No};
use super::prospect::{For, Pick, Prospect, Unfit};
use crate::people::{PageFault, People, Posted, SignedIn, Visit, see_other};
use crate::signin::sign_in_path;
use axum::extract::{Path, State};
use axum::response::Response;
use http::StatusCode;
use http::request::Parts;
use prokura_core::{Acr, AgentId, GrantId, InteractionId, TraceId};
use prokura_oauth::redirect::shown_host;
use prokura_store::{ArtifactKind, SecretHash, StoreError, Tx};
use prokura_ui::{Asker, Refused, Shown};
use std::sync::Arc;
use std::time::Duration;

/// How long a user has.
pub(super) const LIFE: Duration = Duration::from_secs(10 * 60);

impl People {
    /// Begins an interaction for a checked authorization request and sends the browser to it; or, if the client
    /// wants no conversation, answers at once. `parts` is the request of the browser.
    pub async fn begin(&self, parts: &Parts, asked: Asked) -> Response {
        match self.visit(parts).await {
            Ok(visit) => {
                let result = self.begin_visit(&visit, asked).await;
                self.answer(&visit, result)
            }
            Err(fault) => self.fault(&fault, &asked.trace),
        }
    }

    /// The local page for a request that cannot be answered with a redirect (RFC 6749 §4.1.2.1): its client or
    /// its redirect address is not known. `code` is the protocol's error.
    pub fn refuse_locally(&self, trace: &TraceId, code: &'static str, detail: String) -> Response {
        self.fault(&PageFault::Client { code, detail }, trace)
    }

    /// As [`begin`](Self::begin), of a browser that is known to be there.
    pub(crate) async fn begin_visit(&self, visit: &Visit, asked: Asked) -> Result<Response, PageFault> {
        let (id, now) = (InteractionId::random(&*self.rng), self.now());
        let silent = asked.prompt == Prompt::None;
        let stored = Stored { asked, browser: SecretHash::of(&visit.browser), began: now };
        let (secret, payload) = (id.clone(), stored.to_vec());
        self.store
            .transact(move |tx| {
                let until = now.after(LIFE);
                tx.put_artifact(ArtifactKind::Interaction, secret.as_str(), None, &payload, until)
            })
            .await?;
        if silent {
            return self.silently(visit, id, stored).await;
        }
        if let Some(who) = self.auto_user(visit).await?.filter(|w| stored.asked.is_for(&w.user.id)) {
            let pick = self.everything(&stored.asked);
            return Ok(see_other(&self.allow(Ending { id, stored, who }, pick).await?));
        }
        let mut response = see_other(&self.path(&format!("/interaction/{id}")));
        self.keep_browser(visit, &mut response);
        Ok(response)
    }

    /// `prompt=none`: only what is remembered is answered (OpenID Connect Core §3.1.2.6). The error goes where those of
    /// the request itself would go: nobody may use this server to lead people on unseen (RFC 9700 §4.11.2).
    async fn silently(
        &self,
        visit: &Visit,
        id: InteractionId,
        stored: Stored,
    ) -> Result<Response, PageFault> {
        let asked = stored.asked.clone();
        let error = match self.recent(visit, &stored) {
            None => "login_required",
            Some(who) => match self.allow_again(Ending { id, stored, who }).await? {
                Some(to) => return Ok(see_other(&to)),
                None => "interaction_required",
            },
        };
        if asked.is_unverified() && !asked.is_loopback() {
            let detail = "`prompt=none` is not answered to software that nobody vouches for".to_owned();
            return Err(PageFault::Client { code: error, detail });
        }
        Ok(see_other(&asked.redirect_with(self.issuer().as_str(), &[("error", error)])))
    }

    /// Who is signed in, recently enough for this interaction. What counts is the age when it began, or whoever reads
    /// the question for longer than `max_age` would be sent to sign in again, without end where it is 0.
    fn recent(&self, visit: &Visit, stored: &Stored) -> Option<SignedIn> {
        let who = visit.signed_in.clone()?;
        let age = stored.began.since(who.session.auth_at).as_secs();
        let anew = stored.asked.prompt != Prompt::Login || who.session.auth_at >= stored.began;
        let fresh = anew && stored.asked.max_age.is_none_or(|most| age <= most);
        (fresh && stored.asked.acr.is_none_or(|asked| who.session.acr.meets(asked))).then_some(who)
    }

    /// Who signed in for this interaction, and yet less surely than is asked: to ask once more would go on for ever, so
    /// the client hears of it (RFC 9470 §5).
    fn too_weak(&self, visit: &Visit, stored: &Stored) -> Option<SignedIn> {
        let who = visit.signed_in.clone()?;
        let weak = stored.asked.acr.is_some_and(|asked| !who.session.acr.meets(asked));
        (weak && who.session.auth_at >= stored.began).then_some(who)
    }

    /// The interaction that this browser began, while it can be answered.
    async fn stored(&self, visit: &Visit, id: &InteractionId) -> Result<Stored, PageFault> {
        let (secret, now) = (id.clone(), self.now());
        let found = self
            .store
            .read(move |tx| tx.artifact(ArtifactKind::Interaction, secret.as_str()))
            .await?
            .filter(|a| a.consumed_at.is_none() && a.expires_at > now)
            .ok_or(PageFault::Expired)?;
        let stored = Stored::read(&found.payload)
            .ok_or_else(|| PageFault::Ours(anyhow::anyhow!("an interaction cannot be read back")))?;
        if visit.is_new || stored.browser != SecretHash::of(&visit.browser) {
            return Err(PageFault::Elsewhere);
        }
        Ok(stored)
    }

    /// What a question comes to for who is signed in.
    async fn prospect(&self, asked: &Asked, who: &SignedIn) -> Result<Prospect, PageFault> {
        let (fresh, id, now) = (AgentId::random(&*self.rng), GrantId::random(&*self.rng), self.now());
        let (config, asked, user) = (Arc::clone(&self.config), asked.clone(), who.user.id.clone());
        let found = move |tx: &mut Tx<'_>| {
            let agent = tx.agent_of_client(&asked.client)?.map_or_else(|| fresh.clone(), |a| a.id);
            Prospect::of(tx, &config, &asked, &For { user: &user, agent: &agent, id: &id, now })
        };
        Ok(self.store.read::<_, StoreError>(found).await?)
    }

    /// How old, in seconds, a sign-in for an interaction may be, if that matters: 0 if it has to be made anew.
    pub(crate) async fn freshness(
        &self,
        visit: &Visit,
        id: &InteractionId,
    ) -> Result<Option<u64>, PageFault> {
        let asked = self.stored(visit, id).await?.asked;
        Ok(if asked.prompt == Prompt::Login { Some(0) } else { asked.max_age })
    }

    /// Which software is behind an interaction, for the sign-in page.
    pub(crate) async fn asker(&self, visit: &Visit, id: &InteractionId) -> Result<Asker, PageFault> {
        let asked = self.stored(visit, id).await?.asked;
        let title = self.title(&asked.resource);
        Ok(Asker { name: Shown::name(&asked.name), resource: Shown::name(title) })
    }

    /// How surely somebody has to sign in for an interaction, if one factor is not enough.
    pub(crate) async fn demanded(&self, visit: &Visit, id: &InteractionId) -> Result<Option<Acr>, PageFault> {
        Ok(self.stored(visit, id).await?.asked.acr.filter(|asked| !Acr::Single.meets(*asked)))
    }
}

fn read_id(id: String) -> Result<InteractionId, PageFault> {
    let plain = id.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
    InteractionId::parse(id).ok().filter(|_| plain).ok_or(PageFault::Missing)
}

/// `GET /interaction/{id}`.
pub(super) async fn show(
    State(people): State<Arc<People>>,
    Path(id): Path<String>,
    visit: Visit,
) -> Response {
    let result = walk(&people, &visit, id).await;
    people.answer(&visit, result)
}

async fn walk(people: &People, visit: &Visit, id: String) -> Result<Response, PageFault> {
    let id = read_id(id)?;
    let stored = people.stored(visit, &id).await?;
    let auto = people.auto_user(visit).await?;
    if let Some(who) = auto.filter(|w| stored.asked.is_for(&w.user.id)) {
        let pick = people.everything(&stored.asked);
        return Ok(see_other(&people.allow(Ending { id, stored, who }, pick).await?));
    }
    theirs(visit, &stored)?;
    if let Some(who) = people.too_weak(visit, &stored) {
        let asked = stored.asked.clone();
        let to = people.refuse(Ending { id, stored, who }, No::TooWeak).await?;
        return refused(people, visit, &asked, to);
    }
    let Some(who) = people.recent(visit, &stored) else {
        return Ok(see_other(&people.path(&sign_in_path(Some(&id)))));
    };
    if stored.asked.management.as_ref().is_some_and(|m| m.is_anothers(&who.user.id)) {
        let asked = stored.asked.clone();
        let to = people.refuse(Ending { id, stored, who }, No::OtherGrant).await?;
        return refused(people, visit, &asked, to);
    }
    if stored.asked.prompt == Prompt::Needed {
        let ending = Ending { id: id.clone(), stored: stored.clone(), who: who.clone() };
        if let Some(to) = people.allow_again(ending).await? {
            return Ok(see_other(&to));
        }
    }
    let prospect = people.prospect(&stored.asked, &who).await?;
    let ending = Ending { id, stored, who };
    ask(people, visit, &ending, &prospect, None).await
}

/// What is asked of one user is answered by nobody else, though they have the address and the browser.
fn theirs(visit: &Visit, stored: &Stored) -> Result<(), PageFault> {
    let other = visit.signed_in.as_ref().is_some_and(|who| !stored.asked.is_for(&who.user.id));
    if other { Err(PageFault::Missing) } else { Ok(()) }
}

async fn ask(
    people: &People,
    visit: &Visit,
    ending: &Ending,
    prospect: &Prospect,
    again: Option<(&Pick, Unfit)>,
) -> Result<Response, PageFault> {
    let (id, asked) = (&ending.id, ending.asked());
    let given = prospect.given.is_some();
    if !given && prospect.withholds() {
        people.note_withheld(ending, prospect).await?;
    }
    if !given && prospect.is_nothing(asked) {
        let view = people.organisation(visit, (id, asked), prospect);
        return people.show_leading(visit, StatusCode::OK, &view, Some(&asked.redirect));
    }
    let status = if again.is_some() { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK };
    let view = people.question(visit, (id, asked), &ending.who, prospect, again);
    people.show_leading(visit, status, &view, Some(&asked.redirect))
}

/// `POST /interaction/{id}`.
pub(super) async fn answer(
    State(people): State<Arc<People>>,
    Path(id): Path<String>,
    posted: Posted,
) -> Response {
    let result = end(&people, &posted, id).await;
    people.answer(&posted.visit, result)
}

async fn end(people: &People, posted: &Posted, id: String) -> Result<Response, PageFault> {
    let (id, visit) = (read_id(id)?, &posted.visit);
    let stored = people.stored(visit, &id).await?;
    theirs(visit, &stored)?;
    let Some(who) = people.recent(visit, &stored) else {
        return Ok(see_other(&people.path(&sign_in_path(Some(&id)))));
    };
    if stored.asked.management.as_ref().is_some_and(|m| m.is_anothers(&who.user.id)) {
        let asked = stored.asked.clone();
        let to = people.refuse(Ending { id, stored, who }, No::OtherGrant).await?;
        return refused(people, visit, &asked, to);
    }
    let asked = stored.asked.clone();
    if posted.fields.one("answer") != "allow" {
        let to = people.refuse(Ending { id, stored, who }, No::User).await?;
        return refused(people, visit, &asked, to);
    }
    let (pick, prospect) = (people.pick(&posted.fields, &asked), people.prospect(&asked, &who).await?);
    let ending = Ending { id, stored, who };
    match prospect.choice(&asked, &pick) {
        Err(unfit) if prospect.given.is_none() => {
            ask(people, visit, &ending, &prospect, Some((&pick, unfit))).await
        }
        _ => Ok(see_other(&people.allow(ending, pick).await?)),
    }
}

/// After a No. A device's person stays here; who is not verified is not sent a browser by itself: anybody could register an address and use this
/// server's name to lead people to it.
fn refused(people: &People, visit: &Visit, asked: &Asked, to: String) -> Result<Response, PageFault> {
    if !asked.is_unverified() || asked.is_waited_for() {
        return Ok(see_other(&to));
    }
    let view = Refused {
        frame: people.frame(visit),
        client: Shown::name(&asked.name),
        host: shown_host(&asked.redirect),
        link: to,
    };
    people.show(visit, StatusCode::OK, &view)
}

/// `POST /interaction/{id}/switch`: signs out and asks who else it is.
pub(super) async fn switch(
    State(people): State<Arc<People>>,
    Path(id): Path<String>,
    posted: Posted,
) -> Response {
    let result = async {
        let id = read_id(id)?;
        people.stored(&posted.visit, &id).await?;
        people.sign_out(&posted.visit).await?;
        let mut response = see_other(&people.path(&sign_in_path(Some(&id))));
        people.forget_session(&mut response);
        Ok(response)
    };
    let result = result.await;
    people.answer(&posted.visit, result)
}
