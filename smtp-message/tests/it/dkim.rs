//! DKIM through the public interface: what is signed verifies, and what was changed does not.

use std::sync::Arc;
use std::time::Duration;

use smtp_message::dkim::{
    Algorithm, Canon, Canonicalization, Fail, KeyAnswer, KeyError, KeyRecord, NewKey, Oversign, PermError,
    Policy, PrivateKey, PublicKey, SignError, Signature, SignatureError, Signed, Signer, SigningKey,
    Template, TemplateError, Verdict, Verified, Verifier,
};
use smtp_message::{
    Bcc, Chunks, Content, ContentError, LineEnds, Message, Part, RawMessage, Stamp, TransferEncoding,
};
use smtp_proto::envelope::{BodyType, Form};
use smtp_proto::{Extensions, Output};

const NOW: Duration = Duration::from_secs(1_781_522_645);
const RSA: &str = include_str!("keys/rsa-pkcs8.pem");
const ED25519: &str = include_str!("keys/ed25519.pem");
const MESSAGE: &[u8] = b"From: A <a@example.com>\r\nTo: b@example.org\r\nSubject: \t hi\r\n  there \r\nX: y\r\n\r\n.\r\n a  b \r\n\r\n\r\n";

fn key(pem: &str) -> PrivateKey {
    PrivateKey::from_pem(pem.as_bytes()).unwrap()
}

fn ed25519() -> Template {
    Template::new("example.com", "ed", key(ED25519)).unwrap()
}

fn rsa() -> Template {
    Template::new("example.com", "rsa", key(RSA)).unwrap()
}

fn sign(template: Template, message: &[u8]) -> Vec<u8> {
    [Signer::new([template]).fields(message, NOW).unwrap(), message.to_vec()].concat()
}

/// The records of the keys above.
fn published(name: &str) -> KeyAnswer {
    match name.split('.').next() {
        Some("ed") => KeyAnswer::Records(vec![key(ED25519).record().to_string().into_bytes()]),
        Some("rsa") => KeyAnswer::Records(vec![key(RSA).record().to_string().into_bytes()]),
        _ => KeyAnswer::None,
    }
}

fn verify_with(verifier: Verifier, message: &[u8], piece: usize) -> Vec<Verified> {
    let mut verifier = verifier;
    message.chunks(piece).for_each(|piece| verifier.update(piece));
    verifier.finish().unwrap().verify(NOW, |name| published(name.as_str()))
}

fn verify(message: &[u8]) -> Vec<Verdict> {
    let whole: Vec<_> =
        verify_with(Verifier::new(), message, message.len().max(1)).into_iter().map(|v| v.verdict).collect();
    let octets: Vec<_> = verify_with(Verifier::new(), message, 1).into_iter().map(|v| v.verdict).collect();
    assert_eq!(whole, octets);
    whole
}

fn replaced(message: &[u8], from: &str, to: &str) -> Vec<u8> {
    let text = String::from_utf8(message.to_vec()).unwrap();
    assert!(text.contains(from), "{text}");
    text.replacen(from, to, 1).into_bytes()
}

const CANONS: [Canon; 2] = [Canon::Simple, Canon::Relaxed];

fn canonicalizations() -> impl Iterator<Item = Canonicalization> {
    CANONS.into_iter().flat_map(|header| CANONS.map(|body| Canonicalization { header, body }))
}

/// RFC 8463 appendix A, which has the message of RFC 6376 appendix A and keys of RFC 8032.
#[test]
fn case_m12_the_example_of_rfc_8463() {
    let message = "DKIM-Signature: v=1; a=ed25519-sha256; c=relaxed/relaxed;
 d=football.example.com; i=@football.example.com;
 q=dns/txt; s=brisbane; t=1528637909; h=from : to :
 subject : date : message-id : from : subject : date;
 bh=2jUSOH9NhtVGCQWNr9BrIAPreKQjO6Sn7XIkfJVOzv8=;
 b=/gCrinpcQOoIfuHNQIbq4pgh9kyIK3AQUdt9OdqQehSwhEIug4D11Bus
 Fa3bT3FY5OsU7ZbnKELq+eXdp1Q1Dw==
DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/relaxed;
 d=football.example.com; i=@football.example.com;
 q=dns/txt; s=test; t=1528637909; h=from : to : subject :
 date : message-id : from : subject : date;
 bh=2jUSOH9NhtVGCQWNr9BrIAPreKQjO6Sn7XIkfJVOzv8=;
 b=F45dVWDfMbQDGHJFlXUNB2HKfbCeLRyhDXgFpEL8GwpsRe0IeIixNTe3
 DhCVlUrSjV4BwcVcOF6+FF3Zo9Rpo1tFOeS9mPYQTnGdaSGsgeefOsk2Jz
 dA+L10TeYt9BgDfQNZtKdN1WO//KgIqXP7OdEFE4LjFYNcUxZQ4FADY+8=
From: Joe SixPack <joe@football.example.com>
To: Suzie Q <suzie@shopping.example.net>
Subject: Is dinner ready?
Date: Fri, 11 Jul 2003 21:00:37 -0700 (PDT)
Message-ID: <20030712040037.46341.5F8J@football.example.com>

Hi.

We lost the game.  Are you hungry yet?

Joe.
"
    .replace('\n', "\r\n");
    let mut verifier = Verifier::new();
    verifier.update(message.as_bytes());
    let names: Vec<_> = verifier.keys().iter().map(ToString::to_string).collect();
    assert_eq!(names, ["brisbane._domainkey.football.example.com", "test._domainkey.football.example.com"]);
    let answer = |name: &str| -> KeyAnswer {
        let record = match name.starts_with("test") {
            false => "v=DKIM1; k=ed25519; p=11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=",
            true => {
                "v=DKIM1; k=rsa; p=MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQDkHlOQoBTzWRiGs5V6NpP3idY6Wk08a5qhdR6wy5bd\
                 OKb2jLQiY/J16JYi0Qvx/byYzCNb3W91y3FutACDfzwQ/BC/e/8uBsCR+yz1Lxj+PL6lHvqMKrM3rG4hstT5QjvHO9PzoxZyVYLz\
                 BfO2EeC3Ip3G+2kryOTIKT+l/K4w3QIDAQAB"
            }
        };
        KeyAnswer::Records(vec![record.into()])
    };
    let checks = verifier.finish().unwrap();
    let verdicts = |checks: smtp_message::dkim::Verification| -> Vec<Verdict> {
        checks.verify(NOW, |name| answer(name.as_str())).into_iter().map(|v| v.verdict).collect()
    };
    assert_eq!(verdicts(checks), [Verdict::Pass, Verdict::Pass]);
    let mut strict = Verifier::new().min_rsa_bits(2048);
    strict.update(message.as_bytes());
    let weak = Verdict::Policy(Policy::WeakKey { bits: 1024 });
    assert_eq!(verdicts(strict.finish().unwrap()), [Verdict::Pass, weak]);
}

