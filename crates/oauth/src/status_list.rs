//! Token Status Lists (draft-ietf-oauth-status-list): what verifiers that ask nobody else read whether a token still counts.
//!
//! A list is an array of small numbers, one for each place; a token names its place. The numbers of the tokens of many are
//! fetched at once, so nobody learns which token somebody looks at.

use crate::jose::{Algorithm, JoseError, KeySet, SigningKey, decode, encode, verify_jws_up_to};
use crate::json::{self, Limits, Object, Value, obj};
use miniz_oxide::deflate::compress_to_vec_zlib;
use miniz_oxide::inflate::{TINFLStatus, decompress_to_vec_zlib_with_limit};
use prokura_core::Timestamp;
use std::time::Duration;

/// Where lists are, below the issuer; the aggregation (§9) stands at the address itself, a list below it.
pub const PATH: &str = "/status";
/// The claim of a token that names its place (§6.1).
pub const CLAIM: &str = "status";
/// The media type of a list (§14.7).
pub const MEDIA_TYPE: &str = "application/statuslist+jwt";
/// The `typ` of a list (§5.1).
const TYP: &str = "statuslist+jwt";
/// The accepted forms of that `typ`.
const TYPES: [&str; 2] = [TYP, MEDIA_TYPE];
/// The longest list that is read, unpacked: a million places of one byte. A few bytes unpack to gigabytes otherwise.
const MAX_UNPACKED: usize = 1 << 20;
/// The longest text of a signed list that is read: one that cannot be packed at all.
const MAX_COMPACT: usize = 2 << 20;
/// The highest level of the packer that costs no more than it saves.
const LEVEL: u8 = 9;

/// Where a token's status stands: the member `status_list` of the claim `status` (§6.2).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StatusPlace {
    /// `idx`: which place of the list.
    pub index: u64,
    /// `uri`: the list.
    pub uri: String,
}

/// What a status says (§7.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// 0: it counts.
    Valid,
    /// 1: it never counts again.
    Invalid,
    /// 2: it does not count for now.
    Suspended,
    /// Something else, which only its issuer knows: it is not to be taken for valid.
    Other(u8),
}

/// The numbers of all places.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StatusList {
    bits: Bits,
    bytes: Vec<u8>,
}

/// How many bits a place has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bits {
    /// 0 and 1.
    One,
    /// Up to 3.
    Two,
    /// Up to 15.
    Four,
    /// Up to 255.
    Eight,
}

/// A list as its issuer signed it: a Status List Token (§5.1).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StatusListToken {
    /// `sub`: where it stands, which tokens name as `uri`.
    pub uri: String,
    /// `iat`: when it was so.
    pub issued_at: Timestamp,
    /// `exp`: when it is not to be believed any more.
    pub expires_at: Option<Timestamp>,
    /// `ttl`: how long it may be kept before it is asked for again; whole seconds.
    pub ttl: Option<Duration>,
    /// The numbers.
    pub list: StatusList,
}

