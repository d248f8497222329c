use super::*;
use prokura_oauth::confirmation::Thumbprint;
use prokura_oauth::json::{Value, obj};

const CHALLENGE: &str = "c-1";
const DATE: &str = "20260115T120000Z";
const SIGNATURE: &str = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";

fn key() -> Thumbprint {
    Thumbprint::of(b"key")
}

fn at(seconds: u64) -> Timestamp {
    time(DATE).unwrap().after(Duration::from_secs(seconds))
}

fn header_form() -> Vec<(String, String)> {
    let signed = "content-type;host;x-amz-date;x-prokura-challenge;x-prokura-key";
    let authorization = format!(
        "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLEEXAMPLE00/20260115/eu-west-1/sts/aws4_request, \
         SignedHeaders={signed}, Signature={SIGNATURE}"
    );
    [
        ("Authorization", authorization.as_str()),
        ("Content-Type", FORM),
        ("Host", "sts.eu-west-1.amazonaws.com"),
        ("X-Amz-Date", DATE),
        ("X-Prokura-Challenge", CHALLENGE),
        ("X-Prokura-Key", &key().to_string()),
    ]
    .map(|(name, value)| (name.to_owned(), value.to_owned()))
    .to_vec()
}

fn shown(method: &str, url: &str, headers: &[(String, String)], body: &str) -> Object {
    let mut all = Object::default();
    for (name, value) in headers {
        all.insert(name.clone(), value.as_str().into());
    }
    obj([
        ("method", method.into()),
        ("url", url.into()),
        ("headers", Value::Object(all)),
        ("body", body.into()),
    ])
}

const URL: &str = "https://sts.eu-west-1.amazonaws.com/";

fn by_header_with(change: impl FnOnce(&mut Vec<(String, String)>)) -> Result<SignedRequest, CallerError> {
    let mut headers = header_form();
    change(&mut headers);
    SignedRequest::read(&shown("POST", URL, &headers, BODY))
}

fn set(headers: &mut [(String, String)], name: &str, value: &str) {
    headers.iter_mut().find(|(n, _)| n == name).unwrap().1 = value.to_owned();
}

fn query_form() -> String {
    format!(
        "{URL}?{BODY}&X-Amz-Algorithm=AWS4-HMAC-SHA256\
         &X-Amz-Credential=AKIDEXAMPLEEXAMPLE00%2F20260115%2Feu-west-1%2Fsts%2Faws4_request\
         &X-Amz-Date={DATE}&X-Amz-Expires=60\
         &X-Amz-SignedHeaders=host%3Bx-prokura-challenge%3Bx-prokura-key&X-Amz-Signature={SIGNATURE}"
    )
}

fn ours() -> Vec<(String, String)> {
    header_form().split_off(4)
}

fn by_query_with(url: &str) -> Result<SignedRequest, CallerError> {
    SignedRequest::read(&shown("GET", url, &ours(), ""))
}

#[test]
fn both_forms_are_read() {
    let request = by_header_with(|_| {}).unwrap();
    assert_eq!(request.region.name, "eu-west-1");
    let names: Vec<_> = request.headers.keys().map(String::as_str).collect();
    assert_eq!(names, ["content-type", "x-amz-date", "x-prokura-challenge", "x-prokura-key"]);
    let request = by_query_with(&query_form()).unwrap();
    assert!(matches!(request.signature, Signature::Query { post: false, expires: 60, .. }));
}

#[test]
fn cve_2020_16250_another_action_body_or_path_is_never_asked() {
    for body in [
        "",
        "Action=AssumeRole&Version=2011-06-15",
        "Action=GetCallerIdentity&Version=2011-06-15&x=y",
        "Version=2011-06-15&Action=GetCallerIdentity",
        "Action=GetCallerIdentity&Version=2011-06-15\n",
    ] {
        let read = SignedRequest::read(&shown("POST", URL, &header_form(), body));
        assert_eq!(read, Err(CallerError::Body), "{body}");
    }
    for url in [
        "http://sts.eu-west-1.amazonaws.com/",
        "https://sts.eu-west-1.amazonaws.com",
        "https://sts.eu-west-1.amazonaws.com/x",
        "https://sts.eu-west-1.amazonaws.com/#f",
        "https://sts.eu-west-1.amazonaws.com//?a",
        "https://sts.eu-west-1.amazonaws.com\\@evil.example/",
    ] {
        assert!(SignedRequest::read(&shown("POST", url, &header_form(), BODY)).is_err(), "{url}");
    }
    let other = query_form().replace("GetCallerIdentity", "AssumeRole");
    assert_eq!(by_query_with(&other), Err(CallerError::Body));
    let read = SignedRequest::read(&shown("GET", &query_form(), &ours(), BODY));
    assert_eq!(read, Err(CallerError::Body));
    assert_eq!(SignedRequest::read(&shown("GET", URL, &header_form(), BODY)), Err(CallerError::Method));
    assert_eq!(SignedRequest::read(&shown("PUT", URL, &header_form(), BODY)), Err(CallerError::Method));
}

#[test]
fn cve_2025_49827_d08_a_host_of_the_callers_choice_is_never_asked() {
    for host in
        ["evil.example", "sts.eu-west-1.amazonaws.com.evil.example", "127.0.0.1", "u@sts.amazonaws.com"]
    {
        let url = format!("https://{host}/");
        let read = SignedRequest::read(&shown("POST", &url, &header_form(), BODY));
        assert_eq!(read, Err(CallerError::Host(host.to_owned())));
    }
    let read = by_header_with(|h| set(h, "Host", "evil.example"));
    assert_eq!(read, Err(CallerError::Header("host".to_owned())));
}

