//! Every policy accepting and refusing, versions, names, client certificates, and resumption.

use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use ::rustls::server::{ClientHello, ResolvesServerCert, WebPkiClientVerifier};
use ::rustls::sign::CertifiedKey;
use ::rustls::{SupportedProtocolVersion, version};

use super::*;
use crate::tls::{Pin, ResultType, TlsPolicy, TlsVersion, Tlsa};

pub(super) fn sha_256(data: &[u8]) -> [u8; 32] {
    let hash = digest::sha_256(&default_provider()).unwrap().hash(data);
    hash.as_ref().try_into().unwrap()
}

pub(super) fn context() -> RustlsContext {
    RustlsContext::new(default_provider(), Arc::new(At(NOW)))
}

/// Nothing is right with it: expired, for another name, self-signed.
pub(super) fn hopeless() -> (CertificateDer<'static>, KeyPair) {
    let mut params = params(&["other.example.org"]);
    params.not_after = date_time_ymd(2025, 6, 1);
    let key = KeyPair::generate().unwrap();
    (params.self_signed(&key).unwrap().der().clone(), key)
}

pub(super) fn key_der(key: &KeyPair) -> PrivateKeyDer<'static> {
    PrivateKeyDer::try_from(key.serialize_der()).unwrap()
}

/// A server that presents a chain whether or not the key belongs to it, and remembers the SNI it was asked for.
#[derive(Debug)]
struct Presents(Arc<CertifiedKey>, Mutex<Option<String>>);

impl ResolvesServerCert for Presents {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        *self.1.lock().unwrap() = hello.server_name().map(Into::into);
        Some(self.0.clone())
    }
}

