//! The walk of one request: route → authenticate → parse → decide → oblige → record → inject → forward → redact → record.

use crate::access::{self, Left};
use crate::budget::Counted;
use crate::caller::Scheme;
use crate::decide::{self, Warrant};
use crate::ending::Ending;
use crate::envelope::{Id, Message};
use crate::exchange::{Exchange, Handles, Origin, Session};
use crate::fault::Fault;
use crate::forward::{LAST_EVENT, Outbound, SESSION, forward, param_headers};
use crate::gateway::Inner;
use crate::handle::Binding;
use crate::limit::Verdict;
use crate::method::{self, List, Touch};
use crate::mirror;
use crate::oblige::{self, Due, Owed, Returned, Speaks};
use crate::opening::{Found, Opener};
use crate::question::Asking;
use crate::route::Route;
use crate::ruling::{self, Matter};
use crate::scene::Scene;
use crate::tools::Learner;
use crate::version::{Era, Version};
use crate::{answer, body, cors, transaction};
use axum::body::Body;
use axum::extract::{ConnectInfo, Request};
use http::request::Parts;
use http::{HeaderMap, HeaderValue, Method, Response};
use prokura_core::{Action, Node, Timestamp};
use prokura_facts::Address;
use prokura_oauth::json::Value;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

/// Serves one request at a resource's address.
pub(crate) async fn serve(inner: Arc<Inner>, route: Arc<Route>, request: Request) -> Response<Body> {
    let (parts, body) = request.into_parts();
    let mut walk = Walk { scene: Scene::new(inner, route), id: None, ending: None };
    let result = walk.run(&parts, body).await;
    let mut response = match result {
        Ok(response) => response,
        Err(fault) => walk.refuse(fault).await,
    };
    // If this is not reached, the client went away, and the ending records that.
    if let Some(ending) = walk.ending.take() {
        ending.done();
    }
    walk.scene.offer_nonce(&mut response);
    cors::allow(&walk.scene.inner.doors, &parts.headers, &mut response);
    response
}

/// Who asked the policies, and what they leave to be done.
type Ruled = (Option<Arc<Asking>>, Owed);

struct Walk {
    scene: Scene,
    /// The request's id, once it is known.
    id: Option<Id>,
    /// The outcome that is owed once the permits were recorded: what fails from then on is one.
    ending: Option<Ending>,
}

/// A message that was read, with all that follows from it.
struct Read {
    message: Message,
    version: Version,
    /// Whether a header named the version.
    named_version: bool,
    touch: Touch,
    found: Found,
    handles: Handles,
    session: Option<String>,
    now: Timestamp,
}

impl Read {
    /// What the client answers to what the server asked it (MCP 2026-07-28, "Multi Round-Trip Requests").
    fn answers(&self) -> Option<&Value> {
        let said = self.message.call()?.params.as_ref()?.get("inputResponses");
        said.filter(|said| said.as_object().is_none_or(|said| !said.is_empty()))
    }

    /// How the client can be sent somewhere.
    fn speaks(&self, method: &str) -> Speaks<'_> {
        Speaks {
            era: self.version.era(),
            elicits: self.handles.elicits,
            calls: method == "tools/call",
            handles: &self.handles,
            takes_state: method::takes_state(method),
            answers: self.answers().filter(|_| method::takes_state(method)),
        }
    }
}

impl Walk {
    async fn run(&mut self, parts: &Parts, body: Body) -> Result<Response<Body>, Fault> {
        let inner = Arc::clone(&self.scene.inner);
        inner.doors.check_host(parts)?;
        let origin = inner.doors.check_origin(&parts.headers)?;
        if parts.method == Method::OPTIONS && origin.is_some() {
            return Ok(cors::preflight());
        }
        self.authenticate(parts).await?;
        match parts.method {
            Method::POST => self.post(parts, body).await,
            Method::GET | Method::DELETE => self.session(parts).await,
            _ => Err(Fault::HttpMethod),
        }
    }

