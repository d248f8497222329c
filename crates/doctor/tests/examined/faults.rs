//! What can be wrong, and which checks have to find it: exactly those.

use prokura_doctor::Check::{self, *};

macro_rules! faults {
    ($($fault:ident => $($check:ident),+;)*) => {
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
        pub(crate) enum Fault {
            $($fault,)*
            /// No fault: an application in the browser, whose pages tell nothing.
            SamePage,
            /// No fault: a server that takes twenty requests.
            Limited,
            /// An authorization server in somebody's network.
            ServerInside,
        }

        /// Each fault and what finds it.
        pub(crate) const FAULTS: &[(Fault, &[Check])] = &[$((Fault::$fault, &[$($check),+])),*];
    };
}

faults! {
    // The challenge.
    Forbidden => ChallengeStatus;
    NoChallenge => ChallengeHeader, TokenChallenge;
    OtherScheme => ChallengeScheme;
    BrokenChallenge => ChallengeForm, TokenChallenge;
    RepeatedParameter => ChallengeForm, TokenChallenge;
    NoHint => ChallengeMetadata;
    HintRelative => ChallengeMetadataUrl;
    HintNowhere => ChallengeMetadataUrl;
    NoScope => ChallengeScope;
    OfflineScope => ChallengeOffline;
    ErrorWithoutToken => ChallengeError;
    ForwardedChallenge => ResourceForwarded;

    // The metadata of the resource.
    NoMetadata => ChallengeMetadata, ResourceFound, ResourceWellKnown;
    NoWellKnown => ResourceWellKnown;
    TwoResources => ResourceSame, ResourceIdentity;
    ForwardedMetadata => ResourceForwarded;
    ResourceMoved => ResourceStatus, ChallengeMetadataUrl, ResourceWellKnown, ResourceFound;
    ResourceText => ResourceType;
    ResourceNoJson => ResourceJson, ChallengeMetadataUrl, ResourceWellKnown, ResourceFound;
    ResourceDoubled => ResourceTwice, ChallengeMetadataUrl, ResourceWellKnown, ResourceFound;
    ResourceSlash => ResourceIdentity;
    ResourcePlain => ResourceIdentity, ResourceForm;
    NoServers => ResourceServers;
    ServersEmpty => ResourceServers, ResourceEmpty;
    ServerQuery => ResourceServerForm, ServerIssuer, AuthorizeIss;
    NoScopes => ResourceScopes;
    ResourceOfflineAccess => ResourceOffline;
    QueryMethod => ResourceMethods;
    ResourceNone => ResourceAlgorithms;
    ResourceNoCors => ResourceCors;

    // The metadata of the authorization server.
    NoServerMetadata => ServerFound;
    OpenIdOnly => ServerFirst;
    ServerPage => ServerStatus, ServerFirst;
    ServerMoved => ServerStatus, ServerFirst;
    ServerText => ServerType;
    ServerNoJson => ServerJson, ServerFirst;
    ServerDoubled => ServerTwice, ServerFirst;
    OtherIssuer => ServerIssuer;
    Disagreeing => ServerSame;
    NoTokenEndpoint => ServerEndpoints;
    PlainEndpoint => ServerHttps;
    FragmentEndpoint => ServerFragment;
    NoResponseTypes => ServerResponseTypes;
    NoPkce => ServerPkce;
    PkceOnlyPlain => ServerS256, ServerPlain;
    PkcePlain => ServerPlain;
    NoIss => ServerIss;
    ImplicitOffered => ServerImplicit;
    NoGrantTypes => ServerImplicit;
    SecretsOnly => ServerPublic;
    NoAlgorithms => ServerAlgorithms;
    AlgorithmNone => ServerAlgorithms;
    EmptyList => ServerEmpty;
    OtherResources => ServerResources;
    ServerForwardedHost => ServerForwarded;
    ServerNoCors => ServerCors;

    // Keys.
    NoKeys => KeysFound;
    PrivateKey => KeysPrivate;
    SharedKey => KeysPrivate;
    SameKid => KeysDistinct;
    NoKid => KeysDistinct;
    WrongAlgorithm => KeysShape;
    NoKeyType => KeysShape;
    ShortKey => KeysWeak;

    // Registration.
    NoRegistration => RegistrationWay, RegistrationDocuments;
    NoDocuments => RegistrationDocuments;
    RegistersAnything => RegistrationError, RegistrationRedirect;
    RegistrationPage => RegistrationError, RegistrationRedirect;
    RegistersPlainHttp => RegistrationRedirect;
    RegistrationOk200 => RegistrationAnswer;
    RegistrationKept => RegistrationAnswer;

    // The authorization endpoint.
    AuthorizeMissing => AuthorizeGet;
    AuthorizeOpenToPages => AuthorizeCors;
    OpenRedirect => AuthorizeUnknownClient, AuthorizeForeignRedirect, AuthorizeExactRedirect;
    ForeignRedirect => AuthorizeForeignRedirect, AuthorizeExactRedirect;
    PrefixRedirect => AuthorizeExactRedirect;
    PkceOptional => AuthorizePkce;
    PlainTaken => AuthorizePlain;
    ImplicitTaken => AuthorizeImplicit;
    AnyResource => AuthorizeResource;
    StateLost => AuthorizeState;
    IssMissing => AuthorizeIss;
    IssOther => AuthorizeIss;
    IssUnsaid => ServerIss, AuthorizeIssSaid;
    Framed => AuthorizeFrame;

    // The token endpoint.
    TokenErrorPage => TokenError;
    TokenError200 => TokenError;
    TokenErrorCached => TokenErrorKept;
    TokenByGet => TokenGet;
    ClientLast => TokenClient;
    NoTokenType => TokenAnswer;
    TokenCached => TokenAnswerKept;
    LongLife => TokenLife;
    NoExpiry => TokenLife;
    OtherAudience => TokenAudience;
    CodeTwice => CodeReuse;
    NoRotation => RefreshRotation;
    RefreshTwice => RefreshReuse;

    // Tokens at the resource.
    TokenRefused => TokenWorks;
    CaseOfScheme => TokenScheme;
    TakesQuery => TokenQuery;
    TakesAnything => TokenGarbage, TokenUnsigned, TokenForged, TokenOwnKey, TokenConfused, TokenTampered, TokenForeign;
    GarbageIs500 => TokenGarbage;
    GarbageUntold => TokenChallenge;
    EmptyIs500 => TokenEmpty;
    TakesUnsigned => TokenUnsigned;
    TakesForged => TokenForged;
    TakesOwnKey => TokenOwnKey;
    TakesConfused => TokenConfused;
    TakesTampered => TokenTampered;
    TakesForeign => TokenForeign;

    // The transport.
    AnyOrigin => Origin;
    OriginIs401 => Origin;
    AnyHost => Host;
    LeaveForAll => CrossOrigin;
    NoAnswerType => AnswerType;
    OtherId => AnswerForm;
    TakesText => SimpleRequest;
    NonsenseIs500 => NotJson;
    TakesBatch => Batch;
    TakesTwice => Twice;
    NotificationIs200 => Notification;
    GetIs200 => Get;
    AnyVersion => VersionUnknown, VersionError;
    VersionUntold => VersionError;
    VersionNotCompared => VersionMismatch;
    MethodNotCompared => MethodMismatch;
    MethodNotNeeded => MethodMissing;
    NameNotCompared => NameMismatch;
    NameNotDecoded => NameEncoded;
    MetaNotNeeded => MetaMissing;
    UnknownIs200 => MethodUnknown;
    DiscoverBare => Discover;
    ModernSession => SessionMinted;
    InitializeHalf => Initialize;
    InitializeEcho => InitializeVersion;
    SessionIdSpaces => SessionId;
    SessionMissing404 => SessionMissing;
    SessionLivesOn => SessionEnded;
    SessionIsEnough => SessionToken;
}
