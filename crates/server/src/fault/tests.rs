use super::*;
use prokura_core::{Timestamp, TraceId};
use prokura_oauth::id_jag::IdJagError;
use prokura_oauth::jose::JoseError;
use prokura_oauth::transaction_token::{BadTransaction, Widening};
use prokura_policy::access::{
    AccessPolicies, AccessPolicy, Applies, FixedFacts, Mode, Otherwise, PolicyName, Situation, Stage,
};

/// Every way in which receivers of events are refused.
fn streamed() -> Vec<Fault> {
    vec![
        Fault::Feed(FeedFault::Token),
        Fault::Feed(FeedFault::Request("`since` or `nonce` stands there twice")),
        Fault::Feed(FeedFault::TooMany),
        Fault::Status(StatusFault::Unknown),
        Fault::Status(StatusFault::Time),
        Fault::Stream(StreamFault::Token),
        Fault::Stream(StreamFault::Scope("ssf.manage")),
        Fault::Stream(StreamFault::Missing),
        Fault::Stream(StreamFault::Request("`stream_id` is missing".into())),
        Fault::Stream(StreamFault::TooMany),
        Fault::Stream(StreamFault::TooSoon),
    ]
}

/// Every way in which who asks the decision point gets no answer.
fn authzen() -> Vec<Fault> {
    use AuthzenFault as A;
    use prokura_oauth::json::{Limits, parse};
    use prokura_policy::authzen::Malformed;
    let all = [
        A::Token,
        A::Scope("authzen:search"),
        A::Json(parse(b"{", &Limits::TOKEN).unwrap_err()),
        A::NotObject,
        A::Malformed(Malformed::Missing("subject".into())),
        A::Id("subject.id"),
        A::Asserts("subject.properties"),
        A::Page,
    ];
    all.map(Fault::Authzen).into()
}

/// Every way in which transaction tokens are refused.
fn transactions() -> impl Iterator<Item = Fault> {
    use TransactionFault as T;
    let wider = T::Wider(Widening::Expired);
    let request = T::Request(BadTransaction::Subject);
    [T::Off, T::Client, T::Audience, T::Subject, wider, request].map(Fault::Transaction).into_iter()
}

/// Every way in which exchanges and assertions are refused.
fn asserted() -> Vec<Fault> {
    use IdJagFault as J;
    let verify = J::Verify(IdJagError::Claim("jti"));
    let keys = J::Keys("no keys".into());
    let all = [J::Kind, J::Issuer, keys, verify, J::Client, J::Resource, J::Replayed, J::Person];
    ExchangeFault::ALL
        .map(Fault::Exchange)
        .into_iter()
        .chain(all.map(Fault::IdJag))
        .chain(transactions())
        .chain(workloads())
        .collect()
}

/// Every way in which evidence of workloads is refused.
fn workloads() -> Vec<Fault> {
    use WorkloadFault as W;
    let none = prokura_attest::NoRule { tried: Vec::new() };
    let why = || prokura_attest::AttestError::NoToken;
    let all = [
        W::Evidence(why()),
        W::Unavailable(why()),
        W::Over,
        W::NoRule(none),
        W::NotHere,
        W::Replayed,
        W::OtherKey,
        W::OtherAgent,
        W::NotTheClient,
    ];
    let as_client = all.clone().map(Fault::WorkloadClient);
    all.map(Fault::Workload).into_iter().chain(as_client).chain(attester()).collect()
}

/// Every way in which evidence that is no token, or an attestation, is refused.
fn attester() -> Vec<Fault> {
    use AttesterFault as A;
    use prokura_attest::DocumentError;
    use prokura_oauth::client_attestation::{AttestationError, BadChallenge};
    let why = || DocumentError::Provider("x".to_owned());
    let all = [
        A::Body,
        A::Challenge(BadChallenge),
        A::ChallengeUsed,
        A::Evidence(why()),
        A::Unavailable(why()),
        A::Attestation(AttestationError::NoProof),
        A::Stale,
        A::Replayed,
        A::Client,
        A::TooMany,
    ];
    all.map(Fault::Attester).into_iter().collect()
}

