//! `SASLprep` (RFC 4013): the form in which user names and passwords are compared.

use alloc::borrow::Cow;

use super::error::SaslError;

/// Prepares a text as a stored string (RFC 3454 section 7): characters that Unicode 3.2 did not have are refused.
pub(super) fn prepare<'a>(field: &'static str, text: &'a str) -> Result<Cow<'a, str>, SaslError> {
    let prohibited = SaslError::Prohibited { field };
    if text.is_ascii() {
        // Of ASCII it prohibits the control characters and changes nothing.
        return match text.is_empty() || text.bytes().any(|byte| byte.is_ascii_control()) {
            true => Err(prohibited),
            false => Ok(Cow::Borrowed(text)),
        };
    }
    #[cfg(feature = "saslprep")]
    match stringprep::saslprep(text) {
        Ok(prepared) if !prepared.is_empty() => Ok(prepared),
        _ => Err(prohibited),
    }
    #[cfg(not(feature = "saslprep"))]
    Err(prohibited)
}
