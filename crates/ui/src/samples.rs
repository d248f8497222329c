//! Every page in every state, for the gallery, the tests of the pages and the pictures in the documentation:
//! as it should be, empty, refused, with long names, with names written right to left, with hostile input.

mod approving;
mod consent;
mod granted;

use crate::*;
use consent::{change, consent};
use granted::{allowed, grant};

/// A page in one state.
#[derive(Debug)]
pub struct Sample {
    /// Which page: `consent`.
    pub page: &'static str,
    /// In which state: `hostile`.
    pub state: &'static str,
    /// The document.
    pub html: String,
}

/// What a client, a user or an operator might have written.
struct Words {
    state: &'static str,
    user: String,
    client: String,
    host: String,
    resource: String,
    sentence: String,
}

const NOW: i64 = 1_795_255_200;
const HOSTILE: &str = "\u{202e}<img src=x onerror=alert(1)>\"'\u{0}{{7*7}}</title>";

fn words() -> [Words; 4] {
    let new = |state, user: &str, client: &str, host: &str, resource: &str, sentence: &str| Words {
        state,
        user: user.to_owned(),
        client: client.to_owned(),
        host: host.to_owned(),
        resource: resource.to_owned(),
        sentence: sentence.to_owned(),
    };
    let long = "Wolfeschlegelsteinhausenbergerdorff".repeat(3);
    let long_host = format!("{}.example", ["a-rather-long-department-name"; 4].join("."));
    [
        new("usual", "Alice", "Planner", "planner.example", "Sales", "Read sales reports"),
        new("long", &long, &long, &long_host, &long, &format!("Read {long} {}", "and reports ".repeat(30))),
        new("rtl", "أليس", "مساعد المبيعات", "xn--mgba3a4f16a.example", "המכירות", "קריאת דוחות מכירות"),
        new("hostile", HOSTILE, HOSTILE, "xn--clude-4ve.example", HOSTILE, HOSTILE),
    ]
}

fn frame() -> Frame {
    Frame::new("", "as.example", "bm9uY2U", false)
}

fn form(action: &str) -> Form {
    Form { action: action.to_owned(), token: "dG9rZW4".to_owned() }
}

fn passkey_form(action: &str) -> PasskeyForm {
    PasskeyForm {
        form: form(action),
        options: "{\"challenge\":\"Y2hhbGxlbmdl\"}".to_owned(),
        state: "c3RhdGU.1.bWFyaw".to_owned(),
    }
}

fn notice(meaning: Meaning, sentence: impl Into<String>) -> Option<Notice> {
    Some(Notice { meaning, sentence: sentence.into() })
}

fn at(offset: i64) -> When {
    When::at(NOW + offset, NOW, &ENGLISH)
}

fn sign_in(w: &Words) -> SignIn {
    SignIn {
        frame: frame(),
        asker: Some(Asker { name: Shown::name(&w.client), resource: Shown::name(&w.resource) }),
        again: false,
        notice: None,
        password: Some(form("/signin")),
        login: String::new(),
        providers: vec![],
        passkey: Some(passkey_form("/signin/passkey")),
    }
}

fn second_step() -> SecondStep {
    SecondStep { frame: frame(), form: form("/signin/code"), state: "state".to_owned(), notice: None }
}

fn enrol() -> Enrol {
    Enrol {
        frame: frame(),
        form: form("/account/totp"),
        state: "state".to_owned(),
        secret: vec!["GEZD".to_owned(), "GNBV".to_owned()],
        qr: Qr::new("otpauth://totp/as.example:ada?secret=GEZDGNBV"),
        notice: None,
        required: false,
    }
}

fn recovery_codes() -> RecoveryCodes {
    let codes = vec!["abcd-efgh-jkmn-pqrs".to_owned(); 10];
    RecoveryCodes { frame: frame(), codes, onward: "/account/security".to_owned() }
}

fn password(w: &Words) -> Password {
    let login = w.user.clone();
    Password { frame: frame(), form: form("/account/password"), login, has_one: true, notice: None }
}

fn provider(title: &str) -> ProviderLink {
    ProviderLink { title: Shown::name(title), href: "/signin/with/corp?m=mark".to_owned() }
}

fn permission(scope: &str, sentence: &str, actions: &[&str], kept: bool) -> Permission {
    Permission {
        name: "scope",
        value: scope.to_owned(),
        sentence: Shown::sentence(sentence),
        actions: actions.iter().map(|a| (*a).to_owned()).collect(),
        kept,
        arguments: Vec::new(),
    }
}