#[test]
fn case_m12_every_combination_verifies() {
    let bodies = [
        "",
        "\r\n",
        "\r\n\r\n\r\n",
        " \t\r\n\r\n",
        "Hello\r\n",
        "no end",
        "trailing \t \r\n  leading\r\ninner \t white\r\n\r\n \r\n",
        ".\r\n..\r\n.x\r\n",
    ];
    let heads = [
        "From: a@example.com\r\n",
        "from:a@example.com\r\nTO \t: b\r\n\t c  d \r\nReceived: x\r\nReceived: y\r\nSubject:\r\nX-Folded:\r\n a\r\n\tb\r\n",
        "From: a@example.com\r\nTo: a\r\nTo: b\r\nDKIM-Signature: v=1; b=x\r\nMIME-Version: 1.0\r\n",
    ];
    for canonicalization in canonicalizations() {
        for head in heads {
            for (i, body) in bodies.into_iter().enumerate() {
                let message = format!("{head}\r\n{body}");
                let both = [ed25519(), rsa()].map(|template| {
                    let template = template.canonicalization(canonicalization).header("To", Oversign::Always);
                    template
                        .unwrap()
                        .header("Received", Oversign::Never)
                        .unwrap()
                        .identity("a@example.com")
                        .unwrap()
                });
                let signer = Signer::new(if i == 0 { both.to_vec() } else { both[..1].to_vec() });
                let signed = [&signer.fields(message.as_bytes(), NOW).unwrap(), message.as_bytes()].concat();
                let passed = verify(&signed).iter().filter(|verdict| verdict.is_pass()).count();
                assert_eq!(passed, if i == 0 { 2 } else { 1 }, "{canonicalization} {message:?}");
            }
        }
    }
    // A message that ends with its headers.
    assert_eq!(verify(&sign(ed25519(), b"From: a@example.com\r\n")), [Verdict::Pass]);
}

#[test]
fn case_m12_the_hash_of_an_empty_body() {
    let field = |body: &str| {
        let message = format!("From: a@example.com\r\n\r\n{body}");
        String::from_utf8(Signer::new([ed25519()]).fields(message.as_bytes(), NOW).unwrap()).unwrap()
    };
    for body in ["", "\r\n", "\r\n\r\n", " \r\n\t\r\n"] {
        assert!(field(body).contains("bh=47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=;"), "{body:?}");
    }
    assert!(!field("a\r\n").contains("bh=47DEQ"));
}

#[test]
fn case_m12_the_field_says_what_was_asked_for_in_short_7_bit_lines() {
    let template = rsa()
        .identity("a b;=@sub.example.com")
        .unwrap()
        .expires_after(Duration::from_secs(86_400))
        .unwrap()
        .canonicalization(Canonicalization { header: Canon::Relaxed, body: Canon::Simple })
        .header("X-Tag", Oversign::IfPresent)
        .unwrap();
    let message = b"From: a@example.com\r\nx-tag: 1\r\nX-Tag: 2\r\nReply-To: c@x\r\n\r\n";
    let field = Signer::new([template]).fields(message, NOW).unwrap();
    let text = String::from_utf8(field.clone()).unwrap();
    assert!(text.is_ascii() && text.ends_with("\r\n"));
    assert!(text.lines().all(|line| (2..=78).contains(&line.len())), "{text}");
    assert!(text.matches("\r\n").count() > 6 && !text.contains("l="), "{text}");
    let signature = Signature::parse(field.strip_prefix(b"DKIM-Signature:").unwrap()).unwrap();
    assert_eq!(signature.algorithm, Algorithm::RsaSha256);
    assert_eq!(signature.canonicalization.to_string(), "relaxed/simple");
    assert_eq!(signature.identity, "ab;=@sub.example.com".replace("ab", "a b"));
    assert_eq!((signature.time, signature.expires), (Some(NOW.as_secs()), Some(NOW.as_secs() + 86_400)));
    assert_eq!(signature.body_length, None);
    assert_eq!(signature.signature.len(), 256);
    let count = |name: &str| signature.headers.iter().filter(|header| *header == name).count();
    assert_eq!(["From", "X-Tag", "Reply-To", "Subject", "Date", "X-Other"].map(count), [2, 3, 2, 1, 0, 0]);
    let bare = ed25519().without_time().only_headers([("From", Oversign::Never)]).unwrap();
    let field = String::from_utf8(Signer::new([bare]).fields(message, NOW).unwrap()).unwrap();
    assert!(!field.contains(" t=") && field.contains("h=From; bh="), "{field}");
    // The longest names there can be make lines longer, and nothing else.
    let label = "x".repeat(60);
    let domain = format!("{label}.{label}.{label}.example");
    let template = Template::new(&domain, "s1234567890.s1234567890", key(ED25519)).unwrap();
    let long = Signer::new([template]).fields(message, NOW).unwrap();
    let lines: Vec<_> = long.split(|&b| b == b'\n').map(<[u8]>::len).filter(|&len| len > 79).collect();
    assert_eq!(lines.len(), 1);
}

