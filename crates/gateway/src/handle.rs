//! Handles: session ids, event ids, request states, cursors and task ids of an upstream, sealed before a client
//! sees them.
//!
//! A handle is a name, never authority: every call that uses one is decided anew. Sealing makes it useless to
//! anybody but the caller it was made for: it opens only on the same route, for the same subject, actor and
//! client, and only while the grants under which it was made are in force. (A later grant of the same three may use
//! it: asking for more scopes in the middle of a session must not end the session.)
//!
//! Sealing is deterministic: the nonce is a MAC of everything sealed (as in RFC 5297), so the same task has the
//! same handle in every answer, and no randomness can be spent or repeated.

use crate::caller::Caller;
use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use prokura_core::GrantId;
use prokura_oauth::rich;
use prokura_oauth::seal::{MasterKey, SealError};

/// What sort of handle; one sort never opens as another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum HandleKind {
    /// `Mcp-Session-Id`.
    Session,
    /// The `id` of a server-sent event.
    Event,
    /// `requestState`.
    State,
    /// `cursor` and `nextCursor`.
    Cursor,
    /// `taskId`.
    Task,
    /// `requestState` of a call that somebody is asked about.
    Approval,
}

impl HandleKind {
    fn tag(self) -> u8 {
        match self {
            Self::Session => b's',
            Self::Event => b'e',
            Self::State => b'r',
            Self::Cursor => b'c',
            Self::Task => b't',
            Self::Approval => b'a',
        }
    }
}

/// Whose handles, and where: what a handle is bound to.
#[derive(Debug, Clone)]
pub(crate) struct Binding {
    to: Vec<u8>,
    /// The authorization details of the token, where it has any.
    details: String,
    /// The grant of the token and those above it.
    grants: Vec<GrantId>,
}

impl Binding {
    /// Binds to this caller on this route.
    pub(crate) fn new(route: &str, caller: &Caller) -> Self {
        let mut to = Vec::with_capacity(128);
        put(&mut to, route.as_bytes());
        if let Some(token) = caller.token() {
            put(&mut to, token.subject.as_str().as_bytes());
            put(&mut to, token.client.as_str().as_bytes());
            put(&mut to, token.actor().map_or("", |a| a.as_str()).as_bytes());
        }
        let details = caller.token().map(|t| rich::to_text(&t.details, &t.audience)).unwrap_or_default();
        let grants = caller.token().map(|t| t.grants().cloned().collect()).unwrap_or_default();
        Self { to, details, grants }
    }
}

impl Binding {
    /// Whose handles, and where, as bytes.
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.to
    }
}

/// What was sealed.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Opened {
    /// The upstream's value, and whatever was kept with it.
    pub plain: Vec<u8>,
    /// The grants under which the handle was made; all of them must still be in force.
    pub grants: Vec<GrantId>,
}

/// Seals and opens handles.
pub(crate) struct Sealer {
    key: LessSafeKey,
    mac: hmac::Key,
}

impl std::fmt::Debug for Sealer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Sealer(…)")
    }
}

/// The longest handle that is opened, in characters.
const MAX_HANDLE: usize = 64 * 1024;

impl Sealer {
    /// A sealer whose keys derive from the installation's master key.
    ///
    /// # Errors
    /// [`SealError`] if the library fails.
    pub(crate) fn new(master: &MasterKey) -> Result<Self, SealError> {
        let key = UnboundKey::new(&AES_256_GCM, master.derive_bytes("gateway handle")?.as_slice());
        let mac = master.derive_bytes("gateway handle nonce")?;
        Ok(Self {
            key: LessSafeKey::new(key.map_err(|_| SealError)?),
            mac: hmac::Key::new(hmac::HMAC_SHA256, mac.as_slice()),
        })
    }

    /// Seals `plain`; the handle is URL-safe text. `context` must be given again to open it.
    pub(crate) fn seal(&self, kind: HandleKind, binding: &Binding, context: &[u8], plain: &[u8]) -> String {
        let aad = aad(kind, binding, context);
        let mut body = Vec::with_capacity(plain.len() + 64);
        put(&mut body, binding.grants.iter().map(GrantId::as_str).collect::<Vec<_>>().join(" ").as_bytes());
        body.extend_from_slice(plain);
        let nonce = self.nonce(&aad, &body);
        let sealed = self.key.seal_in_place_append_tag(
            Nonce::assume_unique_for_key(nonce),
            Aad::from(aad.as_slice()),
            &mut body,
        );
        if sealed.is_err() {
            // Only a message of over 64 GiB fails; an empty handle opens nowhere.
            return String::new();
        }
        let mut whole = nonce.to_vec();
        whole.extend_from_slice(&body);
        URL_SAFE_NO_PAD.encode(whole)
    }

    /// Opens a handle; `None` if it was not sealed here for this kind, binding and context.
    pub(crate) fn open(
        &self,
        kind: HandleKind,
        binding: &Binding,
        context: &[u8],
        handle: &str,
    ) -> Option<Opened> {
        if handle.len() > MAX_HANDLE {
            return None;
        }
        let whole = URL_SAFE_NO_PAD.decode(handle).ok()?;
        let (nonce, body) = whole.split_first_chunk::<NONCE_LEN>()?;
        let (aad, mut body) = (aad(kind, binding, context), body.to_vec());
        let body =
            self.key.open_in_place(Nonce::assume_unique_for_key(*nonce), Aad::from(aad), &mut body).ok()?;
        let (grants, plain) = take(body)?;
        let ids = std::str::from_utf8(grants).ok()?.split(' ').filter(|id| !id.is_empty());
        let grants = ids.map(GrantId::parse).collect::<Result<_, _>>().ok()?;
        Some(Opened { plain: plain.to_vec(), grants })
    }

