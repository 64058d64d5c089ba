//! Both sides in memory: handshakes in any pieces, data, closing, and certificates that are not acceptable (W30).

mod dane;
mod policy;

use std::net::IpAddr;
use std::string::{String, ToString};
use std::vec;

use ::rustls::client::WebPkiServerVerifier;
use ::rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use ::rustls::pki_types::{ServerName, UnixTime};
use ::rustls::{ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme};
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    PublicKeyData, SanType, date_time_ymd,
};

use super::*;
use crate::tls::{CertificateError, TlsConnector, TlsInfo};

/// 2026-01-01, when all the certificates below are valid that should be.
const NOW: u64 = 1_767_225_600;

#[derive(Debug)]
struct At(u64);

impl TimeProvider for At {
    fn current_time(&self) -> Option<UnixTime> {
        Some(UnixTime::since_unix_epoch(core::time::Duration::from_secs(self.0)))
    }
}

/// An authority and what it issues.
struct Authority {
    issuer: Issuer<'static, KeyPair>,
    certificate: CertificateDer<'static>,
}

impl Authority {
    fn new() -> Self {
        Self::named("Test Authority")
    }

    fn named(name: &str) -> Self {
        let mut params = params(&[]);
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        let certificate = params.self_signed(&key).unwrap().der().clone();
        Self { issuer: Issuer::new(params, key), certificate }
    }

    fn roots(&self) -> RootCertStore {
        let mut roots = RootCertStore::empty();
        roots.add(self.certificate.clone()).unwrap();
        roots
    }

    /// Its `SubjectPublicKeyInfo`.
    fn spki(&self) -> Vec<u8> {
        self.issuer.key().subject_public_key_info()
    }

    fn acceptor(&self, params: &CertificateParams) -> RustlsAcceptor {
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        acceptor(vec![certificate.der().clone()], &key)
    }

    fn connector(&self) -> RustlsConnector {
        RustlsConnector::with_roots(default_provider(), self.roots(), Arc::new(At(NOW))).unwrap()
    }
}

fn params(names: &[&str]) -> CertificateParams {
    let names: Vec<String> = names.iter().map(ToString::to_string).collect();
    let mut params = CertificateParams::new(names).unwrap();
    params.not_before = date_time_ymd(2025, 1, 1);
    params.not_after = date_time_ymd(2027, 1, 1);
    params
}

fn acceptor(chain: Vec<CertificateDer<'static>>, key: &KeyPair) -> RustlsAcceptor {
    let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
    RustlsAcceptor::with_certificate(default_provider(), chain, key, Arc::new(At(NOW))).unwrap()
}

/// Moves ciphertext both ways in the pieces that `step` says until nothing moves; what each side decrypted is appended.
/// An error is returned with the side that met it, after what it had to say was delivered.
fn pump(
    client: &mut dyn TlsEngine,
    server: &mut dyn TlsEngine,
    step: &mut dyn FnMut() -> usize,
    plain: &mut [Vec<u8>; 2],
) -> Result<(), TlsError> {
    loop {
        let mut moved = false;
        for to_server in [true, false] {
            let (from, to): (&mut dyn TlsEngine, &mut dyn TlsEngine) =
                if to_server { (&mut *client, &mut *server) } else { (&mut *server, &mut *client) };
            let mut wire = Vec::new();
            from.take_ciphertext(&mut wire);
            moved |= !wire.is_empty();
            let mut rest = &wire[..];
            while !rest.is_empty() {
                let (piece, after) = rest.split_at(step().clamp(1, rest.len()));
                to.receive(piece, &mut plain[usize::from(to_server)])?;
                rest = after;
            }
        }
        if !moved {
            return Ok(());
        }
    }
}

fn whole() -> usize {
    usize::MAX
}

/// The client's verdict on a handshake with `server` as `name`.
fn verdict(connector: &RustlsConnector, server: &RustlsAcceptor, name: &str) -> Result<TlsInfo, TlsError> {
    let mut client = connector.connect(name).unwrap();
    let mut server = server.accept().unwrap();
    pump(&mut *client, &mut *server, &mut whole, &mut Default::default())?;
    Ok(client.info().expect("the handshake is complete"))
}

