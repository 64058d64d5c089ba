//! STARTTLS and certificates.

use super::{Case, case};

const NO_TLS: &str = "with TLS required: an error; neither credentials nor MAIL are sent";
const BAD_CERTIFICATE: &str =
    "an error with the reason; no command after the handshake, and no other try without TLS";

pub(super) const CASES: &[Case] = &[
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
        "what EHLO offered before TLS is forgotten: no AUTH, no SIZE, no pipelining, no limits, neither 8-bit nor UTF-8",
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
];
