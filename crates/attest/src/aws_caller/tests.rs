use super::*;
use bytes::Bytes;

fn answer(status: u16, kind: &'static str, body: &str) -> Answer {
    let mut headers = HeaderMap::new();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    let body = Bytes::from(body.to_owned());
    Answer { status: StatusCode::from_u16(status).unwrap(), headers, body, whole: true }
}

fn said(account: &str, arn: &str) -> String {
    format!(
        r#"{{"GetCallerIdentityResponse":{{"GetCallerIdentityResult":{{"Account":"{account}","Arn":"{arn}","UserId":"AROAEXAMPLE:any"}},"ResponseMetadata":{{"RequestId":"r"}}}}}}"#
    )
}

const ARN: &str = "arn:aws:sts::123456789012:assumed-role/Planner/any";

#[test]
fn what_sts_says_is_read_from_json_alone() {
    let good = said("123456789012", ARN);
    let identity = Identity::read(&answer(200, "application/json", &good)).unwrap();
    assert_eq!((identity.arn.as_str(), identity.unique_id.as_str()), (ARN, "AROAEXAMPLE"));
    assert_eq!(
        Identity::read(&answer(403, "application/json", &good)).unwrap_err(),
        CallerError::Refused(403)
    );
    assert_eq!(
        Identity::read(&answer(307, "application/json", &good)).unwrap_err(),
        CallerError::Refused(307)
    );
    let xml = "<GetCallerIdentityResponse/>";
    for odd in [answer(200, "text/xml", &good), answer(200, "application/json", xml)] {
        assert_eq!(Identity::read(&odd).unwrap_err(), CallerError::Answer);
    }
    let cut = Answer { whole: false, ..answer(200, "application/json", &good) };
    assert_eq!(Identity::read(&cut).unwrap_err(), CallerError::Answer);
    let twice = good.replace(r#""Arn""#, r#""Arn":"x","Arn""#);
    assert_eq!(Identity::read(&answer(200, "application/json", &twice)).unwrap_err(), CallerError::Answer);
}

#[test]
fn an_identity_is_of_one_account_in_the_partition_that_was_asked() {
    let of = |account: &str, partition: &str| {
        Identity::read(&answer(200, "application/json", &said(account, ARN))).unwrap().checked(partition)
    };
    assert!(of("123456789012", "aws").is_ok());
    assert!(matches!(of("210987654321", "aws"), Err(CallerError::Identity(_))));
    assert!(matches!(of("123456789012", "aws-cn"), Err(CallerError::Identity(_))));
}

#[test]
fn what_may_be_different_in_a_moment_says_so() {
    assert!(CallerError::Refused(503).is_temporary() && CallerError::Refused(429).is_temporary());
    assert!(!CallerError::Refused(403).is_temporary() && !CallerError::Challenge.is_temporary());
}
