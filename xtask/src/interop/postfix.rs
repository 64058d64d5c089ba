//! Postfix: submission over TLS with AUTH, a bare relay, and certificates that must be refused.

use std::fs;
use std::net::TcpListener;

use super::login::Place;
use super::message::{self, Parsed, nasty_7bit, nasty_8bit, ready_made};
use super::server::Maildir;
use super::suite::{self, LOGIN, Suite};
use super::{Case, Kind, Trial, dkim, postfix_extensions};

pub(super) const KIND: Kind = Kind {
    name: "postfix",
    present: "type postfix saslpasswd2 openssl && ls /usr/lib/*/sasl2/libplain.so",
    needs: "postfix libsasl2-modules sasl2-bin openssl",
    install: "apt postfix libsasl2-modules sasl2-bin openssl",
    root: true,
    ports: 8,
    trial: Trial::Sends(suite),
};

/// The fields that it adds on the way to a mailbox.
pub(super) const ITS_FIELDS: &[&str] = &["Return-Path", "X-Original-To", "Delivered-To", "Received"];

fn suite(suite: &Suite<'_>) -> Vec<Case> {
    let mut run = Run::new(suite);
    run.delivers();
    run.keeps_ready_made_messages();
    run.tells_recipients_apart();
    run.refuses_servers();
    run.refuses_usage();
    run.logs_in();
    let mut cases = run.cases;
    cases.extend(postfix_extensions::cases(suite));
    cases
}

/// A run of the suite with one of the examples.
struct Run<'a> {
    suite: &'a Suite<'a>,
    maildir: Maildir,
    /// URLs of the ports, as xtask/interop/postfix.sh explains them.
    starttls: String,
    implicit: String,
    login: String,
    bare: String,
    cases: Vec<Case>,
}

impl<'a> Run<'a> {
    fn new(suite: &'a Suite<'a>) -> Self {
        let ports = suite.server.ports();
        Self {
            suite,
            maildir: Maildir(suite.server.path().join("mail/all")),
            starttls: format!("smtp://{LOGIN}localhost:{}", ports[0]),
            implicit: format!("smtps://{LOGIN}localhost:{}", ports[1]),
            login: format!("smtp://{LOGIN}localhost:{}", ports[2]),
            bare: format!("smtp://localhost:{}?tls=none", ports[3]),
            cases: Vec::new(),
        }
    }

    fn case(&mut self, name: &str, case: impl FnOnce(&Self) -> Result<(), String>) {
        let name = format!("{} {name}", self.suite.send.package());
        let result = case(self);
        self.cases.push(Case { name, result });
    }

    /// Text over each kind of connection.
    fn delivers(&mut self) {
        let ways = [
            ("STARTTLS, AUTH PLAIN", self.starttls.clone(), "starttls@example.test", "ESMTPSA", "TLSv1.3"),
            (
                "implicit TLS, AUTH PLAIN",
                self.implicit.clone(),
                "implicit@example.test",
                "ESMTPSA",
                "TLSv1.3",
            ),
            ("TLS 1.2, RSA, AUTH LOGIN", self.login.clone(), "login@example.test", "ESMTPSA", "TLSv1.2"),
            ("a 7-bit server without TLS", self.bare.clone(), "bare@example.test", "ESMTP", ""),
        ];
        for (name, url, to, protocol, tls) in ways {
            self.case(&format!("text by {name}"), |run| {
                run.suite.text(&url, to)?.verdicts(&[(to, "delivered", Some(250))])?;
                let stored = run.maildir.wait_for(to)?;
                let parsed = suite::arrived(&stored, to)?;
                let received = parsed.field("received")?;
                if !received.contains(&format!(" with {protocol} ")) || !received.contains(tls) {
                    return Err(format!("received by other means: {received}"));
                }
                Ok(())
            });
        }
        for (name, url, to) in [
            ("signed, by STARTTLS", self.starttls.clone(), "signed@example.test"),
            ("signed, to a 7-bit server (case M13)", self.bare.clone(), "signed7@example.test"),
        ] {
            self.case(name, |run| {
                dkim::signed(run.suite, &url, to, || Ok(message::crlf(&run.maildir.wait_for(to)?)))
            });
        }
        self.case("the text's long lines", |run| {
            let (to, text) = ("long@example.test", format!(".{}\n{}\n", "x".repeat(5000), "é ".repeat(3000)));
            let args = [
                &run.starttls,
                "--from",
                "a@b.test",
                "--to",
                to,
                "--subject",
                "s",
                "--text",
                &text,
                "--json",
            ];
            run.suite.run(&args)?.verdicts(&[(to, "delivered", Some(250))])?;
            let stored = Parsed::new(&run.maildir.wait_for(to)?)?.text()?;
            if stored == text { Ok(()) } else { Err(format!("the text is {stored:?}")) }
        });
        self.case("without --json", |run| {
            let to = "plain@example.test";
            let said = run.suite.run(&[
                &run.implicit,
                "--from",
                "a@b.test",
                "--to",
                to,
                "--subject",
                "s",
                "--text",
                "t",
            ])?;
            said.status(0)?;
            run.maildir.wait_for(to)?;
            match ["TLSv1.3", "verified", to].iter().find(|word| !said.stdout.contains(**word)) {
                Some(word) => Err(format!("no {word:?} in: {}", said.stdout)),
                None => Ok(()),
            }
        });
        self.case("SMTPUTF8 address", |run| {
            let to = "grüße@example.test";
            run.suite.text(&run.starttls, to)?.verdicts(&[(to, "delivered", Some(250))])?;
            run.maildir.wait_for(to).map(drop)
        });
    }

