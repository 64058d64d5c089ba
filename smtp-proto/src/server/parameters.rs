//! The parameters of MAIL and RCPT as a server reads them (RFC 1870, RFC 2852, RFC 3030, RFC 3461, RFC 4865, RFC 4954
//! section 5, RFC 6152, RFC 6531, RFC 6710, RFC 8689).

use alloc::boxed::Box;

use crate::command::MailParameters;
use crate::envelope::{
    BodyType, DeliverBy, EnvelopeId, Hold, Notify, OriginalRecipient, Priority, RcptOptions, Ret, Submitter,
};
use crate::extensions::Extension;

/// An ESMTP parameter: its keyword, and its value if it has one.
pub(super) type Parameter<'a> = (&'a str, Option<&'a str>);

/// Why parameters are not accepted.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum ParameterError {
    Unknown,
    Invalid,
}

/// Reads the parameters of MAIL; `has` says which extensions they may be of.
pub(super) fn of_mail(
    parameters: &[Parameter<'_>],
    has: impl Fn(Extension) -> bool,
) -> Result<MailParameters, ParameterError> {
    use Extension::{
        Auth, BinaryMime, DeliverBy as By, Dsn, EightBitMime, FutureRelease, MtPriority, RequireTls, Size,
        SmtpUtf8,
    };
    let mut read = MailParameters::default();
    let mut seen = 0_u16;
    for &(keyword, value) in parameters {
        let is = |name: &str, extension| keyword.eq_ignore_ascii_case(name) && has(extension);
        let some = value.ok_or(ParameterError::Invalid);
        let bit = if is("SIZE", Size) {
            // RFC 1870 section 4: up to 20 digits; what is beyond 64 bits is certainly too much.
            let digits =
                value.filter(|v| (1..=20).contains(&v.len()) && v.bytes().all(|b| b.is_ascii_digit()));
            read.size = Some(digits.ok_or(ParameterError::Invalid)?.parse().unwrap_or(u64::MAX));
            0
        } else if is("BODY", EightBitMime) || is("BODY", BinaryMime) {
            let is =
                |name: &str, extension| value.is_some_and(|v| v.eq_ignore_ascii_case(name)) && has(extension);
            read.body = Some(if value.is_some_and(|v| v.eq_ignore_ascii_case("7BIT")) {
                BodyType::SevenBit
            } else if is("8BITMIME", EightBitMime) {
                BodyType::EightBitMime
            } else if is("BINARYMIME", BinaryMime) {
                BodyType::BinaryMime
            } else {
                return Err(ParameterError::Invalid);
            });
            1
        } else if is("SMTPUTF8", SmtpUtf8) {
            read.smtputf8 = alone(value)?;
            2
        } else if is("AUTH", Auth) {
            read.options.submitter = Some(valid(Submitter::read(some?))?);
            3
        } else if is("RET", Dsn) {
            read.options.ret = Some(match some? {
                full if full.eq_ignore_ascii_case("FULL") => Ret::Full,
                headers if headers.eq_ignore_ascii_case("HDRS") => Ret::Headers,
                _ => return Err(ParameterError::Invalid),
            });
            4
        } else if is("ENVID", Dsn) {
            read.options.envelope_id = Some(valid(EnvelopeId::read(some?))?);
            5
        } else if is("REQUIRETLS", RequireTls) {
            read.options.require_tls = alone(value)?;
            6
        } else if is("MT-PRIORITY", MtPriority) {
            read.options.priority = Some(valid(Priority::read(some?))?);
            7
        } else if is("BY", By) {
            read.options.deliver_by = Some(valid(DeliverBy::read(some?))?);
            8
        } else if is("HOLDFOR", FutureRelease) {
            read.options.hold = Some(valid(Hold::read_seconds(some?))?);
            9
        } else if is("HOLDUNTIL", FutureRelease) {
            // The same bit: one of them is enough (RFC 4865 section 4).
            read.options.hold = Some(valid(Hold::read_time(some?))?);
            9
        } else {
            return Err(ParameterError::Unknown);
        };
        once(&mut seen, bit)?;
    }
    Ok(read)
}

/// Reads the parameters of RCPT; `has` says which extensions they may be of.
pub(super) fn of_rcpt(
    parameters: &[Parameter<'_>],
    has: impl Fn(Extension) -> bool,
) -> Result<RcptOptions, ParameterError> {
    let mut read = RcptOptions::default();
    let mut seen = 0_u16;
    for &(keyword, value) in parameters {
        let is = |name: &str, extension| keyword.eq_ignore_ascii_case(name) && has(extension);
        let some = value.ok_or(ParameterError::Invalid);
        let bit = if is("NOTIFY", Extension::Dsn) {
            read.notify = Some(valid(Notify::read(some?))?);
            0
        } else if is("ORCPT", Extension::Dsn) {
            read.original = Some(Box::new(valid(OriginalRecipient::read(some?))?));
            1
        } else {
            return Err(ParameterError::Unknown);
        };
        once(&mut seen, bit)?;
    }
    Ok(read)
}

fn valid<T>(value: Option<T>) -> Result<T, ParameterError> {
    value.ok_or(ParameterError::Invalid)
}

/// A keyword that has no value.
fn alone(value: Option<&str>) -> Result<bool, ParameterError> {
    if value.is_some() { Err(ParameterError::Invalid) } else { Ok(true) }
}

fn once(seen: &mut u16, bit: u16) -> Result<(), ParameterError> {
    let bit = 1 << bit;
    let again = *seen & bit != 0;
    *seen |= bit;
    if again { Err(ParameterError::Invalid) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::server::command::Command;
    use alloc::string::ToString;

    fn mail(parameters: &str, has: impl Fn(Extension) -> bool) -> Result<MailParameters, ParameterError> {
        match Command::parse(alloc::format!("MAIL FROM:<> {parameters}").as_bytes()) {
            Ok(Command::Mail { parameters, .. }) => of_mail(&parameters, has),
            other => panic!("{parameters:?}: {other:?}"),
        }
    }

    fn rcpt(parameters: &str, has: impl Fn(Extension) -> bool) -> Result<RcptOptions, ParameterError> {
        match Command::parse(alloc::format!("RCPT TO:<a@b.example> {parameters}").as_bytes()) {
            Ok(Command::Rcpt { parameters, .. }) => of_rcpt(&parameters, has),
            other => panic!("{parameters:?}: {other:?}"),
        }
    }

    #[test]
    fn parameters_of_mail() {
        let read = |parameters: &str| {
            mail(parameters, |e| !matches!(e, Extension::SmtpUtf8 | Extension::BinaryMime))
        };
        let p = read("size=00123 BODY=8bitmime AUTH=a+2Bb+3D@c.example").unwrap();
        assert_eq!((p.size, p.body), (Some(123), Some(BodyType::EightBitMime)));
        assert_eq!(p.options.submitter, Some(Submitter::Mailbox("a+b=@c.example".parse().unwrap())));
        assert_eq!(read("AUTH=<>").unwrap().options.submitter, Some(Submitter::Unknown));
        assert_eq!(read("SIZE=99999999999999999999").unwrap().size, Some(u64::MAX));
        let all = "ret=full ENVID=a+20b requiretls mt-priority=-9 by=-5;n HOLDUNTIL=2026-11-23T17:00:00z";
        let written =
            " RET=FULL ENVID=a+20b REQUIRETLS MT-PRIORITY=-9 BY=-5;N HOLDUNTIL=2026-11-23T17:00:00Z";
        assert_eq!(read(all).unwrap().to_string(), written);
        assert_eq!(read("RET=hdrs HOLDFOR=60").unwrap().to_string(), " RET=HDRS HOLDFOR=60");
        for bad in [
            "SIZE",
            "SIZE=x",
            "SIZE=-1",
            "SIZE=+1",
            "SIZE=1 SIZE=1",
            "SIZE=123456789012345678901",
            "BODY=BINARYMIME",
            "BODY=7",
            "BODY",
            "AUTH",
            "AUTH=+0A",
            "AUTH=+2b",
            "AUTH=+2",
            "AUTH=+C3",
            "AUTH=nobody+40",
            "RET",
            "RET=SOME",
            "RET=FULL RET=HDRS",
            "ENVID",
            "ENVID=+0A",
            "REQUIRETLS=1",
            "REQUIRETLS REQUIRETLS",
            "MT-PRIORITY=10",
            "MT-PRIORITY",
            "BY=0;R",
            "BY=1",
            "BY",
            "HOLDFOR=0",
            "HOLDFOR",
            "HOLDUNTIL",
            "HOLDUNTIL=2026-02-30T00:00:00Z",
            "HOLDFOR=1 HOLDUNTIL=2026-11-23T17:00:00Z",
        ] {
            assert_eq!(read(bad), Err(ParameterError::Invalid), "{bad}");
        }
        for unknown in ["SMTPUTF8", "NOTIFY=NEVER", "X", "X=1"] {
            assert_eq!(read(unknown), Err(ParameterError::Unknown), "{unknown}");
        }
        assert_eq!(mail("SMTPUTF8=1", |_| true), Err(ParameterError::Invalid));
    }

    #[test]
    fn parameters_of_rcpt() {
        let read = |parameters: &str| rcpt(parameters, |_| true);
        let p = read("notify=delay,SUCCESS orcpt=utf-8;\\x{FC}@b.example").unwrap();
        assert_eq!(p.notify, Some(Notify::SUCCESS.and(Notify::DELAY)));
        assert_eq!(p.original.unwrap().address(), "\u{fc}@b.example");
        for bad in ["NOTIFY", "NOTIFY=NEVER NOTIFY=NEVER", "NOTIFY=NEVER,DELAY", "ORCPT", "ORCPT=x"] {
            assert_eq!(read(bad), Err(ParameterError::Invalid), "{bad}");
        }
        assert_eq!(read("SIZE=1"), Err(ParameterError::Unknown));
    }

    /// Each parameter belongs to one extension, and is nothing without it.
    #[test]
    fn what_is_not_offered_is_not_known() {
        for (parameter, of) in [
            ("SIZE=1", Extension::Size),
            ("BODY=8BITMIME", Extension::EightBitMime),
            ("BODY=BINARYMIME", Extension::BinaryMime),
            ("SMTPUTF8", Extension::SmtpUtf8),
            ("AUTH=<>", Extension::Auth),
            ("RET=FULL", Extension::Dsn),
            ("ENVID=a", Extension::Dsn),
            ("REQUIRETLS", Extension::RequireTls),
            ("MT-PRIORITY=1", Extension::MtPriority),
            ("BY=1;R", Extension::DeliverBy),
            ("HOLDFOR=1", Extension::FutureRelease),
            ("HOLDUNTIL=2026-11-23T17:00:00Z", Extension::FutureRelease),
        ] {
            assert_eq!(mail(parameter, |e| e == of).unwrap().to_string(), alloc::format!(" {parameter}"));
            let without = mail(parameter, |e| e != of);
            let as_value = parameter.starts_with("BODY");
            let error = if as_value { ParameterError::Invalid } else { ParameterError::Unknown };
            assert_eq!(without, Err(error), "{parameter}");
            assert_eq!(mail(parameter, |_| false), Err(ParameterError::Unknown), "{parameter}");
        }
        for parameter in ["NOTIFY=NEVER", "ORCPT=rfc822;a@b.example"] {
            assert!(rcpt(parameter, |e| e == Extension::Dsn).is_ok());
            assert_eq!(rcpt(parameter, |e| e != Extension::Dsn), Err(ParameterError::Unknown), "{parameter}");
        }
    }
}
