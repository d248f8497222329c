//! Why a signed `GetCallerIdentity` request proves nothing. These are for the log and the record.

/// A signed request that is not accepted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CallerError {
    /// A member that means nothing.
    #[error("the evidence may have the members `method`, `url`, `headers` and `body` only")]
    Member,
    /// The address.
    #[error("`url` must be `https://`, the host of an STS, `/`, and a query if the signature stands there")]
    Url,
    /// The host is none of STS (CVE-2025-49827).
    #[error("`{0}` is not the STS of a known region of AWS")]
    Host(String),
    /// The region is not allowed here.
    #[error("the region is `{0}`, which the provider does not allow")]
    Region(&'static str),
    /// The method.
    #[error("`method` must be `POST`, or `GET` if the signature stands in the query")]
    Method,
    /// The body, or what stands in the query for it (CVE-2020-16250).
    #[error("only `Action=GetCallerIdentity&Version=2011-06-15` may be asked")]
    Body,
    /// The headers cannot be read.
    #[error("`headers` must be an object of texts in visible ASCII")]
    Headers,
    /// A header that means nothing here, or says what it must not.
    #[error(
        "the header `{0}` is not expected, not given although signed, or does not have the value that it must have"
    )]
    Header(String),
    /// A name that stands there twice (CVE-2022-2385).
    #[error("`{0}` stands there twice")]
    Twice(String),
    /// The query cannot be read.
    #[error("the query cannot be read")]
    Query,
    /// A parameter that means nothing here.
    #[error("the parameter `{0}` is not expected")]
    Parameter(String),
    /// A parameter that is not there.
    #[error("the parameter `{0}` is missing")]
    Missing(&'static str),
    /// The signature is not written as SigV4 says.
    #[error(
        "the signature must be one of `AWS4-HMAC-SHA256`, in one place, with sorted names of signed headers"
    )]
    Authorization,
    /// A header that must be signed and is not.
    #[error("the header `{0}` must be among the signed ones")]
    Unsigned(String),
    /// The scope of the credential.
    #[error("the credential must be for `sts` in the region that is asked, on the day of `X-Amz-Date`")]
    Scope,
    /// The time.
    #[error("the request was signed too long ago, or in the future, or says so in no way that is read here")]
    Date,
    /// The challenge.
    #[error("the signed challenge is not the one that was given out")]
    Challenge,
    /// The key.
    #[error("the signed key is not the one of the proof of possession")]
    Key,
    /// STS cannot be asked.
    #[error("STS cannot be asked: {0}")]
    Unavailable(String),
    /// STS does not know the signature.
    #[error("STS answered with status {0}")]
    Refused(u16),
    /// STS said something that is not understood.
    #[error("the answer of STS cannot be read")]
    Answer,
    /// The identity is none that can be bound.
    #[error(
        "`{0}` is neither a role's session nor a user, or not of the partition or account that was asked"
    )]
    Identity(String),
    /// The account is not allowed.
    #[error("the account is `{0}`, which the provider does not allow")]
    Account(String),
}

impl CallerError {
    /// Whether it may be different in a moment.
    pub fn is_temporary(&self) -> bool {
        match self {
            Self::Unavailable(_) => true,
            Self::Refused(status) => *status >= 500 || *status == 429,
            _ => false,
        }
    }
}