fn duration(seconds: i64) -> Duration {
    Duration {
        seconds,
        label: lasting(seconds, &ENGLISH),
        until: at(seconds),
        chosen: seconds == 30 * 86_400,
    }
}

fn security(w: &Words) -> Security {
    Security {
        frame: frame().signed_in(&w.user),
        notice: None,
        passkeys: vec![PasskeyRow {
            label: Shown::name(&w.client),
            added: at(-40 * 86_400),
            last_used: Some(at(-7_200)),
            remove: form("/account/passkeys/remove"),
        }],
        add: Some(passkey_form("/account/passkeys")),
        password: Some(true),
        totp: Some(TotpRow {
            added: at(-40 * 86_400),
            last_used: Some(at(-7_200)),
            codes_left: 9,
            codes: form("/account/totp/codes"),
            remove: form("/account/totp/remove"),
        }),
        totp_offered: true,
        end_others: form("/account/end-others"),
        identities: vec![IdentityRow {
            provider: Shown::name(&w.client),
            label: Shown::name(&w.user),
            added: at(-40 * 86_400),
            last_used: None,
            remove: form("/account/identities/remove"),
        }],
        connect: vec![provider(&w.resource)],
        sessions: vec![
            session("Firefox on Linux", "192.0.2.7", true),
            session(&w.client, "2001:db8::7", false),
        ],
        sign_out: form("/account/sign-out"),
    }
}

fn session(browser: &str, address: &str, this: bool) -> SessionRow {
    SessionRow {
        browser: Shown::name(browser),
        address: address.to_owned(),
        way: ENGLISH.way_passkey.to_string(),
        since: at(-7_200),
        last_used: at(-60),
        this,
        end: form("/account/sessions/end"),
    }
}

fn first_user(w: &Words) -> FirstUser {
    FirstUser {
        frame: frame(),
        form: form("/setup"),
        login: w.user.clone(),
        name: w.user.clone(),
        password: true,
        problems: FirstProblems::default(),
    }
}

fn welcome(w: &Words) -> Welcome {
    Welcome { frame: frame(), form: form("/setup/l_1"), name: Shown::name(&w.user) }
}

fn fault(w: &Words) -> Fault {
    Fault {
        frame: frame(),
        title: ENGLISH.fault_title,
        lead: ENGLISH.fault_client,
        detail: Some(Shown::sentence(&format!("{} is not a registered redirect address", w.client))),
        code: Some("invalid_request".to_owned()),
        trace: Ident::new("tr_7QdVb2mXcR0aL9pKs4TzYw"),
    }
}

fn device(w: &Words) -> DeviceCode {
    DeviceCode {
        frame: frame().signed_in(&w.user),
        form: form("/device"),
        compare: None,
        typed: w.client.clone(),
        notice: notice(Meaning::Refused, ENGLISH.device_wrong.to_string()),
    }
}

fn waiting() -> Device {
    Device { code: "WDJB-MJHT".to_owned(), asked: at(-70), from: "2001:db8::7".to_owned(), near: false }
}

fn calling() -> Calling {
    Calling {
        asked: at(-70),
        from: "2001:db8::7".to_owned(),
        message: Some(Shown::sentence("Transfer 20.00 EUR, #W4SCT")),
    }
}

fn refused(w: &Words) -> Refused {
    Refused {
        frame: frame().signed_in(&w.user),
        client: Shown::name(&w.client),
        host: w.host.clone(),
        link: format!("https://{}/cb?error=access_denied&state=x%22", w.host),
    }
}

/// Every page in every state.
///
/// # Errors
/// [`RenderError`] if a page cannot be written.
pub fn samples() -> Result<Vec<Sample>, RenderError> {
    let mut all = Vec::new();
    for w in words() {
        let mut add = |page, html| all.push(Sample { page, state: w.state, html });
        add("sign_in", sign_in(&w).render()?);
        add("consent", consent(&w).render()?);
        add("allowed", allowed(&w).render()?);
        add("grant", grant(&w).render()?);
        add("security", security(&w).render()?);
        add("first_user", first_user(&w).render()?);
        add("welcome", welcome(&w).render()?);
        add("fault", fault(&w).render()?);
        add("refused", refused(&w).render()?);
        add("device", device(&w).render()?);
        add("history", granted::history(&w).render()?);
        add("approve", approving::approve(&w).render()?);
        add("approvals", approving::approvals(&w).render()?);
    }
    let [usual, ..] = words();
    for w in words() {
        all.push(Sample { page: "organisation", state: w.state, html: consent::organisation(&w).render()? });
    }
    let granted = granted::special(&usual)?.into_iter().chain(approving::special(&usual)?);
    for (page, state, html) in
        special(&usual)?.into_iter().chain(consent::states()?).chain(second_factors(&usual)?).chain(granted)
    {
        all.push(Sample { page, state, html });
    }
    Ok(all)
}

