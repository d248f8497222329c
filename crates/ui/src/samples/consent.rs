//! The consent page in its states.

use super::{HOSTILE, Special, Words, duration, form, frame, permission, words};
use crate::*;

pub(super) fn consent(w: &Words) -> Consent {
    let (resource, text) = (Shown::name(&w.resource), &ENGLISH);
    Consent {
        frame: frame().signed_in(&w.user),
        form: form("/consent"),
        switch: form("/consent/switch"),
        notice: None,
        software: Software {
            name: Shown::name(&w.client),
            id_host: w.host.clone(),
            id: Ident::new(&format!("https://{}/client.json", w.host)),
            standing: Standing::Published,
            redirect_host: w.host.clone(),
            loopback: false,
        },
        device: None,
        called: None,
        changed: vec![],
        organisation: false,
        withheld: None,
        change: None,
        chain: vec![
            Hop::actor(&w.user, text.chain_you.to_string()),
            Hop::actor(&w.client, text.chain_agent.to_string()),
            Hop::place("sales", text.chain_limit.with("n", 3).to_string()),
        ],
        resource,
        resource_uri: "https://as.example/mcp/sales".to_owned(),
        permissions: vec![
            permission("read:report", &w.sentence, &["tool:read_report", "resource:report/*"], true),
            permission(
                "tools:generate_summary",
                "Generate sales summaries",
                &["tool:generate_summary"],
                true,
            ),
            permission("delete:report", "Delete sales reports", &["tool:delete_report"], false),
        ],
        budgets: vec![],
        further: vec![],
        durations: [3_600, 86_400, 30 * 86_400, 90 * 86_400].map(duration).to_vec(),
    }
}

pub(super) fn change(w: &Words) -> Change {
    Change {
        title: ENGLISH.change_title,
        lead: ENGLISH.change_lead,
        already: vec![Shown::sentence(&w.sentence)],
        new: vec![Shown::sentence("Generate sales summaries")],
        ends: vec![Shown::sentence("Delete sales reports")],
    }
}

pub(super) fn organisation(w: &Words) -> Organisation {
    Organisation {
        frame: frame().signed_in(&w.user),
        form: form("/interaction/i_1"),
        switch: form("/interaction/i_1/switch"),
        client: Shown::name(&w.client),
        resource: Shown::name(&w.resource),
        withheld: withheld(w),
    }
}

fn withheld(w: &Words) -> Withheld {
    Withheld {
        said: vec![Shown::sentence(&w.sentence), Shown::sentence("Delete sales reports")],
        contact: Some(Shown::sentence("the IT desk, it@example.com")),
    }
}

fn further(name: &str, id: &str, kept: bool) -> Further {
    Further {
        value: id.to_owned(),
        name: Shown::name(name),
        id: Ident::new(id),
        most: ENGLISH.further_most.with("n", 3).to_string(),
        kept,
    }
}

/// Through others: a usual one, one with a long name, and one that would like to be read as another.
fn through(w: &Words) -> Consent {
    let long = "Wolfeschlegelsteinhausenbergerdorff".repeat(3);
    let all = vec![
        further("Reporter", "agt_7QdVb2mXcR0aL9pKs4TzYw", true),
        further(&long, "agt_long", true),
        further("Reporter", "agt_look-alike", false),
        further(HOSTILE, "agt_hostile", true),
    ];
    let usual = consent(w);
    let mut chain = usual.chain.clone();
    let part = ENGLISH.chain_part.to_string();
    for (place, agent) in all.iter().filter(|f| f.kept).enumerate() {
        chain.insert(2 + place, Hop::actor(agent.name.as_str(), part.clone()));
    }
    Consent { chain, further: all, budgets: vec![Shown::sentence("At most 20 calls")], ..usual }
}

