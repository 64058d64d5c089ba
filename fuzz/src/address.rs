//! Addresses and their parts.
//!
//! An input is a text; bytes that are not UTF-8 become U+FFFD.

use std::fmt::Display;
use std::hash::{BuildHasher, BuildHasherDefault, DefaultHasher, Hash};
use std::str::FromStr;

use smtp_proto::command::Command;
use smtp_proto::envelope::RcptOptions;
use smtp_proto::{Address, AddressError, AddressLiteral, Domain, Envelope, Host, LocalPart};

use crate::assert_printable;

/// Parses the text as an address and as each part of one; whatever is taken must be fit for the wire.
pub fn check(data: &[u8]) {
    let text = &*String::from_utf8_lossy(data);
    if let Some(local) = round_trip::<LocalPart>(text) {
        check_local_part(&local);
    }
    match LocalPart::from_content(text) {
        Ok(local) => {
            assert_eq!(local.content(), text);
            let written = round_trip::<LocalPart>(&local.to_string()).expect("written by us");
            assert_eq!(written, local);
            check_local_part(&local);
        }
        Err(error) => check_error(&error),
    }
    if let Some(domain) = round_trip::<Domain>(text) {
        check_domain(&domain);
    }
    if let Some(literal) = round_trip::<AddressLiteral>(text) {
        check_literal(&literal);
    }
    if let Some(host) = round_trip::<Host>(text) {
        check_host(&host);
        // What can be a host can stand behind an `@` if there is room.
        let short = LocalPart::from_content("a").expect("an atom");
        match Address::new(short, host.clone()) {
            Ok(address) => assert_eq!(address.to_string(), format!("a@{host}")),
            Err(error) => {
                check_error(&error);
                assert!(host.to_string().len() > 252);
            }
        }
    }
    if let Some(address) = round_trip::<Address>(text) {
        check_address(&address);
        assert_eq!(Address::try_from(text).as_ref(), Ok(&address));
        assert_eq!(Address::try_from(text.to_owned()), Ok(address));
    }
}

/// What is parsed is written so that it parses to an equal value, and nothing written can break a line.
fn round_trip<T>(text: &str) -> Option<T>
where
    T: FromStr<Err = AddressError> + Display + std::fmt::Debug + Clone + Ord + Hash,
{
    let value: T = match text.parse() {
        Ok(value) => value,
        Err(error) => {
            check_error(&error);
            return None;
        }
    };
    let written = value.to_string();
    assert_printable(&value);
    assert!(!written.contains(['\u{2028}', '\u{2029}']), "{written:?}");
    assert!(!format!("{value:?}").contains(char::is_control));
    let again: T = written.parse().unwrap_or_else(|error| panic!("{written:?} from {text:?}: {error}"));
    assert_eq!(again, value, "{text:?}");
    assert!(again.cmp(&value).is_eq() && again.partial_cmp(&value.clone()) == Some(again.cmp(&value)));
    assert_eq!(hash(&again), hash(&value));
    assert_eq!(again.to_string(), written, "written in one way only");
    Some(value)
}

fn hash(value: &impl Hash) -> u64 {
    BuildHasherDefault::<DefaultHasher>::default().hash_one(value)
}

fn check_error(error: &AddressError) {
    assert_printable(error);
    assert_printable(error.input());
    assert!(!format!("{error:?} {:?} {:?}", error.part(), error.rule()).contains(char::is_control));
    assert!(error.to_string().len() < 400, "an error is short however long the text is");
}

fn check_local_part(local: &LocalPart) {
    let written = local.to_string();
    assert!(written.len() <= 64, "{} octets", written.len());
    assert_eq!(local.is_ascii(), written.is_ascii());
    // Whatever could end it early is in quotes.
    if !written.starts_with('"') {
        assert!(!written.is_empty() && !written.contains(|c| c == ' ' || "()<>[]:;@\\,\"".contains(c)));
    }
}

fn check_domain(domain: &Domain) {
    let name = domain.as_str();
    assert_eq!(name, domain.to_string());
    assert_eq!(name, AsRef::<str>::as_ref(domain));
    assert!(name.len() <= 253, "{} octets", name.len());
    assert!(domain.labels().eq(name.split('.')));
    for label in domain.labels() {
        assert!((1..=63).contains(&label.len()), "{label:?}");
        assert!(label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-'), "{label:?}");
        assert!(!label.starts_with('-') && !label.ends_with('-'), "{label:?}");
    }
    // Nothing that looks up names may take it for an address.
    assert!(name.parse::<std::net::IpAddr>().is_err());
    let swapped: String = name
        .chars()
        .map(|c| if c.is_lowercase() { c.to_ascii_uppercase() } else { c.to_ascii_lowercase() })
        .collect();
    let other: Domain = swapped.parse().unwrap_or_else(|error| panic!("{swapped:?}: {error}"));
    assert_eq!(other, *domain);
    assert!(other.cmp(domain).is_eq());
    assert_eq!(hash(&other), hash(domain));

    let shown = domain.to_unicode();
    assert!(!shown.contains(char::is_control), "{shown:?}");
    assert_eq!(shown.parse().as_ref(), Ok(domain), "{shown:?}");
}

fn check_literal(literal: &AddressLiteral) {
    assert!(literal.to_string().len() <= 253);
    match (literal.ip(), literal.general()) {
        (Some(ip), None) => assert_eq!(AddressLiteral::from(ip), *literal),
        (None, Some((tag, content))) => {
            assert_eq!(literal.to_string(), format!("[{tag}:{content}]"));
            assert!(!tag.eq_ignore_ascii_case("IPv6"));
            assert!(!content.contains(['[', ']', ' ']), "{content:?}");
        }
        both => panic!("neither an address nor a general literal, or both: {both:?}"),
    }
}

fn check_host(host: &Host) {
    assert!(host.to_string().is_ascii());
    let again = match host {
        Host::Domain(domain) => Host::from(domain.clone()),
        Host::Literal(literal) => match literal.ip() {
            Some(ip) => Host::from(ip),
            None => Host::from(literal.clone()),
        },
    };
    assert_eq!(again, *host);
}

fn check_address(address: &Address) {
    let written = address.to_string();
    assert!(written.len() <= 254, "{} octets", written.len());
    assert_eq!(address.is_ascii(), written.is_ascii());
    check_local_part(address.local_part());
    match address.host() {
        None => assert_eq!(*address, Address::postmaster()),
        Some(host) => {
            check_host(host);
            assert_eq!(written, format!("{}@{host}", address.local_part()));
            assert_eq!(address.domain().is_some(), matches!(host, Host::Domain(_)));
            assert_eq!(Address::new(address.local_part().clone(), host.clone()).as_ref(), Ok(address));
        }
    }
    if let Some(domain) = address.domain() {
        check_domain(domain);
    }

    let mut wire = Vec::new();
    let options = &RcptOptions::default();
    Command::Rcpt { recipient: address, options }.encode(&mut wire);
    assert_eq!(wire, format!("RCPT TO:<{written}>\r\n").as_bytes());
    assert_eq!(Envelope::new(address.clone(), [address.clone()]).is_ok(), address.host().is_some());
}
