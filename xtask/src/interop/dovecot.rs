//! Dovecot as a submission server in front of smtp-sink, and its LMTP.

use std::fs;

use super::login::Place;
use super::message::{self, nasty_7bit, nasty_8bit, ready_made};
use super::server::{only_file, take_files};
use super::suite::{self, LOGIN, Suite};
use super::{Case, Kind, Trial, chunks, dkim, lmtp, sink, stream};

pub(super) const KIND: Kind = Kind {
    name: "dovecot",
    present: "type openssl smtp-sink && dovecot --version | grep '^2[.]3[.]' \
        && ls /usr/lib*/dovecot/submission /usr/libexec/dovecot/submission | grep . \
        && ls /usr/lib*/dovecot/lmtp /usr/libexec/dovecot/lmtp | grep .",
    needs: "dovecot-core 2.3, dovecot-submissiond, dovecot-lmtpd, postfix (for smtp-sink) and openssl",
    install: "apt dovecot-core dovecot-submissiond dovecot-lmtpd postfix openssl",
    root: true,
    ports: 4,
    trial: Trial::Sends(suite),
};

const TO: &str = "one@example.test";

fn suite(suite: &Suite<'_>) -> Vec<Case> {
    let ports = suite.server.ports();
    let starttls = format!("smtp://{LOGIN}localhost:{}", ports[0]);
    let implicit = format!("smtps://{LOGIN}localhost:{}", ports[1]);
    let mail = suite.server.path().join("mail");
    let mut cases = Vec::new();
    let mut case = |name: &str, result: Result<(), String>| {
        cases.push(suite.case(name, result));
        let _ = take_files(&mail); // what a failed case has left
    };
    let none = || match take_files(&mail)?.len() {
        0 => Ok(()),
        count => Err(format!("{count} messages arrived")),
    };

    let stored_text = || {
        let mut stored = only_file(&mail)?;
        // smtp-sink ends each message with an empty line.
        match stored.pop() {
            Some(b'\n') => Ok(stored),
            _ => Err("no empty line at the end".to_string()),
        }
    };
    for (name, url) in [("STARTTLS", &starttls), ("implicit TLS", &implicit)] {
        let text = || {
            suite.text(url, TO)?.verdicts(&[(TO, "delivered", Some(250))])?;
            suite::arrived(&stored_text()?, TO).map(drop)
        };
        case(&format!("text by {name}"), text());
    }
    let signed = || dkim::signed(suite, &starttls, TO, || Ok(message::crlf(&stored_text()?)));
    case("signed", signed());
    let seven = ready_made("", "7bit", &nasty_7bit());
    let eight = ready_made("", "8bit", &nasty_8bit());
    let unended = &eight[..eight.len() - 2];
    let lf: Vec<u8> = eight.iter().filter(|byte| **byte != b'\r').copied().collect();
    let dots = ready_made("", "7bit", &b".\r\n..\r\n.x\r\n".repeat(100_000));
    let empty = ready_made("", "7bit", b"");
    let bcc = ready_made("Bcc: hidden@example.test\r\n", "7bit", b"t\r\n");
    let without = ready_made("", "7bit", b"t\r\n");
    for (name, url, written, meant) in [
        ("7-bit", &implicit, &seven[..], &seven),
        ("8-bit", &starttls, &eight, &eight),
        ("no line end at the end", &starttls, unended, &eight),
        ("LF line ends", &starttls, &lf, &eight),
        ("a megabyte of dots", &implicit, &dots, &dots),
        ("an empty body", &starttls, &empty, &empty),
        ("Bcc (case M7)", &starttls, &bcc, &without),
    ] {
        let to = [TO, "two@example.test"];
        let same = || {
            suite.eml(url, &to, written)?.verdicts(&to.map(|to| (to, "delivered", Some(250))))?;
            let top = sink::same(meant, &only_file(&mail)?)?;
            sink::envelope(&top, "a@b.test", &to)
        };
        case(&format!("--eml with {name}"), same());
    }
    let stored = chunks::Stored {
        text: &|_| stored_text(),
        is: &|meant, to| sink::envelope(&sink::same(meant, &only_file(&mail)?)?, "a@b.test", to),
    };
    chunks::run(suite, &[("STARTTLS", &starttls), ("implicit TLS", &implicit)], &stored, &mut case);
    let to: Vec<_> = (0..12).map(|i| format!("r{i}@example.test")).collect();
    let to: Vec<_> = to.iter().map(String::as_str).collect();
    for options in [&[][..], &["--chunked"]] {
        let many = || {
            let verdicts: Vec<_> = to.iter().map(|to| (*to, "delivered", Some(250))).collect();
            let (said, trace) = suite.traced_eml(&starttls, &to, options, &seven)?;
            said.verdicts(&verdicts)?;
            trace.has(2, "C: MAIL ")?;
            let files = take_files(&mail)?;
            let tops: Vec<_> = files.iter().map(|file| sink::same(&seven, file)).collect::<Result<_, _>>()?;
            // Of the first transaction, it has told smtp-sink of the others too, before it refused them.
            let has = |to| tops.iter().filter(|top| sink::envelope(top, "a@b.test", to).is_ok()).count();
            match (tops.len(), has(&to), has(&to[10..])) {
                (2, 1, 1) => Ok(()),
                _ => Err(format!("other envelopes: {tops:?}")),
            }
        };
        let way = if options.is_empty() { "" } else { ", in chunks" };
        case(&format!("more recipients than it takes{way}"), many());
    }
    let too_large = || {
        let large = ready_made("", "7bit", &b"0123456789abcdef\r\n".repeat(120_000));
        suite.eml(&starttls, &[TO], &large)?.verdicts(&[(TO, "rejected", None)])?;
        none()
    };
    case("a message above its SIZE", too_large());
    let anonymous = || {
        let said = suite.text(&starttls.replace(LOGIN, ""), TO)?;
        said.verdicts(&[(TO, "rejected", Some(530))])?;
        none()
    };
    case("no AUTH", anonymous());
    for (name, url, authority, words) in [
        ("wrong password", starttls.replace("s3cret", "wrong"), "ca.pem", &["password", "535"][..]),
        ("wrong authority", starttls.clone(), "other-ca.pem", &["certificate", "authority"]),
        ("smtps:// where STARTTLS is", starttls.replace("smtp:", "smtps:"), "ca.pem", &["smtp://"]),
    ] {
        let refused = || {
            let args = [&*url, "--from", "a@b.test", "--to", TO, "--eml", "-"];
            suite.run_trusting(Some(authority), &args, &seven)?.error(3, words)?;
            none()
        };
        case(name, refused());
    }
    let place = Place {
        suite,
        port: ports[0],
        arrived: &|to| suite::arrived(&stored_text()?, to).map(drop),
        none: &|_| none(),
    };
    place.passwords(&mut case);
    match ["token", "token-expired", "token-forged"].map(|name| server_file(suite, name)) {
        [Ok(good), Ok(expired), Ok(forged)] => {
            let bad = [
                ("an expired token", &*expired),
                ("a token by another issuer", &*forged),
                ("something that is no token", "no.token"),
            ];
            place.tokens(&good, &bad, &mut case);
        }
        tokens => case("tokens", Err(format!("{tokens:?}"))),
    }
    cases.extend(lmtp::cases(suite));
    let arrived = || {
        let stored = take_files(&mail)?;
        if stored.len() != stream::COUNT {
            return Err(format!("{} messages arrived", stored.len()));
        }
        stored
            .iter()
            .try_for_each(|stored| sink::envelope(&sink::same(stream::CONTENT, stored)?, stream::FROM, &[TO]))
    };
    // By DATA it does not take a transaction behind the end of content in the same flight; behind a chunk it does.
    let ways = [&stream::ONE_BY_ONE[..], &stream::WAYS[1..]].concat();
    cases.extend(stream::cases(suite, ports[0], TO, &ways, stream::STARTTLS, &arrived));
    cases
}

fn server_file(suite: &Suite<'_>, name: &str) -> Result<String, String> {
    fs::read_to_string(suite.server.path().join(name)).map_err(|error| format!("{name}: {error}"))
}
