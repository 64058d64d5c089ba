//! Logging in by each mechanism that a server offers, with what is right and with what is wrong.

use super::send::Trace;
use super::suite::{LOGIN, Suite};

const TO: &str = "one@example.test";

/// With a password, the strongest last.
const PASSWORD: [&str; 5] = ["PLAIN", "LOGIN", "CRAM-MD5", "SCRAM-SHA-1", "SCRAM-SHA-256"];

/// A user and a password that must be escaped or are not ASCII: `grüße,a=b@example.test`, `sécret,=n=字`.
const STRANGE: &str = "gr%C3%BC%C3%9Fe%2Ca%3Db%40example.test:s%C3%A9cret%2C%3Dn%3D%E5%AD%97@";

/// Where it is tried.
pub(super) struct Place<'a> {
    pub(super) suite: &'a Suite<'a>,
    /// A port with STARTTLS.
    pub(super) port: u16,
    /// Whether one message has arrived for this recipient; it is taken away.
    pub(super) arrived: &'a dyn Fn(&str) -> Result<(), String>,
    /// Whether none has arrived for it.
    pub(super) none: &'a dyn Fn(&str) -> Result<(), String>,
}

type Told<'a> = &'a mut dyn FnMut(&str, Result<(), String>);

/// What a mechanism says before the server decides, and the decision.
fn exchange(mechanism: &str, well: bool) -> Vec<String> {
    let (initial, challenges) = match mechanism {
        "PLAIN" => (true, 0),
        "LOGIN" => (false, 2),
        "CRAM-MD5" => (false, 1),
        // The server's proof, or the reason why it does not take the token.
        "XOAUTH2" | "OAUTHBEARER" => (true, usize::from(!well)),
        _ => (true, if well { 2 } else { 1 }),
    };
    let mut lines = vec![format!("C: AUTH {mechanism}{}", if initial { " ****" } else { "" })];
    for _ in 0..challenges {
        lines.extend(["S: 334 ****".into(), "C: ****".into()]);
    }
    lines.push(if well { "S: 235" } else { "S: 535" }.into());
    lines
}

impl Place<'_> {
    /// Each mechanism with a password.
    pub(super) fn passwords(&self, told: Told<'_>) {
        let url = |login: &str, query: &str| format!("smtp://{login}localhost:{}{query}", self.port);
        let strongest = PASSWORD[PASSWORD.len() - 1];
        told("the strongest mechanism by itself", self.accepted(strongest, &url(LOGIN, ""), &[]));
        for mechanism in PASSWORD {
            let option = ["--auth", mechanism];
            told(&format!("--auth {mechanism}"), self.accepted(mechanism, &url(LOGIN, ""), &option));
            let query = format!("?auth={}", mechanism.to_lowercase());
            told(&format!("{query} in the URL"), self.accepted(mechanism, &url(LOGIN, &query), &[]));
            let strange = self.accepted(mechanism, &url(STRANGE, ""), &option);
            told(&format!("--auth {mechanism}, a user with , and = and beyond ASCII"), strange);
            let wrong = url("user%40example.test:another%20secret@", "");
            let wrong = self.refused(mechanism, &wrong, &option, &["535", "credentials", "password"]);
            told(&format!("--auth {mechanism} with a wrong password"), wrong);
            let stranger = || {
                let stranger = url("nobody%40example.test:s3cret%20pass@", "");
                let (said, _) = self.suite.traced_text(&stranger, TO, &option)?;
                said.error(3, &["535", "credentials"])?;
                (self.none)(TO)
            };
            told(&format!("--auth {mechanism} with an unknown user"), stranger());
        }
        let not_offered = || {
            let (said, trace) =
                self.suite.traced_text(&url(LOGIN, ""), TO, &["--auth", "SCRAM-SHA-256-PLUS"])?;
            said.error(3, &["no AUTH mechanism", strongest, "auth="])?;
            trace.has(0, "C: AUTH")?;
            (self.none)(TO)
        };
        told("--auth with a mechanism that is not offered", not_offered());
    }

    /// Each mechanism with a token: one that is good, and others.
    pub(super) fn tokens(&self, good: &str, bad: &[(&str, &str)], told: Told<'_>) {
        let user = "user%40example.test@";
        let url = |query: &str| format!("smtp://{user}localhost:{}{query}", self.port);
        let by_itself = self.accepted("OAUTHBEARER", &url(""), &["--token", good]);
        told("--token, the strongest mechanism by itself", by_itself);
        for (mechanism, status) in [("XOAUTH2", "(401)"), ("OAUTHBEARER", "(invalid_token)")] {
            let good_option = ["--auth", mechanism, "--token", good];
            told(&format!("--auth {mechanism} --token"), self.accepted(mechanism, &url(""), &good_option));
            let query = format!("?auth={mechanism}&token={good}");
            told(
                &format!("?auth={mechanism}&token= in the URL"),
                self.accepted(mechanism, &url(&query), &[]),
            );
            let words = ["535", "token", status];
            for &(name, token) in bad {
                let option = ["--auth", mechanism, "--token", token];
                let refused = self.refused(mechanism, &url(""), &option, &words);
                told(&format!("--auth {mechanism} with {name} (case W25)"), refused);
            }
            let other = url("").replace("user", "one");
            let refused = self.refused(mechanism, &other, &good_option, &words);
            told(&format!("--auth {mechanism} with the token of another user (case W25)"), refused);
        }
    }

    fn accepted(&self, mechanism: &str, url: &str, options: &[&str]) -> Result<(), String> {
        let (said, trace) = self.suite.traced_text(url, TO, options)?;
        said.verdicts(&[(TO, "delivered", Some(250))])?;
        said_so(&trace, &exchange(mechanism, true))?;
        (self.arrived)(TO)
    }

    fn refused(&self, mechanism: &str, url: &str, options: &[&str], words: &[&str]) -> Result<(), String> {
        let (said, trace) = self.suite.traced_text(url, TO, options)?;
        said.error(3, words)?;
        said_so(&trace, &exchange(mechanism, false))?;
        trace.has(0, "C: MAIL")?;
        (self.none)(TO)
    }
}

/// The transcript must have just this exchange, which ends with the code of the final reply.
fn said_so(trace: &Trace, expected: &[String]) -> Result<(), String> {
    let lines = trace.lines("");
    let start = lines.iter().position(|line| line.starts_with("C: AUTH")).unwrap_or(lines.len());
    let found = &lines[start..];
    let is = |(found, expected): (&&str, &String)| match expected.starts_with("S: 334") {
        false if expected.starts_with("S: ") => found.starts_with(&**expected),
        _ => *found == *expected,
    };
    if found.len() < expected.len() || !found.iter().zip(expected).all(is) {
        return Err(format!("another exchange than {expected:?}: {}", lines.join("\n")));
    }
    trace.has(1, "C: AUTH")
}