#[test]
fn what_may_change_and_what_may_not() {
    let relaxed = sign(ed25519(), MESSAGE);
    let simple = sign(ed25519().canonicalization(Canonicalization::SIMPLE), MESSAGE);
    for (message, fine) in [(&relaxed, true), (&simple, false)] {
        let verdict = |from: &str, to: &str| verify(&replaced(message, from, to)).remove(0);
        // White space, within and at the ends of lines.
        assert_eq!(verdict("Subject: \t hi\r\n  there \r\n", "SUBJECT :hi there\r\n") == Verdict::Pass, fine);
        assert_eq!(verdict(" a  b \r\n", " a b\r\n") == Verdict::Pass, fine);
        // Empty lines at the end, and fields that are not signed, for both.
        assert_eq!(verdict("\r\n\r\n\r\n", "\r\n"), Verdict::Pass);
        assert_eq!(verdict("X: y", "X: z"), Verdict::Pass);
        assert_eq!(verdict("X: y", "Received: z"), Verdict::Pass);
        assert_eq!(verdict("a  b", "ab"), Verdict::Fail(Fail::BodyHash));
        assert_eq!(verdict(" a  b", "a  b"), Verdict::Fail(Fail::BodyHash));
        assert_eq!(verdict("b@example.org", "c@example.org"), Verdict::Fail(Fail::Signature));
        assert_eq!(verdict("To: b@example.org\r\n", ""), Verdict::Fail(Fail::Signature));
        assert_eq!(
            verdict(" d=example.com", " i=@a.example.com; d=example.com"),
            Verdict::Fail(Fail::Signature)
        );
        // Fields more of a name that is signed, above and below, and such as are not there.
        for name in ["From", "Subject", "To", "Cc", "Reply-To", "Content-Type"] {
            assert_eq!(verdict("X: y", &format!("{name}: z")), Verdict::Fail(Fail::Signature), "{name}");
            let above = [format!("{name}: z\r\n").as_bytes(), message].concat();
            assert_eq!(verify(&above), [Verdict::Fail(Fail::Signature)], "{name}");
        }
    }
    let end = [&simple[..], b"\r\n\r\n"].concat();
    assert_eq!(verify(&end), [Verdict::Pass]);
}

#[test]
fn case_m15_both_fields_of_one_click_are_signed() {
    let stamp = Stamp { unix_time: NOW, random: [7; 32] };
    let message = Message::builder()
        .from("a@example.com")
        .to("b@example.org")
        .header_raw("List-Unsubscribe", "<https://example.com/u/1>")
        .header_raw("List-Unsubscribe-Post", "List-Unsubscribe=One-Click")
        .subject("news")
        .text("Hello\n");
    let signed = Signer::new([ed25519()]).sign(message.build(&stamp).unwrap(), NOW).unwrap();
    let whole = read(&signed).unwrap();
    assert_eq!(verify(&whole), [Verdict::Pass]);
    for (from, to) in [
        ("example.com/u/1", "example.net/u/1"),
        ("=One-Click", "=None"),
        ("List-Unsubscribe-Post", "X-List-Unsubscribe-Post"),
        ("Subject", "List-Unsubscribe: <mailto:a@example.net>\r\nSubject"),
        ("From: ", "List-Unsubscribe-Post: List-Unsubscribe=One-Click\r\nFrom: "),
    ] {
        let changed = String::from_utf8(whole.clone()).unwrap();
        let at = changed.find(&format!("\r\n{from}")).or_else(|| changed.rfind(from));
        let at = at.unwrap();
        let at = if changed[at..].starts_with("\r\n") { at + 2 } else { at };
        let changed = [&changed[..at], to, &changed[at + from.len()..]].concat();
        assert_eq!(verify(changed.as_bytes()), [Verdict::Fail(Fail::Signature)], "{to}");
    }
}

