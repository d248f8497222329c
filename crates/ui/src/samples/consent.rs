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
