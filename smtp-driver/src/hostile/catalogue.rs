//! The cases: what servers have done to mail software, each as a script.

use super::script::Script;

/// A server that misbehaves in one way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Case {
    /// Which of the numbered cases it belongs to, such as `W5`.
    pub number: &'static str,
    /// Its own name.
    pub name: &'static str,
    /// What a right client does.
    pub owed: &'static str,
    /// The script's text.
    pub text: &'static str,
}

impl Case {
    /// The case with this name.
    pub fn named(name: &str) -> Option<&'static Self> {
        CATALOGUE.iter().find(|case| case.name == name)
    }

    /// What the server does.
    pub fn script(&self) -> Script {
        // A test sees to it that each is one; none at all would be an ordinary server.
        self.text.parse().unwrap_or_default()
    }
}

/// All cases, in the order of their numbers.
pub fn catalogue() -> &'static [Case] {
    CATALOGUE
}

const fn case(number: &'static str, name: &'static str, owed: &'static str, text: &'static str) -> Case {
    Case { number, name, owed, text }
}

const POISONED: &str = "an error that shows the bytes, escaped; says no more than QUIT on this connection";
const NO_TLS: &str = "with TLS required: an error; neither credentials nor MAIL are sent";
const BAD_CERTIFICATE: &str =
    "an error with the reason; no command after the handshake, and no other try without TLS";
const CAP: &str = "stops at a cap of bytes or lines, or at the deadline of the reply; memory stays flat";
const AUTH_REFUSED: &str = "an error that tells a refusal for now (4yz) from one for good; no MAIL";
const TOKEN_REFUSED: &str =
    "an empty line to XOAUTH2 and AQ== to OAUTHBEARER; an error with the status of the reason; no MAIL";
const NO_PROOF: &str = "an error: neither MAIL nor a mechanism that is weaker";
const TEMPORARY: &str =
    "the session ends; who has no verdict fails for now, and is neither lost nor delivered";