#[test]
fn any_split_of_the_ciphertext_gives_the_same() {
    let authority = Authority::new();
    let server = authority.acceptor(&params(&["mx.example.com"]));
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    let mut random = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        usize::try_from(state % 3000).unwrap()
    };
    let mut one = || 1;
    let mut five = || 5;
    let mut all = whole;
    let steps: [&mut dyn FnMut() -> usize; 4] = [&mut one, &mut five, &mut random, &mut all];
    for step in steps {
        let (mut c, mut s) =
            (authority.connector().connect("mx.example.com").unwrap(), server.accept().unwrap());
        let mut plain = Default::default();
        assert!(c.is_handshaking() && c.info().is_none());
        assert!(c.export_keying_material(&mut [0; 8], b"EXPORTER-Channel-Binding", None).is_err());
        pump(&mut *c, &mut *s, step, &mut plain).unwrap();
        assert!(!c.is_handshaking() && !s.is_handshaking());
        // Several records at once, and more than rustls's own buffers hold.
        let up: Vec<u8> = (0..200_000u32).map(|i| i.to_le_bytes()[1]).collect();
        c.send(&up).unwrap();
        s.send(b"220 ready\r\n").unwrap();
        s.send(b"250 ok\r\n").unwrap();
        pump(&mut *c, &mut *s, step, &mut plain).unwrap();
        assert_eq!(plain[0], b"220 ready\r\n250 ok\r\n");
        assert!(plain[1] == up);
        let (mut a, mut b) = ([0; 32], [0; 32]);
        c.export_keying_material(&mut a, b"EXPORTER-Channel-Binding", None).unwrap();
        s.export_keying_material(&mut b, b"EXPORTER-Channel-Binding", None).unwrap();
        assert!(a == b && a != [0; 32]);
        assert!(!c.peer_has_closed() && !s.peer_has_closed());
        s.send(b"221 bye\r\n").unwrap();
        s.close();
        pump(&mut *c, &mut *s, step, &mut plain).unwrap();
        assert!(plain[0].ends_with(b"221 bye\r\n"));
        assert!(c.peer_has_closed() && !s.peer_has_closed());
        c.close();
        pump(&mut *c, &mut *s, step, &mut plain).unwrap();
        assert!(s.peer_has_closed());
    }
}

#[test]
fn what_was_negotiated_is_told() {
    let authority = Authority::new();
    let server = authority.acceptor(&params(&["mx.example.com"]));
    let info = verdict(&authority.connector(), &server, "mx.example.com.").unwrap();
    assert_eq!(info.version, "TLSv1.3");
    assert_eq!(info.cipher_suite, "TLS13_AES_256_GCM_SHA384");
    let group = if cfg!(feature = "aws-lc-rs") { "X25519MLKEM768" } else { "X25519" };
    assert_eq!(info.key_exchange.as_deref(), Some(group));
    assert!(info.is_verified());
    assert_eq!(info.peer_certificates.len(), 1);
}

#[test]
fn tls_1_2_still_works() {
    let authority = Authority::new();
    let server = authority.acceptor(&params(&["mx.example.com"]));
    let config = ClientConfig::builder_with_details(default_provider(), Arc::new(At(NOW)))
        .with_protocol_versions(&[&::rustls::version::TLS12])
        .unwrap()
        .with_root_certificates(authority.roots())
        .with_no_client_auth();
    let info = verdict(&RustlsConnector::new(Arc::new(config)), &server, "mx.example.com").unwrap();
    assert_eq!(info.version, "TLSv1.2");
    assert_eq!(info.cipher_suite, "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384");
}

#[test]
fn names_may_be_addresses() {
    let authority = Authority::new();
    let mut params = params(&[]);
    params.subject_alt_names = vec![
        SanType::IpAddress(IpAddr::from([192, 0, 2, 1])),
        SanType::IpAddress("2001:db8::1".parse().unwrap()),
    ];
    let server = authority.acceptor(&params);
    assert!(verdict(&authority.connector(), &server, "192.0.2.1").is_ok());
    assert!(verdict(&authority.connector(), &server, "2001:db8::1").is_ok());
    assert_eq!(
        verdict(&authority.connector(), &server, "192.0.2.2").unwrap_err(),
        mismatch("192.0.2.2", &["192.0.2.1", "2001:db8::1"])
    );
    for name in ["", "a b", "mx_\r\n", "[192.0.2.1]", "..", "a..b"] {
        let error = authority.connector().connect(name).unwrap_err();
        assert_eq!(error, TlsError::InvalidServerName(name.into()));
    }
}

fn mismatch(expected: &str, presented: &[&str]) -> TlsError {
    TlsError::Certificate(CertificateError::NameMismatch {
        expected: expected.into(),
        presented: presented.iter().map(ToString::to_string).collect(),
    })
}

