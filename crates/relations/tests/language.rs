//! The modelling language: what is read, what is refused, and where.
#![allow(clippy::unwrap_used, clippy::panic, clippy::needless_pass_by_value, reason = "tests")]

use prokura_oauth::json::{Limits, parse};
use prokura_relations::Model;

fn errors(body: &str) -> Vec<(u32, u32, String)> {
    let all = Model::from_dsl(&format!("model\n  schema 1.1\n{body}")).map(drop).unwrap_err();
    all.iter()
        .map(|e| (e.line_and_column().unwrap().0, e.line_and_column().unwrap().1, e.why().to_owned()))
        .collect()
}

#[test]
fn what_is_wrong_is_named_with_its_line_and_column() {
    for (body, line, column, word) in [
        ("type user\ntype doc\n  relations\n    define viewer: [usr]\n", 6, 21, "`usr`"),
        ("type user\ntype doc\n  relations\n    define viewer: editor\n", 6, 20, "`editor`"),
        ("type user\ntype doc\n  relations\n    define viewer: [user] or\n", 6, 29, "relation"),
        ("type user\ntype doc\n  relations\n    define viewer: [user] or a and b\n", 6, 32, "parentheses"),
        ("type user\ntype doc\n  relations\n    define viewer: a or [user]\n", 6, 25, "beginning"),
        ("type user\ntype doc\n  relations\n    define viewer: viewer\n", 6, 12, "by itself"),
        ("type user\ntype doc\n  relations\n    define viewer: [doc#viewer]\n", 6, 12, "nobody"),
        ("type user\ntype user\n", 4, 6, "twice"),
        ("type user\ntype doc\n  relations\n    define self: [user]\n", 6, 12, "`self`"),
        ("type user\ntype doc\n  relations\n    define viewer: [user with late]\n", 6, 31, "`late`"),
        (
            "type user\ntype doc\n  relations\n    define parent: [user:*]\n    define a: b from parent\n",
            6,
            21,
            "single",
        ),
        ("type user\ncondition c(x: integer) {\n  x < 1\n}\n", 4, 16, "`integer`"),
        ("type user\ncondition c(x: int) {\n  x <\n}\n", 4, 22, "cannot be read"),
        ("type user\ncondition c(x: int) {\n  x < 1\n", 4, 22, "not closed"),
        ("type user\n  relation\n", 4, 3, "`type`"),
        ("type user !\n", 3, 11, "no meaning"),
    ] {
        let found = errors(body);
        let (l, c, why) = &found[0];
        assert_eq!((*l, *c), (line, column), "{body}: {found:?}");
        assert!(why.contains(word), "{body}: {why}");
    }
}

#[test]
fn everything_that_is_wrong_is_told_at_once() {
    let found = errors(
        "type user\ntype doc\n  relations\n    define a: [usr]\n    define b: c\n    define d: [user] but not e\n",
    );
    assert_eq!(found.iter().map(|f| f.0).collect::<Vec<_>>(), [6, 7, 8]);
}

#[test]
fn comments_spaces_and_words_that_look_like_keywords_are_read() {
    let model = Model::from_dsl(
        "# a model\n\nmodel\n  schema 1.1 # the newest\r\n\ntype user # people\ntype type\n  relations\n    # who\n    define model : [ user , type#schema ] # a comment, and `#` within a word is none\n    define schema: [\n      user,\n      user:*\n    ] or model\n\n\n    define x-y: (model and (schema but not model)) or model from parent\n    define parent: [type]",
    )
    .map_err(|e| e[0].to_string())
    .unwrap();
    assert_eq!(model.kind("type").unwrap().relations.len(), 4);
}

#[test]
fn modules_are_one_model() {
    let core = "module core\ntype user\ntype organization\n  relations\n    define member: [user]\n";
    let wiki = "module wiki\nextend type organization\n  relations\n    define writer: member\ntype page\n  relations\n    define organization: [organization]\n    define writer: writer from organization\n";
    let model = Model::from_modules(&[(Some("core.fga"), core), (Some("wiki.fga"), wiki)]).unwrap();
    assert!(model.find("organization", "writer").is_some());
    let alone = Model::from_modules(&[(Some("wiki.fga"), wiki)]).unwrap_err();
    assert!(alone[0].to_string().starts_with("wiki.fga:2:13: "), "{}", alone[0]);
}

#[test]
fn the_json_of_the_api_means_the_same() {
    let json = r#"{"schema_version":"1.1","type_definitions":[{"type":"user"},{"type":"doc","relations":{
        "parent":{"this":{}},"banned":{"this":{}},
        "viewer":{"difference":{"base":{"union":{"child":[{"this":{}},{"tupleToUserset":{"tupleset":{"relation":"parent"},"computedUserset":{"relation":"viewer"}}}]}},
          "subtract":{"computedUserset":{"relation":"banned"}}}}},
        "metadata":{"relations":{"parent":{"directly_related_user_types":[{"type":"doc"}]},"banned":{"directly_related_user_types":[{"type":"user"}]},
          "viewer":{"directly_related_user_types":[{"type":"user","condition":"c"},{"type":"user","wildcard":{}},{"type":"doc","relation":"viewer"}]}}}}],
        "conditions":{"c":{"name":"c","expression":"x < 1","parameters":{"x":{"type_name":"TYPE_NAME_INT"},"l":{"type_name":"TYPE_NAME_LIST","generic_types":[{"type_name":"TYPE_NAME_STRING"}]}}}}}"#;
    let read = parse(json.as_bytes(), &Limits::MESSAGE).unwrap().into_object().unwrap();
    let from_json = Model::from_json(&read).map_err(|e| e[0].to_string()).unwrap();
    let dsl = "model\n  schema 1.1\ntype user\ntype doc\n  relations\n    define parent: [doc]\n    define banned: [user]\n    define viewer: ([user with c, user:*, doc#viewer] or viewer from parent) but not banned\ncondition c(x: int, l: list<string>) {\n  x < 1\n}\n";
    let from_dsl = Model::from_dsl(dsl).unwrap();
    let shape = |model: &Model| {
        let id = model.find("doc", "viewer").unwrap();
        format!("{:?} {:?}", model.relation(id).rewrite, model.relation(id).direct)
    };
    assert_eq!(
        shape(&from_json).replace(char::is_numeric, ""),
        shape(&from_dsl).replace(char::is_numeric, "")
    );
    let broken = json.replace(r#"{"relation":"banned"}"#, r#"{"relation":"bane"}"#);
    let read = parse(broken.as_bytes(), &Limits::MESSAGE).unwrap().into_object().unwrap();
    let refused = Model::from_json(&read).unwrap_err();
    assert!(
        refused[0].to_string().starts_with("type_definitions[1].relations.viewer.difference.subtract"),
        "{}",
        refused[0]
    );
}