fn changed() -> Vec<Changed> {
    let one = |what, before: &str, after: &str| Changed {
        what,
        before: Shown::name(before),
        after: Shown::name(after),
    };
    vec![
        one(ENGLISH.changed_name, "Planner", HOSTILE),
        one(ENGLISH.changed_answers, "planner.example", "planner.example, xn--plnner-bva.example"),
        one(ENGLISH.changed_home, "", "cdn.example"),
    ]
}

/// A payment whose accounts, amount and folder can be tightened; `wrong` is what was answered before.
/// A permission with values that can be taken away.
pub(super) fn paying(wrong: bool) -> Permission {
    let value = |place: &str, said: &str, kept| ArgumentValue {
        value: place.to_owned(),
        said: Shown::whole(&format!("“{}”", Shown::exact(said))),
        kept,
    };
    let bound = |field: &str, value: &str, number| ArgumentPart::Bound {
        field: field.to_owned(),
        value: value.to_owned(),
        number,
    };
    let argument = |label: &str, part, wrong: Option<&str>| Argument {
        label: Shown::whole(label),
        part,
        wrong: wrong.map(Shown::whole),
    };
    let (long, hostile) = ("account-of-somebody-".repeat(8), format!("bob\u{200b}{HOSTILE}"));
    let accounts = vec![
        value("0.0.0", "DE02 1203 0000 0000 2020 51", !wrong),
        value("0.0.1", "DE02 5001 0517 0137 0750 30", !wrong),
        value("0.0.2", &long, !wrong),
        value("0.0.3", "מוטב", false),
        value("0.0.4", &hostile, !wrong),
    ];
    let (none, much) =
        (ENGLISH.argument_none.to_string(), ENGLISH.argument_bound_wrong.with("was", 500).to_string());
    let arguments = vec![
        argument("recipient is one of", ArgumentPart::Values(accounts), wrong.then_some(none.as_str())),
        argument(
            "amount is at most",
            bound("bound.0.1", if wrong { "50000" } else { "500" }, true),
            wrong.then_some(much.as_str()),
        ),
        argument("file is like (* stands for anything)", bound("bound.0.2", "/invoices/2026/*", false), None),
    ];
    Permission {
        name: "detail",
        value: "0".to_owned(),
        sentence: Shown::whole("Use pay_invoice, only where currency is “EUR”, and"),
        actions: vec![],
        kept: true,
        arguments,
    }
}

/// What is said of an answer that cannot be.
pub(super) fn unfit() -> Notice {
    Notice { meaning: Meaning::Attention, sentence: ENGLISH.permissions_wrong.to_string() }
}

fn values(w: &Words, wrong: bool) -> Consent {
    let usual = consent(w);
    let permissions = usual.permissions.iter().take(1).cloned().chain([paying(wrong)]).collect();
    Consent { notice: wrong.then(unfit), permissions, ..usual }
}

pub(super) fn states() -> Result<Vec<Special>, RenderError> {
    let [usual, ..] = words();
    let w = &usual;
    let more = Change {
        title: ENGLISH.more_title,
        lead: ENGLISH.more_lead,
        already: vec![Shown::sentence(&w.sentence)],
        new: vec![],
        ends: vec![],
    };
    let new: Vec<_> = consent(w).permissions.into_iter().skip(1).collect();
    Ok(vec![
        ("consent", "values", values(w, false).render()?),
        ("consent", "values_wrong", values(w, true).render()?),
        ("consent", "through", through(w).render()?),
        ("consent", "changed", Consent { changed: changed(), ..consent(w) }.render()?),
        ("consent", "more", Consent { change: Some(more), permissions: new, ..consent(w) }.render()?),
        ("consent", "withheld", Consent { withheld: Some(withheld(w)), ..consent(w) }.render()?),
        (
            "consent",
            "organisation",
            Consent { organisation: true, durations: vec![], ..consent(w) }.render()?,
        ),
        (
            "organisation",
            "nobody",
            Organisation { withheld: Withheld { contact: None, ..withheld(w) }, ..organisation(w) }
                .render()?,
        ),
    ])
}