#[test]
fn case_w30_bad_certificates_are_told_apart() {
    let authority = Authority::new();
    let connector = authority.connector();
    let check = |params: &CertificateParams, name| {
        verdict(&connector, &authority.acceptor(params), name).map(|info| info.is_verified())
    };
    let certificate = |error| Err(TlsError::Certificate(error));

    let mut expired = params(&["mx.example.com"]);
    expired.not_after = date_time_ymd(2025, 12, 31);
    assert_eq!(check(&expired, "mx.example.com"), certificate(CertificateError::Expired));

    let mut early = params(&["mx.example.com"]);
    early.not_before = date_time_ymd(2026, 1, 2);
    assert_eq!(check(&early, "mx.example.com"), certificate(CertificateError::NotYetValid));

    let wrong = params(&["mail.example.net", "*.example.org"]);
    let error = check(&wrong, "mx.example.com").unwrap_err();
    assert_eq!(error, mismatch("mx.example.com", &["mail.example.net", "*.example.org"]));
    assert_eq!(
        error.to_string(),
        "the peer's certificate is not acceptable: it is not for mx.example.com but for mail.example.net, *.example.org"
    );

    let mut common_name = params(&[]);
    common_name.distinguished_name.push(DnType::CommonName, "mx.example.com");
    assert_eq!(check(&common_name, "mx.example.com"), Err(mismatch("mx.example.com", &[])));

    let wildcard = params(&["*.example.com"]);
    assert_eq!(check(&wildcard, "mx.example.com"), Ok(true));
    assert_eq!(check(&wildcard, "a.mx.example.com"), Err(mismatch("a.mx.example.com", &["*.example.com"])));
    assert_eq!(check(&wildcard, "example.com"), Err(mismatch("example.com", &["*.example.com"])));

    let mut client_only = params(&["mx.example.com"]);
    client_only.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
    assert_eq!(check(&client_only, "mx.example.com"), certificate(CertificateError::WrongPurpose));

    let verdict_on = |authority: Authority| {
        let server = authority.acceptor(&params(&["mx.example.com"]));
        verdict(&connector, &server, "mx.example.com").map(|info| info.is_verified())
    };
    assert_eq!(verdict_on(Authority::named("Another")), certificate(CertificateError::UnknownIssuer));
    // An authority that only has the name of a trusted one.
    let detail = "a signature is not right".into();
    assert_eq!(verdict_on(Authority::new()), certificate(CertificateError::Invalid { detail }));
}

#[test]
fn case_w30_self_signed() {
    let connector = Authority::new().connector();
    let mut own = params(&["mx.example.com"]);
    let key = KeyPair::generate().unwrap();
    let server = acceptor(vec![own.self_signed(&key).unwrap().der().clone()], &key);
    assert_eq!(
        verdict(&connector, &server, "mx.example.com"),
        Err(TlsError::Certificate(CertificateError::UnknownIssuer))
    );
    own.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let server = acceptor(vec![own.self_signed(&key).unwrap().der().clone()], &key);
    assert_eq!(
        verdict(&connector, &server, "mx.example.com"),
        Err(TlsError::Certificate(CertificateError::IsAuthority))
    );
}

#[test]
fn the_server_learns_why_the_client_left() {
    let authority = Authority::new();
    let server = authority.acceptor(&params(&["other.example.com"]));
    let mut client = authority.connector().connect("mx.example.com").unwrap();
    let mut server = server.accept().unwrap();
    assert!(pump(&mut *client, &mut *server, &mut whole, &mut Default::default()).is_err());
    let mut alert = Vec::new();
    client.take_ciphertext(&mut alert);
    assert_eq!(
        server.receive(&alert, &mut Vec::new()),
        Err(TlsError::PeerAlert { description: "BadCertificate".into() })
    );
}

#[test]
fn any_certificate_encrypts_but_is_not_verified() {
    let key = KeyPair::generate().unwrap();
    let server = acceptor(vec![params(&["x"]).self_signed(&key).unwrap().der().clone()], &key);
    let connector = RustlsConnector::without_verification(default_provider(), Arc::new(At(NOW))).unwrap();
    let info = verdict(&connector, &server, "mx.example.com").unwrap();
    assert!(!info.is_verified());
    assert_eq!(info.peer_certificates.len(), 1);
}

