//! The pages about what was allowed.

use super::consent::{paying, unfit};
use super::{Special, Words, at, form, frame, notice, permission};
use crate::*;

pub(super) fn allowed(w: &Words) -> Allowed {
    Allowed {
        frame: frame().signed_in(&w.user),
        notice: None,
        agents: vec![
            AgentRow {
                name: Shown::name(&w.client),
                hosts: vec![w.host.clone()],
                grants: vec![
                    GrantRow { tree: tree(w, &[1, 2, 1]), below: 3, ..row(w, "sales", true) },
                    row(w, "staff", false),
                ],
            },
            AgentRow {
                name: Shown::name("Reporter"),
                hosts: vec!["reporter.example".to_owned()],
                grants: vec![GrantRow { by_operator: true, ..row(w, "sales", false) }],
            },
        ],
        newer: None,
        older: None,
        revoke_all: form("/account/revoke-all"),
        sign_out: form("/account/sign-out"),
    }
}

/// What was allowed, changed and ended.
pub(super) fn history(w: &Words) -> History {
    let row = |ago: i64, what: String, who: String, href: Option<&str>| HistoryRow {
        when: at(-ago),
        agent: Shown::name(&w.client),
        resource: Shown::name(&w.resource),
        what: Shown::whole(&what),
        who: Shown::name(&who),
        href: href.map(str::to_owned),
    };
    let (t, you, grant) = (&ENGLISH, ENGLISH.by_you.to_string(), Some("/account/grants/g_1"));
    let ended = t.happened_ended.with("why", t.why_disuse).to_string();
    History {
        frame: frame().signed_in(&w.user),
        rows: vec![
            row(40, t.past_agreed.with("what", "modify_employee").to_string(), w.user.clone(), grant),
            row(7_200, ended, t.by_system.to_string(), None),
            row(90_000, t.past_refused.to_string(), you.clone(), None),
            row(
                9 * 86_400,
                t.past_allowed.with("what", Shown::sentence(&w.sentence)).to_string(),
                you,
                grant,
            ),
        ],
        newer: None,
        older: Some("/account/history?before=7".to_owned()),
        sign_out: form("/account/sign-out"),
    }
}

fn row(w: &Words, resource: &str, used: bool) -> GrantRow {
    GrantRow {
        id: Ident::new("g_7QdVb2mXcR0aL9pKs4TzYw"),
        resource: Shown::name(resource),
        permissions: permissions(w),
        chain: chain(w, resource),
        stand: if used { Stand::Active } else { Stand::Paused },
        since: at(-9 * 86_400),
        expires: at(181 * 86_400),
        unused: used.then(|| at(90 * 86_400)),
        last_used: used.then(|| at(-180)),
        by_operator: false,
        href: "/account/grants/g_1".to_owned(),
        tree: vec![],
        below: 0,
        suspend: used.then(|| form("/account/grants/g_1/suspend")),
        resume: (!used).then(|| form("/account/grants/g_1/resume")),
        revoke: form("/account/grants/g_1/revoke"),
    }
}

fn permissions(w: &Words) -> Vec<Shown> {
    vec![Shown::sentence(&w.sentence), Shown::sentence("Generate sales summaries")]
}

fn chain(w: &Words, resource: &str) -> Vec<Hop> {
    vec![
        Hop::actor(&w.user, ENGLISH.chain_you.to_string()),
        Hop::actor(&w.client, ENGLISH.chain_agent.to_string()),
        Hop::place(resource, ENGLISH.chain_limit.with("n", 2).to_string()),
    ]
}

/// What came of a grant: a hop each, so far below the top.
fn tree(w: &Words, depths: &[usize]) -> Vec<Branch> {
    let mut branches: Vec<Branch> = depths.iter().map(|depth| branch(w, *depth)).collect();
    Branch::nest(&mut branches, depths);
    branches
}

fn branch(w: &Words, depth: usize) -> Branch {
    let stands = [Stand::Active, Stand::Active, Stand::Paused, Stand::Above, Stand::Expired, Stand::Ended];
    let acts = ENGLISH.chain_agent_for.with("name", Shown::name(&w.client)).to_string();
    Branch {
        hops: vec![Hop::actor(&w.client, acts), Hop::place(&w.resource, ENGLISH.chain_limit_one.to_string())],
        permissions: vec![Shown::sentence(&w.sentence)],
        stand: stands.get(depth).copied().unwrap_or(Stand::Stopped),
        last_used: (depth < 3).then(|| at(-3_600)),
        expires: at(3_600),
        id: Ident::new("g_9sTzYw7QdVb2mXcR0aL9pK"),
        href: "/account/grants/g_2".to_owned(),
        below: 0,
        more: if depth == 3 { 950 } else { 0 },
        closes: 0,
    }
}

