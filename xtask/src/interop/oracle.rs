//! aiosmtpd and nodemailer's smtp-server, which keep each message octet for octet, with its envelope.

use std::fs;
use std::path::PathBuf;

use super::json::Json;
use super::message::{first_difference, nasty_7bit, nasty_8bit, ready_made};
use super::suite::{self, LOGIN, Suite};
use super::{Case, Kind, Trial, dkim, nodemailer};

pub(super) const AIOSMTPD: Kind = Kind {
    name: "aiosmtpd",
    present: "type openssl && \"$TOOLS/aiosmtpd/bin/python\" -c 'import aiosmtpd'",
    needs: "openssl and Python's aiosmtpd",
    install: "type openssl python3 && python3 -c 'import ensurepip' || apt openssl python3-venv
        python3 -m venv \"$TOOLS/aiosmtpd\"
        \"$TOOLS/aiosmtpd/bin/pip\" install --quiet aiosmtpd==1.4.6",
    root: false,
    ports: 4,
    // It announces 8BITMIME and no PIPELINING, always.
    trial: Trial::Sends(|suite| run(suite, true)),
};

pub(super) const NODEMAILER: Kind = Kind {
    name: "nodemailer",
    present: "type openssl node && test -e \"$TOOLS/nodemailer/node_modules/smtp-server/package.json\"",
    needs: "openssl, node, and npm's smtp-server",
    install: "type openssl node npm || apt openssl nodejs npm
        npm install --silent --no-audit --no-fund --prefix \"$TOOLS/nodemailer\" smtp-server@3",
    root: false,
    ports: 5,
    trial: Trial::Sends(|suite| run(suite, false).into_iter().chain(nodemailer::cases(suite)).collect()),
};

/// What a server has kept of a message.
pub(super) struct Kept {
    pub(super) message: Vec<u8>,
    pub(super) envelope: Json,
}

/// The messages since the last look, in no order.
pub(super) fn kept(suite: &Suite<'_>) -> Result<Vec<Kept>, String> {
    let mut kept = Vec::new();
    let files = suite.server.path().join("mail").read_dir().map_err(|error| error.to_string())?;
    let files: Vec<PathBuf> = files.filter_map(|file| Some(file.ok()?.path())).collect();
    for file in files.iter().filter(|file| file.extension().is_some_and(|extension| extension == "eml")) {
        let json = file.with_extension("json");
        let text = fs::read_to_string(&json).map_err(|error| error.to_string())?;
        let envelope = Json::parse(&text).ok_or_else(|| format!("not JSON: {text}"))?;
        kept.push(Kept { message: fs::read(file).map_err(|error| error.to_string())?, envelope });
        for file in [file, &json] {
            fs::remove_file(file).map_err(|error| error.to_string())?;
        }
    }
    Ok(kept)
}

/// The one message since the last look, with this envelope.
pub(super) fn one(suite: &Suite<'_>, from: &str, to: &[&str]) -> Result<Kept, String> {
    let mut kept = kept(suite)?;
    let (Some(one), true) = (kept.pop(), kept.is_empty()) else {
        return Err(format!("{} messages arrived", kept.len()));
    };
    let list = to.iter().map(|to| Json::String((*to).into())).collect();
    if *one.envelope.get("from") != Json::String(from.into()) || *one.envelope.get("to") != Json::List(list) {
        return Err(format!("another envelope: {:?}", one.envelope));
    }
    Ok(one)
}

impl Kept {
    pub(super) fn has(&self, option: &str) -> bool {
        matches!(self.envelope.get("options"), Json::List(list) if list.contains(&Json::String(option.into())))
    }

    pub(super) fn has_recipient(&self, to: &str) -> bool {
        matches!(self.envelope.get("to"), Json::List(list) if list.contains(&Json::String(to.into())))
    }

