//! Content, its verdicts, and ends of connections.

use super::{Case, case};

pub(super) const CASES: &[Case] = &[
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
        "W21",
        "stops-reading-content",
        "content that nobody reads costs a deadline, and not a thread for good",
        "C: DATA
         S: 354 go
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
];
