//! What smtp-server knows and aiosmtpd does not: DSN, REQUIRETLS, a limit of recipients, and 8BITMIME without SMTPUTF8.

use std::collections::BTreeMap;

use super::Case;
use super::json::Json;
use super::message::{nasty_7bit, ready_made};
use super::oracle::{kept, none, one};
use super::suite::{LOGIN, Suite};

const ASCII: &str = "one@example.test";
const UTF8: &str = "grüße@example.test";

pub(super) fn cases(suite: &Suite<'_>) -> Vec<Case> {
    let ports = suite.server.ports();
    let starttls = format!("smtp://{LOGIN}localhost:{}", ports[0]);
    let implicit = format!("smtps://{LOGIN}localhost:{}", ports[1]);
    let few = format!("smtp://localhost:{}?tls=none", ports[4]);
    let mut cases = Vec::new();
    let mut case = |name: &str, result: Result<(), String>| {
        cases.push(suite.case(name, result));
        let _ = kept(suite); // what a failed case has left
    };

    let seven = ready_made("", "7bit", &nasty_7bit());
    let utf8 = ready_made("X-Note: näßty 漢\r\n", "8bit", "hé\r\n".as_bytes());
    for (name, to, message, eight_bit, smtputf8) in [
        ("an ASCII address and header", &[ASCII, "two@example.test"], &seven, false, false),
        ("a UTF-8 header", &[ASCII, "two@example.test"], &utf8, true, true),
        ("a UTF-8 address", &[ASCII, UTF8], &seven, false, true),
        ("a UTF-8 address and header", &[UTF8, ASCII], &utf8, true, true),
    ] {
        let sent = || {
            suite.eml(&starttls, to, message)?.verdicts(&to.map(|to| (to, "delivered", Some(250))))?;
            one(suite, "a@b.test", to)?.is(message, eight_bit, smtputf8)
        };
        case(&format!("SMTPUTF8: {name}"), sent());
    }
    // Without it, who does not need it gets the message all the same.
    let address = || {
        let (said, trace) = suite.traced_eml(&few, &[ASCII, UTF8], &[], &seven)?;
        said.verdicts(&[(ASCII, "delivered", Some(250)), (UTF8, "rejected", None)])?;
        trace.has(1, "C: RCPT ")?;
        without(&said.stdout)?;
        one(suite, "a@b.test", &[ASCII])?.is(&seven, false, false)
    };
    case("no SMTPUTF8: an ASCII address and a UTF-8 one", address());
    for (name, to, message) in [("a UTF-8 address", UTF8, &seven), ("a UTF-8 header", ASCII, &utf8)] {
        let refused = || {
            let (said, trace) = suite.traced_eml(&few, &[to], &[], message)?;
            said.verdicts(&[(to, "rejected", None)])?;
            trace.has(0, "C: MAIL ")?;
            without(&said.stdout)?;
            none(suite)
        };
        case(&format!("no SMTPUTF8: {name}"), refused());
    }

    // The plus and the equals sign are what ORCPT has to encode.
    for (name, url, to) in [
        ("STARTTLS", &starttls, &["dsn+a=b@example.test", "two@example.test"]),
        ("implicit TLS", &implicit, &["dsn+a=b@example.test", "two@example.test"]),
        ("a UTF-8 address", &starttls, &["dsn+ü@example.test", "two@example.test"]),
    ] {
        let asked = || {
            let (said, _) = suite.traced_eml(url, to, &["--dsn"], &seven)?;
            said.verdicts(&to.map(|to| (to, "delivered", Some(250))))?;
            let kept = one(suite, "a@b.test", to)?;
            kept.is(&seven, false, !to[0].is_ascii())?;
            let originals = to.map(|to| match to.is_ascii() {
                true => format!("rfc822;{to}"),
                false => "utf-8;dsn\\x{2B}\\x{FC}@example.test".into(),
            });
            let owed = originals.map(|original| {
                let member = |name: &str, value: &str| (name.to_string(), Json::String(value.into()));
                let members = [member("NOTIFY", "SUCCESS,FAILURE,DELAY"), member("ORCPT", &original)];
                Json::Object(BTreeMap::from(members))
            });
            match kept.envelope.get("asked") {
                Json::List(asked) if *asked == owed && kept.has("RET=HDRS") => Ok(()),
                _ => Err(format!("asked for something else: {:?}", kept.envelope)),
            }
        };
        case(&format!("--dsn by {name}"), asked());
    }
    let unasked = || {
        suite.eml(&starttls, &[ASCII], &seven)?.verdicts(&[(ASCII, "delivered", Some(250))])?;
        let kept = one(suite, "a@b.test", &[ASCII])?;
        let nothing = Json::List(vec![Json::Object(BTreeMap::new())]);
        if *kept.envelope.get("asked") == nothing && !kept.has("RET=HDRS") {
            Ok(())
        } else {
            Err(format!("asked for something: {:?}", kept.envelope))
        }
    };
    case("DSN not asked for", unasked());
    for url in [&starttls, &few] {
        let required = || {
            let said = suite.traced_eml(url, &[ASCII], &["--require-tls"], &seven)?.0;
            if url == &few {
                said.verdicts(&[(ASCII, "rejected", None)])?;
                return none(suite);
            }
            said.verdicts(&[(ASCII, "delivered", Some(250))])?;
            let kept = one(suite, "a@b.test", &[ASCII])?;
            match kept.has("REQUIRETLS") {
                true => kept.is(&seven, false, false),
                false => Err(format!("not required: {:?}", kept.envelope)),
            }
        };
        let way = if url == &few { "no TLS" } else { "STARTTLS" };
        case(&format!("--require-tls by {way}"), required());
    }
    let dropped = || {
        let (said, trace) = suite.traced_eml(&few, &[ASCII], &["--dsn"], &seven)?;
        said.verdicts(&[(ASCII, "delivered", Some(250))])?;
        trace.has(1, "-- the server does not offer DSN")?;
        let kept = one(suite, "a@b.test", &[ASCII])?;
        kept.is(&seven, false, false)?;
        match kept.has("RET=HDRS") {
            true => Err(format!("asked for all the same: {:?}", kept.envelope)),
            false => Ok(()),
        }
    };
    case("--dsn to a server without DSN", dropped());

    let to: Vec<_> = (0..12).map(|i| format!("r{i}@example.test")).collect();
    let to: Vec<_> = to.iter().map(String::as_str).collect();
    let many = || {
        let (said, trace) = suite.traced_eml(&few, &to, &[], &seven)?;
        said.verdicts(&to.iter().map(|to| (*to, "delivered", Some(250))).collect::<Vec<_>>())?;
        trace.has(3, "C: MAIL ")?;
        let mut all = kept(suite)?;
        all.sort_by_key(|kept| to.iter().position(|to| kept.has_recipient(to)));
        let envelopes: Vec<_> = all.iter().map(|kept| kept.envelope.get("to")).collect();
        let owed: Vec<_> = to
            .chunks(5)
            .map(|to| Json::List(to.iter().map(|to| Json::String((*to).into())).collect()))
            .collect();
        if envelopes != owed.iter().collect::<Vec<_>>() {
            return Err(format!("other envelopes: {envelopes:?}"));
        }
        all.iter().try_for_each(|kept| kept.is(&seven, false, false))
    };
    case("more recipients than it takes", many());
    cases
}

/// The report must name what the server lacks.
fn without(report: &str) -> Result<(), String> {
    match report.contains("needs SMTPUTF8, and the server has none") {
        true => Ok(()),
        false => Err(format!("no word of SMTPUTF8 in: {report}")),
    }
}