fn presents(
    chain: Vec<CertificateDer<'static>>,
    key: &KeyPair,
    versions: &[&'static SupportedProtocolVersion],
) -> (RustlsAcceptor, Arc<Presents>) {
    let key = default_provider().key_provider.load_private_key(key_der(key)).unwrap();
    let resolver = Arc::new(Presents(Arc::new(CertifiedKey::new(chain, key)), Mutex::default()));
    let config = ServerConfig::builder_with_details(default_provider(), Arc::new(At(NOW)))
        .with_protocol_versions(versions)
        .unwrap()
        .with_no_client_auth()
        .with_cert_resolver(resolver.clone());
    (RustlsAcceptor::new(Arc::new(config)), resolver)
}

#[test]
fn opportunistic_accepts_anything_and_verifies_nothing() {
    let (certificate, key) = hopeless();
    let connector = context().connector(&TlsPolicy::opportunistic()).unwrap();
    let info = verdict(&connector, &acceptor(vec![certificate], &key), "mx.example.com").unwrap();
    assert!(!info.is_verified());
    assert_eq!(info.verification, Verification::None);
}

#[test]
fn verified_by_roots_says_so() {
    let authority = Authority::new();
    let server = authority.acceptor(&params(&["mx.example.com"]));
    let connector = context().roots(authority.roots()).unwrap().connector(&TlsPolicy::verified()).unwrap();
    let info = verdict(&connector, &server, "mx.example.com").unwrap();
    assert!(info.is_verified());
    assert_eq!(info.verification, Verification::Roots);
    let none = context().connector(&TlsPolicy::verified()).unwrap_err();
    assert!(matches!(none, TlsError::Configuration { .. }), "{none:?}");
    assert!(context().roots(RootCertStore::empty()).is_err());
}

#[test]
fn any_of_the_reference_names_will_do() {
    let authority = Authority::new();
    let server = authority.acceptor(&params(&["mx.example.com"]));
    let context = context().roots(authority.roots()).unwrap();
    let check = |names: &[&str]| {
        let policy = names.iter().fold(TlsPolicy::verified(), |policy, name| policy.reference_name(*name));
        verdict(&context.connector(&policy).unwrap(), &server, "other.example.com")
            .map(|info| info.is_verified())
    };
    assert_eq!(check(&["mx.example.com."]), Ok(true));
    assert_eq!(check(&["a.example.com", "b.example.com", "mx.example.com"]), Ok(true));
    assert_eq!(
        check(&["a.example.com", "b.example.com"]),
        Err(mismatch("a.example.com", &["mx.example.com"]))
    );
    assert_eq!(check(&[]), Err(mismatch("other.example.com", &["mx.example.com"])));
    let bad = context.connector(&TlsPolicy::verified().reference_name("a").reference_name("b c"));
    assert_eq!(bad.unwrap_err(), TlsError::InvalidServerName("b c".into()));
    // Only the name is made good by another name.
    let mut expired = params(&["mx.example.com"]);
    expired.not_after = date_time_ymd(2025, 12, 31);
    let policy = TlsPolicy::verified().reference_name("a.example.com").reference_name("mx.example.com");
    let error =
        verdict(&context.connector(&policy).unwrap(), &authority.acceptor(&expired), "x").unwrap_err();
    assert_eq!(error.result_type(), Some(ResultType::CertificateExpired));
}

#[test]
fn pins_look_at_the_servers_own_certificate_alone() {
    let (certificate, key) = hopeless();
    let (other, _) = hopeless();
    let server = acceptor(vec![certificate.clone(), other.clone()], &key);
    let of_certificate = Pin::Certificate(sha_256(&certificate));
    let of_key = Pin::PublicKey(sha_256(&key.subject_public_key_info()));
    let strangers = [
        Pin::Certificate(sha_256(&other)),
        Pin::Certificate(sha_256(&key.subject_public_key_info())),
        Pin::PublicKey(sha_256(&certificate)),
    ];
    let check = |pins: &[Pin]| {
        let connector = context().connector(&TlsPolicy::pinned(pins.to_vec())).unwrap();
        verdict(&connector, &server, "mx.example.com")
            .map(|info| (info.is_verified(), info.verification.clone()))
    };
    assert_eq!(check(&[of_certificate]), Ok((true, Verification::Pin(of_certificate))));
    assert_eq!(check(&[of_key]), Ok((true, Verification::Pin(of_key))));
    assert_eq!(check(&[strangers[0], of_key, strangers[1]]), Ok((true, Verification::Pin(of_key))));
    let error = check(&strangers).unwrap_err();
    assert_eq!(error, TlsError::Certificate(CertificateError::NoPinMatch));
    assert_eq!(
        error.to_string(),
        "the peer's certificate is not acceptable: it has none of the fingerprints that are accepted"
    );
    let none = context().connector(&TlsPolicy::pinned([])).unwrap_err();
    assert!(matches!(none, TlsError::Configuration { .. }), "{none:?}");
}

#[test]
fn without_the_key_no_certificate_helps() {
    let authority = Authority::new();
    let own = KeyPair::generate().unwrap();
    let certificate = params(&["mx.example.com"]).signed_by(&own, &authority.issuer).unwrap().der().clone();
    let chain = vec![certificate.clone(), authority.certificate.clone()];
    let ee = Tlsa::new(3, 0, 1, sha_256(&certificate));
    let ta = Tlsa::new(2, 0, 1, sha_256(&authority.certificate));
    let context = context().roots(authority.roots()).unwrap();
    for policy in [
        TlsPolicy::opportunistic(),
        TlsPolicy::verified(),
        TlsPolicy::pinned([Pin::Certificate(sha_256(&certificate))]),
        TlsPolicy::dane("mx.example.com", [ee]),
        TlsPolicy::dane("mx.example.com", [ta]),
        TlsPolicy::dane("mx.example.com", []),
    ] {
        let connector = context.connector(&policy).unwrap();
        for version in [&version::TLS12, &version::TLS13] {
            let (server, _) = presents(chain.clone(), &own, &[version]);
            assert!(verdict(&connector, &server, "mx.example.com").is_ok(), "{policy:?}");
            let (thief, _) = presents(chain.clone(), &KeyPair::generate().unwrap(), &[version]);
            let detail = "a signature is not right".into();
            assert_eq!(
                verdict(&connector, &thief, "mx.example.com").unwrap_err(),
                TlsError::Certificate(CertificateError::Invalid { detail }),
                "{policy:?}"
            );
        }
    }
}

#[test]
fn the_least_version() {
    let authority = Authority::new();
    let key = KeyPair::generate().unwrap();
    let certificate = params(&["mx.example.com"]).signed_by(&key, &authority.issuer).unwrap().der().clone();
    let (old, _) = presents(vec![certificate.clone()], &key, &[&version::TLS12]);
    let (new, _) = presents(vec![certificate], &key, &[&version::TLS13, &version::TLS12]);
    let context = context().roots(authority.roots()).unwrap();
    let check = |least, server: &RustlsAcceptor| {
        let policy = TlsPolicy::verified().minimum_version(least);
        verdict(&context.connector(&policy).unwrap(), server, "mx.example.com").map(|info| info.version)
    };
    assert_eq!(check(TlsVersion::V1_2, &old).as_deref(), Ok("TLSv1.2"));
    assert_eq!(check(TlsVersion::V1_2, &new).as_deref(), Ok("TLSv1.3"));
    assert_eq!(check(TlsVersion::V1_3, &new).as_deref(), Ok("TLSv1.3"));
    let error = check(TlsVersion::V1_3, &old).unwrap_err();
    assert!(matches!(error, TlsError::Incompatible { .. }), "{error:?}");
    assert_eq!(error.result_type(), Some(ResultType::ValidationFailure));
}

#[test]
fn which_name_the_server_is_asked_for() {
    let (certificate, key) = hopeless();
    let (server, asked) = presents(vec![certificate], &key, &[&version::TLS13]);
    let sni = |policy: TlsPolicy| {
        verdict(&context().connector(&policy).unwrap(), &server, "mx.example.com").unwrap();
        asked.1.lock().unwrap().take()
    };
    assert_eq!(sni(TlsPolicy::opportunistic()).as_deref(), Some("mx.example.com"));
    assert_eq!(sni(TlsPolicy::opportunistic().without_sni()), None);
    let named = TlsPolicy::opportunistic().reference_name("a.example.com").reference_name("b.example.com");
    assert_eq!(sni(named).as_deref(), Some("a.example.com"));
    let dane = TlsPolicy::dane("base.example.com.", []).reference_name("example.org");
    assert_eq!(sni(dane.clone()).as_deref(), Some("base.example.com"));
    assert_eq!(sni(dane.without_sni()), None);
    assert_eq!(sni(TlsPolicy::opportunistic().reference_name("192.0.2.1")), None);
}

#[test]
fn a_client_certificate_is_given_when_asked_for() {
    let authority = Authority::new();
    let (server_key, client_key) = (KeyPair::generate().unwrap(), KeyPair::generate().unwrap());
    let issue = |key| params(&["mx.example.com"]).signed_by(key, &authority.issuer).unwrap().der().clone();
    let (certificate, own) = (issue(&server_key), issue(&client_key));
    let verifier =
        WebPkiClientVerifier::builder_with_provider(Arc::new(authority.roots()), default_provider());
    let asking = ServerConfig::builder_with_details(default_provider(), Arc::new(At(NOW)))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_client_cert_verifier(verifier.build().unwrap())
        .with_single_cert(vec![certificate.clone()], key_der(&server_key))
        .unwrap();
    let asking = RustlsAcceptor::new(Arc::new(asking));
    // What the server knows of the client at the end.
    let presented = |context: &RustlsContext, policy: &TlsPolicy, server: &RustlsAcceptor| {
        let mut client = context.connector(policy).unwrap().connect("mx.example.com").unwrap();
        let mut server = server.accept().unwrap();
        pump(&mut *client, &mut *server, &mut whole, &mut Default::default())?;
        Ok(server.info().unwrap().peer_certificates)
    };
    let anonymous = context().roots(authority.roots()).unwrap();
    let known = anonymous.clone().client_certificate(vec![own.clone()], key_der(&client_key)).unwrap();
    let plain = acceptor(vec![certificate], &server_key);
    for policy in [TlsPolicy::verified(), TlsPolicy::opportunistic()] {
        assert_eq!(presented(&known, &policy, &asking), Ok(vec![own.to_vec()]));
        assert_eq!(presented(&known, &policy, &plain), Ok(vec![]));
        assert_eq!(
            presented(&anonymous, &policy, &asking),
            Err(TlsError::Certificate(CertificateError::Missing))
        );
    }
    let wrong = anonymous.client_certificate(vec![own], key_der(&server_key)).unwrap_err();
    assert!(matches!(wrong, TlsError::Configuration { .. }), "{wrong:?}");
}

#[test]
fn sessions_are_resumed_within_one_policy_and_never_across() {
    let authority = Authority::new();
    let key = KeyPair::generate().unwrap();
    let certificate = params(&["mx.example.com"]).signed_by(&key, &authority.issuer).unwrap().der().clone();
    let chain = vec![certificate.clone(), authority.certificate.clone()];
    let pin = Pin::Certificate(sha_256(&certificate));
    let ee = Tlsa::new(3, 0, 1, sha_256(&certificate));
    let ta = Tlsa::new(2, 0, 1, sha_256(&authority.certificate));
    let cases = [
        (TlsPolicy::opportunistic(), Verification::None),
        (TlsPolicy::verified(), Verification::Roots),
        (TlsPolicy::pinned([pin]), Verification::Pin(pin)),
        (TlsPolicy::dane("mx.example.com", [ee.clone()]), Verification::DaneEe(ee)),
        (TlsPolicy::dane("mx.example.com", [ta.clone()]), Verification::DaneTa(ta)),
    ];
    let context = context().roots(authority.roots()).unwrap();
    for version in [&version::TLS12, &version::TLS13] {
        let (server, _) = presents(chain.clone(), &key, &[version]);
        let connect = |connector: &RustlsConnector| verdict(connector, &server, "mx.example.com").unwrap();
        let connectors = cases.each_ref().map(|(policy, _)| context.connector(policy).unwrap().resuming(8));
        for first in [true, false] {
            for (connector, (policy, verification)) in connectors.iter().zip(&cases) {
                let info = connect(connector);
                assert_eq!(info.resumed, !first, "{policy:?}");
                assert_eq!(&info.verification, verification);
                assert_eq!(info.is_verified(), *verification != Verification::None);
                assert_eq!(info.peer_certificates.len(), 2);
            }
        }
        // The same policy again is another connector, and without being asked none resumes.
        let again = context.connector(&cases[1].0).unwrap();
        assert!(!connect(&again).resumed && !connect(&again).resumed);
        assert!(!connect(&again.resuming(8)).resumed);
    }
}

#[test]
fn pins_and_dane_are_looked_at_again_when_a_session_is_resumed() {
    #[derive(Debug)]
    struct Clock(AtomicU64);
    impl TimeProvider for Clock {
        fn current_time(&self) -> Option<UnixTime> {
            At(NOW + self.0.load(Ordering::Relaxed)).current_time()
        }
    }
    let authority = Authority::new();
    let mut params = params(&["mx.example.com"]);
    params.not_after = date_time_ymd(2026, 1, 2);
    let key = KeyPair::generate().unwrap();
    let certificate = params.signed_by(&key, &authority.issuer).unwrap().der().clone();
    let server = acceptor(vec![certificate.clone(), authority.certificate.clone()], &key);
    let ta = Tlsa::new(2, 0, 1, sha_256(&authority.certificate));
    let ee = Tlsa::new(3, 0, 1, sha_256(&certificate));
    let mut seen = Vec::new();
    for policy in [
        TlsPolicy::verified(),
        TlsPolicy::dane("mx.example.com", [ee]),
        TlsPolicy::dane("mx.example.com", [ta]),
    ] {
        // An hour before the certificate expires, and an hour after.
        let clock = Arc::new(Clock(AtomicU64::new(23 * 3600)));
        let context = RustlsContext::new(default_provider(), clock.clone()).roots(authority.roots()).unwrap();
        let connector = context.connector(&policy).unwrap().resuming(8);
        assert!(!verdict(&connector, &server, "mx.example.com").unwrap().resumed);
        clock.0.store(25 * 3600, Ordering::Relaxed);
        let mut engine = connector.connect("mx.example.com").unwrap();
        let mut server = server.accept().unwrap();
        let result = pump(&mut *engine, &mut *server, &mut whole, &mut Default::default());
        assert_eq!(engine.info().is_some(), result.is_ok());
        seen.push(result.map(|()| engine.info().unwrap().resumed));
    }
    assert_eq!(seen, [Ok(true), Ok(true), Err(TlsError::Certificate(CertificateError::Expired))]);
}

#[test]
fn without_sha_256_there_are_no_pins() {
    let mut provider = Arc::unwrap_or_clone(default_provider());
    provider.cipher_suites.retain(|suite| format!("{:?}", suite.suite()).ends_with("SHA384"));
    let context = RustlsContext::new(Arc::new(provider), Arc::new(At(NOW)));
    let error = context.connector(&TlsPolicy::pinned([Pin::Certificate([0; 32])])).unwrap_err();
    assert_eq!(error, TlsError::Configuration { detail: "the provider has no SHA-256".into() });
    assert!(context.connector(&TlsPolicy::opportunistic()).is_ok());
}

#[test]
fn connectors_show_no_keys() {
    let (certificate, key) = hopeless();
    let context = context().client_certificate(vec![certificate], key_der(&key)).unwrap();
    assert_eq!(
        format!("{context:?}"),
        "RustlsContext { has_authorities: false, has_client_certificate: true, .. }"
    );
    let connector = context.connector(&TlsPolicy::opportunistic()).unwrap();
    assert_eq!(format!("{connector:?}"), "RustlsConnector { judged: Always(None), .. }");
}