type Special = (&'static str, &'static str, String);

fn second_factors(w: &Words) -> Result<Vec<Special>, RenderError> {
    let wrong = ENGLISH.wrong_code.to_string();
    let refused = Some(Notice { meaning: Meaning::Refused, sentence: wrong });
    Ok(vec![
        ("second_step", "usual", second_step().render()?),
        ("second_step", "refused", SecondStep { notice: refused, ..second_step() }.render()?),
        ("enrol", "usual", enrol().render()?),
        ("enrol", "required", Enrol { required: true, qr: None, ..enrol() }.render()?),
        ("recovery_codes", "usual", recovery_codes().render()?),
        ("password", "usual", password(w).render()?),
        ("password", "first", Password { has_one: false, ..password(w) }.render()?),
    ])
}

fn special(w: &Words) -> Result<Vec<Special>, RenderError> {
    let t = &ENGLISH;
    let dev = Frame { dev: true, ..frame() };
    let risky = Software {
        id_host: "cli_4TzYw7QdVb2mXcR0aL9pKs".to_owned(),
        standing: Standing::Unverified,
        redirect_host: "127.0.0.1:51234".to_owned(),
        loopback: true,
        ..consent(w).software
    };
    let too_short = FirstProblems {
        login: Some(t.bad_login),
        password: Some(t.bad_password),
        ..FirstProblems::default()
    };
    Ok(vec![
        ("sign_in", "account", SignIn { asker: None, frame: dev, ..sign_in(w) }.render()?),
        (
            "sign_in",
            "refused",
            SignIn {
                login: "alice".to_owned(),
                notice: notice(Meaning::Refused, t.wrong_credentials.to_string()),
                ..sign_in(w)
            }
            .render()?,
        ),
        (
            "sign_in",
            "providers",
            SignIn { providers: vec![provider(&w.client), provider("Example Corp")], ..sign_in(w) }
                .render()?,
        ),
        ("sign_in", "again", SignIn { asker: None, again: true, ..sign_in(w) }.render()?),
        ("sign_in", "passkey_only", SignIn { password: None, ..sign_in(w) }.render()?),
        ("sign_in", "password_only", SignIn { passkey: None, ..sign_in(w) }.render()?),
        (
            "consent",
            "risky",
            Consent {
                software: risky,
                notice: notice(Meaning::Attention, t.permissions_none.to_string()),
                ..consent(w)
            }
            .render()?,
        ),
        ("consent", "change", Consent { change: Some(change(w)), ..consent(w) }.render()?),
        ("consent", "called", Consent { called: Some(calling()), ..consent(w) }.render()?),
        ("consent", "device", Consent { device: Some(waiting()), ..consent(w) }.render()?),
        (
            "device",
            "compare",
            DeviceCode { compare: Some("WDJB-MJHT".to_owned()), notice: None, ..device(w) }.render()?,
        ),
        ("device", "empty", DeviceCode { typed: String::new(), notice: None, ..device(w) }.render()?),
        ("device_done", "allowed", DeviceDone { frame: frame().signed_in(&w.user), allowed: true }.render()?),
        ("device_done", "refused", DeviceDone { frame: frame(), allowed: false }.render()?),
        ("security", "empty", Security { passkeys: vec![], ..security(w) }.render()?),
        ("security", "number", Security { passkeys: vec![], add: None, ..security(w) }.render()?),
        (
            "first_user",
            "refused",
            FirstUser { problems: too_short, login: "Al ice".into(), ..first_user(w) }.render()?,
        ),
        ("first_user", "no_password", FirstUser { password: false, ..first_user(w) }.render()?),
        ("log_out", "usual", LogOut { frame: frame(), form: form("/logout/confirm") }.render()?),
        ("signed_out", "usual", SignedOut { frame: frame() }.render()?),
        (
            "fault",
            "elsewhere",
            Fault { title: t.elsewhere_title, lead: t.elsewhere_lead, detail: None, code: None, ..fault(w) }
                .render()?,
        ),
        (
            "fault",
            "ours",
            Fault { title: t.ours_title, lead: t.ours_lead, detail: None, code: None, ..fault(w) }
                .render()?,
        ),
    ])
}
