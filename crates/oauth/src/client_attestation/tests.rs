use super::*;

const ISSUER: &str = "https://as.example";
const NOW: Timestamp = Timestamp::from_seconds(1_000_000);

struct World {
    ours: SigningKey,
    theirs: SigningKey,
}

impl World {
    fn new() -> Self {
        let key = || SigningKey::generate(Algorithm::Es256).unwrap();
        Self { ours: key(), theirs: key() }
    }

    fn attestation(&self) -> ClientAttestation {
        ClientAttestation {
            issuer: ISSUER.to_owned(),
            client: ClientId::parse("agt_planner").unwrap(),
            key: self.theirs.public(),
            issued_at: NOW,
            expires_at: NOW.after(Duration::from_secs(600)),
            evidence: obj([("provider", "aws".into())]),
        }
    }

    fn read(&self, compact: &str, now: Timestamp) -> Result<ClientAttestation, AttestationError> {
        let keys = KeySet::of(vec![self.ours.public()]).unwrap();
        ClientAttestation::verify(compact, &keys, ISSUER, now)
    }

    fn pop(
        &self,
        key: &SigningKey,
        typ: &str,
        name: &str,
        value: Option<Value>,
    ) -> Result<Pop, AttestationError> {
        let mut claims = obj([
            ("aud", ISSUER.into()),
            ("jti", "j1".into()),
            ("iat", NOW.seconds().into()),
            ("challenge", "c1".into()),
        ]);
        claims.remove(name);
        if let Some(value) = value {
            claims.insert(name, value);
        }
        Pop::verify(&key.sign(typ, &claims).unwrap(), &self.attestation(), ISSUER, NOW)
    }
}

#[test]
fn an_attestation_comes_back_as_it_was_signed() {
    let world = World::new();
    let read = world.read(&world.attestation().sign(&world.ours).unwrap(), NOW).unwrap();
    assert_eq!(read.client.as_str(), "agt_planner");
    assert_eq!(read.thumbprint(), world.attestation().thumbprint());
    assert_eq!(read.evidence.str("provider"), Some("aws"));
}

#[test]
fn one_that_is_over_wants_a_fresh_one_and_others_are_refused() {
    let world = World::new();
    let compact = world.attestation().sign(&world.ours).unwrap();
    let later = NOW.after(Duration::from_secs(611));
    assert_eq!(world.read(&compact, later).unwrap_err(), AttestationError::Stale);
    let stranger = world.attestation().sign(&world.theirs).unwrap();
    assert!(matches!(world.read(&stranger, NOW), Err(AttestationError::Jose(_))));
    let elsewhere = ClientAttestation { issuer: "https://other.example".to_owned(), ..world.attestation() };
    let elsewhere = elsewhere.sign(&world.ours).unwrap();
    assert_eq!(world.read(&elsewhere, NOW).unwrap_err(), AttestationError::Jose(JoseError::Issuer));
    let long = ClientAttestation { expires_at: NOW.after(Duration::from_secs(7200)), ..world.attestation() };
    assert!(world.read(&long.sign(&world.ours).unwrap(), NOW).is_err());
    let token =
        world.ours.sign("at+jwt", &obj([("iss", ISSUER.into()), ("exp", 1_000_100_i64.into())])).unwrap();
    assert_eq!(world.read(&token, NOW).unwrap_err(), AttestationError::Jose(JoseError::Type));
}

#[test]
fn a_proof_is_by_the_key_of_the_attestation_for_us_just_now() {
    let world = World::new();
    let (key, other) = (&world.theirs, &world.ours);
    let good = world.pop(key, POP_TYP, "", None).unwrap();
    assert_eq!((good.id.as_str(), good.challenge.as_deref()), ("j1", Some("c1")));
    assert!(matches!(world.pop(other, POP_TYP, "", None), Err(AttestationError::Proof(_))));
    assert_eq!(world.pop(key, "JWT", "", None).unwrap_err(), AttestationError::Proof(JoseError::Type));
    for (name, value) in [
        ("aud", None),
        ("aud", Some("https://as.example/token".into())),
        ("aud", Some(Value::Array(vec![ISSUER.into()]))),
        ("jti", None),
        ("jti", Some("".into())),
        ("iat", None),
        ("iat", Some((NOW.seconds() - 301).into())),
        ("iat", Some((NOW.seconds() + 301).into())),
        ("challenge", Some(1_i64.into())),
    ] {
        assert!(world.pop(key, POP_TYP, name, value.clone()).is_err(), "{name} {value:?}");
    }
    assert_eq!(world.pop(key, POP_TYP, "challenge", None).unwrap().challenge, None);
}

#[test]
fn a_header_is_there_once() {
    let of = |values: &[&str]| {
        let values: Vec<_> = values.iter().map(|v| v.as_bytes().to_vec()).collect();
        of_headers(HEADER, values.iter().map(Vec::as_slice)).map(|v| v.map(str::to_owned))
    };
    assert_eq!(of(&[]), Ok(None));
    assert_eq!(of(&[" a.b.c "]), Ok(Some("a.b.c".to_owned())));
    assert_eq!(of(&["a", "b"]), Err(AttestationError::Several(HEADER)));
    assert_eq!(of(&["a,b"]), Err(AttestationError::Several(HEADER)));
}
