//! DANE over certificates of all kinds (RFC 7672 section 3, case D5).

use super::policy::{context, hopeless, sha_256};
use super::*;
use crate::tls::{ResultType, TlsPolicy, Tlsa};

/// The record that a certificate and its key would have.
fn record(usage: u8, selector: u8, matching: u8, certificate: &CertificateDer<'_>, key: &[u8]) -> Tlsa {
    let selected: &[u8] = if selector == 0 { certificate } else { key };
    let data = match matching {
        0 => selected.to_vec(),
        1 => sha_256(selected).to_vec(),
        _ => digest::sha_512(selected).unwrap(),
    };
    Tlsa::new(usage, selector, matching, data)
}

fn kinds() -> impl Iterator<Item = (u8, u8)> {
    [0, 1].into_iter().flat_map(|selector| [0, 1, 2].map(|matching| (selector, matching)))
}

/// What `records` of mx.example.com make of a server, for mail to example.org.
fn check(records: &[&Tlsa], server: &RustlsAcceptor) -> Result<Verification, TlsError> {
    let records = records.iter().copied().cloned();
    let policy = TlsPolicy::dane("mx.example.com", records).reference_name("example.org");
    let info = verdict(&context().connector(&policy).unwrap(), server, "ignored.example.net")?;
    assert!(!info.is_verified() || policy.authenticates());
    Ok(info.verification.clone())
}

fn no_match() -> Result<Verification, TlsError> {
    Err(TlsError::Certificate(CertificateError::NoTlsaMatch))
}

/// An authority, what identifies it, and a server with a certificate from it.
struct Chain {
    authority: Authority,
    leaf: CertificateDer<'static>,
    key: KeyPair,
}

impl Chain {
    fn new(params: &CertificateParams) -> Self {
        let (authority, key) = (Authority::new(), KeyPair::generate().unwrap());
        let leaf = params.signed_by(&key, &authority.issuer).unwrap().der().clone();
        Self { authority, leaf, key }
    }

    fn anchor(&self, selector: u8, matching: u8) -> Tlsa {
        record(2, selector, matching, &self.authority.certificate, &self.authority.spki())
    }