    /// Who calls, whether not too often, and whether they still may. Callers without a token are told apart by
    /// their address. Whoever is known stands in the record, also of a refusal.
    async fn authenticate(&mut self, parts: &Parts) -> Result<(), Fault> {
        self.scene.scheme = Scheme::of(&parts.headers);
        self.scene.address = address(parts);
        let known = self.scene.inner.authenticator.identify(&self.scene.route, parts).await;
        let caller = known.map(|known| {
            self.scene.caller = known.caller.clone();
            self.scene.proof = known.proof;
            known.caller
        });
        self.limit(parts)?;
        match caller?.token() {
            Some(token) => self.scene.inner.authenticator.in_force(token),
            None => Ok(()),
        }
    }

    fn limit(&self, parts: &Parts) -> Result<(), Fault> {
        let Scene { inner, route, caller, .. } = &self.scene;
        let name = route.name.as_str();
        let (rate, now) = (route.rate, inner.clock.now());
        let verdict = match caller.token() {
            Some(token) => {
                let key = (name, token.subject.as_str(), token.client.as_str());
                inner.limiter.take(key, rate.calls, rate.per.get(), now)
            }
            None => inner.limiter.take((name, peer(parts)), rate.calls, rate.per.get(), now),
        };
        match verdict {
            Verdict::Go => Ok(()),
            Verdict::Wait { seconds, first } => Err(Fault::RateLimited { seconds, first }),
        }
    }

    async fn post(&mut self, parts: &Parts, body: Body) -> Result<Response<Body>, Fault> {
        body::check_headers(&parts.headers)?;
        let max = self.scene.inner.bounds.max_request;
        let bytes = body::read(&parts.headers, body, max).await?;
        let read = self.read(&parts.headers, &bytes, max)?;
        let mut warrant = self.decide(&read)?;
        let ruled = self.rule(&read, &mut warrant).await;
        let (asking, owed) = ruled.inspect_err(|fault| self.sent_away(&read, fault))?;
        self.record(&warrant, self.counted(&read), owed.due.clone()).await?;
        let transaction = self.transaction(&read)?;
        let (mut exchange, mut outbound) = self.inject(&parts.headers, read);
        exchange.owe(asking, owed);
        outbound.transaction = transaction;
        let response = forward(&self.scene, warrant, outbound).await?;
        answer::to_message(&self.scene, exchange, response).await
    }

    /// Parse: the bytes become a message that is understood, with every handle in it opened.
    fn read(&mut self, headers: &HeaderMap, bytes: &[u8], max: usize) -> Result<Read, Fault> {
        let mut message = Message::parse(bytes, &answer::limits(max)).map_err(Fault::Malformed)?;
        self.id = message.request_id().cloned();
        self.scene.is_about(message.call().map_or("response", |c| &c.method));
        let version = mirror::check(headers, &message).map_err(Fault::Headers)?;
        let era = version.era();
        let bad_call = |bad| Fault::Call(bad, era);
        let touch = match &message {
            Message::Request(_, call) => method::of_request(call, era).map_err(bad_call)?,
            Message::Notification(call) => method::of_notification(call, era).map_err(bad_call)?,
            Message::Response(..) if era == Era::Modern => return Err(Fault::UnexpectedResponse),
            Message::Response(..) => Touch::Protocol,
        };
        let elicits = method::elicits(&message, era);
        let (handles, now) = (self.handles(elicits), self.scene.inner.clock.now());
        let opener = Opener { handles: &handles, authenticator: &self.scene.inner.authenticator, era, now };
        let begins = era == Era::Modern || self.scene.method == "initialize";
        let session = if begins { None } else { session(headers, &opener)? };
        let elicits = elicits || session.as_ref().is_some_and(|session| session.elicits);
        let session = session.map(|session| session.id);
        let found = opener.open_message(&mut message)?;
        let handles = Handles { elicits, ..handles };
        let named_version = headers.contains_key(mirror::VERSION);
        Ok(Read { message, version, named_version, touch, found, handles, session, now })
    }

