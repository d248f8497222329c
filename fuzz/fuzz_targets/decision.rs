//! Whatever is asked of a decision point, and whatever another one answers: nothing panics, what is read is written and read
//! back the same, and what an obligation takes out of a result is not in it any more.
#![no_main]

use libfuzzer_sys::fuzz_target;
use prokura_core::{Obligation, Rewriting, Selector, Timestamp};
use prokura_oauth::json::{Limits, Object, Value, obj, parse};
use prokura_policy::authzen::{
    AccessRequest, Decision, Evaluation, Evaluations, MAX_EVALUATIONS, Metadata, Search, declared,
    obligations_from, obligations_to,
};
use prokura_policy::pdp::{
    HashKey, REDACTED, aims, find, from_object, from_words, leaves, rewrite, to_object,
};

const NAMES: [&str; 11] =
    ["drop", "redact", "hash", "mask", "only", "rows", "size", "rate", "approval", "target", "review"];

fn evaluation(read: &Evaluation) {
    let again = Evaluation::read(obj([
        ("subject", read.subject.to_object().into()),
        ("action", read.action.to_object().into()),
        ("resource", read.resource.to_object().into()),
        ("context", Object::clone(&read.context).into()),
    ]));
    assert_eq!(again.as_ref(), Ok(read));
}

fn question(object: &Object) {
    match Evaluations::read(object.clone()) {
        Ok(Evaluations::One(one)) => evaluation(&one),
        Ok(Evaluations::Many(_, all)) => {
            assert!((1..=MAX_EVALUATIONS).contains(&all.len()));
            all.iter().flatten().for_each(evaluation);
        }
        Err(_) => {}
    }
    for search in [Search::subjects, Search::resources, Search::actions] {
        if let Ok(search) = search(object.clone()) {
            let query = search.query();
            let again = parse(&query, &Limits::DOCUMENT).expect("a query is JSON");
            assert_eq!(again.to_jcs(), query);
        }
    }
}

fn answer(object: &Object) {
    if let Ok(decision) = Decision::read(object.clone()) {
        assert_eq!(object.get("decision").and_then(Value::as_bool), Some(decision.permitted));
        assert_eq!(Decision::read(decision.to_object()).as_ref(), Ok(&decision));
        let _ = (AccessRequest::offered(&decision.context), declared(&decision.context));
        if let Ok(all) = obligations_from(&decision.context) {
            let again = obligations_from(&obj([("obligations", obligations_to(&all))]));
            assert_eq!(again.as_ref(), Ok(&all));
        }
    }
    if let Some(point) = object.str("policy_decision_point")
        && let Ok(metadata) = Metadata::read(object, point)
    {
        assert_eq!(Metadata::read(&metadata.to_object(), point), Ok(metadata));
    }
}

fn obliged(obligation: &Obligation) {
    let written = to_object(obligation).expect("what policies write can be written");
    assert_eq!(from_object(&written).as_ref(), Ok(obligation), "{written:?}");
    if let Obligation::Approval(need) = obligation {
        assert!(need.of > 0 && !need.approvers.is_empty() && !need.lasts.is_zero());
        assert!(Timestamp::from_seconds(0).after(need.lasts) > Timestamp::from_seconds(0));
    }
}

/// What is taken out at `at` is not there afterwards.
fn rewritten(obligation: Obligation, value: &Value) {
    let Obligation::Rewrite(one) = obligation else { return };
    let (mut released, how) = (value.clone(), one.how.clone());
    let key = HashKey::new(&[7; 32], &["fuzz"]);
    if rewrite(&mut released, std::slice::from_ref(&one), &key).is_err() {
        return;
    }
    for at in one.at.iter().filter(|at| !at.parts().is_empty()) {
        let Ok(left) = find(&released, at) else { continue };
        match how {
            // An item of a list leaves a gap, so that the others keep their places.
            Rewriting::Drop => assert!(left.iter().all(Value::is_null), "{at}: {left:?}"),
            Rewriting::Redact => {
                assert!(left.iter().all(|v| v.is_null() || v.as_str() == Some(REDACTED)), "{at}: {left:?}")
            }
            Rewriting::Mask(_) | Rewriting::Hash | Rewriting::Only(_) => {}
        }
    }
}

fuzz_target!(|bytes: &[u8]| {
    // A text, and after a zero byte a document to which it is applied.
    let at = bytes.iter().position(|b| *b == 0).unwrap_or(bytes.len());
    let (text, document) = (&bytes[..at], bytes.get(at + 1..).unwrap_or_default());
    let value = parse(document, &Limits::MESSAGE).ok();
    if let Ok(text) = std::str::from_utf8(text) {
        if let Ok(selector) = Selector::parse(text) {
            assert_eq!(Selector::parse(&selector.to_string()).as_ref(), Ok(&selector));
            let _ = value.as_ref().map(|value| (aims(value, &selector), leaves(value, 16)));
        }
        for obligation in NAMES.iter().filter_map(|name| from_words(name, text).ok()) {
            obliged(&obligation);
            if let Some(value) = &value {
                rewritten(obligation, value);
            }
        }
    }
    if let Some(object) = parse(text, &Limits::DOCUMENT).ok().and_then(Value::into_object) {
        question(&object);
        answer(&object);
        if let Ok(obligation) = from_object(&object) {
            obliged(&obligation);
        }
    }
});
