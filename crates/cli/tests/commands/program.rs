//! Running the program.

use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;

/// A configuration that is right.
pub(crate) const RIGHT: &str = r#"
issuer = "http://localhost:PORT"
listen = "127.0.0.1:PORT"
database = "sqlite:prokura.db"
[[resource]]
name = "sales"
upstream = "http://127.0.0.1:9/mcp"
[resource.scopes]
"read:report" = { title = "Read sales reports", actions = ["tool:read_report"] }
"#;

/// What a run came to.
pub(crate) struct Ran {
    pub(crate) code: Option<i32>,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl From<Output> for Ran {
    fn from(o: Output) -> Self {
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        Self { code: o.status.code(), out: text(o.stdout), err: text(o.stderr) }
    }
}

pub(crate) fn command(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_prokura"));
    command.args(arguments).current_dir(folder).stdin(Stdio::null()).env_remove("PROKURA_CONFIG");
    command
}

pub(crate) fn run(folder: &Path, arguments: &[&str]) -> Ran {
    command(folder, arguments).output().unwrap().into()
}

/// A folder with a configuration on a free port.
pub(crate) fn installed(text: &str) -> (tempfile::TempDir, u16) {
    let folder = tempfile::tempdir().unwrap();
    let port = prokura_testkit::free_port().unwrap();
    std::fs::write(folder.path().join("prokura.toml"), text.replace("PORT", &port.to_string())).unwrap();
    (folder, port)
}

/// A server that is stopped when it is dropped.
pub(crate) struct Serving(pub(crate) Child);

impl Drop for Serving {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Starts a server and waits until it is ready.
pub(crate) fn serve(folder: &Path, port: u16, arguments: &[&str]) -> Serving {
    let mut all = vec!["serve"];
    all.extend(arguments);
    start(folder, port, &all)
}

/// Starts what serves, and waits until it is ready.
pub(crate) fn start(folder: &Path, port: u16, all: &[&str]) -> Serving {
    let child = command(folder, all).stderr(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap();
    let serving = Serving(child);
    for _ in 0..2400 {
        if get(port, "/readyz").is_some_and(|answer| answer.starts_with("HTTP/1.1 200")) {
            return serving;
        }
        std::thread::sleep(Duration::from_millis(25));
    }
    panic!("the server was not ready in a minute");
}

/// One request over a connection of its own; the whole answer.
pub(crate) fn get(port: u16, path: &str) -> Option<String> {
    send(
        port,
        format!("GET {path} HTTP/1.1\r\nHost: localhost:{port}\r\nConnection: close\r\n\r\n").as_bytes(),
    )
}

#[allow(clippy::disallowed_methods, reason = "a test speaks to the program it started")]
pub(crate) fn send(port: u16, request: &[u8]) -> Option<String> {
    use std::io::{Read, Write};
    let mut stream = std::net::TcpStream::connect(("127.0.0.1", port)).ok()?;
    stream.set_read_timeout(Some(Duration::from_secs(20))).ok()?;
    stream.write_all(request).ok()?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).ok()?;
    Some(String::from_utf8_lossy(&answer).into_owned())
}

/// A browser that approves by itself: follows redirects, keeps cookies, ends where a page comes.
pub(crate) fn browse(address: &str) -> String {
    let mut address = address.to_owned();
    let mut cookies: Vec<String> = Vec::new();
    for _ in 0..10 {
        let rest = address.strip_prefix("http://").unwrap();
        let (host, path) = rest.split_at(rest.find('/').unwrap());
        let port: u16 = host.split_once(':').unwrap().1.parse().unwrap();
        let cookie =
            if cookies.is_empty() { String::new() } else { format!("Cookie: {}\r\n", cookies.join("; ")) };
        let request = format!("GET {path} HTTP/1.1\r\nHost: {host}\r\n{cookie}Connection: close\r\n\r\n");
        let answer = send(port, request.as_bytes()).unwrap();
        let lines = |name: &'static str| {
            answer.lines().take_while(|l| !l.is_empty()).filter_map(move |l| {
                let (n, v) = l.split_once(": ")?;
                n.eq_ignore_ascii_case(name).then(|| v.trim().to_owned())
            })
        };
        cookies.extend(lines("set-cookie").map(|c| c.split(';').next().unwrap().to_owned()));
        let Some(to) = lines("location").next() else { return answer.clone() };
        address = if to.starts_with('/') { format!("http://{host}{to}") } else { to };
    }
    panic!("no end of redirects");
}