    fn handles(&self, elicits: bool) -> Handles {
        let binding = Binding::new(&self.scene.route.name, &self.scene.caller);
        Handles { sealer: Arc::clone(&self.scene.inner.sealer), binding, elicits }
    }

    /// Decide: on what the message touches and on what the calls touched that made the tasks it names.
    fn decide(&mut self, read: &Read) -> Result<Warrant, Fault> {
        let mut actions = match &read.touch {
            Touch::Actions(actions) => actions.clone(),
            Touch::Protocol | Touch::List(_) | Touch::Task => Vec::new(),
        };
        actions.extend(read.found.tasks.iter().map(|(task, _)| task.action.clone()));
        let arguments = read.message.call().and_then(method::arguments);
        self.decide_on(&actions, arguments, matches!(read.touch, Touch::List(_)))
    }

    fn decide_on(
        &mut self,
        actions: &[Action],
        arguments: Option<&Value>,
        filtered: bool,
    ) -> Result<Warrant, Fault> {
        if let [action] = actions {
            self.scene.action = action.to_string();
        }
        let arguments = arguments.map(|a| a as &dyn Node);
        let now = self.scene.inner.clock.now();
        let ask = |scene: &Scene, left: &Left| {
            decide::all(&scene.route, &scene.caller, left, actions, arguments, filtered, now)
        };
        let warrant =
            ask(&self.scene, &Left::default()).inspect_err(|_| access::not_allowed(&self.scene, now))?;
        self.scene.left = access::weigh(&self.scene, actions, now)?;
        let Some(passed) = self.scene.left.narrowed() else { return Ok(warrant) };
        // Who may do it with all that the token says, but not with what is left of it, is refused by the conditions.
        let (route, caller) = (&self.scene.route, &self.scene.caller);
        let reached = actions.iter().all(|action| self.scene.left.reaches(route, caller, action));
        let warrant = ask(&self.scene, &self.scene.left).ok().filter(|_| reached);
        warrant.ok_or_else(|| access::denied(&self.scene, actions, passed.verdict.clone(), now))
    }

    /// Puts the message to the policies, and does what they want done before it is recorded.
    async fn rule(&self, read: &Read, warrant: &mut Warrant) -> Result<Ruled, Fault> {
        let arguments = read.message.call().and_then(method::arguments).and_then(Value::as_object);
        let since: Vec<_> = read.found.tasks.iter().flat_map(|(task, _)| task.owed.clone()).collect();
        let learner = Learner {
            era: read.version.era(),
            version: read.named_version.then_some(read.version),
            session: read.session.clone(),
        };
        let matter = match &read.touch {
            _ if read.found.tasks.is_empty() => Matter::Call { arguments, learner: &learner },
            Touch::Actions(touched) => {
                Matter::Both { touched: touched.len(), learner: &learner, since: &since }
            }
            Touch::Protocol | Touch::List(_) | Touch::Task => Matter::Since(&since),
        };
        let (returned, speaks) = (&read.found.returned, read.speaks(&self.scene.method));
        self.rule_on(warrant, matter, Some((returned, &speaks)), read.now).await
    }

    /// Remembers whose session was sent to a page, so that it hears when somebody has decided there.
    fn sent_away(&self, read: &Read, fault: &Fault) {
        if let (Fault::Unapproved(why), Some(session)) = (fault, &read.session)
            && why.elicits()
        {
            let inner = &self.scene.inner;
            let until = read.now.after(inner.approvals.config.waits.get());
            inner.elicited.sent(read.handles.session_key(session), why.tasks(), read.now, until);
        }
    }