const CATALOGUE: &[Case] = &[
    case(
        "W1",
        "starttls-injection",
        "an error before the first byte of TLS; what was injected is never read as a reply",
        "offer STARTTLS
         C: STARTTLS
         S| 220 go\\r\\n250-evil\\r\\n250 AUTH PLAIN\\r\\n
         !over went on though plain text came behind the reply to STARTTLS",
    ),
    case(
        "W2",
        "forgotten-extensions",
        "what EHLO offered before TLS is forgotten: no AUTH, no SIZE, no pipelining, no limits",
        "tls good
         C: EHLO
         S: 250-hostile.example
         S: 250-PIPELINING
         S: 250-SIZE 1
         S: 250-SMTPUTF8
         S: 250-8BITMIME
         S: 250-AUTH PLAIN LOGIN
         S: 250-LIMITS RCPTMAX=1 MAILMAX=1
         S: 250 STARTTLS
         C: EHLO
         S: 250 hostile.example",
    ),
    case("W3", "starttls-not-offered", NO_TLS, "C: MAIL\n!over went on without TLS"),
    case(
        "W3",
        "starttls-454",
        NO_TLS,
        "offer STARTTLS
         C: STARTTLS
         S: 454 4.7.0 not now
         C: MAIL
         !over went on without TLS",
    ),
    case(
        "W3",
        "starttls-502",
        NO_TLS,
        "offer STARTTLS
         C: STARTTLS
         S: 502 5.5.1 what
         C: MAIL
         !over went on without TLS",
    ),
    case(
        "W3",
        "ehlo-502",
        NO_TLS,
        "C: EHLO
         S: 502 5.5.1 what
         C: MAIL
         !over went on without TLS",
    ),
    case(
        "W4",
        "verdict-held-back",
        "a message that was given up takes its connection with it; the next message never gets its verdict",
        "every other connection
         offer PIPELINING
         C: .
         !hold
         S: 250 2.0.0 for a message before
         !over used a connection with a verdict still to come",
    ),
    case(
        "W5",
        "data-250",
        "the message is given up; not one byte of it is sent",
        "C: DATA
         S: 250 2.0.0 ok
         !over sent content though DATA was not answered with 354",
    ),
    case(
        "W6",
        "no-text",
        "accepted",
        "offer PIPELINING
         C: MAIL
         S: 250
         C: RCPT
         S| 250-\\r\\n250 \\r\\n
         C: DATA
         S: 354
         C: .
         S: 250
         C: QUIT
         S: 221",
    ),
    case(
        "W7",
        "odd-codes",
        "replies count by their first digit: the first of three recipients is delivered, the second refused for good, \
         the third for now",
        "C: MAIL
         S: 299 ok
         C: RCPT
         S: 299 ok
         C: RCPT
         S: 571 5.7.1 x
         C: RCPT
         S: 499 y",
    ),
    case("W8", "code-000", POISONED, "C: MAIL\nS: 000 x\n!over went on after what is no reply"),
    case("W8", "code-999", POISONED, "C: MAIL\nS: 999 x\n!over went on after what is no reply"),
    case("W8", "two-digits", POISONED, "C: MAIL\nS: 25 x\n!over went on after what is no reply"),
    case("W8", "four-digits", POISONED, "C: MAIL\nS: 2500 x\n!over went on after what is no reply"),
    case("W8", "letters", POISONED, "C: MAIL\nS: abc\n!over went on after what is no reply"),
    case("W8", "empty-line", POISONED, "C: MAIL\nS: \n!over went on after what is no reply"),
    case("W9", "codes-differ", POISONED, "C: MAIL\nS: 250-a\nS: 550 b\n!over went on after what is no reply"),
    case(
        "W10",
        "octets",
        "accepted; escaped wherever it is shown",
        "C: MAIL
         S| 250-a\\tb\\r\\n250 \\xff\\x1b[2J\\r\\n",
    ),
    case(
        "W10",
        "octets-shown",
        "the reply is reported with controls and what is not UTF-8 escaped",
        "C: MAIL
         S| 550 5.1.8 \\x1b[2J\\xff\\r\\n",
    ),
    case("W10", "bare-lf", "accepted, and noted as a fault of the server", "C: EHLO\nS| 250-a\\n250 b\\n"),
    case("W10", "nul", POISONED, "C: MAIL\nS: 250 a\\0b\n!over went on after what is no reply"),
    case("W11", "endless-line", CAP, "C: MAIL\nS| 250 \nS* x"),
    case("W11", "endless-lines", CAP, "C: MAIL\nS* 250-x\\r\\n"),
    case("W11", "dripping", CAP, "C: MAIL\nS~ 100ms 250-x\\r\\n"),
    case(
        "W12",
        "odd-keywords",
        "keywords in any case are known and others are left alone; SIZE with no value or 0 is no limit",
        "tls good
         C: EHLO
         S: 250-hostile.example
         S: 250-StartTLS
         S: 250-pipelining
         S: 250-8bitMime
         S: 250-Size
         S: 250-SIZE 0
         S: 250-AUTH=PLAIN
         S: 250-X-UNKNOWN a=b
         S: 250 x-unknown",
    ),
    case(
        "W13",
        "greeting-554",
        "an error with the reply; no command but QUIT",
        "C: (connect)
         S: 554 5.7.1 go away
         !over went on though it was sent away",
    ),
    case(
        "W13",
        "greeting-421",
        "an error with the reply; no command but QUIT",
        "C: (connect)
         S: 421 4.3.2 busy
         !over went on though it was sent away",
    ),
    case("W13", "greeting-lines", "accepted", "C: (connect)\nS: 220-a\nS: 220-b\nS: 220 c"),
    case("W13", "no-greeting", "an error when the time for the greeting is over", "C: (connect)\n!stall"),
    case(
        "W13",
        "early-reply",
        "an error: nothing was said yet that the second reply could answer",
        "C: (connect)
         S| 220 hostile.example\\r\\n250 early\\r\\n
         C: MAIL
         !over went on after a reply that answers nothing",
    ),
    case(
        "W14",
        "ehlo-421",
        "an error with the reply; no command but QUIT, not even HELO",
        "C: EHLO\nS: 421 4.3.2 bye\n!over went on after 421",
    ),
    case(
        "W14",
        "starttls-421",
        "an error with the reply; no command but QUIT",
        "offer STARTTLS\nC: STARTTLS\nS: 421 4.3.2 bye\n!over went on after 421",
    ),
    case(
        "W14",
        "auth-421",
        "an error with the reply; no command but QUIT",
        "tls good\noffer AUTH PLAIN\nC: AUTH\nS: 421 4.3.2 bye\n!over went on after 421",
    ),
    case("W14", "mail-421", TEMPORARY, "C: MAIL\nS: 421 4.3.2 bye\n!over went on after 421"),
    case(
        "W14",
        "rcpt-421",
        TEMPORARY,
        "C: RCPT
         S: 550 5.1.1 unknown
         C: RCPT
         S: 421 4.3.2 bye
         !over went on after 421",
    ),
    case("W14", "data-421", TEMPORARY, "C: DATA\nS: 421 4.3.2 bye\n!over went on after 421"),
    case("W14", "verdict-421", TEMPORARY, "C: .\nS: 421 4.3.2 bye\n!over went on after 421"),
    case(
        "W14",
        "verdict-and-421",
        "the message is delivered; the next one goes over a new connection",
        "C: .
         S: 250 2.0.0 queued
         S: 421 4.3.2 enough
         !over went on after 421",
    ),
    case(
        "W14",
        "idle-421",
        "the message is delivered; the next one goes over a new connection",
        "C: .
         !ordinary
         S: 421 4.4.2 idle for too long
         !close",
    ),
    case(
        "W15",
        "five-recipients",
        "of five recipients the second is refused for good, the fourth for now; the others are delivered",
        "C: RCPT
         S: 250 ok
         C: RCPT
         S: 550 5.1.1 unknown
         C: RCPT
         S: 251 elsewhere
         C: RCPT
         S: 451 4.3.0 later
         C: RCPT
         S: 252 maybe",
    ),
    case(
        "W16",
        "nobody-but-354",
        "a lone dot, if DATA was in flight; the outcome is the recipients' refusals",
        "offer PIPELINING
         C: RCPT
         S: 550 5.1.1 unknown
         C: DATA
         S: 354 go
         C: .
         S: 250 2.0.0 for nobody",
    ),
    case(
        "W17",
        "too-many-452",
        "the first two of the recipients are delivered, and the others by further transactions",
        "C: RCPT\n!ordinary\nC: RCPT\n!ordinary\nC: RCPT\nS: 452 4.5.3 too many recipients",
    ),
    case(
        "W17",
        "too-many-552",
        "the first two of the recipients are delivered, and the others by further transactions",
        "C: RCPT\n!ordinary\nC: RCPT\n!ordinary\nC: RCPT\nS: 552 too many",
    ),
    case(
        "W17",
        "mailbox-full",
        "the first is delivered and the others fail for now: there is no further transaction for them",
        "C: RCPT\n!ordinary\nC: RCPT\nS: 452 4.2.2 mailbox full",
    ),
    case(
        "W17",
        "too-many-for-anybody",
        "all recipients fail for now; no loop",
        "C: RCPT\nS: 452 4.5.3 too many recipients",
    ),
    case(
        "W18",
        "mail-refused",
        "each reply belongs to its own command; the next message goes over the same connection",
        "offer PIPELINING
         C: MAIL
         S: 553 5.1.8 not you
         C: MAIL
         !ordinary",
    ),
    case(
        "W18",
        "mail-refused-alone",
        "a lone dot, if DATA was in flight; nothing is delivered, and the next message goes over the same connection",
        "offer PIPELINING
         C: MAIL
         S: 553 5.1.8 not you
         C: MAIL
         !ordinary
         C: RCPT
         S: 250 ok
         C: DATA
         S: 354 go
         C: .
         S: 554 5.5.1 nobody
         C: .
         !ordinary",
    ),
    case(
        "W19",
        "early-verdict",
        "fails for now, if the content was not complete: nothing can be its verdict",
        "C: DATA
         S: 354 go
         !hold
         S: 250 2.0.0 early
         !close",
    ),
    case(
        "W19",
        "garbage-verdict",
        "neither delivered nor lost: ambiguous, and not sent again",
        "C: .\nS: garbage\n!over went on after what is no reply",
    ),
    case(
        "W19",
        "two-verdicts",
        "the first verdict counts; the connection is not used again",
        "C: .
         S: 250 2.0.0 queued
         S: 550 5.0.0 or not
         !over used a connection after a reply that answers nothing",
    ),
    case(
        "W20",
        "closes-after-dot",
        "neither delivered nor lost: ambiguous, and not sent again",
        "C: .\n!close",
    ),
    case(
        "W20",
        "closes-in-verdict",
        "neither delivered nor lost: ambiguous, and not sent again",
        "C: .\nS| 250 2.0.\n!close",
    ),
    case(
        "W21",
        "talkative",
        "ten thousand recipients make no deadlock: the client reads while it writes, or waits for replies",
        "offer PIPELINING
         C: RCPT
         S| 250 xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx
         S| xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx
         S| xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx
         S| xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx
         S| xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx
         S| \\r\\n",
    ),
    case(
        "W21",
        "stops-reading",
        "ten thousand recipients cost a deadline, and not a thread for good",
        "offer PIPELINING
         C: EHLO
         !ordinary
         !stall",
    ),
    case(
        "W22",
        "bdat-500",
        "the connection is closed: what comes after a chunk that was not understood may be taken for commands",
        "offer CHUNKING\nC: BDAT\nS: 500 5.5.1 what\n!over went on after BDAT was not understood",
    ),
    case(
        "W22",
        "bdat-503",
        "the connection is closed: what comes after a chunk that was not understood may be taken for commands",
        "offer CHUNKING\nC: BDAT\nS: 503 5.5.1 what\n!over went on after BDAT was not understood",
    ),
    case(
        "W22",
        "bdat-for-nobody",
        "no content is sent before a recipient is accepted",
        "offer CHUNKING\noffer PIPELINING\nC: RCPT\nS: 550 5.1.1 unknown",
    ),
    case(
        "W23",
        "chunk-552",
        "no chunk after the refused one, then RSET; the next message goes over the same connection",
        "offer CHUNKING
         C: BDAT
         S: 552 5.3.4 too much
         C: BDAT
         !ordinary",
    ),
    case(
        "W24",
        "auth-bad-base64",
        "`*` cancels the exchange; an error",
        "tls good
         offer AUTH PLAIN
         C: AUTH
         S: 334 ???
         C: (response)
         !over answered a challenge that is no base64",
    ),
    case(
        "W24",
        "auth-lines",
        "`*` cancels the exchange; an error",
        "tls good
         offer AUTH PLAIN
         C: AUTH
         S: 334-QQ==
         S: 334 QQ==
         C: (response)
         !over answered a challenge of two lines",
    ),
    case(
        "W24",
        "auth-forever",
        "`*` cancels the exchange after some rounds; an error",
        "tls good
         offer AUTH LOGIN
         C: AUTH
         S: 334 VXNlcm5hbWU6
         C: (response)
         S: 334 VXNlcm5hbWU6",
    ),
    case(
        "W24",
        "auth-empty-challenge",
        "an empty challenge is one: LOGIN goes on",
        "tls good
         offer AUTH LOGIN
         C: AUTH
         S: 334 
         C: (response)
         S: 334 
         C: (response)
         S: 235 2.7.0 ok",
    ),
    case(
        "W24",
        "auth-long",
        "a response that makes the line longer than 512 bytes goes behind an empty 334",
        "tls good\noffer AUTH PLAIN",
    ),
    case(
        "W24",
        "auth-454",
        AUTH_REFUSED,
        "tls good
         offer AUTH PLAIN
         C: AUTH
         S: 454 4.7.0 later
         C: MAIL
         !over went on without AUTH",
    ),
    case(
        "W24",
        "auth-535",
        AUTH_REFUSED,
        "tls good
         offer AUTH PLAIN
         C: AUTH
         S: 535 5.7.8 no
         C: MAIL
         !over went on without AUTH",
    ),
    case(
        "W24",
        "auth-534",
        AUTH_REFUSED,
        "tls good
         offer AUTH PLAIN
         C: AUTH
         S: 534 5.7.9 too weak
         C: MAIL
         !over went on without AUTH",
    ),
    case(
        "W24",
        "auth-538",
        AUTH_REFUSED,
        "tls good
         offer AUTH PLAIN
         C: AUTH
         S: 538 5.7.11 encrypt
         C: MAIL
         !over went on without AUTH",
    ),
    case(
        "W25",
        "xoauth2-refused",
        TOKEN_REFUSED,
        "tls good
         offer AUTH XOAUTH2
         C: AUTH
         S64: 334 {\"status\":\"401\",\"schemes\":\"bearer\"}
         C: (response) =
         S: 535 5.7.8 no
         C: (response)
         !wrong answered the reason with something else than an empty line
         S: 535 5.7.8 no
         C: MAIL
         !over went on without AUTH",
    ),
    case(
        "W25",
        "oauthbearer-refused",
        TOKEN_REFUSED,
        "tls good
         offer AUTH OAUTHBEARER
         C: AUTH
         S64: 334 {\"status\":\"401\",\"schemes\":\"bearer\"}
         C: (response) AQ==
         S: 535 5.7.8 no
         C: (response)
         !wrong answered the reason with something else than AQ==
         S: 535 5.7.8 no
         C: MAIL
         !over went on without AUTH",
    ),
    case(
        "W25",
        "token-expired",
        "asks for a new token, once, and logs in with that",
        "every other connection
         tls good
         offer AUTH XOAUTH2
         C: AUTH
         S64: 334 {\"status\":\"401\"}
         C: (response)
         S: 535 5.7.8 no
         C: MAIL
         !over went on without AUTH",
    ),
    case(
        "W26",
        "scram-iterations",
        NO_PROOF,
        "tls good
         offer AUTH PLAIN SCRAM-SHA-256
         C: AUTH SCRAM
         S64: 334 r=$noncex,s=QQ==,i=2147483648
         C: (response)
         !over went on with a server that does not know the password
         C: AUTH PLAIN
         !over fell back to PLAIN
         C: MAIL
         !over took that for success",
    ),
    case(
        "W26",
        "scram-few-iterations",
        NO_PROOF,
        "tls good
         offer AUTH PLAIN SCRAM-SHA-1
         C: AUTH SCRAM
         S64: 334 r=$noncex,s=QQ==,i=1
         C: (response)
         !over went on with a server that does not know the password
         C: AUTH PLAIN
         !over fell back to PLAIN
         C: MAIL
         !over took that for success",
    ),
    case(
        "W26",
        "scram-nonce",
        NO_PROOF,
        "tls good
         offer AUTH PLAIN SCRAM-SHA-256
         C: AUTH SCRAM
         S64: 334 r=another,s=QQ==,i=4096
         C: (response)
         !over went on with a server that does not know the password
         C: AUTH PLAIN
         !over fell back to PLAIN
         C: MAIL
         !over took that for success",
    ),
    case(
        "W26",
        "scram-signature",
        NO_PROOF,
        "tls good
         offer AUTH PLAIN SCRAM-SHA-256
         C: AUTH SCRAM
         S64: 334 r=$noncex,s=QQ==,i=4096
         C: (response)
         S64: 334 v=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=
         C: (response)
         !over went on with a server that does not know the password
         C: AUTH PLAIN
         !over fell back to PLAIN
         C: MAIL
         !over took that for success",
    ),
    case(
        "W26",
        "scram-no-signature",
        NO_PROOF,
        "tls good
         offer AUTH PLAIN SCRAM-SHA-256
         C: AUTH SCRAM
         S64: 334 r=$noncex,s=QQ==,i=4096
         C: (response)
         S64: 334 x=1
         C: (response)
         !over went on with a server that does not know the password
         C: AUTH PLAIN
         !over fell back to PLAIN
         C: MAIL
         !over took that for success",
    ),
    case(
        "W26",
        "scram-error",
        NO_PROOF,
        "tls good
         offer AUTH PLAIN SCRAM-SHA-256
         C: AUTH SCRAM
         S64: 334 r=$noncex,s=QQ==,i=4096
         C: (response)
         S64: 334 e=invalid-proof
         C: (response)
         S: 535 5.7.8 no
         C: AUTH PLAIN
         !over fell back to PLAIN
         C: MAIL
         !over took that for success",
    ),
    case(
        "W26",
        "scram-unproved",
        NO_PROOF,
        "tls good
         offer AUTH PLAIN SCRAM-SHA-256
         C: AUTH SCRAM
         S64: 334 r=$noncex,s=QQ==,i=4096
         C: (response)
         S: 235 2.7.0 ok
         C: (response)
         !over went on with a server that does not know the password
         C: AUTH PLAIN
         !over fell back to PLAIN
         C: MAIL
         !over took that for success",
    ),
    case(
        "W26",
        "scram-at-once",
        NO_PROOF,
        "tls good
         offer AUTH PLAIN SCRAM-SHA-256
         C: AUTH SCRAM
         S: 235 2.7.0 ok
         C: (response)
         !over went on with a server that does not know the password
         C: AUTH PLAIN
         !over fell back to PLAIN
         C: MAIL
         !over took that for success",
    ),
    case(
        "W27",
        "lmtp-three-verdicts",
        "by LMTP, for three recipients: the first and third are delivered, the second refused for now",
        "lmtp
         offer PIPELINING
         C: .
         S: 250 2.0.0 one
         S: 452 4.2.2 full
         S: 250 2.0.0 three",
    ),
    case(
        "W27",
        "lmtp-nobody",
        "by LMTP: the outcome is the recipients' refusals, and no verdict is waited for",
        "lmtp
         offer PIPELINING
         C: RCPT
         S: 550 5.1.1 unknown
         C: DATA
         S: 354 go
         C: .",
    ),
    case("W28", "closes-at-quit", "no error: the message was confirmed before", "C: QUIT\n!close"),
    case(
        "W28",
        "closes-after-quit",
        "no error: the message was confirmed before",
        "C: QUIT\nS: 221 bye\n!close",
    ),
    case(
        "W29",
        "limits",
        "twelve recipients in two domains, six in each, by transactions of no more than five in one domain, and no more \
         than two on a connection",
        "offer PIPELINING
         offer LIMITS RCPTMAX=5 MAILMAX=2 RCPTDOMAINMAX=1",
    ),
    case("W30", "certificate-expired", BAD_CERTIFICATE, "tls expired"),
    case("W30", "certificate-self-signed", BAD_CERTIFICATE, "tls self-signed"),
    case("W30", "certificate-wrong-name", BAD_CERTIFICATE, "tls wrong-name"),
    case("W30", "certificate-cn-only", BAD_CERTIFICATE, "tls cn-only"),
    case("W30", "certificate-wildcard", BAD_CERTIFICATE, "tls wildcard"),
    case("W30", "certificate-unknown-ca", BAD_CERTIFICATE, "tls unknown-ca"),
    case(
        "W31",
        "no-close-notify",
        "delivered: the verdict was whole",
        "tls good\nC: .\nS: 250 2.0.0 queued\n!drop",
    ),
    case(
        "W31",
        "tls-cut-off",
        "neither delivered nor lost: ambiguous, and not sent again",
        "tls good\nC: .\nS| 250 2.0.\n!drop",
    ),
    case(
        "W32",
        "data-held-back",
        "a message that is given up with DATA in flight takes its connection with it: a lone dot would deliver an \
         empty message",
        "C: DATA
         !hold
         S: 354 go
         C: .
         !over ended a message that was given up",
    ),
    case(
        "W33",
        "refuses-content",
        "of a large message: the reply is reported, though writing has failed",
        "C: DATA
         S: 354 go
         !hold
         S: 550 5.7.1 not this
         !close",
    ),
    case(
        "W34",
        "empty-keyword",
        "accepted",
        "C: EHLO
         S: 250-hostile.example
         S: 250-AUTH
         S: 250 ",
    ),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_case_is_a_script_under_a_name_of_its_own() {
        for (i, case) in CATALOGUE.iter().enumerate() {
            if let Err(error) = case.text.parse::<Script>() {
                panic!("{}: {error}", case.name);
            }
            assert!(CATALOGUE[..i].iter().all(|other| other.name != case.name), "{}", case.name);
        }
    }

    #[test]
    fn every_number_is_there() {
        for number in 1..=34 {
            let number = format!("W{number}");
            assert!(CATALOGUE.iter().any(|case| case.number == number), "{number}");
        }
    }
}