/// What conditional access refuses.
fn access() -> Vec<Fault> {
    [Otherwise::Deny, Otherwise::Approval, Otherwise::Quarantine].map(refused).into()
}

fn refused(otherwise: Otherwise) -> Fault {
    let name = PolicyName::parse("p").unwrap();
    let policy =
        AccessPolicy { name, mode: Mode::On, applies: Applies::default(), requires: None, otherwise };
    let scopes = ScopeSet::default();
    let situation = Situation {
        stage: Stage::Issuance,
        subject: None,
        agent: None,
        client: None,
        workload: None,
        resource: "sales",
        action: None,
        scopes: &scopes,
        address: None,
        sign_in: None,
        now: Timestamp::from_seconds(0),
    };
    let verdict = AccessPolicies::new(vec![policy]).unwrap().evaluate(&situation, &FixedFacts::default());
    Fault::Access(Box::new(Refused::new(verdict, &situation, &TraceId::parse("tr_1").unwrap())))
}

/// Every way in which users who are elsewhere are not asked, or do not answer.
fn elsewhere() -> impl Iterator<Item = Fault> {
    use CibaFault as C;
    let message = C::BindingMessage(prokura_oauth::ciba::InvalidBindingMessage);
    let approval = C::Approval(prokura_oauth::ciba::InvalidApproval);
    let begun = [C::Public, C::NoHint, C::UserUnknown, message, approval, C::ApprovalUnknown, C::TooMuch];
    let waits = [C::Pending, C::TooSoon, C::Expired, C::Refused, C::Unknown, C::OtherClient, C::Used];
    begun.into_iter().chain(waits).map(Fault::Ciba)
}

