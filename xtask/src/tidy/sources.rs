//! What every file keeps to.

use super::line_of;
use crate::workspace::File;

/// Lines of a file at most.
const LINES: usize = 500;
/// Files that may be longer, each with its reason.
const LONGER: [(&str, &str); 0] = [];
/// Lines of a function at most.
const FUNCTION: usize = 100;
/// Half of the functions are no longer than this, and 95 % no longer than that.
const HALF_AND_MOST: (usize, usize) = (8, 40);

/// What belongs to one machine, in pieces so that this file does not hold it.
const FOREIGN: [&str; 8] = [
    concat!("/wo", "rk/"),
    concat!("/tmp/", "team"),
    concat!("/ro", "ot/"),
    concat!("crates", ".io"),
    concat!("npm", "js"),
    concat!("pypi", ".org"),
    concat!("python", "hosted"),
    concat!("proxy.", "golang"),
];

/// What one file breaks.
pub(super) fn broken(file: &File) -> Vec<String> {
    let mut broken = Vec::new();
    if !file.path.ends_with(".lock") {
        broken.extend(foreign(file));
    }
    if is_source(&file.path) {
        broken.extend(too_long(file));
    }
    if file.is_rust() {
        broken.extend(long_functions(file));
    }
    if is_crate_root(&file.path) {
        broken.extend(opening(file));
    }
    broken
}

/// What the functions break taken together.
pub(super) fn sizes(files: &[File]) -> Vec<String> {
    let product = |f: &&File| f.is_rust() && f.path.contains("/src/");
    let mut sizes: Vec<usize> = files.iter().filter(product).flat_map(functions).map(|f| f.lines).collect();
    sizes.sort_unstable();
    let at = |percent: usize| {
        sizes.get(sizes.len().saturating_sub(1) * percent / 100).copied().unwrap_or_default()
    };
    let (half, most) = HALF_AND_MOST;
    if at(50) <= half && at(95) <= most {
        return Vec::new();
    }
    vec![format!(
        "functions: half have up to {} lines (at most {half}), 95 % up to {} (at most {most})",
        at(50),
        at(95)
    )]
}

fn foreign(file: &File) -> Vec<String> {
    let say = |what: &str, at| {
        format!("{}:{}: names `{what}`, which is of one machine", file.path, line_of(file, at))
    };
    FOREIGN.iter().filter_map(|what| file.text.find(what).map(|at| say(what, at))).collect()
}

fn is_source(path: &str) -> bool {
    [".rs", ".mjs", ".js", ".py", ".css", ".html"].iter().any(|end| path.ends_with(end))
}

fn too_long(file: &File) -> Option<String> {
    let lines = file.text.lines().count();
    let excused = LONGER.iter().any(|(path, _)| *path == file.path);
    (lines > LINES && !excused).then(|| format!("{}: {lines} lines; {LINES} at most", file.path))
}

fn is_crate_root(path: &str) -> bool {
    let home = path.starts_with("crates/") || path.starts_with("xtask/");
    home && (path.ends_with("/src/lib.rs") || path.ends_with("/src/main.rs"))
}

fn opening(file: &File) -> Vec<String> {
    let mut broken = Vec::new();
    if !file.text.starts_with("//! ") {
        broken.push(format!("{}: begins without saying what the crate is", file.path));
    }
    if !file.text.contains("#![forbid(unsafe_code)]") {
        broken.push(format!("{}: does not forbid unsafe code", file.path));
    }
    broken
}

fn long_functions(file: &File) -> Vec<String> {
    let say = |f: Function<'_>| {
        format!("{}:{}: `{}` has {} lines; {FUNCTION} at most", file.path, f.line, f.name, f.lines)
    };
    functions(file).into_iter().filter(|f| f.lines > FUNCTION).map(say).collect()
}

struct Function<'a> {
    name: &'a str,
    line: usize,
    lines: usize,
}

/// The functions of a formatted file: each ends at the first brace that stands as far in as it began.
fn functions(file: &File) -> Vec<Function<'_>> {
    let lines: Vec<&str> = file.text.lines().collect();
    let mut found = Vec::new();
    for (at, line) in lines.iter().enumerate() {
        let Some(name) = function_name(line) else { continue };
        let indent = &line[..line.len() - line.trim_start().len()];
        let ends = |l: &&str| {
            l.strip_prefix(indent)
                .is_some_and(|rest| rest == "}" || rest.ends_with(';') && !rest.starts_with(' '))
        };
        let more = if line.ends_with('}') || line.ends_with(';') {
            0
        } else {
            lines[at..].iter().position(ends).unwrap_or_default()
        };
        found.push(Function { name, line: at + 1, lines: more + 1 });
    }
    found
}

/// The name, if a function begins on this line.
fn function_name(line: &str) -> Option<&str> {
    let mut words = line.split_whitespace();
    let before =
        |w: &&str| w.starts_with("pub") || ["const", "async", "in", "super)"].contains(w) || w.ends_with(')');
    let first = words.by_ref().find(|w| !before(w))?;
    let name = words.next().filter(|_| first == "fn")?;
    name.split(['(', '<']).next()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(path: &str, text: &str) -> File {
        File { path: path.into(), text: text.into() }
    }

    fn function(lines: usize) -> File {
        let body = "    x();\n".repeat(lines - 2);
        file(
            "crates/core/src/x.rs",
            &format!("impl X {{}}\n\npub(crate) async fn long<T>() {{\n{body}}}\n\nfn b() {{}}\n"),
        )
    }

    #[test]
    fn functions_are_measured() {
        let file = function(101);
        let found = functions(&file);
        let sizes: Vec<_> = found.iter().map(|f| (f.name, f.line, f.lines)).collect();
        assert_eq!(sizes, [("long", 3, 101), ("b", 105, 1)]);
        assert_eq!(broken(&file), ["crates/core/src/x.rs:3: `long` has 101 lines; 100 at most"]);
        assert!(broken(&function(100)).is_empty());
    }

    #[test]
    fn functions_grow_together_too() {
        assert!(sizes(&[file("crates/core/src/x.rs", "fn a() {\n    x();\n}\n")]).is_empty());
        assert_eq!(sizes(&[function(9)]).len(), 0, "every second has one line");
        let both = File { text: function(9).text.replace("fn b() {}\n", ""), ..function(9) };
        assert_eq!(sizes(&[both]).len(), 1);
    }

    #[test]
    fn long_files_are_seen() {
        let said = |n: usize| broken(&file("interop/x.mjs", &"a\n".repeat(n)));
        assert!(said(500).is_empty());
        assert_eq!(said(501), ["interop/x.mjs: 501 lines; 500 at most"]);
    }

    #[test]
    fn a_crate_says_what_it_is_and_forbids_unsafe_code() {
        let root = |text| broken(&file("crates/core/src/lib.rs", text)).len();
        assert_eq!((root(""), root("//! It.\n"), root("//! It.\n#![forbid(unsafe_code)]\n")), (2, 1, 0));
    }

    #[test]
    fn what_is_of_one_machine_is_seen() {
        let said = broken(&file("docs/a.md", &format!("one\nsee {}main\n", FOREIGN[0])));
        assert_eq!(said, [format!("docs/a.md:2: names `{}`, which is of one machine", FOREIGN[0])]);
    }
}