#[test]
fn sessions_are_resumed_only_when_asked() {
    let authority = Authority::new();
    let server = authority.acceptor(&params(&["mx.example.com"]));
    let verifier =
        WebPkiServerVerifier::builder_with_provider(Arc::new(authority.roots()), default_provider());
    #[derive(Debug)]
    struct Counting(Arc<WebPkiServerVerifier>, core::sync::atomic::AtomicUsize);
    impl ServerCertVerifier for Counting {
        fn verify_server_cert(
            &self,
            end_entity: &CertificateDer<'_>,
            intermediates: &[CertificateDer<'_>],
            server_name: &ServerName<'_>,
            ocsp_response: &[u8],
            now: UnixTime,
        ) -> Result<ServerCertVerified, ::rustls::Error> {
            self.1.fetch_add(1, core::sync::atomic::Ordering::Relaxed);
            self.0.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now)
        }
        fn verify_tls12_signature(
            &self,
            message: &[u8],
            cert: &CertificateDer<'_>,
            dss: &DigitallySignedStruct,
        ) -> Result<HandshakeSignatureValid, ::rustls::Error> {
            self.0.verify_tls12_signature(message, cert, dss)
        }
        fn verify_tls13_signature(
            &self,
            message: &[u8],
            cert: &CertificateDer<'_>,
            dss: &DigitallySignedStruct,
        ) -> Result<HandshakeSignatureValid, ::rustls::Error> {
            self.0.verify_tls13_signature(message, cert, dss)
        }
        fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
            self.0.supported_verify_schemes()
        }
    }
    let counting = Arc::new(Counting(verifier.build().unwrap(), Default::default()));
    let connector =
        RustlsConnector::with_verifier(default_provider(), counting.clone(), Arc::new(At(NOW))).unwrap();
    let count = |connector: &RustlsConnector| {
        let before = counting.1.load(core::sync::atomic::Ordering::Relaxed);
        for _ in 0..2 {
            assert!(verdict(connector, &server, "mx.example.com").unwrap().is_verified());
        }
        counting.1.load(core::sync::atomic::Ordering::Relaxed) - before
    };
    assert!(
        !verdict(&connector, &server, "mx.example.com").unwrap().is_verified(),
        "nobody has vouched for it"
    );
    let connector = connector.assume_verified();
    assert_eq!(count(&connector), 2);
    assert_eq!(count(&connector.resuming(8)), 1);
}

#[test]
fn what_is_not_tls_is_told_from_broken_tls() {
    let connector = Authority::new().connector();
    for step in [1, 100] {
        let mut client = connector.connect("mx.example.com").unwrap();
        let result = b"220 mx.example.com ESMTP ready\r\n"
            .chunks(step)
            .try_for_each(|piece| client.receive(piece, &mut Vec::new()));
        assert_eq!(result, Err(TlsError::NotTls));
    }
    let mut client = connector.connect("mx.example.com").unwrap();
    let error = client.receive(b"\x16\x03\x03\x00\x04\x63\x00\x00\x00", &mut Vec::new()).unwrap_err();
    assert!(matches!(error, TlsError::PeerMisbehaved { .. }), "{error:?}");
    assert_eq!(client.receive(b"more", &mut Vec::new()).unwrap_err(), error, "an error stays");
}

#[test]
fn nothing_in_common() {
    let authority = Authority::new();
    let server = ServerConfig::builder_with_details(default_provider(), Arc::new(At(NOW)))
        .with_protocol_versions(&[&::rustls::version::TLS12])
        .unwrap()
        .with_no_client_auth();
    let key = KeyPair::generate().unwrap();
    let certificate = params(&["mx.example.com"]).signed_by(&key, &authority.issuer).unwrap();
    let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
    let server = server.with_single_cert(vec![certificate.der().clone()], key).unwrap();
    let client = ClientConfig::builder_with_details(default_provider(), Arc::new(At(NOW)))
        .with_protocol_versions(&[&::rustls::version::TLS13])
        .unwrap()
        .with_root_certificates(authority.roots())
        .with_no_client_auth();
    let connector = RustlsConnector::new(Arc::new(client));
    let error = verdict(&connector, &RustlsAcceptor::new(Arc::new(server)), "mx.example.com").unwrap_err();
    assert!(matches!(error, TlsError::Incompatible { .. }), "{error:?}");
}

#[test]
fn a_key_of_another_certificate_is_refused() {
    let authority = Authority::new();
    let (key, other) = (KeyPair::generate().unwrap(), KeyPair::generate().unwrap());
    let certificate = params(&["x"]).signed_by(&key, &authority.issuer).unwrap();
    let result = RustlsAcceptor::with_certificate(
        default_provider(),
        vec![certificate.der().clone()],
        PrivateKeyDer::try_from(other.serialize_der()).unwrap(),
        Arc::new(At(NOW)),
    );
    assert!(matches!(result, Err(TlsError::Configuration { .. })));
}