    /// The server, which sends these beside its own certificate.
    fn server(&self, others: &[&CertificateDer<'static>]) -> RustlsAcceptor {
        let chain = core::iter::once(&self.leaf).chain(others.iter().copied()).cloned();
        acceptor(chain.collect(), &self.key)
    }

    fn complete(&self) -> RustlsAcceptor {
        self.server(&[&self.authority.certificate])
    }
}

#[test]
fn case_d5_dane_ee_ignores_name_and_dates() {
    let (certificate, key) = hopeless();
    let server = acceptor(vec![certificate.clone()], &key);
    let spki = key.subject_public_key_info();
    for (selector, matching) in kinds() {
        let right = record(3, selector, matching, &certificate, &spki);
        assert_eq!(check(&[&right], &server), Ok(Verification::DaneEe(right.clone())));
        let mut wrong = right.clone();
        *wrong.data.last_mut().unwrap() ^= 1;
        assert_eq!(check(&[&wrong], &server), no_match());
        // While a key is replaced, there are two.
        assert_eq!(check(&[&wrong, &right], &server), Ok(Verification::DaneEe(right.clone())));
        // The selector is taken at its word.
        if matching != 0 {
            let crossed = Tlsa { selector: 1 - selector, ..right };
            assert_eq!(check(&[&crossed], &server), no_match());
        }
    }
    let error = check(&[&Tlsa::new(3, 1, 1, [0; 32])], &server).unwrap_err();
    assert_eq!(error.result_type(), Some(ResultType::TlsaInvalid));
    assert_eq!(
        error.to_string(),
        "the peer's certificate is not acceptable: none of the TLSA records of the server is for it"
    );
}

#[test]
fn case_d5_usages_0_and_1_are_unusable() {
    let chain = Chain::new(&params(&["mx.example.com"]));
    let server = chain.complete();
    let root = Tlsa { usage: 0, ..chain.anchor(0, 1) };
    let own = record(1, 0, 1, &chain.leaf, &[]);
    let other = Tlsa::new(3, 1, 1, [0; 32]);
    // Alone they are as good as nothing, even for a certificate that they are not for.
    let (certificate, key) = hopeless();
    let stranger = acceptor(vec![certificate], &key);
    for server in [&server, &stranger] {
        assert_eq!(check(&[&root, &own], server), Ok(Verification::None));
        assert_eq!(check(&[], server), Ok(Verification::None));
    }
    // Beside a usable one they neither help nor harm.
    assert_eq!(check(&[&root, &own, &other], &server), no_match());
    let ee = record(3, 0, 1, &chain.leaf, &[]);
    assert_eq!(check(&[&root, &own, &ee], &server), Ok(Verification::DaneEe(ee.clone())));
}

#[test]
fn case_d5_dane_ta_asks_for_the_name() {
    for name in ["mx.example.com", "example.org", "*.example.com"] {
        let chain = Chain::new(&params(&[name]));
        for (selector, matching) in kinds() {
            let anchor = chain.anchor(selector, matching);
            assert_eq!(check(&[&anchor], &chain.complete()), Ok(Verification::DaneTa(anchor)));
        }
    }
    for name in ["example.com", "ignored.example.net"] {
        let chain = Chain::new(&params(&[name]));
        for (selector, matching) in kinds() {
            let error = check(&[&chain.anchor(selector, matching)], &chain.complete()).unwrap_err();
            assert_eq!(error, mismatch("mx.example.com", &[name]));
            assert_eq!(error.result_type(), Some(ResultType::CertificateHostMismatch));
        }
    }
}

#[test]
fn dane_ta_asks_for_dates_and_purpose() {
    let mut expired = params(&["mx.example.com"]);
    expired.not_after = date_time_ymd(2025, 12, 31);
    let chain = Chain::new(&expired);
    let certificate = |error| Err(TlsError::Certificate(error));
    assert_eq!(check(&[&chain.anchor(1, 1)], &chain.complete()), certificate(CertificateError::Expired));
    let mut client_only = params(&["mx.example.com"]);
    client_only.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
    let chain = Chain::new(&client_only);
    assert_eq!(check(&[&chain.anchor(0, 1)], &chain.complete()), certificate(CertificateError::WrongPurpose));
    // A record for the server itself makes up for that.
    let own = record(3, 0, 2, &chain.leaf, &[]);
    assert_eq!(check(&[&chain.anchor(0, 1), &own], &chain.complete()), Ok(Verification::DaneEe(own.clone())));
}

#[test]
fn dane_ta_needs_the_authority() {
    let chain = Chain::new(&params(&["mx.example.com"]));
    let alone = chain.server(&[]);
    for (selector, matching) in kinds() {
        let anchor = chain.anchor(selector, matching);
        // Only a whole certificate in DNS spares the server sending it.
        let expected = if (selector, matching) == (0, 0) {
            Ok(Verification::DaneTa(anchor.clone()))
        } else {
            no_match()
        };
        assert_eq!(check(&[&anchor], &alone), expected, "{anchor}");
    }
    // What is no certificate does not stand in the way.
    let noise = CertificateDer::from(vec![0x30, 0]);
    let server = chain.server(&[&noise, &chain.authority.certificate]);
    assert!(check(&[&chain.anchor(1, 1)], &server).is_ok());
    let broken = Tlsa::new(2, 0, 0, [0x30, 0]);
    assert!(check(&[&broken, &chain.anchor(1, 1)], &chain.complete()).is_ok());
    assert_eq!(check(&[&broken], &chain.complete()), no_match());
}

#[test]
fn to_send_an_authority_along_is_not_to_be_issued_by_it() {
    let chain = Chain::new(&params(&["mx.example.com"]));
    for other in [Authority::named("Another"), Authority::new()] {
        let server = chain.server(&[&chain.authority.certificate, &other.certificate]);
        for (selector, matching) in kinds() {
            let record = record(2, selector, matching, &other.certificate, &other.spki());
            assert!(check(&[&record], &server).is_err(), "{record}");
        }
    }
    // The server's own certificate is no authority, whoever signed it.
    let leaf = record(2, 0, 1, &chain.leaf, &[]);
    assert_eq!(check(&[&leaf], &chain.complete()), no_match());
    let (certificate, key) = hopeless();
    let own = record(2, 1, 1, &certificate, &key.subject_public_key_info());
    assert_eq!(check(&[&own], &acceptor(vec![certificate], &key)), no_match());
}

#[test]
fn any_authority_on_the_way_may_be_the_anchor() {
    let root = Authority::new();
    let mut middle_params = params(&[]);
    middle_params.distinguished_name.push(DnType::CommonName, "Test Intermediate");
    middle_params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let middle_key = KeyPair::generate().unwrap();
    let middle = middle_params.signed_by(&middle_key, &root.issuer).unwrap().der().clone();
    let middle_spki = middle_key.subject_public_key_info();
    let issuer = Issuer::new(middle_params, middle_key);
    let key = KeyPair::generate().unwrap();
    let leaf = params(&["mx.example.com"]).signed_by(&key, &issuer).unwrap().der().clone();
    let of_root = record(2, 1, 1, &root.certificate, &root.spki());
    let of_middle = record(2, 1, 2, &middle, &middle_spki);
    let all = acceptor(vec![leaf.clone(), middle.clone(), root.certificate.clone()], &key);
    assert_eq!(check(&[&of_root], &all), Ok(Verification::DaneTa(of_root.clone())));
    assert_eq!(check(&[&of_middle], &all), Ok(Verification::DaneTa(of_middle.clone())));
    let short = acceptor(vec![leaf.clone(), middle], &key);
    assert_eq!(check(&[&of_middle], &short), Ok(Verification::DaneTa(of_middle)));
    assert_eq!(check(&[&of_root], &short), no_match());
    let held = record(2, 0, 0, &root.certificate, &[]);
    assert_eq!(check(&[&held], &short), Ok(Verification::DaneTa(held.clone())));
    let gap = acceptor(vec![leaf, root.certificate.clone()], &key);
    assert!(check(&[&of_root], &gap).is_err());
}

#[test]
fn a_weaker_digest_beside_a_stronger_one_does_not_count() {
    let chain = Chain::new(&params(&["mx.example.com"]));
    let weak = record(3, 0, 1, &chain.leaf, &[]);
    assert!(check(&[&weak], &chain.complete()).is_ok());
    let strong_of_another = Tlsa::new(3, 0, 2, [0; 64]);
    assert_eq!(check(&[&weak, &strong_of_another], &chain.complete()), no_match());
}

#[test]
fn the_work_has_a_limit() {
    let chain = Chain::new(&params(&["mx.example.com"]));
    let others: Vec<_> = (0..8).map(|i| Authority::named(&format!("Authority {i}"))).collect();
    let mut records: Vec<_> = others.iter().map(|other| record(2, 0, 1, &other.certificate, &[])).collect();
    records.push(chain.anchor(0, 1));
    let check = |records: &[Tlsa], others: &[Authority]| {
        let sent = others.iter().chain([&chain.authority]).map(|authority| &authority.certificate);
        check(&records.iter().collect::<Vec<_>>(), &chain.server(&sent.collect::<Vec<_>>()))
    };
    // Eight authorities that records are for, and the ninth would be the right one.
    assert_eq!(check(&records, &others), no_match());
    assert_eq!(check(&records, &others[1..]), Ok(Verification::DaneTa(chain.anchor(0, 1))));
    // However many records there are, one that is for the server counts.
    let strangers = (0..2000_u32).map(|i| Tlsa::new(2, 0, 1, i.to_be_bytes().repeat(8)));
    let many: Vec<_> = strangers.chain([chain.anchor(0, 1)]).collect();
    assert!(check(&many, &[]).is_ok());
}
