//! DKIM: signing and verifying with RSA-2048, beside what the cryptography takes alone.
//!
//! mail-auth has the same provider of cryptography as ours, and its key record parsed; lettre signs only messages that it
//! has built, and adds the signature to them, so that each is cloned before.

use std::borrow::Borrow;
use std::cell::RefCell;
use std::collections::HashMap;
use std::hash::Hash;
use std::hint::black_box;
use std::rc::Rc;
use std::time::{Duration, Instant, SystemTime};

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{
    KeyPair, RSA_PKCS1_2048_8192_SHA256, RSA_PKCS1_SHA256, RsaKeyPair, UnparsedPublicKey,
};
use lettre::message::dkim::{
    DkimCanonicalization, DkimCanonicalizationType, DkimConfig, DkimSigningAlgorithm, DkimSigningKey,
};
use mail_auth::crypto::{RsaKey, Sha256};
use mail_auth::dkim::{DkimSigner, DomainKey};
use mail_auth::dns::{DnsCache, NoCache, ResolverCache, TxtRecord, TxtRecordParser};
use mail_auth::headers::HeaderWriter;
use mail_auth::{AuthenticatedMessage, DkimResult, MessageAuthenticator, Parameters};
use smtp_message::dkim::{
    Algorithm, Canon, Canonicalization, KeyAnswer, Oversign, PrivateKey, Signer, SigningKey, Template,
    Verifier,
};

use crate::memory::now;
use crate::{Contestant, Role, Workload};

const PKCS1: &str = include_str!("../../../smtp-message/tests/it/keys/rsa-pkcs1.pem");
const PKCS8: &str = include_str!("../../../smtp-message/tests/it/keys/rsa-pkcs8.pem");
const DOMAIN: &str = "example.com";
const SELECTOR: &str = "sel";
const HEADERS: [&str; 5] = ["From", "To", "Subject", "Date", "Message-ID"];
const HEAD: &str = "From: A <a@example.com>\r\nTo: b@example.org\r\nSubject: a message to be signed\r\n\
    Date: Mon, 02 Nov 2026 10:00:00 +0000\r\nMessage-ID: <1234@example.com>\r\nMIME-Version: 1.0\r\n\
    Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 7bit\r\n\r\n";
/// What people write, with two spaces behind sentences now and then, and an empty line behind each paragraph.
const PROSE: &str = "The quick brown fox jumps over the lazy dog, and nobody knows why it does.\r\n\
    Perhaps it is the season.  Perhaps the dog has bitten it once, long ago,\r\n\
    on a day like this one, when the leaves were falling in the garden.\r\n\r\n";

/// Signing and verifying messages of two sizes.
pub fn workloads() -> Vec<Workload> {
    let relaxed = Canonicalization::RELAXED;
    let simple = Canonicalization { header: Canon::Relaxed, body: Canon::Simple };
    vec![
        signing("DKIM signature, 10 KB, relaxed", 10_000, PROSE, relaxed),
        signing("DKIM signature, 1 MiB, relaxed", 1 << 20, PROSE, relaxed),
        signing("DKIM signature, 1 MiB, simple", 1 << 20, PROSE, simple),
        signing("DKIM signature, 1 MiB of white space, relaxed", 1 << 20, "a \t b  c \r\n\t\r\n", relaxed),
        verifying("DKIM verification, 10 KB, relaxed", 10_000, relaxed),
        verifying("DKIM verification, 1 MiB, relaxed", 1 << 20, relaxed),
    ]
}

fn message(size: usize, text: &str) -> String {
    HEAD.to_owned() + &text.repeat(size.saturating_sub(HEAD.len()).div_ceil(text.len()))
}

fn time() -> Duration {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).expect("after 1970")
}

fn key() -> SigningKey {
    PrivateKey::from_pem(PKCS8.as_bytes()).expect("a key").into()
}

fn signer(key: SigningKey, canonicalization: Canonicalization) -> Signer {
    let template = Template::new(DOMAIN, SELECTOR, key).expect("names").canonicalization(canonicalization);
    let template = template.only_headers(HEADERS.map(|name| (name, Oversign::Never)));
    Signer::new([template.expect("names of headers")])
}

fn pair() -> RsaKeyPair {
    let base64: String = PKCS8.lines().filter(|line| !line.starts_with('-')).collect();
    RsaKeyPair::from_pkcs8(&encodify::base64::STANDARD.decode(base64).expect("base64")).expect("a key")
}

