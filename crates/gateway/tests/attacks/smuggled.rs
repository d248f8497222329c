//! Arguments smuggled past a decision: whatever a caller writes, what policies decided on is byte for byte what the upstream
//! is sent, or the call is refused. A reader that nobody here wrote says what the caller's own text meant.

use crate::world::rules::{Rules, permit};
use crate::world::{CONFIG, Reply, Seen, TokenFor, World, alice, meta};
use proptest::prelude::{Just, Strategy, any, prop};
use proptest::strategy::ValueTree as _;
use proptest::test_runner::TestRunner;
use serde_json::{Value, json};
use std::sync::Arc;

/// A server with a tool whose arguments have types, one that names only some, and one without a schema.
fn tools(seen: &Seen) -> Reply {
    let typed = json!({"type": "object", "required": ["to"], "additionalProperties": false, "properties": {
        "to": {"type": "string"}, "n": {"type": "integer"}, "x": {"type": "number"},
        "deep": {"type": "object", "properties": {"a": {"type": "array"}}}, "note": {"type": ["string", "null"]}}});
    match seen.mcp().as_str() {
        "tools/list" => Reply::result(
            seen,
            json!({"tools": [
            {"name": "typed", "inputSchema": typed},
            {"name": "open", "inputSchema": {"type": "object", "properties": {"to": {"type": "string"}}}},
            {"name": "read_report"}]}),
        ),
        _ => Reply::echo(seen),
    }
}

struct Gate {
    world: World,
    rules: Arc<Rules>,
    token: String,
}

/// What became of a call: what was decided on and what was sent, or the status and code of the refusal.
type Became = Result<(Vec<u8>, Vec<u8>), (u16, Option<i64>)>;

impl Gate {
    async fn new() -> Self {
        let config = CONFIG
            .replacen("\"tool:read_report\", \"resource", "\"tool:*\", \"resource", 1)
            .replacen("default_scopes = [\"read\"]", "default_scopes = [\"read\"]\nrate = { calls = 100000, per = \"1m\" }\n[resource.tools.typed]\narguments = \"strict\"", 1);
        let world = World::with_config(tools, &config).await;
        let rules = world.rule(|_| permit(vec![]));
        let token = world.token(&TokenFor { scopes: "read", ..alice() });
        Self { world, rules, token }
    }

    /// Sends these bytes as a whole message.
    async fn send(&self, body: &[u8]) -> Became {
        let (asked, sent) = (self.rules.asked().len(), self.calls().len());
        let answer = self.world.post(&self.token, body.to_vec()).send().await;
        let (asked, sent) = (self.rules.asked().split_off(asked), self.calls().split_off(sent));
        if answer.status != 200 {
            assert!(answer.status < 500, "{}", answer.body);
            assert!(
                asked.is_empty() && sent.is_empty(),
                "what is refused is neither decided on nor sent: {}",
                answer.body
            );
            return Err((answer.status, answer.code()));
        }
        assert_eq!((asked.len(), sent.len()), (1, 1), "one decision, one call: {}", answer.body);
        let decided = asked[0].arguments.clone().map(|a| a.to_vec()).unwrap_or_default();
        Ok((decided, sent.into_iter().next().unwrap()))
    }

    /// Calls a tool with arguments as this text.
    async fn call(&self, tool: &str, arguments: &str) -> Became {
        self.send(message(tool, arguments).as_bytes()).await
    }

    /// The calls of tools that reached the upstream, as they were written.
    fn calls(&self) -> Vec<Vec<u8>> {
        self.world
            .upstream
            .seen()
            .into_iter()
            .filter(|s| s.mcp() == "tools/call")
            .map(|s| s.body.to_vec())
            .collect()
    }
}

fn message(tool: &str, arguments: &str) -> String {
    format!(
        r#"{{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{{"name":"{tool}","arguments":{arguments}}}}}"#
    )
}