/// Why nothing can be said of a token's status: it is to be refused (§8.3).
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StatusError {
    /// The signature or the type does not hold.
    #[error("the status list does not verify: {0}")]
    Jose(#[from] JoseError),
    /// A claim is missing or malformed.
    #[error("the claim `{0}` is missing or malformed")]
    Claim(&'static str),
    /// The list is not the one that the token names.
    #[error("the list is another one than the token names")]
    OtherList,
    /// The list is too old.
    #[error("the list has expired")]
    Expired,
    /// What is packed is larger than any list.
    #[error("the list is larger than is read")]
    TooLarge,
    /// The list ends before the place.
    #[error("the list has no such place")]
    NoSuchPlace,
}

impl StatusPlace {
    /// The claim `status`.
    pub fn to_object(&self) -> Object {
        let list = obj([("idx", self.index.into()), ("uri", self.uri.as_str().into())]);
        obj([("status_list", Value::Object(list))])
    }

    /// Reads the claim from those of a token; `None` if it is not there, or names other mechanisms only.
    ///
    /// # Errors
    /// [`StatusError::Claim`]: what cannot be read must not fall away.
    pub fn read(claims: &Object) -> Result<Option<Self>, StatusError> {
        const BAD: StatusError = StatusError::Claim(CLAIM);
        let Some(status) = claims.get(CLAIM) else { return Ok(None) };
        let Some(list) = status.as_object().ok_or(BAD)?.get("status_list") else { return Ok(None) };
        let list = list.as_object().ok_or(BAD)?;
        Ok(Some(Self {
            index: list.get("idx").and_then(Value::as_u64).ok_or(BAD)?,
            uri: list.str("uri").filter(|uri| !uri.is_empty()).ok_or(BAD)?.to_owned(),
        }))
    }
}

impl Status {
    /// The number.
    pub fn number(self) -> u8 {
        match self {
            Self::Valid => 0,
            Self::Invalid => 1,
            Self::Suspended => 2,
            Self::Other(n) => n,
        }
    }

    fn of(number: u8) -> Self {
        match number {
            0 => Self::Valid,
            1 => Self::Invalid,
            2 => Self::Suspended,
            n => Self::Other(n),
        }
    }
}

impl Bits {
    fn number(self) -> u8 {
        match self {
            Self::One => 1,
            Self::Two => 2,
            Self::Four => 4,
            Self::Eight => 8,
        }
    }

    fn of(number: u64) -> Option<Self> {
        [Self::One, Self::Two, Self::Four, Self::Eight].into_iter().find(|b| u64::from(b.number()) == number)
    }

    /// In which byte a place stands, and how far that byte is to be shifted: the first place is in the lowest bits.
    fn place(self, index: u64) -> Option<(usize, u8)> {
        let each = u64::from(8 / self.number());
        let shift = u8::try_from(index % each).ok()? * self.number();
        Some((usize::try_from(index / each).ok()?, shift))
    }

    fn mask(self) -> u8 {
        u8::MAX >> (8 - self.number())
    }
}

impl StatusList {
    /// A list of so many places, at all of which stands 0: nobody sees how many of them are given.
    pub fn new(bits: Bits, places: usize) -> Self {
        let each = usize::from(8 / bits.number());
        Self { bits, bytes: vec![0; places.div_ceil(each)] }
    }

    /// Says the status of a place.
    ///
    /// # Errors
    /// [`StatusError::NoSuchPlace`] if the list has no such place, or the place not so many bits.
    pub fn set(&mut self, index: u64, status: Status) -> Result<(), StatusError> {
        let mask = self.bits.mask();
        let number = Some(status.number()).filter(|n| n & !mask == 0).ok_or(StatusError::NoSuchPlace)?;
        let (byte, shift) = self.bits.place(index).ok_or(StatusError::NoSuchPlace)?;
        let byte = self.bytes.get_mut(byte).ok_or(StatusError::NoSuchPlace)?;
        *byte = (*byte & !(mask << shift)) | (number << shift);
        Ok(())
    }

    /// The status of a place.
    ///
    /// # Errors
    /// [`StatusError::NoSuchPlace`] if the list ends before it.
    pub fn get(&self, index: u64) -> Result<Status, StatusError> {
        let (byte, shift) = self.bits.place(index).ok_or(StatusError::NoSuchPlace)?;
        let byte = self.bytes.get(byte).ok_or(StatusError::NoSuchPlace)?;
        Ok(Status::of((byte >> shift) & self.bits.mask()))
    }

    /// The list in JSON (§4.2).
    pub fn to_object(&self) -> Object {
        let packed = compress_to_vec_zlib(&self.bytes, LEVEL);
        obj([("bits", u64::from(self.bits.number()).into()), ("lst", encode(&packed).into())])
    }

    /// Reads a list in JSON. What unpacks to more than a million bytes is refused before it takes more room than that.
    ///
    /// # Errors
    /// [`StatusError::Claim`], [`StatusError::TooLarge`].
    pub fn read(o: &Object) -> Result<Self, StatusError> {
        const BAD: StatusError = StatusError::Claim("status_list");
        let bits = o.get("bits").and_then(Value::as_u64).and_then(Bits::of).ok_or(BAD)?;
        let packed = o.str("lst").and_then(decode).ok_or(BAD)?;
        let bytes = decompress_to_vec_zlib_with_limit(&packed, MAX_UNPACKED).map_err(|e| match e.status {
            TINFLStatus::HasMoreOutput => StatusError::TooLarge,
            _ => BAD,
        })?;
        Ok(Self { bits, bytes })
    }
}

impl StatusListToken {
    /// The claims.
    pub fn claims(&self) -> Object {
        let mut o = obj([("sub", self.uri.as_str().into()), ("iat", self.issued_at.seconds().into())]);
        if let Some(at) = self.expires_at {
            o.insert("exp", at.seconds().into());
        }
        if let Some(ttl) = self.ttl {
            o.insert("ttl", ttl.as_secs().into());
        }
        o.insert("status_list", Value::Object(self.list.to_object()));
        o
    }

    /// Signs the list.
    ///
    /// # Errors
    /// [`JoseError`] if the key cannot sign.
    pub fn sign(&self, key: &SigningKey) -> Result<String, JoseError> {
        key.sign(TYP, &self.claims())
    }

    /// Verifies a list that was got from `uri`, by keys of the issuer of the token that names it (§8.3).
    ///
    /// # Errors
    /// [`StatusError`]; all of them mean that the token is to be refused.
    pub fn verify(compact: &str, keys: &KeySet, uri: &str, now: Timestamp) -> Result<Self, StatusError> {
        let jws = verify_jws_up_to(MAX_COMPACT, compact, keys, &Algorithm::PUBLIC)?;
        let typ = jws.header.str("typ").unwrap_or_default();
        if !TYPES.iter().any(|t| t.eq_ignore_ascii_case(typ)) {
            return Err(JoseError::Type.into());
        }
        let claims = json::parse(&jws.payload, &Limits::MESSAGE).map_err(JoseError::Json)?;
        let read = Self::read(&claims.into_object().ok_or(JoseError::Malformed)?)?;
        match read.expires_at {
            _ if read.uri != uri => Err(StatusError::OtherList),
            Some(at) if at <= now => Err(StatusError::Expired),
            _ => Ok(read),
        }
    }

    fn read(o: &Object) -> Result<Self, StatusError> {
        let time = |name| {
            let at = o.get(name).map(|v| v.as_i64().ok_or(StatusError::Claim(name)));
            at.transpose().map(|at| at.map(Timestamp::from_seconds))
        };
        let ttl = o.get("ttl").map(|v| v.as_u64().filter(|n| *n > 0).ok_or(StatusError::Claim("ttl")));
        let list = o.get("status_list").and_then(Value::as_object);
        Ok(Self {
            uri: o.str("sub").ok_or(StatusError::Claim("sub"))?.to_owned(),
            issued_at: time("iat")?.ok_or(StatusError::Claim("iat"))?,
            expires_at: time("exp")?,
            ttl: ttl.transpose()?.map(Duration::from_secs),
            list: StatusList::read(list.ok_or(StatusError::Claim("status_list"))?)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const URI: &str = "https://as.example/status/0";

    fn list_of(bits: u64, lst: &str) -> Result<StatusList, StatusError> {
        StatusList::read(&obj([("bits", bits.into()), ("lst", lst.into())]))
    }

    /// The examples of §4.1 and the vectors of appendix C.
    #[test]
    fn the_lists_of_the_draft_are_read_and_made() {
        let one = list_of(1, "eNrbuRgAAhcBXQ").unwrap();
        assert_eq!(one.bytes, [0xb9, 0xa3]);
        let two = list_of(2, "eNo76fITAAPfAgc").unwrap();
        assert_eq!(two.bytes, [0xc9, 0x44, 0xf9]);
        let said: Vec<_> = (0..12).map(|i| two.get(i).unwrap().number()).collect();
        assert_eq!(said, [1, 2, 0, 3, 0, 1, 0, 1, 1, 2, 3, 3]);
        assert_eq!(two.get(12), Err(StatusError::NoSuchPlace));
        for list in [one, two] {
            assert_eq!(StatusList::read(&list.to_object()).unwrap(), list);
        }
        let long = list_of(2, LONG_TWO).unwrap();
        let mut made = StatusList::new(Bits::Two, 1 << 20);
        for (index, number) in LONG_PLACES {
            assert_eq!(long.get(index).unwrap().number(), number, "{index}");
            made.set(index, Status::of(number)).unwrap();
        }
        assert_eq!(made, long);
    }

    #[test]
    fn each_place_is_its_own_whatever_its_size() {
        for (bits, most) in [(Bits::One, 1), (Bits::Two, 3), (Bits::Four, 15), (Bits::Eight, 255)] {
            let mut list = StatusList::new(bits, 17);
            list.set(7, Status::of(most)).unwrap();
            list.set(8, Status::Invalid).unwrap();
            assert_eq!([6, 7, 8, 9].map(|i| list.get(i).unwrap().number()), [0, most, 1, 0], "{bits:?}");
            list.set(7, Status::Valid).unwrap();
            assert_eq!((list.get(7), list.get(8)), (Ok(Status::Valid), Ok(Status::Invalid)));
            assert!(list.set(7, Status::Other(most)).is_ok());
            assert_eq!(list.set(1 << 20, Status::Valid), Err(StatusError::NoSuchPlace));
            if let Some(more) = most.checked_add(1) {
                assert_eq!(list.set(7, Status::Other(more)), Err(StatusError::NoSuchPlace), "{bits:?}");
            }
        }
    }

    #[test]
    fn d08_a_list_that_unpacks_to_more_than_is_read_is_refused() {
        let packed = |bytes: usize| encode(&compress_to_vec_zlib(&vec![0; bytes], LEVEL));
        assert!(list_of(1, &packed(MAX_UNPACKED)).is_ok());
        assert_eq!(list_of(1, &packed(MAX_UNPACKED + 1)), Err(StatusError::TooLarge));
        let bomb = packed(8 << 20);
        assert!(bomb.len() < MAX_COMPACT);
        assert_eq!(list_of(1, &bomb), Err(StatusError::TooLarge));
        for (bits, lst) in
            [(3, "eNrbuRgAAhcBXQ"), (1, "eNrbuRgAAhcBXA"), (1, "eNrbuRgAAhcB"), (1, ""), (1, "=")]
        {
            assert_eq!(list_of(bits, lst), Err(StatusError::Claim("status_list")), "{bits} {lst}");
        }
    }

    fn token(list: StatusList) -> StatusListToken {
        StatusListToken {
            uri: URI.into(),
            issued_at: Timestamp::from_seconds(1000),
            expires_at: Some(Timestamp::from_seconds(1120)),
            ttl: Some(Duration::from_secs(60)),
            list,
        }
    }

    #[test]
    fn a_signed_list_comes_back_and_a_forged_an_old_or_another_one_does_not() {
        let key = SigningKey::generate(Algorithm::Es256).unwrap();
        let keys = KeySet::of(vec![key.public()]).unwrap();
        // As large as it may get: every place says something that nobody could guess.
        let mut list = StatusList::new(Bits::Two, 1 << 17);
        let mut n = 1_u64;
        for index in 0..1 << 17 {
            n = n.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            list.set(index, Status::of((n >> 62).try_into().unwrap())).unwrap();
        }
        let token = token(list);
        let compact = token.sign(&key).unwrap();
        let verify = |compact: &str, uri: &str, at| {
            StatusListToken::verify(compact, &keys, uri, Timestamp::from_seconds(at))
        };
        assert_eq!(verify(&compact, URI, 1119), Ok(token.clone()));
        assert_eq!(verify(&compact, URI, 1120), Err(StatusError::Expired));
        assert_eq!(verify(&compact, "https://as.example/status/1", 1000), Err(StatusError::OtherList));
        let other = token.sign(&SigningKey::generate(Algorithm::Es256).unwrap()).unwrap();
        assert_eq!(verify(&other, URI, 1000), Err(JoseError::UnknownKey.into()));
        let typed = |typ: &str| key.sign(typ, &token.claims()).unwrap();
        assert_eq!(verify(&typed("JWT"), URI, 1000), Err(JoseError::Type.into()));
        assert!(verify(&typed(MEDIA_TYPE), URI, 1000).is_ok());
        for (name, values) in [
            ("sub", vec![None, Some(Value::from(1_u64))]),
            ("iat", vec![None, Some("x".into())]),
            ("exp", vec![Some("x".into())]),
            ("ttl", vec![Some(0_u64.into()), Some((-1_i64).into()), Some("60".into())]),
            ("status_list", vec![None, Some("x".into())]),
        ] {
            for value in values {
                let mut claims = token.claims();
                match value {
                    None => drop(claims.remove(name)),
                    Some(value) => claims.insert(name, value),
                }
                let refused = verify(&key.sign(TYP, &claims).unwrap(), URI, 1000);
                assert_eq!(refused, Err(StatusError::Claim(name)));
            }
        }
    }

    #[test]
    fn a_token_names_its_place_or_none_and_what_cannot_be_read_does_not_fall_away() {
        let place = StatusPlace { index: 7, uri: URI.into() };
        let with = |status: Value| StatusPlace::read(&obj([(CLAIM, status)]));
        assert_eq!(with(Value::Object(place.to_object())), Ok(Some(place)));
        assert_eq!(StatusPlace::read(&Object::default()), Ok(None));
        assert_eq!(with(Value::Object(obj([("other", 1_u64.into())]))), Ok(None));
        let list = |idx: Value, uri: Value| {
            let list = obj([("idx", idx), ("uri", uri)]);
            with(Value::Object(obj([("status_list", Value::Object(list))])))
        };
        let bad = Err(StatusError::Claim(CLAIM));
        assert_eq!(with("x".into()), bad);
        assert_eq!(list((-1_i64).into(), URI.into()), bad);
        assert_eq!(list("1".into(), URI.into()), bad);
        assert_eq!(list(1_u64.into(), "".into()), bad);
    }

    /// Appendix C.2: what stands in a list of 2^20 places of two bits.
    const LONG_PLACES: [(u64, u8); 11] = [
        (0, 1),
        (1993, 2),
        (25460, 1),
        (159_495, 3),
        (495_669, 1),
        (554_353, 1),
        (645_645, 2),
        (723_232, 1),
        (854_545, 1),
        (934_534, 2),
        (1_000_345, 3),
    ];
    const LONG_TWO: &str = concat!(
        "eNrt2zENACEQAEEuoaBABP5VIO01fCjIHTMStt9ovGVIAAAAAABAbiEBAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAEB5",
        "WwIAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
        "AAAAAAAAAID0ugQAAAAAAAAAAAAAAAAAQG12SgAAAAAAAAAAAAAAAAAAAAAAAAAAAOCSIQEAAAAAAAAAAAAAAAAAAAAAAAD8ExIA",
        "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAwJEuAQAAAAAAAAAAAAAAAAAAAAAAAMB9SwIAAAAAAAAAAAAAAAAAAACoYUoA",
        "AAAAAAAAAAAAAEBqH81gAQw",
    );
}