#[test]
fn cve_2022_2385_two_of_a_name_are_refused() {
    let read = by_header_with(|h| h.push(("x-amz-date".to_owned(), DATE.to_owned())));
    assert_eq!(read, Err(CallerError::Twice("x-amz-date".to_owned())));
    let twice = format!("{}&X-Amz-Signature={SIGNATURE}", query_form());
    assert_eq!(by_query_with(&twice), Err(CallerError::Twice("X-Amz-Signature".to_owned())));
    let twice = format!("{}&x-amz-date=20260115T130000Z", query_form());
    assert_eq!(by_query_with(&twice), Err(CallerError::Twice("X-Amz-Date".to_owned())));
    let mut both = ours();
    both.push(("Authorization".to_owned(), header_form()[0].1.clone()));
    let read = SignedRequest::read(&shown("GET", &query_form(), &both, ""));
    assert_eq!(read, Err(CallerError::Authorization), "two signatures");
}

#[test]
fn what_binds_must_be_signed() {
    for name in ["x-prokura-challenge", "x-prokura-key", "x-amz-date"] {
        let without = header_form()[0].1.replace(&format!(";{name}"), "");
        let read = by_header_with(|h| set(h, "Authorization", &without));
        assert_eq!(read, Err(CallerError::Unsigned(name.to_owned())));
    }
    let without = header_form()[0].1.replace("host;", "");
    let read = by_header_with(|h| set(h, "Authorization", &without));
    assert_eq!(read, Err(CallerError::Unsigned("host".to_owned())));
    let token = by_header_with(|h| h.push(("X-Amz-Security-Token".to_owned(), "abc".to_owned())));
    assert_eq!(token, Err(CallerError::Unsigned("x-amz-security-token".to_owned())));
    let absent = by_header_with(|h| h.retain(|(name, _)| name != "X-Prokura-Key"));
    assert_eq!(absent, Err(CallerError::Header("x-prokura-key".to_owned())));
    for list in ["host;host", "x-prokura-key;host;x-prokura-challenge", ""] {
        let list = header_form()[0]
            .1
            .replace("content-type;host;x-amz-date;x-prokura-challenge;x-prokura-key", list);
        assert!(by_header_with(|h| set(h, "Authorization", &list)).is_err());
    }
}

#[test]
fn headers_that_mean_something_else_are_refused() {
    for (name, value) in [
        ("X-Forwarded-Host", "evil.example"),
        ("Content-Type", "text/xml"),
        ("Transfer-Encoding", "chunked"),
        ("Connection", "close"),
        ("Accept", "text/xml"),
        ("Content-Length", "9"),
        ("X-Amz-Target", "x"),
        ("X-Amz-Content-Sha256", "UNSIGNED-PAYLOAD"),
    ] {
        let read = by_header_with(|h| {
            h.retain(|(n, _)| n != name);
            h.push((name.to_owned(), value.to_owned()));
        });
        assert_eq!(read, Err(CallerError::Header(name.to_ascii_lowercase())));
    }
    for value in ["a\r\nb", " a", "a ", "a  b", "ä", "", &"x".repeat(5000)] {
        assert_eq!(by_header_with(|h| set(h, "X-Prokura-Challenge", value)), Err(CallerError::Headers));
    }
}

#[test]
fn the_scope_is_that_of_the_region_and_the_day() {
    for (from, to) in [
        ("eu-west-1/sts", "us-east-1/sts"),
        ("/sts/", "/s3/"),
        ("20260115", "20260114"),
        ("AKIDEXAMPLEEXAMPLE00", "akid"),
        ("aws4_request", "aws4"),
    ] {
        let other = header_form()[0].1.replacen(from, to, 1);
        assert_eq!(by_header_with(|h| set(h, "Authorization", &other)), Err(CallerError::Scope), "{to}");
    }
    for date in ["20260115", "2026-01-15T12:00:00Z", "20260115T250000Z", "20260115T1200+0Z"] {
        assert_eq!(by_header_with(|h| set(h, "X-Amz-Date", date)), Err(CallerError::Date), "{date}");
    }
}

#[test]
fn it_is_good_for_its_challenge_its_key_and_minutes() {
    let header = by_header_with(|_| {}).unwrap();
    let query = by_query_with(&query_form()).unwrap();
    let bound = Bound { challenge: CHALLENGE, key: key() };
    assert_eq!(header.check(&bound, at(0)), Ok(()));
    assert_eq!(header.check(&Bound { challenge: "c-2", ..bound }, at(0)), Err(CallerError::Challenge));
    let other = Bound { key: Thumbprint::of(b"other"), ..bound };
    assert_eq!(header.check(&other, at(0)), Err(CallerError::Key));
    assert_eq!(header.check(&bound, at(300)), Ok(()));
    assert_eq!(header.check(&bound, at(301)), Err(CallerError::Date));
    assert_eq!(header.check(&bound, at(0).before(Duration::from_secs(301))), Err(CallerError::Date));
    assert_eq!(query.check(&bound, at(60)), Ok(()));
    assert_eq!(query.check(&bound, at(61)), Err(CallerError::Date), "`X-Amz-Expires`, which STS ignores");
    for expires in ["0", "901", "060", "-1", "x"] {
        let url = query_form().replace("Expires=60", &format!("Expires={expires}"));
        assert_eq!(by_query_with(&url), Err(CallerError::Date), "{expires}");
    }
}