    fn nonce(&self, aad: &[u8], body: &[u8]) -> [u8; NONCE_LEN] {
        let mut context = hmac::Context::with_key(&self.mac);
        context.update(&length(aad));
        context.update(aad);
        context.update(body);
        let mut nonce = [0; NONCE_LEN];
        nonce.copy_from_slice(&context.sign().as_ref()[..NONCE_LEN]);
        nonce
    }
}

fn aad(kind: HandleKind, binding: &Binding, context: &[u8]) -> Vec<u8> {
    let mut aad = vec![kind.tag()];
    put(&mut aad, &binding.to);
    put(&mut aad, context);
    // What came of a call was decided on with the arguments of that call, which are not here any more. So it is
    // fetched under the same details only.
    if matches!(kind, HandleKind::Task | HandleKind::Event) && !binding.details.is_empty() {
        put(&mut aad, binding.details.as_bytes());
    }
    aad
}

fn length(bytes: &[u8]) -> [u8; 8] {
    u64::try_from(bytes.len()).unwrap_or(u64::MAX).to_be_bytes()
}

/// Appends `bytes` with their length, so that two lists of parts never make the same bytes.
pub(crate) fn put(out: &mut Vec<u8>, bytes: &[u8]) {
    out.extend_from_slice(&length(bytes));
    out.extend_from_slice(bytes);
}

/// Takes one part off; the rest follows.
pub(crate) fn take(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, rest) = bytes.split_first_chunk::<8>()?;
    rest.split_at_checked(usize::try_from(u64::from_be_bytes(*length)).ok()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sealer(master: u8) -> Sealer {
        Sealer::new(&MasterKey::new([master; 32])).unwrap()
    }

    fn binding(to: &[&str], grants: &str) -> Binding {
        let mut bytes = Vec::new();
        to.iter().for_each(|part| put(&mut bytes, part.as_bytes()));
        let grants = grants.split(' ').map(|id| GrantId::parse(id).unwrap()).collect();
        Binding { to: bytes, details: String::new(), grants }
    }

    #[test]
    fn what_came_of_a_call_is_fetched_under_the_same_details_only() {
        let ours = sealer(1);
        let plain = binding(&["crm", "usr_alice"], "g_1");
        let narrow = Binding { details: "[]".into(), ..plain.clone() };
        for (kind, bound) in [
            (HandleKind::Task, true),
            (HandleKind::Event, true),
            (HandleKind::Session, false),
            (HandleKind::Cursor, false),
        ] {
            let handle = ours.seal(kind, &plain, b"", b"x");
            assert_eq!(ours.open(kind, &narrow, b"", &handle).is_none(), bound, "{kind:?}");
            let handle = ours.seal(kind, &narrow, b"", b"x");
            assert_eq!(ours.open(kind, &plain, b"", &handle).is_none(), bound, "{kind:?}");
        }
    }

    #[test]
    fn a_handle_opens_only_where_it_was_made() {
        let ours = sealer(7);
        let mine = binding(&["crm", "usr_alice", "cli_1"], "g_1 g_2");
        let handle = ours.seal(HandleKind::Session, &mine, b"", b"raw");
        let opened = ours.open(HandleKind::Session, &mine, b"", &handle).unwrap();
        let grants = ["g_1", "g_2"].map(|id| GrantId::parse(id).unwrap()).to_vec();
        assert_eq!((opened.plain.as_slice(), opened.grants), (b"raw".as_slice(), grants));
        assert!(!handle.contains("raw") && handle.bytes().all(|b| b.is_ascii_graphic()));

        for other in [
            binding(&["crm", "usr_mallory", "cli_1"], "g_1"),
            binding(&["crm", "usr_alice", "cli_2"], "g_1"),
            binding(&["hr", "usr_alice", "cli_1"], "g_1"),
            binding(&["crm", "usr_alicecli_1"], "g_1"),
        ] {
            assert_eq!(ours.open(HandleKind::Session, &other, b"", &handle), None);
        }
        assert_eq!(ours.open(HandleKind::Task, &mine, b"", &handle), None);
        assert_eq!(ours.open(HandleKind::Session, &mine, b"x", &handle), None);
        assert_eq!(sealer(8).open(HandleKind::Session, &mine, b"", &handle), None);
    }

    #[test]
    fn a_changed_handle_opens_nowhere() {
        let ours = sealer(7);
        let mine = binding(&["crm"], "g_1");
        let handle = ours.seal(HandleKind::State, &mine, b"", b"raw");
        for i in 0..handle.len() {
            let mut changed = handle.clone().into_bytes();
            changed[i] = if changed[i] == b'A' { b'B' } else { b'A' };
            let changed = String::from_utf8(changed).unwrap();
            assert_eq!(ours.open(HandleKind::State, &mine, b"", &changed), None, "{i}");
        }
        for odd in ["", "raw", "AAAA", &handle[1..], &format!("{handle}=")] {
            assert_eq!(ours.open(HandleKind::State, &mine, b"", odd), None, "{odd}");
        }
    }

    #[test]
    fn the_same_thing_has_the_same_handle() {
        let ours = sealer(7);
        let mine = binding(&["crm"], "g_1");
        let seal = |plain| ours.seal(HandleKind::Task, &mine, b"", plain);
        assert_eq!(seal(b"t1"), seal(b"t1"));
        assert_ne!(seal(b"t1"), seal(b"t2"));
    }
}