#[test]
fn case_m12_keys_in_all_forms() {
    let read = |text: &str| PrivateKey::from_pem(text.as_bytes());
    let pkcs1 = read(include_str!("keys/rsa-pkcs1.pem")).unwrap();
    assert_eq!(pkcs1.public_key(), key(RSA).public_key());
    assert_eq!(pkcs1.public_key().bits(), Some(2048));
    assert_eq!(
        (pkcs1.algorithm(), key(ED25519).algorithm()),
        (Algorithm::RsaSha256, Algorithm::Ed25519Sha256)
    );
    for pem in [RSA, ED25519, include_str!("keys/rsa-pkcs1.pem")] {
        let body: String = pem.lines().filter(|line| !line.starts_with('-')).collect();
        let der = encodify::base64::STANDARD.decode(body.as_bytes()).unwrap();
        assert_eq!(PrivateKey::from_der(&der).unwrap().record(), key(pem).record());
        for cut in [0, 1, 20, der.len() / 2, der.len() - 1] {
            assert!(PrivateKey::from_der(&der[..cut]).is_err());
        }
        assert_eq!(
            read(&format!("Bag Attributes\n{}", pem.replace('\n', "\r\n"))).unwrap().record(),
            key(pem).record()
        );
    }
    // As OpenSSL prints it.
    let public: String =
        include_str!("keys/public.pem").lines().filter(|line| !line.starts_with('-')).collect();
    assert_eq!(pkcs1.record().to_string(), format!("v=DKIM1; k=rsa; p={public}"));
    let strings = pkcs1.record().strings();
    assert_eq!(strings.iter().map(String::len).collect::<Vec<_>>(), [255, 155]);
    let error = |text: &str| read(text).unwrap_err();
    assert_eq!(error(include_str!("keys/rsa-1024.pem")), KeyError::TooShort { bits: 1024 });
    assert_eq!(error(include_str!("keys/ed448.pem")), KeyError::UnknownKind);
    assert_eq!(error(include_str!("keys/encrypted.pem")), KeyError::Encrypted);
    assert_eq!(error(include_str!("keys/public.pem")), KeyError::NotPrivate { label: "PUBLIC KEY".into() });
    assert_eq!(error(""), KeyError::NotPem);
    assert_eq!(error(&RSA[..500]), KeyError::NotPem);
    assert_eq!(error(&RSA.replace('M', "*")), KeyError::NotPem);
    assert!(!format!("{:?} {:?}", key(RSA), ed25519()).contains(&RSA[40..60]));
}

#[test]
fn keys_that_are_made_can_be_read_and_sign() {
    for kind in [NewKey::Ed25519, NewKey::Rsa2048] {
        let made = PrivateKey::generate(kind);
        if kind == NewKey::Rsa2048 && !cfg!(feature = "aws-lc-rs") {
            assert_eq!(made.unwrap_err(), KeyError::CannotGenerate);
            continue;
        }
        let (made, pem) = made.unwrap();
        assert_eq!(key(&pem).record(), made.record());
        assert!(pem.lines().all(|line| line.len() <= 64));
        let record: KeyRecord = made.record().strings().concat().parse().unwrap();
        assert_eq!(record.key, made.public_key());
        let message = sign(Template::new("example.com", "new", made).unwrap(), MESSAGE);
        let mut verifier = Verifier::new();
        verifier.update(&message);
        let answer = KeyAnswer::Records(vec![record.to_string().into_bytes()]);
        assert!(verifier.finish().unwrap().verify(NOW, |_| answer.clone())[0].verdict.is_pass());
    }
}

#[test]
fn signing_elsewhere() {
    for pem in [RSA, ED25519] {
        let local = key(pem);
        // What a service does with the digest is done here by signing the same octets; that needs them, so the digest is
        // looked up among those of requests made before.
        let template = |key: SigningKey| Template::new("example.com", "ed", key).unwrap();
        let expected = Signer::new([template(local.clone().into())]).fields(MESSAGE, NOW).unwrap();
        let signature =
            Signature::parse(expected.strip_prefix(b"DKIM-Signature:").unwrap()).unwrap().signature;
        let mut pass =
            Signer::new([template(SigningKey::callback(local.algorithm(), |_| Ok(Vec::new())))]).pass();
        MESSAGE.chunks(3).for_each(|piece| pass.update(piece));
        let mut requests = pass.requests(NOW).unwrap();
        let shown = format!("{requests:?}");
        assert!(!shown.contains("there") && !shown.contains("116, 104, 101"), "a header in {shown}");
        let digest = requests[0].digest();
        assert_eq!((requests.len(), requests[0].algorithm()), (1, local.algorithm()));
        assert_eq!(requests.remove(0).complete(&signature).unwrap(), expected);
        let callback = SigningKey::callback(local.algorithm(), move |asked| {
            if *asked == digest { Ok(signature.clone()) } else { Err("another digest".into()) }
        });
        let signer = Signer::new([template(callback)]);
        assert_eq!(signer.fields(MESSAGE, NOW).unwrap(), expected);
        assert!(matches!(signer.fields(b"From: x\r\n\r\n", NOW), Err(SignError::Callback(_))));
    }
    for (algorithm, length) in [(Algorithm::Ed25519Sha256, 63), (Algorithm::RsaSha256, 255)] {
        let key = SigningKey::callback(algorithm, move |_| Ok(vec![1; length]));
        let error = Signer::new([Template::new("example.com", "a", key).unwrap()]).fields(MESSAGE, NOW);
        assert!(matches!(error, Err(SignError::Length { length: found }) if found == length));
    }
}

#[test]
fn one_signer_for_many_threads() {
    let signer = Signer::new([ed25519(), rsa()]);
    let expected = signer.fields(MESSAGE, NOW).unwrap();
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| (0..20).for_each(|_| assert_eq!(signer.fields(MESSAGE, NOW).unwrap(), expected)));
        }
    });
    assert_eq!(verify(&[&expected, MESSAGE].concat()), [Verdict::Pass, Verdict::Pass]);
}