/// Every variant, and every one that a match arm tells apart.
fn all() -> Vec<Fault> {
    let scopes = ScopeSet::parse("a").unwrap();
    let document = |e| Fault::Document(Arc::new(e));
    vec![
        Fault::ContentType("application/json"),
        Fault::TooLarge,
        Fault::Consent(ConsentFault::Changed),
        Fault::Consent(ConsentFault::Withdrawn),
        Fault::Consent(ConsentFault::Actor),
        Fault::Form(FormError::Duplicate("resource".into())),
        Fault::Form(FormError::Duplicate("client_id".into())),
        Fault::NotObject,
        Fault::Parameter(ParameterError::ResponseType),
        Fault::Parameter(ParameterError::Missing("x")),
        Fault::Pkce(PkceError::Missing),
        Fault::TokenRequest(TokenRequestError::Missing("code")),
        Fault::TokenRequest(TokenRequestError::GrantType),
        Fault::TokenRequest(TokenRequestError::Verifier(PkceError::Verifier)),
        Fault::TokenRequest(TokenRequestError::Scope(InvalidScope::TooMany)),
        Fault::Credentials(CredentialsError::Header),
        Fault::Credentials(CredentialsError::TwoMethods),
        Fault::UnknownClient,
        document(DocumentError::Disabled),
        document(DocumentError::Store(StoreError::Closed)),
        Fault::Method(AuthMethod::PrivateKeyJwt),
        Fault::Secret,
        Fault::Assertion(AssertionError::Jose(JoseError::Audience)),
        Fault::Replayed,
        Fault::Keys("no keys".into()),
        Fault::RedirectMissing,
        Fault::RedirectUnknown,
        Fault::RequestUri,
        Fault::RequestObject(RequestObjectError::Client),
        Fault::RequestObjectReplayed,
        Fault::RequestObjectNeeded,
        Fault::GrantType(GrantType::ClientCredentials),
        Fault::Code(CodeFault::Unknown),
        Fault::Code(CodeFault::Used),
        Fault::Code(CodeFault::OtherClient),
        Fault::Code(CodeFault::Redirect),
        Fault::Code(CodeFault::Verifier),
        Fault::Refresh(RefreshFault::Unknown),
        Fault::Refresh(RefreshFault::Reused),
        Fault::Refresh(RefreshFault::RepeatedTooOften),
        Fault::Refresh(RefreshFault::OtherClient),
        Fault::Code(CodeFault::Key),
        Fault::Refresh(RefreshFault::Key),
        Fault::Certificate(CertificateFault::None),
        Fault::Certificate(CertificateFault::Untrusted),
        Fault::Certificate(CertificateFault::Name),
        Fault::Certificate(CertificateFault::Unknown),
        Fault::CertificateNeeded,
        Fault::Proof(ProofError::Several),
        Fault::ProofNonce(BadNonce),
        Fault::ProofReplayed,
        Fault::ProofMissing,
        Fault::ProofOtherKey,
        Fault::Device(DeviceFault::Pending),
        Fault::Device(DeviceFault::TooSoon),
        Fault::Device(DeviceFault::Expired),
        Fault::Device(DeviceFault::Refused),
        Fault::Device(DeviceFault::Unknown),
        Fault::Device(DeviceFault::OtherClient),
        Fault::Device(DeviceFault::Used),
        Fault::Named(NamedFault::Public),
        Fault::Named(NamedFault::Unknown),
        Fault::Named(NamedFault::Details),
        Fault::Named(NamedFault::Missing),
        Fault::Named(NamedFault::Token),
        Fault::Named(NamedFault::Scope),
        Fault::TooManyCodes,
        Fault::GrantOver,
        Fault::Disabled,
        Fault::NoAuthority,
        Fault::Scope(InvalidScope::Token),
        Fault::ScopeTooWide(scopes),
        Fault::Details(RichError::Type),
        Fault::DetailTool("drop".into()),
        Fault::DetailWider(InvalidDetail::Wider("drop".into())),
        Fault::DetailType,
        Fault::ScopeNone,
        Fault::Resource(InvalidResource::Fragment),
        Fault::ResourceUnknown,
        Fault::ResourceNeeded,
        Fault::ResourceOther,
        Fault::TokenType,
        Fault::RegistrationOff,
        Fault::RegistrationToken,
        Fault::UserInfoToken,
        Fault::Acr(UnknownAcr),
        Fault::Metadata(MetadataError::RedirectCount),
        Fault::Metadata(MetadataError::Member("client_name")),
        Fault::RedirectHost("evil.example".into()),
        Fault::TooMany,
        Fault::Stale,
        Fault::Store(StoreError::Closed),
        Fault::Broken("x".into()),
    ]
}

#[test]
fn every_fault_has_its_status_code_word_and_sentence() {
    let row = |f: &Fault| {
        let v = f.verdict();
        format!("{} {} {}: {f}", v.status.as_u16(), v.error, v.reason)
    };
    insta::assert_snapshot!(
        all()
            .iter()
            .chain(&elsewhere().collect::<Vec<_>>())
            .chain(&asserted())
            .chain(&access())
            .chain(&streamed())
            .chain(&authzen())
            .map(row)
            .collect::<Vec<_>>()
            .join("\n")
    );
}

#[test]
fn a30_unknown_and_foreign_things_read_alike() {
    assert_eq!(Fault::Code(CodeFault::Unknown).to_string(), Fault::Code(CodeFault::OtherClient).to_string());
    assert_eq!(Fault::UnknownClient.to_string(), Fault::Secret.to_string());
    assert_eq!(Fault::UnknownClient.to_string(), Fault::Method(AuthMethod::None).to_string());
    assert_eq!(Fault::UnknownClient.to_string(), Fault::Certificate(CertificateFault::None).to_string());
    assert_eq!(Fault::GrantOver.to_string(), Fault::Disabled.to_string());
}