    /// By each mechanism that Cyrus SASL offers.
    fn logs_in(&mut self) {
        let (suite, maildir) = (self.suite, &self.maildir);
        let place = Place {
            suite,
            port: suite.server.ports()[0],
            arrived: &|to| maildir.wait_for(to).and_then(|stored| suite::arrived(&stored, to)).map(drop),
            none: &|to| match maildir.take(to)? {
                Some(_) => Err("the message was delivered".into()),
                None => Ok(()),
            },
        };
        place.passwords(&mut |name, result| self.cases.push(suite.case(name, result)));
    }

    /// Ready-made messages arrive as they are, octet for octet.
    fn keeps_ready_made_messages(&mut self) {
        let seven = ready_made("", "7bit", &nasty_7bit());
        let eight = ready_made("", "8bit", &nasty_8bit());
        let unended = eight[..eight.len() - 2].to_vec();
        let lf: Vec<u8> = eight.iter().filter(|byte| **byte != b'\r').copied().collect();
        let utf8_field = ready_made("X-Note: näßty 漢\r\n", "8bit", "hé\r\n".as_bytes());
        let bcc = ready_made("Bcc: hidden@example.test,\r\n hidden2@example.test\r\n", "7bit", b"t\r\n");
        let dots = ready_made("", "7bit", &b".\r\n..\r\n.x\r\n".repeat(100_000));
        let empty = ready_made("", "7bit", b"");
        let starttls = self.starttls.clone();
        for (name, url, written, meant) in [
            ("7-bit", self.implicit.clone(), &seven, &seven),
            ("8-bit", starttls.clone(), &eight, &eight),
            ("7-bit to a 7-bit server", self.bare.clone(), &seven, &seven),
            ("no line end at the end", starttls.clone(), &unended, &eight),
            ("LF line ends", starttls.clone(), &lf, &eight),
            ("a UTF-8 header", starttls.clone(), &utf8_field, &utf8_field),
            ("a megabyte of dots", self.implicit.clone(), &dots, &dots),
            ("an empty body", starttls.clone(), &empty, &empty),
            ("Bcc", starttls, &bcc, &ready_made("", "7bit", b"t\r\n")),
        ] {
            self.case(&format!("--eml with {name}"), |run| {
                let to = "eml@example.test";
                let file = run.suite.server.path().join("message.eml");
                fs::write(&file, written).map_err(|error| error.to_string())?;
                let file = file.to_string_lossy().into_owned();
                let said =
                    run.suite.run(&[&url, "--from", "a@b.test", "--to", to, "--eml", &file, "--json"])?;
                said.verdicts(&[(to, "delivered", Some(250))])?;
                message::same(meant, &run.maildir.wait_for(to)?, ITS_FIELDS).map(drop)
            });
        }
        self.case("--eml - with the envelope from its headers", |run| {
            let said =
                run.suite.run_trusting(Some("ca.pem"), &[&run.implicit, "--eml", "-", "--json"], &bcc)?;
            let all = ["rcpt@example.test", "hidden@example.test", "hidden2@example.test"];
            said.verdicts(&all.map(|to| (to, "delivered", Some(250))))?;
            for to in all {
                let meant = ready_made("", "7bit", b"t\r\n");
                let top = message::same(&meant, &run.maildir.wait_for(to)?, ITS_FIELDS)?;
                if !top.contains("Return-Path: <sender@example.test>") {
                    return Err(format!("another sender: {top}"));
                }
            }
            Ok(())
        });
        self.case("--eml with 8-bit to a 7-bit server", |run| {
            let args = [&run.bare, "--from", "a@b.test", "--to", "eml@example.test", "--eml", "-", "--json"];
            let said = run.suite.run_trusting(None, &args, &eight)?;
            said.verdicts(&[("eml@example.test", "rejected", None)])
        });
    }