#[test]
fn what_is_not_signed() {
    let signer = Signer::new([ed25519()]);
    let error = |message: &[u8]| signer.fields(message, NOW).unwrap_err();
    assert!(matches!(error(b"To: a\r\n\r\n"), SignError::NoFrom));
    assert!(matches!(error(b""), SignError::NoFrom));
    assert!(matches!(error(b"From: a\r\nrubbish\r\n\r\n"), SignError::NoField { line: 2 }));
    assert!(matches!(error(b"From: a\n\nb"), SignError::NoField { line: 1 }));
    assert!(matches!(error("From: a\r\n\r\nx\u{fc}".as_bytes()), SignError::EightBit { at: 12 }));
    assert!(matches!(signer.fields(MESSAGE, Duration::from_secs(1_000_000_000_000)), Err(SignError::Time)));
    let mut long = signer.pass();
    (0..=(16 << 10)).for_each(|_| long.update(&[b'x'; 1 << 10]));
    assert!(matches!(long.finish(NOW), Err(SignError::LongHead)));
    let other = Signer::new([ed25519().canonicalization(Canonicalization::SIMPLE)]);
    assert!(matches!(
        other.fields_for(b"From: a\r\n", &signer.body().finish(), NOW),
        Err(SignError::NoBodyHash)
    ));
    // What changes on the way.
    for (message, at) in [
        (&b"From: a\r\n\r\nb\nc\r\n"[..], 12),
        (b"From: a\r\n\r\nb\rc\r\n", 12),
        (b"From: a\r\n\r\nb\r", 12),
        (b"From: a\r\n\r\n\n", 11),
    ] {
        for piece in [1, 5, 13, 100] {
            let mut pass = signer.pass();
            message.chunks(piece).for_each(|piece| pass.update(piece));
            let error = pass.clone().finish(NOW).unwrap_err();
            assert!(matches!(error, SignError::BareLineEnd { at: found } if found == at), "{error}");
            assert!(matches!(pass.requests(NOW), Err(SignError::BareLineEnd { .. })));
        }
    }
    let long = "x".repeat(999);
    assert!(matches!(
        error(format!("From: a\r\n\r\nb\r\n{long}\r\n").as_bytes()),
        SignError::LongLine { at: 14 }
    ));
    assert!(matches!(
        error(format!("From: a\r\nA: {long}\r\n\r\n").as_bytes()),
        SignError::LongLine { at: 9 }
    ));
    assert!(signer.fields(format!("From: a\r\n\r\n{}", &long[1..]).as_bytes(), NOW).is_ok());
    let mut body = signer.body();
    body.update(b"a\n");
    let error = signer.fields_for(b"From: a\r\n", &body.finish(), NOW).unwrap_err();
    assert!(matches!(error, SignError::BareLineEnd { at: 1 }));
    // In BDAT nothing is changed.
    let stamp = Stamp { unix_time: NOW, random: [7; 32] };
    let binary = Part::new("application/x", "a\n\0").transfer_encoding(TransferEncoding::Binary);
    let binary =
        Message::builder().from("a@example.com").to("b@example.org").body(binary).build(&stamp).unwrap();
    let signed = signer.sign(binary, NOW).unwrap();
    assert_eq!(verify(&read(&signed).unwrap()), [Verdict::Pass]);
    let eight_bit = "From: \u{fc}@example.com\r\n\r\n\u{fc}\r\n".as_bytes();
    let fields = signer.clone().allow_8bit().fields(eight_bit, NOW).unwrap();
    assert_eq!(verify(&[&fields, eight_bit].concat()), [Verdict::Pass]);
    let body = signer.body().finish();
    let head = "From: \u{fc}\r\n".as_bytes();
    assert!(matches!(signer.fields_for(head, &body, NOW), Err(SignError::EightBit { at: 6 })));
    // The two passes can be of different sources.
    let mut body = signer.body();
    body.update(b"Hello\r\n");
    let fields = signer.fields_for(b"From: a\r\n\r\n", &body.finish(), NOW).unwrap();
    assert_eq!(fields, signer.fields(b"From: a\r\n\r\nHello\r\n", NOW).unwrap());
}

#[test]
fn templates_that_make_no_signature() {
    let new = |domain: &str, selector: &str| Template::new(domain, selector, key(ED25519)).map(drop);
    assert!(matches!(new("a..b", "s"), Err(TemplateError::Domain(_))));
    for selector in ["", "a b", "a.", ".a", "a;b", "\u{fc} b", &"a.".repeat(120), &"a".repeat(64)] {
        assert_eq!(new("example.com", selector), Err(TemplateError::Selector), "{selector}");
    }
    for (identity, error) in [
        ("a", TemplateError::Identity),
        ("a@", TemplateError::Identity),
        ("\u{fc}@example.com", TemplateError::Identity),
        ("a\r\n@example.com", TemplateError::Identity),
        ("a@example.org", TemplateError::IdentityDomain),
        ("a@badexample.com", TemplateError::IdentityDomain),
    ] {
        assert_eq!(ed25519().identity(identity).unwrap_err(), error, "{identity}");
    }
    for name in ["", "a b", "a:", "a;b", "\u{fc}", &"x".repeat(77)] {
        assert_eq!(ed25519().header(name, Oversign::Never).unwrap_err(), TemplateError::HeaderName);
    }
    assert_eq!(ed25519().only_headers([("To", Oversign::Always)]).unwrap_err(), TemplateError::FromNotSigned);
    assert_eq!(ed25519().expires_after(Duration::from_millis(999)).unwrap_err(), TemplateError::Lifetime);
}