#[test]
fn depth_and_size_are_bounded() {
    let deep = format!(
        "type user\ntype doc\n  relations\n    define a: [user]\n    define b: {}a{}\n",
        "(".repeat(100),
        ")".repeat(100)
    );
    assert!(errors(&deep)[0].2.contains("deep"));
    let many: String = (0..3000).map(|i| format!("    define r{i}: [user]\n")).collect();
    assert!(errors(&format!("type user\ntype doc\n  relations\n{many}"))[0].2.contains("2000"));
    let long = format!("type user\ncondition c(x: int) {{\n  x < {}\n}}\n", "1".repeat(10_000));
    assert!(errors(&long)[0].2.contains("8 KiB"));
}

/// What is wrong with modules is told with file, line and column. What can be wrong is as in openfga/language,
/// `tests/data/transformer-module` (Apache-2.0), in models of our own.
#[test]
fn what_is_wrong_with_modules_is_told_with_file_and_place() {
    const CORE: &str = "module core\n\ntype user\n\ntype team\n  relations\n    define lead: [user]\n\ncondition cheap(price: int) {\n  price < 10\n}\n";
    const USES: &str = "module uses\ntype note\n  relations\n    define author: [user with cheap]\n";
    let of = |text: &str| {
        let files = [(Some("core.fga"), CORE), (Some("uses.fga"), USES), (Some("sub/more.fga"), text)];
        match Model::from_modules(&files) {
            Ok(_) => Vec::new(),
            Err(errors) => errors.iter().map(ToString::to_string).collect(),
        }
    };
    assert_eq!(
        of("module more\nextend type team\n  relations\n    define member: [user] or lead\n"),
        Vec::<String>::new()
    );
    for (text, places) in [
        // Not a module; a module that says no name; a model within a module.
        ("model\n  schema 1.1\ntype thing\n", &["sub/more.fga:2:10"][..]),
        ("module\ntype thing\n", &["sub/more.fga:1:7"]),
        ("module more\nmodel\n  schema 1.2\n", &["sub/more.fga:2:1"]),
        // A definition without `relations`.
        ("module more\ntype thing\n  define lead: [user]\n", &["sub/more.fga:3:3"]),
        // What is there already: a condition, a type, a relation of a type that is extended.
        ("module more\ncondition cheap(price: int) {\n  price < 9\n}\n", &["sub/more.fga:2:11"]),
        ("module more\ntype team\n", &["sub/more.fga:2:6"]),
        ("module more\nextend type team\n  relations\n    define lead: [user]\n", &["sub/more.fga:4:12"]),
        // What is extended and nobody defines, or twice in one file.
        ("module more\nextend type nobody\n  relations\n    define a: [user]\n", &["sub/more.fga:2:13"]),
        (
            "module more\nextend type team\n  relations\n    define a: [user]\nextend type team\n  relations\n    define b: [user]\n",
            &["sub/more.fga:5:13"],
        ),
        // Names that are none.
        ("module more\ntype this\n", &["sub/more.fga:2:6"]),
        ("module more\nextend type team\n  relations\n    define self: [user]\n", &["sub/more.fga:4:12"]),
        // What is named and not there: a relation, a type, a condition, a relation of a type.
        ("module more\nextend type team\n  relations\n    define a: missing\n", &["sub/more.fga:4:15"]),
        ("module more\nextend type team\n  relations\n    define a: [robot]\n", &["sub/more.fga:4:16"]),
        (
            "module more\nextend type team\n  relations\n    define a: [user with dear]\n",
            &["sub/more.fga:4:26"],
        ),
        ("module more\nextend type team\n  relations\n    define a: [user#friend]\n", &["sub/more.fga:4:21"]),
    ] {
        let found = of(text);
        let starts: Vec<_> =
            found.iter().map(|e| e.splitn(4, ':').take(3).collect::<Vec<_>>().join(":")).collect();
        assert_eq!(starts, places, "{text}\n{found:?}");
    }
    // Errors of several files come together.
    let files = [(Some("a.fga"), "module a\ntype 1\n"), (Some("b.fga"), "type user\n")];
    let both: Vec<_> = Model::from_modules(&files).unwrap_err().iter().map(ToString::to_string).collect();
    assert!(
        both.len() == 2 && both[0].starts_with("a.fga:2:") && both[1].starts_with("b.fga:1:"),
        "{both:?}"
    );
    // Only a module extends.
    let alone = Model::from_dsl("model\n  schema 1.2\ntype user\nextend type user\n").unwrap_err();
    assert_eq!(alone[0].line_and_column(), Some((4, 1)));
}