    /// Each recipient has an outcome of its own, and only the good ones get the message.
    fn tells_recipients_apart(&mut self) {
        type Recipients<'r> = &'r [(&'r str, &'r str, u16)];
        let mixed: Recipients<'_> = &[
            ("one@example.test", "delivered", 250),
            ("bad@example.test", "rejected", 550),
            ("two@example.test", "delivered", 250),
            ("tmp@example.test", "deferred", 451),
            ("three@example.test", "delivered", 250),
        ];
        let none: Recipients<'_> =
            &[("bad@example.test", "rejected", 550), ("tmp@example.test", "deferred", 451)];
        for (name, sender, recipients) in [
            ("some recipients refused", "a@b.test", mixed),
            ("all recipients refused", "a@b.test", none),
            ("the sender refused", "badfrom@b.test", &[("one@example.test", "rejected", 553)]),
            ("421 in the middle", "a@b.test", &[("kill@example.test", "deferred", 421)]),
        ] {
            for url in [self.starttls.clone(), self.bare.clone()] {
                let pipelining = if url.contains("tls=none") { "without" } else { "with" };
                self.case(&format!("{name}, {pipelining} PIPELINING"), |run| {
                    let mut args = vec![&*url, "--from", sender, "--subject", "s", "--text", "t", "--json"];
                    args.extend(recipients.iter().flat_map(|(to, ..)| ["--to", to]));
                    let said = run.suite.run(&args)?;
                    let verdicts: Vec<_> =
                        recipients.iter().map(|&(to, outcome, code)| (to, outcome, Some(code))).collect();
                    said.verdicts(&verdicts)?;
                    for (to, outcome, _) in recipients {
                        match *outcome {
                            "delivered" => run.maildir.wait_for(to).map(drop)?,
                            _ if run.maildir.take(to)?.is_some() => {
                                return Err(format!("{to} got the message"));
                            }
                            _ => {}
                        }
                    }
                    Ok(())
                });
            }
        }
        self.case("a hundred recipients", |run| {
            let all: Vec<_> = (0..100).map(|i| format!("r{i}@example.test")).collect();
            let mut args =
                vec![&*run.implicit, "--from", "a@b.test", "--subject", "s", "--text", "t", "--json"];
            args.extend(all.iter().flat_map(|to| ["--to", to]));
            let verdicts: Vec<_> = all.iter().map(|to| (&**to, "delivered", Some(250))).collect();
            run.suite.run(&args)?.verdicts(&verdicts)?;
            all.iter().try_for_each(|to| run.maildir.wait_for(to).map(drop))
        });
        self.case("a message above the server's SIZE", |run| {
            let args = [&run.bare, "--from", "a@b.test", "--to", "one@example.test", "--eml", "-", "--json"];
            let large = ready_made("", "7bit", &b"0123456789abcdef\r\n".repeat(2000));
            run.suite.run_trusting(None, &args, &large)?.verdicts(&[("one@example.test", "rejected", None)])
        });
        self.case("relay without AUTH", |run| {
            let url = run.starttls.replace(LOGIN, "");
            run.suite.text(&url, "one@example.test")?.verdicts(&[("one@example.test", "rejected", Some(554))])
        });
    }

    /// Servers that must not get the message, or the credentials: exit status 3.
    fn refuses_servers(&mut self) {
        let ports = self.suite.server.ports();
        let closed = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr());
        let closed = closed.map_or(1, |address| address.port());
        let certificate = |port: u16| format!("smtp://{LOGIN}localhost:{port}");
        let own = Some("ca.pem");
        for (name, url, authority, words) in [
            ("wrong password", self.starttls.replace("s3cret", "wrong"), own, &["password", "535"][..]),
            ("wrong authority", self.starttls.clone(), Some("other-ca.pem"), &["certificate", "authority"]),
            ("wrong authority, implicit TLS", self.implicit.clone(), Some("other-ca.pem"), &["certificate"]),
            ("the system's authorities", self.starttls.clone(), None, &["certificate"]),
            ("self-signed certificate", certificate(ports[4]), own, &["certificate", "self-signed"]),
            ("expired certificate", certificate(ports[5]), own, &["certificate", "expired"]),
            ("certificate for another name", certificate(ports[6]), own, &["certificate", "other.invalid"]),
            ("no listener", certificate(closed), own, &["localhost", &closed.to_string(), "refused"]),
            (
                "unknown host",
                format!("smtp://{LOGIN}nowhere.invalid"),
                own,
                &["nowhere.invalid", "host name"],
            ),
            ("no STARTTLS", format!("smtp://{LOGIN}localhost:{}", ports[3]), own, &["STARTTLS"]),
            ("smtps:// where STARTTLS is", self.starttls.replace("smtp:", "smtps:"), own, &["smtp://"]),
        ] {
            for json in [&["--json"][..], &[]] {
                let output = if json.is_empty() { "" } else { ", --json" };
                self.case(&format!("{name}{output}"), |run| {
                    let to = "nobody@example.test";
                    let mut args =
                        vec![&*url, "--from", "a@b.test", "--to", to, "--subject", "s", "--text", "t"];
                    args.extend(json);
                    run.suite.run_trusting(authority, &args, b"")?.error(3, words)?;
                    match run.maildir.take(to)? {
                        Some(_) => Err("the message was delivered".into()),
                        None => Ok(()),
                    }
                });
            }
        }
    }

    /// What cannot be meant: exit status 2, before any connection.
    fn refuses_usage(&mut self) {
        let url = &*self.starttls.clone();
        let plain = format!("smtp://{LOGIN}localhost:{}?tls=none", self.suite.server.ports()[3]);
        let message = ["--subject", "s", "--text", "t"];
        let between = |from, to| [&["--from", from, "--to", to], &message[..]].concat();
        let with = |message: &[&'static str]| [&["--from", "a@b.test", "--to", "c@b.test"], message].concat();
        let good = || with(&message);
        let cases: [(&str, &str, Vec<&str>, &[&str]); 16] = [
            ("address without a domain", url, between("a@b.test", "one"), &["--to", "one"]),
            ("address with a line end", url, between("a@b.test", "a@b.test>\r\nDATA"), &["--to"]),
            ("two at signs", url, between("a@b@c", "a@b.test"), &["--from"]),
            ("no recipient", url, [&["--from", "a@b.test"], &message[..]].concat(), &["recipient"]),
            ("no sender", url, [&["--to", "a@b.test"], &message[..]].concat(), &["rom"]),
            (
                "subject with a line end",
                url,
                with(&["--subject", "s\r\nBcc: x@y.test", "--text", "t"]),
                &["ubject"],
            ),
            ("no message", url, with(&[]), &["--text", "--eml"]),
            ("two messages", url, with(&["--text", "t", "--eml", "-"]), &["--text", "--eml"]),
            ("no such file", url, with(&["--eml", "/does/not/exist.eml"]), &["/does/not/exist.eml"]),
            ("unknown option", url, with(&["--shout"]), &["--shout"]),
            ("another scheme", "http://localhost", good(), &["smtps", "http"]),
            ("no URL", "localhost:25", good(), &["smtp"]),
            ("@ in the user name", "smtp://user@example.test:pw@localhost", good(), &["%40"]),
            ("port out of range", "smtp://localhost:99999", good(), &["port"]),
            ("tls=none with credentials", &plain, good(), &["credentials", "TLS"]),
            ("tls=none for another computer", "smtp://mx.example.test?tls=none", good(), &["tls=none"]),
        ];
        for (name, url, args, words) in cases {
            self.case(name, |run| {
                let args = [&[url], &args[..], &["--json"]].concat();
                run.suite.run(&args)?.error(2, words)
            });
        }
    }
}