/// That what was sent has exactly these bytes as its arguments, and means what the caller's text meant to another reader.
fn is_what_was_decided(arguments: &str, (decided, sent): &(Vec<u8>, Vec<u8>)) {
    let sent = String::from_utf8(sent.clone()).unwrap();
    let decided = std::str::from_utf8(decided).unwrap();
    assert!(
        sent.contains(&format!("\"arguments\":{decided}")),
        "{arguments}: {decided}, and sent was {sent}"
    );
    let meant: Value = serde_json::from_str(arguments).unwrap();
    let received: Value = serde_json::from_str(&sent).unwrap();
    assert_eq!(received["params"]["arguments"], meant, "{arguments}");
}

#[tokio::test]
async fn e13_arguments_that_pass_are_byte_for_byte_those_that_were_decided_on() {
    let gate = Gate::new().await;
    for (tool, arguments) in [
        // Nested encodings are texts: nothing takes them apart, on either side.
        ("typed", r#"{"to":"{\"to\":\"eve\",\"to\":\"bob\"}"}"#),
        ("typed", r#"{"to":"eyJ0byI6ImV2ZSJ9"}"#),
        ("typed", r#"{"to":"%65%76%65"}"#),
        ("typed", r#"{"to":"%2565ve"}"#),
        ("typed", r#"{"to":"&#101;ve\\u0065"}"#),
        ("typed", r#"{"to":"=?utf-8?B?ZXZl?="}"#),
        // Escapes are what they stand for, once.
        ("typed", r#"{"\u0074\u006f":"\u0065ve"}"#),
        ("typed", r#"{"to":"\ud83d\ude00\uD83D\uDE00"}"#),
        ("typed", r#"{"to":"e\u0301 \u00e9 \u200b \ufeff \u202e \u0000 \u007f"}"#),
        ("typed", "{\"to\":\"e\u{301} \u{e9} \u{200b} \u{feff} \u{202e}\"}"),
        ("typed", "{ \"to\" :\t\"a\\/b\"\r\n}"),
        // Numbers keep their digits.
        ("typed", r#"{"to":"a","n":9007199254740993}"#),
        ("typed", r#"{"to":"a","n":-9223372036854775808}"#),
        ("typed", r#"{"to":"a","x":1.0}"#),
        ("typed", r#"{"to":"a","x":1e0}"#),
        ("typed", r#"{"to":"a","x":-0.0}"#),
        ("typed", r#"{"to":"a","x":1.50E+2}"#),
        ("open", r#"{"n":123456789012345678901234567890,"m":0.1000000000000000055511151231257827}"#),
        ("open", r#"{"n":1e400,"m":-1E-400}"#),
        ("open", r#"{"n":-0}"#),
        // Names that mean something to somebody are names.
        ("open", r#"{"__proto__":{"admin":true},"constructor":{"prototype":{"admin":true}}}"#),
        (
            "open",
            r#"{"$ref":"file:///etc/passwd","__entity":{"type":"User","id":"root"},"__extn":{"fn":"ip","arg":"::1"}}"#,
        ),
        ("open", r#"{"name":"other","arguments":{"to":"eve"},"_meta":{"to":"eve"}}"#),
        ("open", r#"{"":1," ":2,"t\u043e":"eve","to":"bob"}"#),
        // What is null is there.
        ("typed", r#"{"to":"a","note":null}"#),
        ("open", r#"{"to":"a","other":null,"l":[null,{}]}"#),
        ("open", "{}"),
        ("read_report", r#"{"deep":[[[{"a":[{"b":{}}]}]]]}"#),
    ] {
        let became = gate.call(tool, arguments).await.unwrap_or_else(|e| panic!("{arguments}: {e:?}"));
        is_what_was_decided(arguments, &became);
    }
}

#[tokio::test]
async fn e02_arguments_that_two_readers_could_read_differently_are_refused_at_every_depth() {
    let gate = Gate::new().await;
    let places = ["{}", r#"{"x":[{}]}"#, r#"{"a":{"b":{"c":[[{}]]}}}"#, r#"[[{}]]"#];
    for (inner, what) in [
        (r#"{"k":1,"k":2}"#, "twice"),
        (r#"{"k":1,"k":1}"#, "twice, the same"),
        (r#"{"k":1,"\u006b":2}"#, "twice, once escaped"),
        (r#"{"k":1,"K":2}"#, "another case"),
        (r#"{"kelvin":1,"\u212aelvin":2}"#, "the Kelvin sign"),
        (r#"{"s":1,"\u017f":2}"#, "a long s"),
        (r#"{"k":1,"k\u200b":2}"#, "a space that nobody sees"),
        (r#"{"k":1,"\ufeffk":2}"#, "a byte order mark"),
        (r#"{"k":1,"k\u00ad":2}"#, "a soft hyphen"),
        (r#"{"k":1,"\uff4b":2}"#, "full width"),
        ("{\"\u{e9}\":1,\"e\u{301}\":2}", "composed and decomposed"),
        (r#"{"k":1,"k\u0000":2}"#, "a NUL"),
        (r#"{"\u0000":1}"#, "a NUL alone"),
    ] {
        for place in places {
            let value = if place == "{}" { inner.to_owned() } else { place.replacen("{}", inner, 1) };
            let arguments = if place == "{}" { value } else { format!(r#"{{"v":{value}}}"#) };
            for tool in ["open", "read_report"] {
                let refused = gate.call(tool, &arguments).await;
                assert!(matches!(refused, Err((400, _))), "{what}: {tool} {arguments}: {refused:?}");
            }
        }
    }
}

#[tokio::test]
async fn e12_what_is_no_json_is_nobodys_argument() {
    let gate = Gate::new().await;
    for value in [
        "01",
        "-01",
        "+1",
        "1.",
        ".5",
        "1e",
        "0x10",
        "1_000",
        "NaN",
        "-Infinity",
        "1e+",
        "--1",
        "\u{ff11}",
        r#""\ud800""#,
        r#""\udc00\ud800""#,
        r#""\ud83d""#,
        r#""\ud83d\u0041""#,
        r#""\x41""#,
        r#""\u00g0""#,
        "\"\u{1}\"",
        "'a'",
        "[1,]",
        r#"{"a":1,}"#,
        "True",
        "undefined",
        "/*1*/1",
        "1//",
        "\u{feff}1",
        "\u{a0}1",
        "\u{2028}1",
        "1\u{0}",
    ] {
        let refused = gate.call("open", &format!(r#"{{"v":{value}}}"#)).await;
        assert!(matches!(refused, Err((400, Some(-32700 | -32600)))), "{value}: {refused:?}");
    }
    let whole = message("open", "{}");
    for bytes in [
        format!("\u{feff}{whole}").into_bytes(),
        format!("{whole}{whole}").into_bytes(),
        format!("{whole}\n{}", message("typed", "{}")).into_bytes(),
        whole.encode_utf16().flat_map(u16::to_le_bytes).collect(),
        whole.encode_utf16().flat_map(u16::to_be_bytes).collect(),
        whole.replace("open", "op\u{0}en").into_bytes(),
        [whole.as_bytes(), &[0xc0, 0x80]].concat(),
        whole.replacen("{}", "{\"a\":\"\u{1}\"}", 1).into_bytes(),
        whole.as_bytes().iter().map(|b| if *b == b'o' { 0xff } else { *b }).collect(),
        // An overlong slash, a surrogate in UTF-8, beyond Unicode.
        [&whole.as_bytes()[..whole.len() - 3], b"{\"a\":\"\xc0\xaf\"}}}"].concat(),
        [&whole.as_bytes()[..whole.len() - 4], b"{\"a\":\"\xed\xa0\x80\"}}}"].concat(),
        [&whole.as_bytes()[..whole.len() - 4], b"{\"a\":\"\xf5\x80\x80\x80\"}}}"].concat(),
    ] {
        let refused = gate.send(&bytes).await;
        assert!(matches!(refused, Err((400, _))), "{:?}: {refused:?}", String::from_utf8_lossy(&bytes));
    }
}

#[tokio::test]
async fn e15_an_argument_of_another_form_than_the_tool_names_is_refused() {
    let gate = Gate::new().await;
    for arguments in [
        r#"{"to":"a","n":1.0}"#,
        r#"{"to":"a","n":1e0}"#,
        r#"{"to":"a","n":10e-1}"#,
        r#"{"to":"a","n":-0.0}"#,
        r#"{"to":"a","n":9223372036854775808}"#,
        r#"{"to":"a","n":-9223372036854775809}"#,
        r#"{"to":"a","n":1e400}"#,
        r#"{"to":"a","n":"1"}"#,
        r#"{"to":"a","n":null}"#,
        r#"{"to":"a","n":true}"#,
        r#"{"to":["a"]}"#,
        r#"{"to":null}"#,
        r#"{"to":{"toString":"eve"}}"#,
        r#"{"to":1}"#,
        r#"{"n":1}"#,
        r#"{"To":"a"}"#,
        r#"{"TO":"eve","to":"a"}"#,
        r#"{"to ":"eve","to":"a"}"#,
        r#"{"t\u043e":"eve","to":"a"}"#,
        r#"{"to\u0301":"eve","to":"a"}"#,
        r#"{"to":"a","__proto__":{"to":"eve"}}"#,
        r#"{"to":"a","constructor":{}}"#,
        r#"{"to":"a","deep":{"a":[],"__proto__":{}}}"#,
        r#"{"to":"a","deep":"{\"a\":[]}"}"#,
        r#"{"to":"a","deep":{"a":"[]"}}"#,
        r#""{\"to\":\"a\"}""#,
        r#"[["to","a"]]"#,
        r#""to=a""#,
        "null",
    ] {
        let refused = gate.call("typed", arguments).await;
        assert!(matches!(refused, Err((400, Some(-32602 | -32600)))), "{arguments}: {refused:?}");
    }
}

#[tokio::test]
async fn e13_arguments_beside_the_arguments_are_none() {
    let gate = Gate::new().await;
    // Names of the protocol that differ from the real ones in something, in the parameters and above them.
    for body in [
        r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"open","arguments":{},"Arguments":{"to":"eve"}}}"#,
        r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"open","arguments":{},"argument\u017f":{"to":"eve"}}}"#,
        r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"open","arguments":{},"arguments\u200d":{"to":"eve"}}}"#,
        r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"open","arguments":{},"arguments":{"to":"eve"}}}"#,
        r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"open","name\u00ad":"typed","arguments":{}}}"#,
        r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"open"},"arguments":{"to":"eve"}}"#,
        r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"open"},"Params":{"name":"typed"}}"#,
        r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":["open",{"to":"eve"}]}"#,
        r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":"{\"name\":\"open\"}"}"#,
        r#"{"jsonrpc":"2.0","id":1,"method":"tools\/call","params":{"name":["open"],"arguments":{}}}"#,
        r#"[{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"open","arguments":{}}}]"#,
    ] {
        let refused = gate.send(body.as_bytes()).await;
        assert!(matches!(refused, Err((400, _))), "{body}: {refused:?}");
    }
    // In `_meta` and under names of others stands what policies are not asked about: it is no argument, and stays where it is.
    let body = r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"typed","arguments":{"to":"bob"},"_meta":{"x.example/arguments":{"to":"eve"},"arguments":{"to":"eve"},"to":"eve"}}}"#;
    let (decided, sent) = gate.send(body.as_bytes()).await.unwrap();
    assert_eq!(decided, br#"{"to":"bob"}"#);
    let sent: Value = serde_json::from_slice(&sent).unwrap();
    assert_eq!(sent["params"]["arguments"], json!({"to": "bob"}));
    assert_eq!(sent["params"]["_meta"]["arguments"], json!({"to": "eve"}));
    // A header that mirrors a parameter is compared, and decides nothing.
    let params = json!({"name": "open", "arguments": {"to": "bob"}, "_meta": meta()});
    let other = gate.world.modern(&gate.token, "tools/call", params).set("mcp-name", "typed").send().await;
    assert_eq!((other.status, other.code()), (400, Some(-32020)), "{}", other.body);
}

#[tokio::test]
async fn e18_a_body_that_says_it_is_something_else_is_not_read() {
    let gate = Gate::new().await;
    let body = message("open", r#"{"to":"a"}"#);
    for (kind, taken) in [
        ("application/json", true),
        ("Application/JSON; Charset=\"UTF-8\"", true),
        ("application/json; charset=utf-16", false),
        ("application/json; charset=utf-7", false),
        ("application/json; charset=utf-8; charset=utf-16", false),
        ("application/json; boundary=x", false),
        ("application/json, text/plain", false),
        ("application/json-seq", false),
        ("application/jsonp", false),
        ("application/json+x", false),
        ("application/vnd.api+json", false),
        ("text/json", false),
        ("application/jſon", false),
        ("application/x-www-form-urlencoded", false),
        ("multipart/form-data; boundary=--", false),
    ] {
        let answer = gate.world.post(&gate.token, body.clone()).set("content-type", kind).send().await;
        assert_eq!(answer.status, if taken { 200 } else { 415 }, "{kind}: {}", answer.body);
    }
    let twice =
        gate.world.post(&gate.token, body.clone()).header("content-type", "application/json").send().await;
    assert_eq!(twice.status, 415, "two headers");
    for encoding in ["gzip", "x-gzip", "identity, identity", "chunked", "utf-8"] {
        let encoded =
            gate.world.post(&gate.token, body.clone()).header("content-encoding", encoding).send().await;
        assert_eq!(encoded.status, 415, "{encoding}");
    }
    assert_eq!(gate.calls().len(), 2);
}

/// JSON as a caller could write it: keys and texts of characters that are confused, numbers in every form.
fn written() -> impl Strategy<Value = String> {
    let piece = prop::sample::select(vec![
        "k",
        "K",
        "to",
        "\\u0074o",
        "\\u200b",
        "\u{200b}",
        "e\u{301}",
        "\u{e9}",
        "\\ud83d\\ude00",
        "\\u0000",
        "\u{ff4b}",
        "\\\"",
        "\\/",
        "%6b",
        "__proto__",
        "",
        "\u{130}",
        "\u{131}",
        "\u{17f}",
        "1",
    ]);
    let text = prop::collection::vec(piece, 0..3).prop_map(|parts| format!("\"{}\"", parts.concat()));
    let number = prop::sample::select(vec![
        "0",
        "-0",
        "1",
        "1.0",
        "1e0",
        "10E-1",
        "9007199254740993",
        "9223372036854775808",
        "1e400",
        "-1e-400",
        "0.1",
        "01",
        "1.",
        "0.30000000000000004",
    ]);
    let leaf = proptest::prop_oneof![
        text.clone(),
        number.prop_map(str::to_owned),
        Just("null".to_owned()),
        any::<bool>().prop_map(|b| b.to_string()),
    ];
    leaf.prop_recursive(4, 24, 4, move |inner| {
        let space = prop::sample::select(vec!["", " ", "\n", "\t\r"]);
        let pair = (text.clone(), space, inner.clone()).prop_map(|(k, s, v)| format!("{k}{s}:{s}{v}"));
        proptest::prop_oneof![
            prop::collection::vec(inner, 0..4).prop_map(|items| format!("[{}]", items.join(","))),
            prop::collection::vec(pair, 0..4).prop_map(|pairs| format!("{{{}}}", pairs.join(" ,"))),
        ]
    })
}

#[tokio::test]
async fn e13_whatever_is_written_is_sent_as_it_was_decided_on_or_refused() {
    let gate = Gate::new().await;
    let mut runner = TestRunner::deterministic();
    let values =
        prop::collection::vec((prop::sample::select(vec!["a", "b", "to", "\u{e9}"]), written()), 0..4);
    let (mut passed, mut refused) = (0, 0);
    for _ in 0..600 {
        let pairs = values.new_tree(&mut runner).unwrap().current();
        let pairs: Vec<_> = pairs.into_iter().map(|(k, v)| format!("\"{k}\":{v}")).collect();
        let arguments = format!("{{{}}}", pairs.join(","));
        match gate.call("read_report", &arguments).await {
            Ok(became) => {
                is_what_was_decided(&arguments, &became);
                passed += 1;
            }
            Err((status, _)) => {
                assert_eq!(status, 400, "{arguments}");
                refused += 1;
            }
        }
    }
    assert!(passed > 150 && refused > 150, "{passed} passed, {refused} refused: the generator shows nothing");
}