pub(super) fn grant(w: &Words) -> GrantPage {
    GrantPage {
        frame: frame().signed_in(&w.user),
        notice: None,
        agent: Shown::name(&w.client),
        resource: Shown::name(&w.resource),
        chain: chain(w, "sales"),
        stand: Stand::Active,
        stand_more: None,
        permissions: permissions(w),
        made: ENGLISH.granted_by_you.to_string(),
        id: Ident::new("g_7QdVb2mXcR0aL9pKs4TzYw"),
        since: at(-9 * 86_400),
        expires: at(181 * 86_400),
        unused: Some(at(90 * 86_400)),
        last_used: Some(at(-180)),
        receipt: Some("/account/grants/g_1/receipt".to_owned()),
        budget: vec![Shown::sentence(&ENGLISH.budget_calls.with("left", 88).with("most", 100).to_string())],
        holders: vec![Shown::name("Reporter"), Shown::name(&w.client)],
        narrow: Some(narrowing(w)),
        suspend: Some(form("/account/grants/g_1/suspend")),
        resume: None,
        revoke: Some(form("/account/grants/g_1/revoke")),
        tree: tree(w, &[1, 2, 1]),
        tree_next: None,
        tree_ended: Some("/account/grants/g_1?ended=1".to_owned()),
        history: vec![
            happened(-180, &ENGLISH.happened_used.with("what", "tool:read_report").to_string(), &w.client),
            happened(-9 * 86_400, &ENGLISH.happened_made.to_string(), "you"),
        ],
        older: Some("/account/grants/g_1?before=7".to_owned()),
        sign_out: form("/account/sign-out"),
    }
}

fn happened(offset: i64, what: &str, who: &str) -> Happened {
    Happened { when: at(offset), what: Shown::sentence(what), who: Shown::name(who) }
}

fn narrowing(w: &Words) -> Narrowing {
    let duration = |seconds: i64| Duration {
        seconds,
        label: lasting(seconds, &ENGLISH),
        until: at(seconds),
        chosen: false,
    };
    Narrowing {
        form: form("/account/grants/g_1/narrow"),
        revision: 3,
        permissions: vec![
            permission("read:report", &w.sentence, &["tool:read_report", "resource:report/*"], true),
            permission("tools:summary", "Generate sales summaries", &["tool:generate_summary"], true),
        ],
        by_rule: None,
        agents: vec![AgentChoice { id: "agt_reporter".to_owned(), name: Shown::name(&w.client), kept: true }],
        durations: [3_600, 86_400, 7 * 86_400].map(duration).to_vec(),
    }
}

/// With values that can be taken away; `wrong` if what was answered cannot be.
fn valued(w: &Words, wrong: bool) -> GrantPage {
    let usual = narrowing(w);
    let scopes = usual.permissions.into_iter().take(1);
    let scopes = scopes.map(|scope| Permission { kept: !wrong, ..scope });
    let agents = usual.agents.into_iter().map(|agent| AgentChoice { kept: !wrong, ..agent });
    let durations = usual.durations.into_iter().enumerate();
    let narrow = Narrowing {
        permissions: scopes.chain([paying(wrong)]).collect(),
        by_rule: Some(!wrong),
        agents: agents.collect(),
        durations: durations.map(|(i, d)| Duration { chosen: wrong && i == 1, ..d }).collect(),
        ..narrowing(w)
    };
    GrantPage { notice: wrong.then(unfit), narrow: Some(narrow), ..grant(w) }
}

pub(super) fn special(w: &Words) -> Result<Vec<Special>, RenderError> {
    let t = &ENGLISH;
    let gone = t.revoked_one.with("agent", "Planner").with("resource", "Sales").to_string();
    let paused = GrantPage {
        stand: Stand::Paused,
        stand_more: Some(t.paused_more.with("agent", "Planner").to_string()),
        suspend: None,
        resume: Some(form("/account/grants/g_1/resume")),
        ..grant(w)
    };
    let ended = GrantPage {
        stand: Stand::Ended,
        stand_more: Some(
            t.ended_more.with("when", "3 days ago").with("why", &*t.why_disuse.to_string()).to_string(),
        ),
        narrow: None,
        suspend: None,
        revoke: None,
        tree: vec![],
        history: vec![],
        ..grant(w)
    };
    let wide: Vec<usize> = vec![1; 50];
    Ok(vec![
        ("allowed", "empty", Allowed { agents: vec![], ..allowed(w) }.render()?),
        (
            "allowed",
            "revoked",
            Allowed {
                notice: notice(Meaning::Permitted, gone),
                older: Some("/account?after=g_1".into()),
                ..allowed(w)
            }
            .render()?,
        ),
        ("grant", "paused", paused.render()?),
        ("grant", "ended", ended.render()?),
        ("grant", "values", valued(w, false).render()?),
        ("grant", "values_wrong", valued(w, true).render()?),
        ("grant", "deep", GrantPage { tree: tree(w, &[1, 2, 3, 4, 5]), ..grant(w) }.render()?),
        (
            "grant",
            "wide",
            GrantPage {
                tree: tree(w, &wide),
                tree_next: Some("/account/grants/g_1?skip=50".into()),
                ..grant(w)
            }
            .render()?,
        ),
        (
            "grant",
            "refused",
            GrantPage { notice: notice(Meaning::Refused, t.took_wider.to_string()), ..grant(w) }.render()?,
        ),
    ])
}
