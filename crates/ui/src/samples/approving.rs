//! The pages about calls that wait for somebody to agree.

use super::{Special, Words, at, form, frame, notice};
use crate::*;

pub(super) fn approve(w: &Words) -> Approve {
    let value = |text: &str| ApproveValue {
        lines: vec![Shown::whole(text)],
        reading: number_reading(text).or_else(|| date_reading(text)),
        folded: None,
    };
    let line = |name: &str, title: Option<&str>, before: Option<&str>, after: &str| ApproveLine {
        name: Shown::exact(name),
        title: title.map(Shown::name),
        about: title.map(|_| Shown::sentence(&w.sentence)),
        before: before.map(|text| ApproveValue { reading: None, ..value(text) }),
        after: value(after),
    };
    let letter = ApproveValue {
        lines: ["Dear Bob,", "\\u{a}", &w.sentence].map(Shown::whole).to_vec(),
        reading: None,
        folded: Some(Folded {
            ends: Shown::whole(&format!("Dear Bob, {} … {}", w.sentence, w.client)),
            more: ENGLISH.approve_show_all.with("n", 4_812).to_string(),
        }),
    };
    Approve {
        frame: frame().signed_in(&w.user),
        notice: None,
        agent: Shown::name(&w.client),
        lead: ENGLISH.approve_lead.with("name", Shown::name(&w.user)).to_string(),
        chain: chain(w),
        what: Shown::sentence(&w.sentence),
        tool: "tool:modify_employee".to_owned(),
        lines: vec![
            line("id", Some("Employee"), None, &w.resource),
            line("salary", Some(&w.resource), Some("50000"), "1052000"),
            line("from", None, None, "2027-01-01T00:00:00+01:00"),
            line(&w.sentence, None, None, &w.sentence),
            ApproveLine { after: letter, ..line("letter", None, None, "") },
        ],
        worded: true,
        forgotten: false,
        risk: ENGLISH.approve_risk_high.to_string(),
        undo: ENGLISH.approve_undo_no.to_string(),
        because: Shown::sentence(&w.sentence),
        who: ENGLISH.approve_who_of.with("n", 2).with("who", "hr").to_string(),
        votes: vec![],
        asked: at(-40),
        until: at(3_560),
        stands: ENGLISH.approve_stands_pending.with("n", 0).with("of", 2).to_string(),
        id: Ident::new("apt_7QdVb2mXcR0aL9pKs4TzYw"),
        surely: None,
        decide: Some(form("/approve/apt_1")),
        may_agree: true,
        offer: None,
        live: Some(Live { address: "/approve/apt_1/state".to_owned(), seen: "pending 0".to_owned() }),
        sign_out: form("/account/sign-out"),
    }
}

fn chain(w: &Words) -> Vec<Hop> {
    vec![
        Hop::actor(&w.user, ENGLISH.chain_you.to_string()),
        Hop::actor(&w.client, ENGLISH.chain_agent.to_string()),
        Hop::place(&format!("{}/modify_employee", w.resource), String::new()),
    ]
}

fn conditions(w: &Words) -> Vec<ConditionRow> {
    let row = |name: &str, up_to, value: &str| ConditionRow {
        name: Shown::whole(name),
        up_to,
        value: Shown::whole(value),
    };
    vec![row("id", false, &w.resource), row("salary", true, "52000")]
}

pub(super) fn approvals(w: &Words) -> Approvals {
    Approvals {
        frame: frame().signed_in(&w.user),
        notice: None,
        waiting: vec![WaitingRow {
            what: Shown::sentence(&w.sentence),
            chain: chain(w),
            because: Shown::sentence(&w.sentence),
            asked: at(-40),
            until: at(3_560),
            href: "/approve/apt_1".to_owned(),
        }],
        rules: vec![StandingRow {
            what: Shown::sentence(&format!("{}: modify_employee", w.client)),
            conditions: conditions(w),
            by: Shown::name(&w.user),
            until: at(6 * 86_400),
            end: form("/account/approvals/rules/apr_1/end"),
        }],
        decided: vec![DecidedRow {
            when: at(-7_200),
            what: Shown::sentence(&w.sentence),
            stands: ENGLISH.approve_stands_used.to_string(),
            href: "/approve/apt_2".to_owned(),
        }],
        live: Live { address: "/account/approvals/state".to_owned(), seen: "1".to_owned() },
        sign_out: form("/account/sign-out"),
    }
}

pub(super) fn special(w: &Words) -> Result<Vec<Special>, RenderError> {
    let t = &ENGLISH;
    let weak = Approve { surely: Some("/signin?sure=apt_1".to_owned()), may_agree: false, ..approve(w) };
    let alike = StandingOffer { conditions: conditions(w), days: vec![1, 7, 30], mark: "00".to_owned() };
    let agreed = Approve {
        notice: notice(Meaning::Permitted, t.approve_done_agreed.to_string()),
        votes: vec![Shown::sentence("Bob agreed: “as discussed”")],
        stands: t.approve_stands_approved.to_string(),
        decide: None,
        ..approve(w)
    };
    let over = Approve {
        lines: vec![],
        worded: false,
        forgotten: true,
        stands: t.approve_stands_void.to_string(),
        decide: None,
        live: None,
        ..approve(w)
    };
    let none = Approvals { waiting: vec![], rules: vec![], decided: vec![], ..approvals(w) };
    Ok(vec![
        ("approve", "alike", Approve { offer: Some(alike), ..approve(w) }.render()?),
        ("approve", "surely", weak.render()?),
        ("approve", "agreed", agreed.render()?),
        ("approve", "over", over.render()?),
        ("approve", "empty", Approve { lines: vec![], worded: false, ..approve(w) }.render()?),
        ("approvals", "empty", none.render()?),
    ])
}