    /// Octet for octet, with the parameters of MAIL that it needs and no others.
    pub(super) fn is(&self, meant: &[u8], eight_bit: bool, utf8: bool) -> Result<(), String> {
        if self.message != meant {
            return Err(first_difference(meant, &self.message));
        }
        for (option, expected) in
            [("BODY=8BITMIME", eight_bit), ("SMTPUTF8", utf8), (&*format!("SIZE={}", meant.len()), true)]
        {
            if self.has(option) != expected {
                return Err(format!("{option} should be {expected} in {:?}", self.envelope));
            }
        }
        Ok(())
    }

    /// The session that it came in.
    fn came_by(&self, tls: &str) -> Result<(), String> {
        let (version, user) = match tls {
            "" => (Json::Null, Json::Null),
            _ => (Json::String(tls.into()), Json::String("user@example.test".into())),
        };
        if *self.envelope.get("tls") != version || *self.envelope.get("user") != user {
            return Err(format!("it came by other means: {:?}", self.envelope));
        }
        Ok(())
    }
}

fn run(suite: &Suite<'_>, always_8bit: bool) -> Vec<Case> {
    let ports = suite.server.ports();
    let starttls = format!("smtp://{LOGIN}localhost:{}", ports[0]);
    let implicit = format!("smtps://{LOGIN}localhost:{}", ports[1]);
    let login = format!("smtp://{LOGIN}localhost:{}", ports[2]);
    let bare = format!("smtp://localhost:{}?tls=none", ports[3]);
    let mut cases = Vec::new();
    let mut case = |name: &str, result: Result<(), String>| {
        cases.push(suite.case(name, result));
        let _ = kept(suite); // what a failed case has left
    };

    for (name, url, tls) in [
        ("STARTTLS", &starttls, "TLSv1.3"),
        ("implicit TLS", &implicit, "TLSv1.3"),
        ("TLS 1.2, RSA, AUTH LOGIN", &login, "TLSv1.2"),
        ("no TLS", &bare, ""),
    ] {
        case(&format!("text by {name}"), text(suite, url, "one@example.test", tls));
    }
    for (name, url) in [("signed", &starttls), ("signed, to a small server", &bare)] {
        let arrived = || match kept(suite)?.pop() {
            Some(kept) => Ok(kept.message),
            None => Err("nothing arrived".into()),
        };
        case(name, dkim::signed(suite, url, "one@example.test", arrived));
    }
    case("SMTPUTF8 address", text(suite, &starttls, "grüße@example.test", "TLSv1.3"));
    case("a domain in Unicode without SMTPUTF8 (case A4)", a_label(suite, &bare, always_8bit));

    let seven = ready_made("", "7bit", &nasty_7bit());
    let eight = ready_made("", "8bit", &nasty_8bit());
    let unended = &eight[..eight.len() - 2];
    let lf: Vec<u8> = eight.iter().filter(|byte| **byte != b'\r').copied().collect();
    let utf8 = ready_made("X-Note: näßty 漢\r\n", "8bit", "hé\r\n".as_bytes());
    let dots = ready_made("", "7bit", &b".\r\n..\r\n.x\r\n".repeat(100_000));
    let bare_dot = ready_made("", "7bit", b"a\r\n\r\n.\r\nRSET\r\n.");
    let ended_dot = [&bare_dot[..], b"\r\n"].concat();
    let empty = ready_made("", "7bit", b"");
    let blank = ready_made("", "7bit", b"\r\n\r\n");
    let bcc = ready_made("Bcc: hidden@example.test,\r\n hidden2@example.test\r\n", "7bit", b"t\r\n");
    let without = ready_made("", "7bit", b"t\r\n");
    for (name, url, written, meant, eight_bit, smtputf8) in [
        ("7-bit", &implicit, &seven[..], &seven, false, false),
        ("8-bit", &starttls, &eight, &eight, true, false),
        ("7-bit to a small server", &bare, &seven, &seven, false, false),
        ("no line end at the end", &starttls, unended, &eight, true, false),
        ("LF line ends", &starttls, &lf, &eight, true, false),
        ("a UTF-8 header", &starttls, &utf8, &utf8, true, true),
        ("a megabyte of dots", &implicit, &dots, &dots, false, false),
        ("a command behind a dot (case M3)", &starttls, &bare_dot, &ended_dot, false, false),
        ("an empty body", &starttls, &empty, &empty, false, false),
        ("an empty body to a small server", &bare, &empty, &empty, false, false),
        ("blank lines only", &starttls, &blank, &blank, false, false),
        ("Bcc (case M7)", &starttls, &bcc, &without, false, false),
    ] {
        let to = ["one@example.test", "two@example.test"];
        let sent = || {
            suite.eml(url, &to, written)?.verdicts(&to.map(|to| (to, "delivered", Some(250))))?;
            one(suite, "a@b.test", &to)?.is(meant, eight_bit, smtputf8)
        };
        case(&format!("--eml with {name}"), sent());
    }
    let from_header = || {
        let to = ["rcpt@example.test", "hidden@example.test", "hidden2@example.test"];
        let said = suite.run_trusting(Some("ca.pem"), &[&implicit, "--eml", "-", "--json"], &bcc)?;
        said.verdicts(&to.map(|to| (to, "delivered", Some(250))))?;
        one(suite, "sender@example.test", &to)?.is(&without, false, false)
    };
    case("--eml with the envelope from its headers", from_header());
    let eight_to_bare = || {
        let said = suite.eml(&bare, &["one@example.test"], &eight)?;
        if always_8bit {
            said.verdicts(&[("one@example.test", "delivered", Some(250))])?;
            return one(suite, "a@b.test", &["one@example.test"])?.is(&eight, true, false);
        }
        said.verdicts(&[("one@example.test", "rejected", None)])?;
        none(suite)
    };
    case("--eml with 8-bit to a small server", eight_to_bare());

    for url in [&starttls, &bare] {
        let way = if url == &bare { "no TLS" } else { "STARTTLS" };
        case(&format!("some recipients refused, {way} (case W15)"), some_refused(suite, url));
        case(&format!("all recipients refused, {way}"), all_refused(suite, url));
        case(&format!("the sender refused, {way}"), sender_refused(suite, url));
        case(&format!("421 in the middle, {way} (case W14)"), closing(suite, url));
    }
    let hundred = || {
        let to: Vec<_> = (0..100).map(|i| format!("r{i}@example.test")).collect();
        let to: Vec<_> = to.iter().map(String::as_str).collect();
        let verdicts: Vec<_> = to.iter().map(|to| (*to, "delivered", Some(250))).collect();
        suite.eml(&implicit, &to, &seven)?.verdicts(&verdicts)?;
        one(suite, "a@b.test", &to)?.is(&seven, false, false)
    };
    case("a hundred recipients", hundred());
    let too_large = || {
        let large = ready_made("", "7bit", &b"0123456789abcdef\r\n".repeat(2000));
        let said = suite.eml(&bare, &["one@example.test"], &large)?;
        said.verdicts(&[("one@example.test", "rejected", None)])?;
        none(suite)
    };
    case("a message above the server's SIZE", too_large());
    let anonymous = || {
        let said = suite.text(&starttls.replace(LOGIN, ""), "one@example.test")?;
        said.verdicts(&[("one@example.test", "rejected", Some(530))])?;
        none(suite)
    };
    case("no AUTH", anonymous());
    for (name, url, authority, words) in [
        (
            "wrong password, AUTH PLAIN",
            starttls.replace("s3cret", "wrong"),
            "ca.pem",
            &["password", "535"][..],
        ),
        ("wrong password, AUTH LOGIN", login.replace("s3cret", "wrong"), "ca.pem", &["password", "535"]),
        ("wrong authority", starttls.clone(), "other-ca.pem", &["certificate", "authority"]),
        ("no STARTTLS (case W3)", format!("smtp://{LOGIN}localhost:{}", ports[3]), "ca.pem", &["STARTTLS"]),
    ] {
        let refused = || {
            let args = [&*url, "--from", "a@b.test", "--to", "one@example.test", "--eml", "-"];
            suite.run_trusting(Some(authority), &args, &seven)?.error(3, words)?;
            none(suite)
        };
        case(name, refused());
    }
    cases
}

