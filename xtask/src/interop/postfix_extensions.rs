//! Postfix: chunks, more recipients than it takes, and notifications of delivery.

use super::message::{self, Parsed, nasty_7bit, ready_made};
use super::postfix::ITS_FIELDS;
use super::server::Maildir;
use super::suite::{LOGIN, Suite};
use super::{Case, chunks, delay, stream};

pub(super) fn cases(suite: &Suite<'_>) -> Vec<Case> {
    let maildir = Maildir(suite.server.path().join("mail/all"));
    let ports = suite.server.ports();
    let starttls = format!("smtp://{LOGIN}localhost:{}", ports[0]);
    let implicit = format!("smtps://{LOGIN}localhost:{}", ports[1]);
    let bare = format!("smtp://localhost:{}?tls=none", ports[3]);
    let few = format!("smtp://{LOGIN}localhost:{}", ports[7]);
    let mut cases = Vec::new();
    let mut case = |name: &str, result: Result<(), String>| cases.push(suite.case(name, result));

    let stored = chunks::Stored {
        text: &|to| maildir.wait_for(to),
        is: &|meant, to| {
            // All are taken out before any is judged: a failed case leaves nothing to the next.
            let stored: Vec<_> = to.iter().map(|to| maildir.wait_for(to)).collect::<Result<_, _>>()?;
            stored.iter().try_for_each(|stored| is(meant, stored).map(drop))
        },
    };
    chunks::run(suite, &[("STARTTLS", &starttls), ("implicit TLS", &implicit)], &stored, &mut case);

    let seven = ready_made("", "7bit", &nasty_7bit());
    let not_offered = || {
        let to = "data@example.test";
        let (said, trace) = suite.traced_eml(&bare, &[to], &["--chunked"], &seven)?;
        said.verdicts(&[(to, "delivered", Some(250))])?;
        trace.has(1, "C: DATA")?;
        trace.has(0, "C: BDAT")?;
        is(&seven, &maildir.wait_for(to)?).map(drop)
    };
    case("chunks for a server that takes none", not_offered());

    for (prefix, way, options) in [("few", "", &[][..]), ("fewchunks", ", in chunks", &["--chunked"])] {
        let to: Vec<_> = (0..12).map(|i| format!("{prefix}{i}@example.test")).collect();
        let to: Vec<_> = to.iter().map(String::as_str).collect();
        let delivered = in_three(suite, &maildir, &few, &to, options);
        case(&format!("more recipients than it takes{way}"), delivered);
    }
    let some_refused = || {
        // Those refused for what they are must not be tried again with those who were too many.
        let to = ["some0", "bad", "some1", "some2", "some3", "some4", "tmp", "some5"]
            .map(|to| to.to_owned() + "@example.test");
        let to = to.each_ref().map(String::as_str);
        let verdicts = to.map(|to| match to.split_once('@') {
            Some(("bad", _)) => (to, "rejected", Some(550)),
            Some(("tmp", _)) => (to, "deferred", Some(451)),
            _ => (to, "delivered", Some(250)),
        });
        let (said, trace) = suite.traced_eml(&few, &to, &[], &seven)?;
        said.verdicts(&verdicts)?;
        trace.has(2, "C: MAIL ")?;
        trace.has(1, "S: 550")?;
        to.iter()
            .filter(|to| to.starts_with("some"))
            .try_for_each(|to| is(&seven, &maildir.wait_for(to)?).map(drop))
    };
    case("more recipients than it takes, some refused", some_refused());

    for url in [&starttls, &implicit] {
        let way = if *url == starttls { "STARTTLS" } else { "implicit TLS, in chunks" };
        let options = if *url == starttls { &["--dsn"][..] } else { &["--dsn", "--chunked"] };
        case(&format!("a notification of delivery, {way}"), notified(suite, &maildir, url, options));
    }
    let dropped = || {
        let to = "undsn@example.test";
        let (said, trace) = suite.traced_eml(&bare, &[to], &["--dsn"], &seven)?;
        said.verdicts(&[(to, "delivered", Some(250))])?;
        trace.has(1, "-- the server does not offer DSN")?;
        let asked = trace
            .lines("C: ")
            .iter()
            .any(|line| ["RET=", "NOTIFY=", "ORCPT="].iter().any(|it| line.contains(it)));
        if asked {
            return Err("asked for what the server does not offer".into());
        }
        is(&seven, &maildir.wait_for(to)?).map(drop)
    };
    case("--dsn to a server without DSN", dropped());

    let to = "stream@example.test";
    let arrived = || {
        (0..stream::COUNT).try_for_each(|_| is(stream::CONTENT, &maildir.wait_for(to)?).map(drop))?;
        maildir.take(to)?.map_or(Ok(()), |_| Err("one more arrived".into()))
    };
    cases.extend(stream::cases(suite, ports[0], to, &stream::WAYS, stream::STARTTLS, &arrived));
    cases.extend(delay::cases(suite, ports[0], ports[1]));
    cases
}