#[test]
fn signatures_may_be_signed_but_not_by_themselves() {
    for oversign in [Oversign::Always, Oversign::IfPresent] {
        let error = ed25519().header("dkim-signature", oversign).unwrap_err();
        assert_eq!(error, TemplateError::OversignedSignature);
    }
    let template = || ed25519().header("DKIM-Signature", Oversign::Never).unwrap();
    let one = sign(rsa(), MESSAGE);
    let two = sign(template(), &one);
    assert_eq!(verify(&two), [Verdict::Pass, Verdict::Pass]);
    assert_eq!(verify(&sign(template(), MESSAGE)), [Verdict::Pass]);
    let changed = replaced(&two, " s=rsa;", " s=rsb;");
    assert!(matches!(verify(&changed)[..], [Verdict::Fail(_), _]));
}

#[test]
fn no_more_fields_are_signed_than_a_verifier_takes() {
    let message = |count: usize| ["X: y\r\n".repeat(count), "From: a\r\n\r\n".to_owned()].concat();
    let template = || ed25519().only_headers([("From", Oversign::Never), ("X", Oversign::Never)]).unwrap();
    let fits = sign(template(), message(999).as_bytes());
    assert_eq!(verify(&fits), [Verdict::Pass]);
    let error = Signer::new([template()]).fields(message(1000).as_bytes(), NOW).unwrap_err();
    assert!(matches!(error, SignError::TooManyFields { count: 1001 }));
}

/// Verdicts for every reason that RFC 6376 section 6.1 has.
#[test]
fn every_result_with_its_reason() {
    let message = sign(ed25519().identity("a@sub.example.com").unwrap(), MESSAGE);
    let ask = |verifier: Verifier, message: &[u8], now: u64, answer: KeyAnswer| {
        let mut verifier = verifier;
        verifier.update(message);
        let results = verifier.finish().unwrap().verify(Duration::from_secs(now), |_| answer.clone());
        assert!(!format!("{} {:?}", results[0].verdict, results).contains('\r'));
        results.into_iter().next().unwrap().verdict
    };
    let now = NOW.as_secs();
    let with = |records: &[&str]| {
        let records = records.iter().map(|record| record.as_bytes().to_vec()).collect();
        ask(Verifier::new(), &message, now, KeyAnswer::Records(records))
    };
    let good = key(ED25519).record().to_string();
    let p = good.rsplit(' ').next().unwrap();
    let perm = Verdict::PermError;
    assert_eq!(with(&[&good]), Verdict::Pass);
    assert_eq!(with(&["x", &good]), Verdict::Pass);
    assert_eq!(with(&["p=", "x", "y"]), perm(PermError::KeyRevoked));
    assert_eq!(with(&["p=", "p=", "p=", "p=", &good]), perm(PermError::KeyRevoked));
    assert_eq!(with(&[]), perm(PermError::NoKey));
    assert!(matches!(with(&["v=spf1 -all"]), Verdict::PermError(PermError::Record(_))));
    assert_eq!(with(&[&key(RSA).record().to_string()]), perm(PermError::KeyAlgorithm));
    assert_eq!(with(&["k=x; p=aGk="]), perm(PermError::KeyAlgorithm));
    assert_eq!(with(&[&format!("k=ed25519; h=sha1; {p}")]), perm(PermError::KeyHash));
    assert_eq!(with(&[&format!("k=ed25519; s=tlsrpt; {p}")]), perm(PermError::KeyService));
    assert_eq!(with(&[&format!("k=ed25519; t=s; {p}")]), perm(PermError::KeyStrict));
    let other = KeyRecord::new(PublicKey::Ed25519([7; 32])).to_string();
    assert_eq!(with(&[&other]), Verdict::Fail(Fail::Signature));
    assert_eq!(with(&["p=", &other]), Verdict::Fail(Fail::Signature));
    assert_eq!(ask(Verifier::new(), &message, now, KeyAnswer::None), perm(PermError::NoKey));
    assert_eq!(ask(Verifier::new(), &message, now, KeyAnswer::Temporary), Verdict::TempError);
    let weak = "p=MIGJAoGBAMKq1yrVBB1I9xTvFYqRFIVkeH4c6qcZJlXPMrPpYtUh1m9Qk7bcQYkR4kNOe1F0UtzVYzr2XbqBaGfyFqkFNRx\
                kS5oZcCMcxOEhRQCOLLP9PNZLrIVKSA4l3TGDVOTh8pkTrlqxYhDO8t7hAFRh1sZtqJzXm2gY7T6tMbYgb8a7AgMBAAE=";
    let rsa_message = sign(rsa(), MESSAGE);
    let verdict =
        ask(Verifier::new().min_rsa_bits(2048), &rsa_message, now, KeyAnswer::Records(vec![weak.into()]));
    assert_eq!(verdict, Verdict::Policy(Policy::WeakKey { bits: 1024 }));
    let short = format!("p=MEYCQQD{}AgED", "/".repeat(85));
    let answer = KeyAnswer::Records(vec![short.into()]);
    let verdict = ask(Verifier::new(), &rsa_message, now, answer);
    assert_eq!(verdict, Verdict::Policy(Policy::WeakKey { bits: 512 }));

    let passes = KeyAnswer::Records(vec![good.clone().into_bytes()]);
    let lasting = sign(ed25519().expires_after(Duration::from_secs(60)).unwrap(), MESSAGE);
    for (message, at, verdict) in [
        (&lasting, now + 360, Verdict::Pass),
        (&lasting, now + 361, Verdict::Policy(Policy::Expired)),
        (&message, now - 300, Verdict::Pass),
        (&message, now - 301, Verdict::Policy(Policy::Future)),
        (&message, now + 10_000_000, Verdict::Pass),
    ] {
        assert_eq!(ask(Verifier::new(), message, at, passes.clone()), verdict);
    }
    let exact = Verifier::new().clock_skew(Duration::ZERO);
    assert_eq!(ask(exact.clone(), &lasting, now + 60, passes.clone()), Verdict::Pass);
    assert_eq!(ask(exact, &lasting, now + 61, passes), Verdict::Policy(Policy::Expired));

    let broken = |from: &str, to: &str| verify(&replaced(&sign(ed25519(), MESSAGE), from, to)).remove(0);
    let signature = |error| Verdict::PermError(PermError::Signature(error));
    assert_eq!(broken("v=1;", "v=2;"), signature(SignatureError::Version));
    assert_eq!(broken("v=1;", ""), signature(SignatureError::Missing("v")));
    assert_eq!(broken("h=From:From:", "h="), signature(SignatureError::FromNotSigned));
    assert_eq!(broken("v=1;", "v=1; i=@example.org;"), signature(SignatureError::DomainMismatch));
    assert!(matches!(
        broken("ed25519-sha256", "rsa-sha1"),
        Verdict::PermError(PermError::Signature(SignatureError::Algorithm(_)))
    ));
    assert_eq!(broken("s=ed;", "s=nobody;"), perm(PermError::NoKey));
    for (from, to) in [("X: y", "no field"), ("X: y\r\n", "X: y\n"), ("X: y", "X\ry: z"), ("X: y", ": y")] {
        assert!(matches!(broken(from, to), Verdict::PermError(PermError::NoField { line: 6.. })), "{to:?}");
    }
    assert_eq!(verify(MESSAGE), []);
    assert_eq!(verify(b"From: a\r\nno field\r\n\r\n"), []);
    assert_eq!(verify(b"no field\r\ndkim-SIGNATURE: v=1\r\n\r\n"), [perm(PermError::NoField { line: 1 })]);
    assert_eq!(verify(b""), []);
    assert_eq!(Verdict::TempError.word(), "temperror");
}