pub(super) fn none(suite: &Suite<'_>) -> Result<(), String> {
    match kept(suite)?.len() {
        0 => Ok(()),
        count => Err(format!("{count} messages arrived")),
    }
}

fn text(suite: &Suite<'_>, url: &str, to: &str, tls: &str) -> Result<(), String> {
    suite.text(url, to)?.verdicts(&[(to, "delivered", Some(250))])?;
    let kept = one(suite, "sender@example.test", &[to])?;
    kept.came_by(tls)?;
    if let Some(at) = (1..=kept.message.len())
        .find(|&end| kept.message[end - 1] == b'\n' && !kept.message[..end].ends_with(b"\r\n"))
    {
        return Err(format!("a bare LF at octet {at}"));
    }
    let lf: Vec<u8> = kept.message.iter().filter(|byte| **byte != b'\r').copied().collect();
    suite::arrived(&lf, to).map(drop)
}

/// The envelope and the header have the A-label, and nothing else than ASCII.  smtp-server shows U-labels of what it gets.
fn a_label(suite: &Suite<'_>, url: &str, shows_a_labels: bool) -> Result<(), String> {
    let (to, ascii) = ("x@münchen.example", "x@xn--mnchen-3ya.example");
    let (said, trace) = suite.traced_text(url, to, &[])?;
    said.verdicts(&[(ascii, "delivered", Some(250))])?;
    trace.has(1, &format!("C: RCPT TO:<{ascii}>"))?;
    let kept = one(suite, "sender@example.test", &[if shows_a_labels { ascii } else { to }])?;
    let lf: Vec<u8> = kept.message.iter().filter(|byte| **byte != b'\r').copied().collect();
    suite::arrived(&lf, ascii)?;
    match kept.message.is_ascii() && !kept.has("SMTPUTF8") {
        true => Ok(()),
        false => Err(format!("not ASCII: {:?}, {}", kept.envelope, kept.message.escape_ascii())),
    }
}