    async fn rule_on(
        &self,
        warrant: &mut Warrant,
        matter: Matter<'_>,
        back: Option<(&Returned, &Speaks<'_>)>,
        now: Timestamp,
    ) -> Result<Ruled, Fault> {
        let asking = Asking::of(&self.scene, now)?;
        let asked = ruling::rule(&self.scene, asking.as_ref(), warrant, matter).await?;
        let owed = oblige::before(&self.scene, warrant, asked, matter.arguments(), back, now).await?;
        Ok((asking, owed))
    }

    /// The call that budgets count, if the message is one.
    fn counted(&self, read: &Read) -> Option<Counted> {
        let Touch::Actions(actions) = &read.touch else { return None };
        Counted::of(&self.scene.caller, actions, read.message.call().and_then(method::arguments))
    }

    /// Record: nothing is forwarded before this is durable.
    async fn record(&mut self, warrant: &Warrant, counted: Option<Counted>, due: Due) -> Result<(), Fault> {
        self.scene.record_permits(warrant, counted, due).await?;
        self.ending = Some(Ending::new(self.scene.clone(), false));
        Ok(())
    }

    /// What the upstream is told of who calls, if it wants to know.
    fn transaction(&self, read: &Read) -> Result<Option<HeaderValue>, Fault> {
        let action = match &read.touch {
            Touch::Actions(actions) => actions.first().filter(|_| actions.len() == 1),
            Touch::Task => read.found.tasks.first().map(|(task, _)| &task.action),
            Touch::Protocol | Touch::List(_) => None,
        };
        let arguments = read.message.call().and_then(method::arguments);
        transaction::token(&self.scene, action, arguments, read.now)
    }

    /// Inject: what goes to the upstream is made from what was read.
    fn inject(&self, headers: &HeaderMap, read: Read) -> (Exchange, Outbound) {
        let Read { message, version, named_version, touch, mut found, handles, session, now } = read;
        let era = version.era();
        let action = match touch {
            Touch::Actions(actions) => only(actions),
            Touch::Task => found.tasks.first().map(|(task, _)| task.action.clone()),
            Touch::Protocol | Touch::List(_) => None,
        };
        let origin = match &message {
            Message::Request(id, call) => {
                Origin::Request { id: id.clone(), method: call.method.clone(), action, owed: Vec::new() }
            }
            Message::Notification(_) | Message::Response(..) => Origin::Listening,
        };
        let exchange = Exchange {
            inner: Arc::clone(&self.scene.inner),
            route: Arc::clone(&self.scene.route),
            caller: self.scene.caller.clone(),
            left: self.scene.left.clone(),
            asking: None,
            owed: Owed::default(),
            handles,
            era,
            origin,
            state_context: std::mem::take(&mut found.state_context),
            tasks: found.tasks,
            session: None,
            now,
            trace: self.scene.trace.clone(),
        };
        let mut outbound = Outbound::new(Method::POST, Some(message));
        outbound.version = named_version.then_some(version);
        outbound.mirrored = era == Era::Modern;
        outbound.session = session;
        if era == Era::Modern && self.scene.method == "tools/call" {
            outbound.params = param_headers(headers);
        }
        (exchange, outbound)
    }

    /// `GET` listens or resumes, `DELETE` ends a session: both in the legacy era only.
    async fn session(&mut self, parts: &Parts) -> Result<Response<Body>, Fault> {
        let version = legacy_version(&parts.headers)?;
        let listens = parts.method == Method::GET;
        if listens && !body::accepts(&parts.headers, "text/event-stream") {
            return Err(Fault::NotAcceptable);
        }
        self.scene.is_about(if listens { "listen" } else { "end_session" });
        let (handles, now) = (self.handles(false), self.scene.inner.clock.now());
        let authenticator = &self.scene.inner.authenticator;
        let opener = Opener { handles: &handles, authenticator, era: Era::Legacy, now };
        let mut outbound = Outbound::new(parts.method.clone(), None);
        outbound.session = session(&parts.headers, &opener)?.map(|session| session.id);
        outbound.version = version;
        let mut origin = Origin::Listening;
        if let Some(last) = header(&parts.headers, &LAST_EVENT, Fault::UnknownEvent)?.filter(|_| listens) {
            let (event, belongs) = opener.event(last)?;
            (outbound.last_event, origin) = (Some(event), belongs);
        }
        if !listens && outbound.session.is_none() {
            return Err(Fault::NoSession);
        }
        let actions: Vec<_> = origin.action().cloned().into_iter().collect();
        let mut warrant = self.decide_on(&actions, None, List::of_method(origin.method()).is_some())?;
        let (asking, owed) = self.rule_on(&mut warrant, Matter::Since(origin.owed()), None, now).await?;
        self.record(&warrant, None, owed.due.clone()).await?;
        outbound.transaction = transaction::token(&self.scene, actions.first(), None, now)?;
        let session = outbound.session.as_deref().filter(|_| listens).map(|s| handles.session_key(s));
        let mut exchange = self.listening(handles, origin, now);
        exchange.session = session;
        exchange.owe(asking, owed);
        let response = forward(&self.scene, warrant, outbound).await?;
        answer::to_session(&self.scene, exchange, &parts.method, response).await
    }

    fn listening(&self, handles: Handles, origin: Origin, now: Timestamp) -> Exchange {
        Exchange {
            inner: Arc::clone(&self.scene.inner),
            route: Arc::clone(&self.scene.route),
            caller: self.scene.caller.clone(),
            left: self.scene.left.clone(),
            asking: None,
            owed: Owed::default(),
            handles,
            era: Era::Legacy,
            origin,
            state_context: Vec::new(),
            tasks: Vec::new(),
            session: None,
            now,
            trace: self.scene.trace.clone(),
        }
    }

    /// Refuses: recorded first, then told, in the protocol's own words.
    async fn refuse(&self, fault: Fault) -> Response<Body> {
        tracing::debug!(word = fault.word(), trace = %self.scene.trace, action = %self.scene.action, "refused");
        let mut fault = fault;
        if fault.is_recorded()
            && let Err(not) = self.scene.write_refusal(&fault, self.ending.is_some()).await
        {
            fault = not;
        }
        fault.response(&self.scene, self.id.clone())
    }
}

fn only(mut actions: Vec<Action>) -> Option<Action> {
    if actions.len() == 1 { actions.pop() } else { None }
}

/// The version of a `GET` or `DELETE`, which the modern era does not serve.
fn legacy_version(headers: &HeaderMap) -> Result<Option<Version>, Fault> {
    let named = mirror::single(headers, &mirror::VERSION, "MCP-Protocol-Version").map_err(Fault::Headers)?;
    let Some(named) = named else { return Ok(None) };
    match Version::parse(named).filter(|v| v.era() == Era::Legacy) {
        Some(version) => Ok(Some(version)),
        None => Err(Fault::HttpMethod),
    }
}

/// The upstream's session id, by the handle that the client sent.
fn session(headers: &HeaderMap, opener: &Opener<'_>) -> Result<Option<Session>, Fault> {
    let handle = header(headers, &SESSION, Fault::UnknownSession)?;
    handle.map(|handle| opener.session(handle)).transpose()
}

fn header<'a>(
    headers: &'a HeaderMap,
    name: &http::HeaderName,
    fault: Fault,
) -> Result<Option<&'a str>, Fault> {
    mirror::single(headers, name, "").map_err(|_| fault)
}

/// The address of the caller, as the listener found it; that of the connection where no listener says.
pub(crate) fn address(parts: &Parts) -> Option<IpAddr> {
    let connection = || parts.extensions.get::<ConnectInfo<SocketAddr>>().map(|c| c.0.ip().to_canonical());
    parts.extensions.get::<Address>().map_or_else(connection, |a| a.0)
}

/// The site of the caller, or of what brought it here.
fn peer(parts: &Parts) -> Option<IpAddr> {
    let connection = || parts.extensions.get::<ConnectInfo<SocketAddr>>().map(|c| c.0.ip().to_canonical());
    address(parts).or_else(connection).map(site)
}

/// The 64 bits of an address of IPv6 that a network gives one site.
pub(crate) fn site(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V6(ip) => IpAddr::V6((ip.to_bits() & !u128::from(u64::MAX)).into()),
        v4 => v4,
    }
}