#[test]
fn caps_on_what_a_stranger_sends() {
    let fields = sign(ed25519(), MESSAGE);
    let field = &fields[..fields.len() - MESSAGE.len()];
    let many = [field.repeat(12), MESSAGE.to_vec()].concat();
    let verdicts = verify(&many);
    assert_eq!((verdicts.len(), verdicts.iter().filter(|verdict| verdict.is_pass()).count()), (12, 10));
    assert_eq!(verdicts[10..], [Verdict::Policy(Policy::TooMany), Verdict::Policy(Policy::TooMany)]);
    let one = verify_with(Verifier::new().max_signatures(1), &many, 100);
    assert_eq!(one.iter().filter(|verified| verified.verdict.is_pass()).count(), 1);
    let mut small = Verifier::new().max_head(100);
    small.update(&many);
    assert!(small.keys().is_empty() && small.finish().is_err());
}

/// Signed by dkimpy with the key of RFC 8463, for the signer here makes no `l=`.
#[test]
fn what_is_added_to_a_body_is_not_signed() {
    let message = "DKIM-Signature: v=1; a=ed25519-sha256; c=relaxed/relaxed; d=example.com;\r\n i=@example.com; l=7; \
         q=dns/txt; s=a; t=1781522000; h=from : subject;\r\n bh=Ba3gj8+xBPQLJTahTfzW6RbWQ/XPgESxkCi2B66PSQg=;\r\n \
         b=XpLJKFsLKiPZiVQS+H5hJupIQewMg3LmrJTxX/KBPeynsMs0FdSgwwha5C2QIC7lUmZxl\r\n LicHHBF/i5o05iqCw==\r\n\
         From: a@example.com\r\nSubject: hi\r\n\r\nHello\r\n";
    let verdict = |verifier: Verifier, message: &str| {
        let mut verifier = verifier;
        message.as_bytes().chunks(7).for_each(|piece| verifier.update(piece));
        let record = "k=ed25519; p=11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=";
        let answer = KeyAnswer::Records(vec![record.into()]);
        verifier.finish().unwrap().verify(NOW, |_| answer.clone()).remove(0).verdict
    };
    assert_eq!(verdict(Verifier::new(), message), Verdict::Pass);
    let added = format!("{message}added\r\n");
    assert_eq!(verdict(Verifier::new(), &added), Verdict::Policy(Policy::PartialBody { beyond: 7 }));
    assert_eq!(verdict(Verifier::new().allow_partial_bodies(), &added), Verdict::Pass);
    let changed = added.replace("Hello", "Hullo");
    assert_eq!(verdict(Verifier::new().allow_partial_bodies(), &changed), Verdict::Fail(Fail::BodyHash));
    // What is longer than the body fits no body.
    for length in ["8", "0"] {
        let other = message.replace("l=7", &format!("l={length}"));
        assert_eq!(verdict(Verifier::new(), &other), Verdict::Fail(Fail::BodyHash));
    }
}