/// Twelve recipients are three transactions for a server that takes five in one.
fn in_three(
    suite: &Suite<'_>,
    maildir: &Maildir,
    url: &str,
    to: &[&str],
    options: &[&str],
) -> Result<(), String> {
    let message = ready_made("", "7bit", &nasty_7bit());
    let (said, trace) = suite.traced_eml(url, to, options, &message)?;
    said.verdicts(&to.iter().map(|to| (*to, "delivered", Some(250))).collect::<Vec<_>>())?;
    trace.has(3, "C: MAIL ")?;
    trace.has(7 + 2, "S: 452 4.5.3 ")?;
    let mut transactions = Vec::new();
    for to in to {
        let top = is(&message, &maildir.wait_for(to)?)?;
        let id = top.split_once(" id ").and_then(|(_, rest)| rest.split_whitespace().next());
        transactions.push(id.ok_or_else(|| format!("no id in: {top}"))?.to_string());
    }
    // In order: five, five, two.
    let changes = (1..to.len()).filter(|&i| transactions[i] != transactions[i - 1]).collect::<Vec<_>>();
    if changes != [5, 10] {
        return Err(format!("other transactions: {transactions:?}"));
    }
    match to.iter().map(|to| maildir.take(to)).find(|more| !matches!(more, Ok(None))) {
        Some(_) => Err("somebody got it twice".into()),
        None => Ok(()),
    }
}

/// The sender must get what RFC 3461 promises for a delivery.
fn notified(suite: &Suite<'_>, maildir: &Maildir, url: &str, options: &[&str]) -> Result<(), String> {
    // The plus and the equals sign are what ORCPT has to encode.
    let to = "dsn+a=b@example.test";
    let message = ready_made("", "7bit", b"not to be returned\r\n");
    let (said, trace) = suite.traced_eml(url, &[to], options, &message)?;
    said.verdicts(&[(to, "delivered", Some(250))])?;
    let parameters = "NOTIFY=SUCCESS,FAILURE,DELAY ORCPT=rfc822;dsn+2Ba+3Db@example.test";
    trace.has(1, &format!("C: RCPT TO:<{to}> {parameters}"))?;
    is(&message, &maildir.wait_for(to)?)?;
    let notification = maildir.wait_for("a@b.test")?;
    let report = Parsed::new(&notification)?.field("content-type")?;
    if !report.starts_with("multipart/report; report-type=delivery-status;") {
        return Err(format!("no report: {report}"));
    }
    let text = String::from_utf8_lossy(&notification);
    // RET=HDRS: not the whole message.
    for (words, is_owed) in [
        ("\nOriginal-Recipient: rfc822;dsn+a=b@example.test\n", true),
        ("\nFinal-Recipient: rfc822; dsn+a=b@example.test\n", true),
        ("\nAction: delivered\n", true),
        ("\nMessage-ID: <nasty@example.test>\n", true),
        ("not to be returned", false),
    ] {
        if text.contains(words) != is_owed {
            return Err(format!("{words:?} should be {is_owed} in: {text}"));
        }
    }
    Ok(())
}

/// What is stored must be this message from a@b.test; returns the fields on top.
fn is(meant: &[u8], stored: &[u8]) -> Result<String, String> {
    let top = message::same(meant, stored, ITS_FIELDS)?;
    if top.contains("Return-Path: <a@b.test>\r\n") { Ok(top) } else { Err(format!("another sender: {top}")) }
}
