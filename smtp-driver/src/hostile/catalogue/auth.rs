//! Credentials, and servers that want them for nothing.

use super::{Case, case};

const AUTH_REFUSED: &str = "an error that tells a refusal for now (4yz) from one for good; no MAIL";
const TOKEN_REFUSED: &str =
    "an empty line to XOAUTH2 and AQ== to OAUTHBEARER; an error with the status of the reason; no MAIL";
const NO_PROOF: &str = "an error: neither MAIL nor a mechanism that is weaker";

pub(super) const CASES: &[Case] = &[
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
];
