//! `prokura policy import polar`: what is carried over, and that what is not is told.

use crate::program::run;

#[test]
fn polar_becomes_cedar_and_a_report() {
    let folder = tempfile::tempdir().unwrap();
    let write = |text: &str| std::fs::write(folder.path().join("a.polar"), text).unwrap();
    write("allow(user: User, \"read\", doc: Document) if doc.owner = user;\n");
    let ran = run(folder.path(), &["policy", "import", "polar", "a.polar"]);
    assert_eq!(ran.code, Some(0), "{}", ran.err);
    assert!(
        ran.out.contains("permit (principal is User, action == Action::\"read\", resource is Document)"),
        "{}",
        ran.out
    );
    assert!(ran.err.contains("a.polar:1") && ran.err.contains("carried over"), "{}", ran.err);

    write("allow(user, \"read\", doc) if user.reads(doc);\n");
    let ran = run(folder.path(), &["policy", "import", "polar", "a.polar"]);
    assert_eq!(ran.code, Some(1));
    assert!(ran.out.contains("// a.polar:1: by hand, because the method `reads`"), "{}", ran.out);
    assert!(ran.err.contains("1 of 1 are left"), "{}", ran.err);
    let ran = run(folder.path(), &["policy", "import", "polar", "a.polar", "--json"]);
    assert!(
        ran.out.contains("\"outcome\":\"by hand\"") && ran.out.contains("\"place\":\"a.polar:1\""),
        "{}",
        ran.out
    );

    write("allow(");
    let ran = run(folder.path(), &["policy", "import", "polar", "a.polar"]);
    assert_eq!(ran.code, Some(2));
    assert!(ran.err.contains("a.polar:1:"), "{}", ran.err);
    assert_eq!(run(folder.path(), &["policy", "import", "polar", "none.polar"]).code, Some(2));
}
