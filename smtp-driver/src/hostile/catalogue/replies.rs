//! Greetings, extensions, and replies to the envelope.

use super::{Case, case};

const POISONED: &str = "an error that shows the bytes, escaped; says no more than QUIT on this connection";
const CAP: &str = "stops at a cap of bytes or lines, or at the deadline of the reply; memory stays flat";
const TEMPORARY: &str =
    "the session ends; who has no verdict fails for now, and is neither lost nor delivered";

pub(super) const CASES: &[Case] = &[
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
         C: DATA
         S: 354 go
         C: .
         S: 554 5.5.1 nobody
         C: .
         !ordinary",
    ),
    case(
        "W18",
        "mail-refused-taken",
        "no lone dot, which would deliver an empty message: the connection is closed, or DATA not sent",
        "offer PIPELINING
         C: MAIL
         S: 503 5.5.1 nested
         C: RCPT
         S: 250 ok
         C: DATA
         S: 354 go
         C: .
         !wrong ended a message that is for nobody",
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