#[test]
fn a_second_author_is_not_believed() {
    let message = sign(ed25519().only_headers([("From", Oversign::Never)]).unwrap(), MESSAGE);
    assert_eq!(verify(&message), [Verdict::Pass]);
    for name in ["From", "FROM "] {
        let above = [format!("{name}: evil@example.net\r\n").as_bytes(), &message].concat();
        assert_eq!(verify(&above), [Verdict::PermError(PermError::UnsignedFrom)]);
    }
}

/// A content whose octets are made by a function.
struct Made(fn(bool) -> Vec<u8>, std::sync::atomic::AtomicBool);

impl Content for Made {
    fn form(&self, _: &Extensions) -> Result<Form, ContentError> {
        Ok(Form { size: None, body: BodyType::SevenBit, smtputf8: false })
    }

    fn open(&self, _: &Form) -> Result<Box<dyn Chunks>, ContentError> {
        let again = self.1.swap(true, std::sync::atomic::Ordering::Relaxed);
        Ok(Box::new(Pieces(self.0(again), 0)))
    }
}

struct Pieces(Vec<u8>, usize);

impl Chunks for Pieces {
    fn next(&mut self, out: &mut Vec<u8>) -> Result<bool, ContentError> {
        let end = self.0.len().min(self.1 + 5);
        out.extend_from_slice(&self.0[self.1..end]);
        self.1 = end;
        Ok(end < self.0.len())
    }
}

fn read(content: &impl Content) -> Result<Vec<u8>, ContentError> {
    let form = content.form(&Extensions::default())?;
    let (mut chunks, mut out) = (content.open(&form)?, Vec::new());
    while chunks.next(&mut out)? {}
    if let Some(size) = form.size {
        assert_eq!(size, out.len() as u64);
    }
    Ok(out)
}

#[test]
fn case_m13_signed_content_is_7_bit_and_survives_dots() {
    let stamp = Stamp { unix_time: NOW, random: [7; 32] };
    let text = ".\n..\n.dot at the start\nGr\u{fc}\u{df}e, trailing \t \n\n.\n".repeat(2000);
    let message = Message::builder().from("a@example.com").to("b@example.org").subject("\u{fc}").text(text);
    let message = message.build(&stamp).unwrap();
    let signed = Signer::new([rsa(), ed25519()]).sign(message.clone(), NOW).unwrap();
    for _ in 0..2 {
        let whole = read(&signed).unwrap();
        assert!(whole.is_ascii());
        assert_eq!(whole, [signed.fields(), &message.to_bytes().unwrap()].concat());
        assert_eq!(verify_with(Verifier::new(), &whole, 777).len(), 2);
        // The way over DATA, there and back.
        let mut out = Output::new();
        let mut stuffer = smtp_proto::body::DotStuffer::new();
        let (mut wire, mut rest) = (Vec::new(), &whole[..]);
        while !rest.is_empty() {
            let taken = stuffer.frame(rest, &mut out).unwrap();
            out.slices(rest).unwrap().for_each(|slice| wire.extend_from_slice(slice));
            out.clear();
            rest = &rest[taken..];
        }
        assert!(wire.len() > whole.len());
        let lines = wire.split_inclusive(|&octet| octet == b'\n');
        let received: Vec<u8> =
            lines.flat_map(|line| line.strip_prefix(b".").unwrap_or(line)).copied().collect();
        assert!(verify(&received).iter().all(Verdict::is_pass));
    }
    assert_eq!(signed.content().to_bytes().unwrap(), message.to_bytes().unwrap());
    let form = signed.form(&Extensions::default()).unwrap();
    assert_eq!((form.body, form.smtputf8), (BodyType::SevenBit, false));

    let eight_bit = "From: a@example.com\r\n\r\n\u{fc}\r\n";
    let raw = || RawMessage::parse(eight_bit, LineEnds::Strict, Bcc::Keep).unwrap();
    let signer = Signer::new([ed25519()]);
    assert!(matches!(signer.sign(raw(), NOW), Err(SignError::EightBit { at: 23 })));
    let signed = signer.allow_8bit().sign(raw(), NOW).unwrap();
    assert_eq!(signed.form(&Extensions::default()).unwrap().body, BodyType::EightBitMime);
    assert_eq!(verify(&read(&signed).unwrap()), [Verdict::Pass]);
}

#[test]
fn content_that_changes_is_noticed_before_its_end() {
    let sign = |make: fn(bool) -> Vec<u8>| -> Signed<Arc<Made>> {
        Signer::new([ed25519()]).sign(Arc::new(Made(make, false.into())), NOW).unwrap()
    };
    let same = sign(|_| MESSAGE.to_vec());
    assert_eq!(verify(&read(&same).unwrap()), [Verdict::Pass]);
    let changes: [fn(bool) -> Vec<u8>; 4] = [
        |again| replaced(MESSAGE, "a  b", if again { "a  c" } else { "a  b" }),
        |again| replaced(MESSAGE, "X: y", if again { "X: z" } else { "X: y" }),
        |again| [MESSAGE, if again { &b"\r\n"[..] } else { b"" }].concat(),
        |again| if again { Vec::new() } else { MESSAGE.to_vec() },
    ];
    for change in changes {
        let signed = sign(change);
        assert!(matches!(read(&signed), Err(ContentError::Changed)));
    }
}
