//! What applications need of the crates below, for adapters to pass on, so that an application depends on its adapter
//! alone: `pub use smtp_driver::reexports::*`.
//!
//! It is all of smtp-message, envelopes with their options, settings, outcomes and errors.  For the rest adapters have
//! the crates themselves, as `driver`, `message` and `proto`.

pub use smtp_message::*;
pub use smtp_proto::client::{
    AuthError, AuthRefusal, Chunking, Error as SessionError, Event, Failure, Misuse, Outcome, PeerFault,
    PeerMisbehaved, Phase, Timeouts, Trace, Unsupported,
};
pub use smtp_proto::envelope::*;
pub use smtp_proto::reply::{Code, EnhancedCode, Reply, Severity};
pub use smtp_proto::sasl::{AuthMechanism, Credentials, CredentialsError, SaslError};
pub use smtp_proto::tls::{
    Authentication, CertificateError, Pin, PinError, TlsConnector, TlsError, TlsInfo, TlsPolicy, TlsVersion,
    Tlsa, TlsaError, Verification,
};
pub use smtp_proto::{
    Address, AddressError, AddressLiteral, Domain, Extension, Extensions, Host, Instant, LocalPart, Secret,
};

pub use crate::{
    Ask, AsyncChunks, ConfigError, ConnectionId, Error, MailerBuilder, NotDelivered, Observed, Recipient,
    Report, Runtime, UrlError, spool,
};