fn signing(name: &'static str, size: usize, text: &str, canonicalization: Canonicalization) -> Workload {
    let text = Rc::new(message(size, text));
    let contestants = vec![
        Contestant::ours({
            let (signer, text, now) = (signer(key(), canonicalization), text.clone(), time());
            move || signer.fields(black_box(text.as_bytes()), now).expect("signed")
        }),
        Contestant::new(Role::Ours, "ours, but for RSA", {
            let key = SigningKey::callback(Algorithm::RsaSha256, |_| Ok(vec![7; 256]));
            let (signer, text, now) = (signer(key, canonicalization), text.clone(), time());
            move || signer.fields(black_box(text.as_bytes()), now).expect("signed")
        }),
        Contestant::peer("mail-auth", {
            use mail_auth::dkim::Canonicalization::{Relaxed, Simple};
            let canon = |canon| if canon == Canon::Simple { Simple } else { Relaxed };
            #[allow(deprecated)] // what is not takes one crate more
            let key = RsaKey::<Sha256>::from_pkcs8_pem(PKCS8).expect("a key");
            let signer = DkimSigner::from_key(key)
                .domain(DOMAIN)
                .selector(SELECTOR)
                .headers(HEADERS)
                .header_canonicalization(canon(canonicalization.header))
                .body_canonicalization(canon(canonicalization.body));
            let text = text.clone();
            move || signer.sign(black_box(text.as_bytes())).expect("signed").to_header()
        }),
        Contestant::peer("lettre", {
            let canon = |canon| match canon {
                Canon::Simple => DkimCanonicalizationType::Simple,
                Canon::Relaxed => DkimCanonicalizationType::Relaxed,
            };
            let key = DkimSigningKey::new(PKCS1, DkimSigningAlgorithm::Rsa).expect("a key");
            let names = HEADERS.map(|name| {
                lettre::message::header::HeaderName::new_from_ascii(name.to_owned()).expect("a name")
            });
            let config = DkimConfig::new(
                SELECTOR.into(),
                DOMAIN.into(),
                key,
                names.to_vec(),
                DkimCanonicalization {
                    header: canon(canonicalization.header),
                    body: canon(canonicalization.body),
                },
            );
            let (_, body) = text.split_once("\r\n\r\n").expect("a body");
            let message = lettre::Message::builder()
                .from("A <a@example.com>".parse().expect("a mailbox"))
                .to("b@example.org".parse().expect("a mailbox"))
                .subject("a message to be signed")
                .message_id(Some("<1234@example.com>".into()))
                .date(SystemTime::now())
                .body(body.to_owned())
                .expect("a message");
            move || {
                let mut message = black_box(&message).clone();
                message.sign(&config);
                message
            }
        }),
        Contestant::new(Role::Floor, "RSA alone", {
            let (pair, random) = (pair(), SystemRandom::new());
            let mut signature = vec![0; pair.public_modulus_len()];
            move || {
                pair.sign(&RSA_PKCS1_SHA256, &random, black_box(&[7; 32]), &mut signature).expect("signed")
            }
        }),
        Contestant::new(Role::Floor, "SHA-256 alone", {
            let text = text.clone();
            move || digest(&SHA256, black_box(text.as_bytes()))
        }),
    ];
    Workload { name, bytes: text.len(), contestants }
}

fn verifying(name: &'static str, size: usize, canonicalization: Canonicalization) -> Workload {
    let text = message(size, PROSE);
    let fields = signer(key(), canonicalization).fields(text.as_bytes(), time()).expect("signed");
    let signed = Rc::new([fields, text.into_bytes()].concat());
    let record = PrivateKey::from_pem(PKCS8.as_bytes()).expect("a key").record().to_string();
    let contestants = vec![
        Contestant::ours({
            let (signed, now) = (signed.clone(), time());
            let answer = KeyAnswer::Records(vec![record.clone().into_bytes()]);
            move || {
                let mut verifier = Verifier::new();
                verifier.update(black_box(&signed));
                let results = verifier.finish().expect("headers").verify(now, |_| answer.clone());
                assert!(results[0].verdict.is_pass());
                results
            }
        }),
        Contestant::peer("mail-auth", {
            let key = DomainKey::parse(record.as_bytes()).expect("a record");
            let caches = Caches(Txt(RefCell::new(HashMap::from([(
                format!("{SELECTOR}._domainkey.{DOMAIN}.").into(),
                TxtRecord::from(key),
            )]))));
            let authenticator =
                MessageAuthenticator::new_cloudflare().expect("a resolver, which is not asked");
            let signed = signed.clone();
            move || {
                let message = AuthenticatedMessage::parse(black_box(&signed)).expect("a message");
                let parameters = Parameters::new(&message).with_cache(&caches);
                let results = now(authenticator.verify_dkim(parameters));
                assert_eq!(results[0].result(), &DkimResult::Pass);
                results.len()
            }
        }),
        Contestant::new(Role::Floor, "RSA alone", {
            let (pair, random) = (pair(), SystemRandom::new());
            let mut signature = vec![0; pair.public_modulus_len()];
            pair.sign(&RSA_PKCS1_SHA256, &random, &[7; 32], &mut signature).expect("signed");
            let key =
                UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, pair.public_key().as_ref().to_vec());
            move || key.verify(black_box(&[7; 32]), &signature).expect("verified")
        }),
        Contestant::new(Role::Floor, "SHA-256 alone", {
            let signed = signed.clone();
            move || digest(&SHA256, black_box(&signed))
        }),
    ];
    Workload { name, bytes: signed.len(), contestants }
}

/// What mail-auth asks before it would ask DNS.
struct Caches(Txt);

struct Txt(RefCell<HashMap<Box<str>, TxtRecord>>);

impl ResolverCache<Box<str>, TxtRecord> for Txt {
    fn get<Q>(&self, name: &Q) -> Option<TxtRecord>
    where
        Box<str>: Borrow<Q>,
        Q: Hash + Eq + ?Sized,
    {
        self.0.borrow().get(name).cloned()
    }

    fn remove<Q>(&self, _: &Q) -> Option<TxtRecord>
    where
        Box<str>: Borrow<Q>,
        Q: Hash + Eq + ?Sized,
    {
        None
    }

    fn insert(&self, _: Box<str>, _: TxtRecord, _: Instant) {}
}

impl DnsCache for Caches {
    type Txt = Txt;
    type Mx = NoCache;
    type Ipv4 = NoCache;
    type Ipv6 = NoCache;
    type Ptr = NoCache;

    fn txt(&self) -> Option<&Txt> {
        Some(&self.0)
    }

    fn mx(&self) -> Option<&NoCache> {
        None
    }

    fn ipv4(&self) -> Option<&NoCache> {
        None
    }

    fn ipv6(&self) -> Option<&NoCache> {
        None
    }

    fn ptr(&self) -> Option<&NoCache> {
        None
    }
}