fn some_refused(suite: &Suite<'_>, url: &str) -> Result<(), String> {
    let to = [
        "one@example.test",
        "bad@example.test",
        "two@example.test",
        "tmp@example.test",
        "three@example.test",
    ];
    let message = ready_made("", "7bit", &nasty_7bit());
    suite.eml(url, &to, &message)?.verdicts(&[
        (to[0], "delivered", Some(250)),
        (to[1], "rejected", Some(550)),
        (to[2], "delivered", Some(250)),
        (to[3], "deferred", Some(451)),
        (to[4], "delivered", Some(250)),
    ])?;
    one(suite, "a@b.test", &[to[0], to[2], to[4]])?.is(&message, false, false)
}

fn all_refused(suite: &Suite<'_>, url: &str) -> Result<(), String> {
    let to = ["bad@example.test", "tmp@example.test"];
    let said = suite.eml(url, &to, &ready_made("", "7bit", b"t\r\n"))?;
    said.verdicts(&[(to[0], "rejected", Some(550)), (to[1], "deferred", Some(451))])?;
    none(suite)
}

fn sender_refused(suite: &Suite<'_>, url: &str) -> Result<(), String> {
    let to = "one@example.test";
    let args = [url, "--from", "badfrom@b.test", "--to", to, "--subject", "s", "--text", "t", "--json"];
    suite.run(&args)?.verdicts(&[(to, "rejected", Some(553))])?;
    none(suite)
}

fn closing(suite: &Suite<'_>, url: &str) -> Result<(), String> {
    let to = "kill@example.test";
    let said = suite.eml(url, &[to], &ready_made("", "7bit", b"t\r\n"))?;
    said.verdicts(&[(to, "deferred", Some(421))])?;
    none(suite)
}
