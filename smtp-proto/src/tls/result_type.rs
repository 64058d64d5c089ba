//! The result types of SMTP TLS reports (RFC 8460 section 4.3): what a receiving domain is told about failures.

use core::fmt;

use super::{CertificateError, TlsError};

/// Why no TLS session came about that the recipient's policy accepts (RFC 8460 section 4.3).
///
/// `Display` gives the word of the reports:
///
/// ```
/// use smtp_proto::tls::{CertificateError, ResultType, TlsError};
///
/// let error = TlsError::Certificate(CertificateError::Expired);
/// assert_eq!(error.result_type(), Some(ResultType::CertificateExpired));
/// assert_eq!(ResultType::CertificateExpired.to_string(), "certificate-expired");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum ResultType {
    /// The server does not do STARTTLS.
    StartTlsNotSupported,
    /// The certificate is for other names.
    CertificateHostMismatch,
    /// The certificate has expired.
    CertificateExpired,
    /// The certificate is not trusted for another reason, such as an unknown authority.
    CertificateNotTrusted,
    /// Any other failure.
    ValidationFailure,
    /// None of the TLSA records is for the server that answered.
    TlsaInvalid,
    /// DNS answers that should be signed were not valid.
    DnssecInvalid,
    /// The sender requires DANE, and the domain does not have it.
    DaneRequired,
    /// The MTA-STS policy could not be fetched.
    StsPolicyFetchError,
    /// The MTA-STS policy is not valid.
    StsPolicyInvalid,
    /// The MTA-STS policy's own server has no valid certificate.
    StsWebpkiInvalid,
}

impl ResultType {
    /// The word of the reports.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::StartTlsNotSupported => "starttls-not-supported",
            Self::CertificateHostMismatch => "certificate-host-mismatch",
            Self::CertificateExpired => "certificate-expired",
            Self::CertificateNotTrusted => "certificate-not-trusted",
            Self::ValidationFailure => "validation-failure",
            Self::TlsaInvalid => "tlsa-invalid",
            Self::DnssecInvalid => "dnssec-invalid",
            Self::DaneRequired => "dane-required",
            Self::StsPolicyFetchError => "sts-policy-fetch-error",
            Self::StsPolicyInvalid => "sts-policy-invalid",
            Self::StsWebpkiInvalid => "sts-webpki-invalid",
        }
    }
}

impl fmt::Display for ResultType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl TlsError {
    /// What a report to the receiving domain calls it; `None` if the fault is on this side.
    pub fn result_type(&self) -> Option<ResultType> {
        match self {
            Self::Certificate(error) => Some(match error {
                CertificateError::Expired => ResultType::CertificateExpired,
                CertificateError::NameMismatch { .. } => ResultType::CertificateHostMismatch,
                CertificateError::NoTlsaMatch => ResultType::TlsaInvalid,
                CertificateError::NotYetValid
                | CertificateError::UnknownIssuer
                | CertificateError::IsAuthority
                | CertificateError::NoPinMatch
                | CertificateError::Revoked
                | CertificateError::WrongPurpose
                | CertificateError::Missing
                | CertificateError::Invalid { .. } => ResultType::CertificateNotTrusted,
            }),
            Self::NotTls
            | Self::PeerAlert { .. }
            | Self::Incompatible { .. }
            | Self::PeerMisbehaved { .. } => Some(ResultType::ValidationFailure),
            Self::InvalidServerName(_) | Self::Configuration { .. } => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::format;
    use alloc::string::String;
    use alloc::vec::Vec;

    #[test]
    fn errors_have_the_words_of_reports() {
        let word = |error: TlsError| error.result_type().map(ResultType::as_str);
        let certificate = |error| word(TlsError::Certificate(error));
        assert_eq!(certificate(CertificateError::Expired), Some("certificate-expired"));
        assert_eq!(certificate(CertificateError::NotYetValid), Some("certificate-not-trusted"));
        assert_eq!(certificate(CertificateError::UnknownIssuer), Some("certificate-not-trusted"));
        assert_eq!(certificate(CertificateError::NoPinMatch), Some("certificate-not-trusted"));
        assert_eq!(certificate(CertificateError::NoTlsaMatch), Some("tlsa-invalid"));
        let mismatch = CertificateError::NameMismatch { expected: String::new(), presented: Vec::new() };
        assert_eq!(certificate(mismatch), Some("certificate-host-mismatch"));
        assert_eq!(word(TlsError::NotTls), Some("validation-failure"));
        assert_eq!(word(TlsError::PeerAlert { description: String::new() }), Some("validation-failure"));
        assert_eq!(word(TlsError::Configuration { detail: String::new() }), None);
        assert_eq!(word(TlsError::InvalidServerName(String::new())), None);
        assert_eq!(format!("{:>14}", ResultType::DaneRequired), " dane-required");
    }
}
