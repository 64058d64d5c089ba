//! SCRAM on the wire (RFC 5802, 7677), with servers that know the password and with hostile ones.

use data_encoding::BASE64;
use smtp_proto::sasl::{Credentials, Exchange, NONCE, SaslError, Step};
use smtp_proto::{AuthMechanism, Secret};

use crate::auth::{login, with};
use crate::script::{Setup, check};
use crate::wire::hello;

/// The client's lines of an exchange with a server that says these things.
fn scram(mechanism: AuthMechanism, says: &[&str], binding: Option<[u8; 32]>) -> Vec<String> {
    let mut exchange = Exchange::new(mechanism, "user", [0; NONCE]).unwrap();
    if let Some(exporter) = binding {
        exchange.bind(exporter);
        exchange.server_offers_binding(true);
    }
    let mut lines = Vec::new();
    let mut step = exchange.start().unwrap();
    for said in says.iter().map(Some).chain([None]) {
        match step {
            Step::Respond(response) => lines.push(BASE64.encode(&response)),
            Step::WantSecret => lines.push(BASE64.encode(&exchange.secret(&Secret::new("secret")).unwrap())),
            Step::Wait => {}
        }
        let Some(said) = said else { break };
        let challenged = exchange.challenge(said.as_bytes());
        let Ok(next) = challenged else { break };
        step = next;
    }
    lines
}

#[test]
fn case_w26_scram() {
    let server_first = format!("r={}x,s=QQ==,i=4096", BASE64.encode(&[0; NONCE]));
    for (mechanism, binding, signature) in [
        (AuthMechanism::ScramSha256, None, SIGNATURES[0]),
        (AuthMechanism::ScramSha256Plus, Some([7; 32]), SIGNATURES[1]),
        (AuthMechanism::ScramSha1, None, SIGNATURES[2]),
        (AuthMechanism::ScramSha1Plus, Some([7; 32]), SIGNATURES[3]),
    ] {
        let right = format!("v={signature}");
        let lines = scram(mechanism, &[&server_first, &right], binding);
        assert_eq!(lines.len(), 3, "{mechanism}: the server's signature is wrong");
        let [first, last, ..] = &lines[..] else { panic!("two lines") };
        let setup = Setup { binding, ..login() };
        let run = |script: &str, told: &str| {
            // What is weaker is offered too, and is no way out.
            let offers = format!("AUTH PLAIN {mechanism} LOGIN");
            check(&setup, &(hello(&[&offers]) + script), &format!("ready\n{told}"));
        };
        let start = format!("C: AUTH {mechanism} {first}\n");
        let proof = format!("{start}S: 334 {}\nC: {last}\n", BASE64.encode(server_first.as_bytes()));
        let verify = format!("{proof}S: 334 {}\n", BASE64.encode(right.as_bytes()));
        run(&format!("{verify}C:\nS: 235 ok"), "authenticated: 235 ok\nopen, reusable");
        let no = "not authenticated: the server refused the credentials: 535 no\nopen, reusable";
        for script in [&start, &proof] {
            run(&format!("{script}S: 535 no"), no);
        }
        run(&format!("{verify}C:\nS: 535 no"), no);
        let refused = BASE64.encode(b"e=invalid-proof");
        run(&format!("{proof}S: 334 {refused}\nC:\nS: 535 no"), no);
        // Success without the signature.
        for script in [&start, &proof] {
            let told = SaslError::NoServerSignature;
            let told = format!(
                "not authenticated: AUTH failed: {told}\nclosed: the server broke the protocol: {told}"
            );
            run(&format!("{script}S: 235 ok"), &told);
        }
        let nonce = BASE64.encode(&[0; NONCE]);
        for (said, error) in [
            (format!("r={nonce}x,s=QQ==,i=2147483648"), SaslError::Iterations { count: 1 << 31 }),
            ("r=wrong,s=QQ==,i=4096".into(), SaslError::WrongNonce),
        ] {
            let said = BASE64.encode(said.as_bytes());
            run(
                &format!("{start}S: 334 {said}\nC: *\nS: 501 ok"),
                &format!("not authenticated: AUTH failed: {error}\nopen, reusable"),
            );
        }
        for (said, error) in [
            ("v=QQ==", SaslError::WrongServerSignature),
            ("w=QQ==", SaslError::Malformed { field: "signature" }),
        ] {
            let said = BASE64.encode(said.as_bytes());
            run(
                &format!("{proof}S: 334 {said}\nC: *\nS: 501 ok"),
                &format!("not authenticated: AUTH failed: {error}\nopen, reusable"),
            );
        }
    }
}

/// What a server that knows the password `secret` says at the end, by Python's `hashlib` and `hmac`.
const SIGNATURES: [&str; 4] = [
    "Mn5wTjcFwsxZ2YyU64jYVveWn4YyeRJ8+Qz8VbRziWY=",
    "utu31Phti2COHDPku9WDh6p94Ng9MeGsyaDGKc5264c=",
    "tZn0/ESvhJo9R/rLFLVNO6dFGLE=",
    "c+2iOQXZvZQ/2eh69vp7p8aczsk=",
];

#[test]
fn bound_mechanisms_need_something_to_be_bound_to() {
    let only = Credentials::new("user", "secret").unwrap().only(AuthMechanism::ScramSha256Plus).unwrap();
    let told = "misuse: there is no TLS 1.3 connection that this AUTH mechanism could be bound to";
    check(&with(only), &hello(&["AUTH SCRAM-SHA-256-PLUS"]), &format!("ready\n{told}\nopen, reusable"));
}
