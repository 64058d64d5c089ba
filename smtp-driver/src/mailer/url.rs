//! Server URLs: `smtps://user:password@host:465`, `smtp://host:587`.

use std::fmt;

use fluent_uri::Iri;
use fluent_uri::component::{Host, IAuthority};
use fluent_uri::pct_enc::EStr;
use fluent_uri::pct_enc::encoder::IQuery;
use smtp_proto::sasl::{AuthMechanism, Credentials};
use smtp_proto::{AddressError, Secret};

use super::builder::{MailerBuilder, Protection};
use crate::login::Login;

/// Why a URL does not name a server.  No variant holds a password.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum UrlError {
    /// It is not a URL by RFC 3986.
    Syntax,
    /// The scheme is not `smtp`, `smtps` or `lmtp`.
    Scheme(String),
    /// There is no host.
    NoHost,
    /// The host is neither a domain name nor an IP address.
    Host(AddressError),
    /// The port is not from 1 to 65535.
    Port,
    /// The user name or the password is empty, or is not UTF-8, or has a control character.
    Credentials,
    /// There is a token, and no user name, or a password beside it.
    TokenUser,
    /// There is a path, which has no meaning.
    Path,
    /// There is a fragment, which has no meaning.
    Fragment,
    /// A parameter is not known.
    Parameter(String),
    /// A parameter is given twice.
    Repeated(String),
    /// A parameter has a value that it cannot have.
    Value(String),
    /// `tls=none` for a server on another computer.
    PlaintextBeyondLoopback,
}

impl fmt::Display for UrlError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Syntax => f.write_str(
                "the server URL is malformed; it looks like smtps://user:password@host, with special characters of \
                 user name and password percent-encoded (@ is %40, ? is %3F)",
            ),
            Self::Scheme(scheme) => {
                write!(f, "the scheme of the server URL must be smtps (implicit TLS), smtp (STARTTLS) or lmtp, not {scheme}")
            }
            Self::NoHost => f.write_str("the server URL has no host"),
            Self::Host(error) => write!(f, "the host of the server URL is not valid: {error}"),
            Self::Port => f.write_str("the port of the server URL must be from 1 to 65535"),
            Self::Credentials => f.write_str(
                "user name and password of the server URL must be percent-encoded UTF-8 without control characters, and not empty",
            ),
            Self::TokenUser => f.write_str("with a token the server URL needs a user name, and no password"),
            Self::Path => f.write_str("the server URL must have no path"),
            Self::Fragment => f.write_str("the server URL must have no fragment; # in a password is %23"),
            Self::Parameter(name) => write!(f, "the server URL has an unknown parameter, {name}; known are tls, hello, auth and token"),
            Self::Repeated(name) => write!(f, "the server URL has the parameter {name} twice"),
            Self::Value(name) => write!(f, "the parameter {name} of the server URL has no such value; tls is none (with smtp and lmtp) or required, auth is a mechanism such as SCRAM-SHA-256"),
            Self::PlaintextBeyondLoopback => f.write_str(
                "tls=none is for servers on this computer only; for others call MailerBuilder::dangerous_plaintext",
            ),
        }
    }
}

impl std::error::Error for UrlError {}

pub(super) fn parse(url: &str) -> Result<MailerBuilder, UrlError> {
    let url = Iri::parse(url).map_err(|_| UrlError::Syntax)?;
    let scheme = url.scheme().as_str();
    let is_lmtp = scheme.eq_ignore_ascii_case("lmtp");
    let protection = match scheme {
        _ if scheme.eq_ignore_ascii_case("smtps") => Protection::Implicit,
        _ if scheme.eq_ignore_ascii_case("smtp") || is_lmtp => Protection::StartTls,
        _ => return Err(UrlError::Scheme(scheme.into())),
    };
    let authority = url.authority().ok_or(UrlError::NoHost)?;
    if !matches!(url.path().as_str(), "" | "/") {
        return Err(UrlError::Path);
    }
    if url.fragment().is_some() {
        return Err(UrlError::Fragment);
    }
    let mut builder = MailerBuilder::new(host(&authority)?);
    builder.resolved_host().map_err(UrlError::Host)?;
    builder.protection = protection;
    builder = if is_lmtp { builder.lmtp() } else { builder };
    builder.port = match authority.port().map(fluent_uri::pct_enc::EStr::as_str) {
        None | Some("") => None,
        Some(port) => Some(port.parse().ok().filter(|&port| port > 0).ok_or(UrlError::Port)?),
    };
    if let Some(userinfo) = authority.userinfo() {
        let (user, password) = match userinfo.split_once(':') {
            Some((user, password)) => (user, Some(password)),
            None => (userinfo, None),
        };
        let user = user.decode().to_string().map_err(|_| UrlError::Credentials)?;
        builder.login = match password.map(|password| password.decode().to_string()).transpose() {
            Ok(Some(password)) => {
                let credentials = Credentials::new(user, password.into_owned());
                Login::Given(Ok(credentials.map_err(|_| UrlError::Credentials)?))
            }
            Ok(None) if user.is_empty() || user.chars().any(char::is_control) => {
                return Err(UrlError::Credentials);
            }
            Ok(None) => Login::User(user.into()),
            Err(_) => return Err(UrlError::Credentials),
        };
    }
    if let Some(query) = url.query() {
        parameters(query, &mut builder)?;
    }
    Ok(builder)
}

