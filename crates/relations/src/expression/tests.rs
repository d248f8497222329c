use super::*;
use prokura_oauth::json::{Limits, parse};

fn object(text: &str) -> Object {
    parse(text.as_bytes(), &Limits { max_bytes: 1 << 20, max_depth: 64 }).unwrap().into_object().unwrap()
}

fn value(text: &str, params: &str) -> Result<Option<String>, Unevaluated> {
    let expression = Expression::new(text, &["params", "token"]).unwrap_or_else(|e| panic!("{text}: {e}"));
    let (params, token) = (object(params), object(r#"{"sub":"usr_alice","roles":["a","b"]}"#));
    let inputs = Inputs::new([("params", &params), ("token", &token)]);
    Ok(expression.evaluate(&inputs)?.map(|v| v.to_string()))
}

fn refused(text: &str) -> InvalidExpression {
    Expression::new(text, &["params", "token"]).err().unwrap_or_else(|| panic!("{text} is taken"))
}

#[test]
fn an_expression_has_the_value_that_the_draft_says() {
    for (text, expected) in [
        ("token.sub", Some(r#""usr_alice""#)),
        ("token.?client_id", None),
        ("token.?sub", Some(r#""usr_alice""#)),
        ("params.name", Some(r#""get""#)),
        ("params.arguments.id", Some(r#""c-1""#)),
        ("params.arguments['customer-id']", Some("7")),
        ("params.arguments.?no.?such", None),
        ("'urn:doc:' + params.arguments.id", Some(r#""urn:doc:c-1""#)),
        ("params.arguments.amount > 10000 ? 'high' : 'standard'", Some(r#""high""#)),
        ("token.roles.exists(r, r == 'b') ? 'x' : 'y'", Some(r#""x""#)),
        ("params.arguments", Some(r#"{"amount":10000.5,"customer-id":7,"id":"c-1","nil":null}"#)),
        ("params.arguments.nil", Some("null")),
        ("token.roles.map(r, r)", Some(r#"["a","b"]"#)),
        ("has(params.arguments.id)", Some("true")),
        ("params.arguments.id.matches('^c-[0-9]+$')", Some("true")),
    ] {
        let arguments =
            r#"{"name":"get","arguments":{"id":"c-1","customer-id":7,"amount":10000.5,"nil":null}}"#;
        assert_eq!(value(text, arguments), Ok(expected.map(str::to_owned)), "{text}");
    }
}

#[test]
fn what_is_not_there_is_an_error_that_names_it_and_nothing_else() {
    assert_eq!(value("params.region", "{}"), Err(Unevaluated::NoKey("region".into())));
    for text in
        ["params.a + 1", "params.a.b", "1 / 0", "params.a[7]", "nonsense(params.a)", "timestamp(params.a)"]
    {
        let why = value(text, r#"{"a":"secret-value"}"#).unwrap_err();
        assert!(!why.to_string().contains("secret"), "{text}: {why}");
    }
    assert_eq!(value("timestamp('2026-01-01T00:00:00Z')", "{}"), Err(Unevaluated::Form));
    assert_eq!(value("{1: 2}", "{}"), Err(Unevaluated::Form));
    assert_eq!(value("b'x'", "{}"), Err(Unevaluated::Form));
    assert_eq!(value("[token.?none]", "{}"), Err(Unevaluated::Form));
}

#[test]
fn e15_a_number_is_the_same_afterwards_or_nothing_is_computed() {
    for (number, same) in [
        ("7", "7"),
        ("7.0", "7"),
        ("70e-1", "7"),
        ("-0", "0"),
        ("-0.0", "0"),
        ("0.1", "0.1"),
        ("1.50", "1.5"),
        ("9007199254740993", "9007199254740993"),
        ("9223372036854775807", "9223372036854775807"),
        ("-9223372036854775808", "-9223372036854775808"),
        ("1e20", "100000000000000000000"),
        ("1e3", "1000"),
    ] {
        let found = value("params.n", &format!(r#"{{"n":{number}}}"#));
        assert_eq!(found, Ok(Some(same.to_owned())), "{number}");
        if same.len() <= 20 {
            let equal = value(&format!("params.n == {same}"), &format!(r#"{{"n":{number}}}"#));
            assert_eq!(equal, Ok(Some("true".to_owned())), "{number}");
        }
    }
    for number in
        ["9223372036854775808", "9007199254740993.0", "0.10000000000000000001", "1e400", "-1e400", "1e-400"]
    {
        let found = value("params.n", &format!(r#"{{"n":{number}}}"#));
        assert_eq!(found, Err(Unevaluated::Number), "{number}");
        assert_eq!(
            value("token.sub", &format!(r#"{{"n":{number}}}"#)).unwrap().as_deref(),
            Some(r#""usr_alice""#)
        );
    }
}

#[test]
fn an_expression_that_could_cost_more_than_it_tells_is_not_taken() {
    let costly = |text: &str| assert!(matches!(refused(text), InvalidExpression::Costly(_)), "{text}");
    costly("params.l.map(x, x + x)");
    costly("params.l.map(x, [x, x])");
    costly("params.l.map(x, {'a': x})");
    costly("params.l.filter(x, size(x + x) > 2)");
    costly("params.l.all(a, params.l.all(b, params.l.all(c, a == b)))");
    costly("params.a.matches(params.b)");
    costly("params.a.matches('(a{1000}){1000}')");
    costly("google.protobuf.Struct{a: 1}");
    assert_eq!(refused(&format!("'{}'", "x".repeat(1024))), InvalidExpression::Long);
    assert_eq!(refused("env.HOME"), InvalidExpression::Unknown("env".into()));
    for text in ["params.", "1 +", "'", "params.a ? 'x'", "", "$params.a", "((((("] {
        assert!(matches!(refused(text), InvalidExpression::Syntax(_)), "{text}");
    }
}

#[test]
fn an_expression_that_is_deep_takes_no_more_of_the_stack_than_there_is() {
    let nested = |open: &str, close: &str, n: usize| format!("{}1{}", open.repeat(n), close.repeat(n));
    for text in [
        nested("(", ")", 400),
        nested("[", "]", 300),
        nested("{'a':", "}", 150),
        nested("!", "", 900),
        nested("-", "", 900),
        nested("true ? 1 : ", "", 90),
        nested("1+", "", 400),
        format!("params{}", ".a".repeat(400)),
        nested("size(", ")", 150),
    ] {
        assert!(matches!(refused(&text), InvalidExpression::Costly(_)), "{text}");
    }
    // As deep as they may be, they are read, or refused, and nothing breaks.
    for text in [
        nested("(", ")", 24),
        nested("[", "]", 24),
        nested("{'a':", "}", 24),
        nested("size(", ")", 24),
        nested("-", "", 96),
        nested("!", "", 96),
        nested("true ? 1 : ", "", 24),
        nested("1+", "", 96),
        nested("true ? (1) : (", ")", 8),
        format!("params{}", ".a".repeat(96)),
        format!("params{}", ".?a".repeat(24)),
        nested("[1].map(x, x).map(x, ", ")", 2),
    ] {
        if let Ok(expression) = Expression::new(&text, &["params"]) {
            let params = Object::new();
            let _any = expression.evaluate(&Inputs::new([("params", &params)]));
        }
    }
    assert_eq!(value(&nested("1+", "", 15), "{}"), Ok(Some("16".into())));
    assert!(matches!(refused(&nested("1+", "", 16)), InvalidExpression::Costly(_)));
}

#[test]
fn an_expression_is_not_evaluated_over_more_than_it_can_cost() {
    let list = |n: usize| format!(r#"{{"l":[{}]}}"#, vec!["\"0123456789abcdef\""; n].join(","));
    let nested = "params.l.exists(a, params.l.exists(b, a == b && a == 'x'))";
    assert_eq!(value(nested, &list(20)), Ok(Some("false".into())));
    assert_eq!(value(nested, &list(2000)), Err(Unevaluated::Costly));
    assert_eq!(value("params.l.map(a, params.l)[0][0]", &list(5000)), Err(Unevaluated::Costly));
    assert_eq!(value("params.l.all(a, a != 'x')", &list(100)), Ok(Some("true".into())));
    assert_eq!(value("size(params.l)", &list(5000)), Ok(Some("5000".into())));
    // What is only read costs nothing more, however much there is.
    assert_eq!(value("params.l[4999]", &list(5000)).unwrap().as_deref(), Some(r#""0123456789abcdef""#));
}