/// The host as a name or an IP address without brackets.
fn host(authority: &IAuthority<'_>) -> Result<String, UrlError> {
    #[allow(clippy::match_wildcard_for_single_variants)] // the one that is left is private
    match authority.host_parsed() {
        Host::Ipv4(address) => Ok(address.to_string()),
        Host::Ipv6(address) => Ok(address.to_string()),
        Host::RegName(name) if name.is_empty() => Err(UrlError::NoHost),
        Host::RegName(name) => {
            name.decode().to_string().map(std::borrow::Cow::into_owned).map_err(|_| UrlError::Syntax)
        }
        _ => Err(UrlError::Syntax),
    }
}

fn parameters(query: &EStr<IQuery>, builder: &mut MailerBuilder) -> Result<(), UrlError> {
    if query.as_str().contains('@') {
        // The question mark was meant to be in a password, of which no error may show anything.
        return Err(UrlError::Syntax);
    }
    let mut seen = Vec::new();
    for parameter in query.split('&').filter(|parameter| !parameter.is_empty()) {
        let (name, encoded) = parameter.split_once('=').unwrap_or((parameter, EStr::EMPTY));
        let name = name.as_str();
        if seen.contains(&name) {
            return Err(UrlError::Repeated(name.into()));
        }
        seen.push(name);
        let no_value = || UrlError::Value(name.into());
        let value = Secret::new(encoded.decode().to_string().map_err(|_| no_value())?);
        match (name, value.expose()) {
            ("tls", "none") if builder.protection == Protection::Implicit => return Err(no_value()),
            ("tls", "none") if builder.is_loopback() => builder.protection = Protection::None,
            ("tls", "none") => return Err(UrlError::PlaintextBeyondLoopback),
            ("tls", "required") => {}
            ("hello", name) => builder.hello = name.parse().map_err(|_| no_value())?,
            ("auth", name) => builder.auth = Some(AuthMechanism::from_name(name).ok_or_else(no_value)?),
            ("token", token) => {
                let Login::User(user) = &builder.login else { return Err(UrlError::TokenUser) };
                let credentials = Credentials::token(user, Secret::new(token)).map_err(|_| no_value())?;
                builder.login = Login::Given(Ok(credentials));
            }
            ("tls", _) => return Err(no_value()),
            // It may be the rest of a token that has an ampersand.
            _ if seen.contains(&"token") => return Err(UrlError::Syntax),
            _ => return Err(UrlError::Parameter(name.into())),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(url: &str) -> UrlError {
        parse(url).unwrap_err()
    }

    #[test]
    fn urls_of_servers() {
        let builder = parse("smtps://me%40example.com:p%3Aw%2F%C3%A9@mail.example.com").unwrap();
        assert_eq!((builder.host.as_str(), builder.port), ("mail.example.com", None));
        assert_eq!(builder.protection, Protection::Implicit);
        let Login::Given(Ok(credentials)) = &builder.login else { panic!("{:?}", builder.login) };
        assert_eq!(credentials.user(), "me@example.com");
        let builder = parse("SMTP://[::1]:25/?tls=none&hello=client.example").unwrap();
        assert_eq!((builder.host.as_str(), builder.port), ("::1", Some(25)));
        assert_eq!(builder.protection, Protection::None);
        assert_eq!(builder.hello.to_string(), "client.example");
        assert_eq!(parse("smtp://m\u{fc}nchen.de").unwrap().resolved_host().unwrap(), "xn--mnchen-3ya.de");
        assert_eq!(parse("smtp://192.0.2.1").unwrap().protection, Protection::StartTls);
        assert_eq!(parse("lmtp://192.0.2.1").unwrap().protection, Protection::StartTls);
        assert_eq!(parse("lmtp://localhost?tls=none").unwrap().protection, Protection::None);
    }

    #[test]
    fn mechanisms_and_tokens() {
        let builder = parse("smtps://me@host?token=a%2Bb&auth=xoauth2").unwrap();
        assert_eq!(builder.auth, Some(AuthMechanism::XOAuth2));
        let Login::Given(Ok(credentials)) = &builder.login else { panic!("{:?}", builder.login) };
        assert_eq!((credentials.user(), credentials.secret().unwrap().expose()), ("me", "a+b"));
        let builder = parse("smtps://me@host?auth=EXTERNAL").unwrap();
        assert!(builder.login.into_logins(builder.auth).is_ok());
        let builder = parse("smtps://host?auth=EXTERNAL").unwrap();
        assert!(builder.login.into_logins(builder.auth).is_ok());
        for url in ["smtps://me@host", "smtps://host?auth=PLAIN", "smtps://me:pw@host?auth=XOAUTH2"] {
            let builder = parse(url).unwrap();
            assert!(builder.login.into_logins(builder.auth).is_err(), "{url}");
        }
    }

    #[test]
    fn what_is_no_url_of_a_server() {
        assert_eq!(error("mail.example.com"), UrlError::Syntax);
        assert_eq!(error("smtp://a b"), UrlError::Syntax);
        assert_eq!(error("smtp://me@example.com:pw@host"), UrlError::Syntax);
        assert_eq!(error("https://host"), UrlError::Scheme("https".into()));
        assert_eq!(error("smtp:host"), UrlError::NoHost);
        assert_eq!(error("smtp://"), UrlError::NoHost);
        assert!(matches!(error("smtp://a_b"), UrlError::Host(_)));
        assert_eq!(error("smtp://host:0"), UrlError::Port);
        assert_eq!(error("smtp://host:65536"), UrlError::Port);
        assert_eq!(error("smtp://@host"), UrlError::Credentials);
        assert_eq!(error("smtp://u%00ser@host"), UrlError::Credentials);
        assert_eq!(error("smtp://host?token=x"), UrlError::TokenUser);
        assert_eq!(error("smtp://user:pw@host?token=x"), UrlError::TokenUser);
        assert_eq!(error("smtp://user@host?token="), UrlError::Value("token".into()));
        assert_eq!(error("smtp://user@host?token=a%20b"), UrlError::Value("token".into()));
        assert_eq!(error("smtp://user:pw@host?auth=MAGIC"), UrlError::Value("auth".into()));
        assert_eq!(error("smtp://:pw@host"), UrlError::Credentials);
        assert_eq!(error("smtp://user:@host"), UrlError::Credentials);
        assert_eq!(error("smtp://host/path"), UrlError::Path);
        assert_eq!(error("smtp://host#x"), UrlError::Fragment);
        assert_eq!(error("smtp://host?x=1"), UrlError::Parameter("x".into()));
        assert_eq!(error("smtp://localhost?tls=none&tls=none"), UrlError::Repeated("tls".into()));
        assert_eq!(error("smtp://localhost?tls=maybe"), UrlError::Value("tls".into()));
        assert_eq!(error("smtps://localhost?tls=none"), UrlError::Value("tls".into()));
        assert_eq!(error("smtp://localhost?hello=a..b"), UrlError::Value("hello".into()));
        assert_eq!(error("smtp://mail.example.com?tls=none"), UrlError::PlaintextBeyondLoopback);
    }

    #[test]
    fn case_a1_control_characters_in_a_url() {
        for url in ["smtp://us\rer:pw@host", "smtp://user:p\nw@host", "smtp://ho\0st", "smtp://host\n"] {
            assert_eq!(error(url), UrlError::Syntax, "{url:?}");
        }
        assert_eq!(error("smtp://us%0Der:pw@host"), UrlError::Credentials);
        assert_eq!(error("smtp://user:p%0Aw@host"), UrlError::Credentials);
        assert_eq!(error("smtp://user:p%00w@host"), UrlError::Credentials);
        assert_eq!(error("smtp://user:%FF@host"), UrlError::Credentials);
        assert!(matches!(error("smtp://ho%0Dst"), UrlError::Host(_)));
        assert_eq!(error("smtp://localhost?hello=a%0D%0Ab"), UrlError::Value("hello".into()));
    }

    #[test]
    fn no_error_shows_a_password() {
        for url in [
            "smtp://user:hunter2@",
            "ftp://user:hunter2@host",
            "smtp://user:hunter2@host?x",
            "smtp://user:hun ter2@h",
            "smtp://user@host?token=hun%20ter2",
            "smtp://user:pw@host?token=hunter2",
            "smtp://user@host?token=abc&hunter2",
            "smtp://user@host?token=abc&hunter2=",
        ] {
            let error = error(url);
            assert!(!format!("{error} {error:?}").contains("hun"), "{error}");
        }
    }
}
