//! Signed messages for other verifiers, as they are and broken on purpose, each with the verdicts of ours.
//!
//! `cargo xtask interop dkim` compares them.  On standard output come, each behind a line that says what it is:
//! `record NAME LENGTH`, a key record; `case LENGTH VERDICTS NAME`, a message.  `--seed` and `--count` have it break others
//! and more of them.  With `--verify` and records it prints the verdicts on the message on standard input.

use std::collections::HashMap;
use std::error::Error;
use std::io::{Read, Write};
use std::time::{Duration, SystemTime};

use smtp_message::dkim::{
    Canon, Canonicalization, KeyAnswer, NewKey, Oversign, PrivateKey, Signer, Template, Verdict, Verifier,
};

const DOMAIN: &str = "example.test";

type Records = HashMap<String, String>;

fn main() -> Result<(), Box<dyn Error>> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH)?;
    let mut out = std::io::BufWriter::new(std::io::stdout().lock());
    match &args.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [] => cases(now, 0x5eed, 1200, &mut out)?,
        ["--seed", seed, "--count", count] => cases(now, seed.parse()?, count.parse()?, &mut out)?,
        ["--verify", given @ ..] => {
            let mut message = Vec::new();
            std::io::stdin().read_to_end(&mut message)?;
            let pairs = given.chunks_exact(2).map(|pair| (pair[0].to_owned(), pair[1].to_owned()));
            let records = pairs.collect();
            writeln!(out, "{}", verdicts(&message, &records, now))?;
        }
        _ => return Err("dkim-cases [--seed N --count N | --verify (NAME RECORD)... < MESSAGE]".into()),
    }
    Ok(out.flush()?)
}

/// The same numbers in every run (Marsaglia's xorshift).
struct Random(u64);

impl Random {
    fn below(&mut self, n: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) as usize % n.max(1)
    }

    fn of<'a, T: ?Sized>(&mut self, items: &[&'a T]) -> &'a T {
        items[self.below(items.len())]
    }
}

/// Shapes of messages: what headers and bodies can have that canonicalisations differ on.
fn shapes() -> Vec<(&'static str, String)> {
    let head = "From: S <s@example.test>\r\nTo: a@example.org, b@example.org\r\nSubject: hi\r\nDate: Mon, 02 Nov 2026 10:00:00 +0000\r\n";
    let body = "Hello\r\n\r\n.dot\r\n  two  spaces \t\r\n\ttab\r\nlast\r\n";
    vec![
        ("plain", format!("{head}\r\n{body}")),
        ("empty body", format!("{head}\r\n")),
        ("only empty lines", format!("{head}\r\n\r\n\r\n\r\n")),
        ("only white space", format!("{head}\r\n \t\r\n \r\n\r\n")),
        ("empty lines at the end", format!("{head}\r\n{body}\r\n\r\n \r\n\r\n")),
        ("white space at line ends", format!("{head}\r\na \t \r\nb\t\r\n \t c\t\td  e\r\n")),
        (
            "folded and odd fields",
            format!(
                "{head}X-Fold: a\r\n b\r\n\tc  d \r\nX-Empty:\r\nX-Space: \t \r\nx-CASE:no space\r\nX-Deep:\r\n a\r\n  b\r\n\r\n{body}"
            ),
        ),
        (
            "repeated fields",
            format!(
                "X-Tag: 1\r\nReceived: one\r\n{head}X-Tag: 2\r\nReceived: two\r\nX-Tag: 3\r\nComments: a\r\nComments: b\r\n\r\n{body}"
            ),
        ),
        ("another signature", format!("DKIM-Signature: v=1; a=rsa-sha256; b=x\r\n{head}\r\n{body}")),
        ("long", format!("{head}\r\n{}", "0123456789 abcdefghij  \tk\r\n\r\n".repeat(2000))),
    ]
}

fn canonicalizations() -> Vec<Canonicalization> {
    let both = [Canon::Simple, Canon::Relaxed];
    both.into_iter().flat_map(|header| both.map(|body| Canonicalization { header, body })).collect()
}

struct Cases<'a, W> {
    records: Records,
    now: Duration,
    out: &'a mut W,
}

impl<W: Write> Cases<'_, W> {
    fn write(&mut self, name: &str, message: &[u8]) -> std::io::Result<()> {
        writeln!(self.out, "case {} {} {name}", message.len(), verdicts(message, &self.records, self.now))?;
        self.out.write_all(message)
    }
}

/// The words for all signatures of a message, with commas between.
fn verdicts(message: &[u8], records: &Records, now: Duration) -> String {
    let mut verifier = Verifier::new();
    // In pieces, for what is cut is what can go wrong.
    message.chunks(1000).for_each(|piece| verifier.update(piece));
    let Ok(checks) = verifier.finish() else { return "toolong".into() };
    let results = checks.verify(now, |name| match records.get(name.as_str()) {
        Some(record) => KeyAnswer::Records(vec![record.clone().into_bytes()]),
        None => KeyAnswer::None,
    });
    let words: Vec<_> = results.iter().map(|verified| Verdict::word(&verified.verdict)).collect();
    if words.is_empty() { "none".into() } else { words.join(",") }
}

fn cases(now: Duration, seed: u64, count: usize, out: &mut impl Write) -> Result<(), Box<dyn Error>> {
    let keys =
        [("rsa", PrivateKey::generate(NewKey::Rsa2048)?.0), ("ed", PrivateKey::generate(NewKey::Ed25519)?.0)];
    let name = |selector: &str| format!("{selector}._domainkey.{DOMAIN}");
    let mut records = Records::new();
    for (selector, key) in &keys {
        let record = key.record().to_string();
        let (_, p) = record.split_once("p=").ok_or("no key")?;
        let other = PrivateKey::generate(NewKey::Ed25519)?.0.record().to_string();
        let k = if *selector == "rsa" { "rsa" } else { "ed25519" };
        let (front, back) = p.split_at(p.len() / 2);
        for (kind, text) in [
            ("", record.clone()),
            ("-revoked", format!("v=DKIM1; k={k}; p=")),
            ("-version", format!("v=DKIM2; k={k}; p={p}")),
            ("-nokey", format!("v=DKIM1; k={k}")),
            ("-kind", format!("v=DKIM1; k=other; p={p}")),
            ("-other", other),
            ("-cut", format!("v=DKIM1; k={k}; p={front}")),
            ("-twice", format!("v=DKIM1; k={k}; p={p}; p={p}")),
            ("-testing", format!("v=DKIM1; k={k}; t=y; p={p};")),
            ("-spaces", format!(" v = DKIM1 ;\tk = {k} ; p = {front} {back} ; ")),
            ("-services", format!("v=DKIM1; k={k}; s=email; n=notes; x_more=1; p={p}")),
            ("-tlsrpt", format!("v=DKIM1; k={k}; s=tlsrpt; p={p}")),
            ("-bare", format!("k={k}; p={p}")),
            ("-nolist", "a key".into()),
        ] {
            records.insert(name(&format!("{selector}{kind}")), text);
        }
    }
    let mut sorted: Vec<_> = records.iter().collect();
    sorted.sort();
    for (name, text) in sorted {
        writeln!(out, "record {name} {}", text.len())?;
        out.write_all(text.as_bytes())?;
    }
    let selectors: Vec<String> = {
        let mut names: Vec<_> =
            records.keys().map(|name| name.split('.').next().unwrap_or_default().to_owned()).collect();
        names.sort();
        names
    };
    let mut cases = Cases { records, now, out };
    let template = |selector: &str| -> Result<Template, Box<dyn Error>> {
        let key = if selector.starts_with("rsa") { &keys[0].1 } else { &keys[1].1 };
        Ok(Template::new(DOMAIN, selector, key.clone())?)
    };
    let signed = |templates: Vec<Template>, message: &str| -> Result<Vec<u8>, Box<dyn Error>> {
        Ok([Signer::new(templates).fields(message.as_bytes(), now)?, message.as_bytes().to_vec()].concat())
    };

    // Every algorithm, canonicalisation and shape, and every way to choose the fields.
    let mut base = Vec::new();
    for canonicalization in canonicalizations() {
        for (shape, message) in shapes() {
            for (selector, _) in &keys {
                let plain = template(selector)?.canonicalization(canonicalization);
                let tagged =
                    plain.clone().header("X-Tag", Oversign::IfPresent)?.header("X-Fold", Oversign::Always)?;
                let whole = tagged
                    .identity("news;=@sub.example.test")?
                    .expires_after(Duration::from_secs(864_000))?;
                let bare = plain
                    .clone()
                    .without_time()
                    .only_headers([("From", Oversign::Never), ("Comments", Oversign::Never)])?;
                for (way, template) in [("usual", plain), ("all", whole), ("bare", bare)] {
                    let message = signed(vec![template], &message)?;
                    cases.write(&format!("good {selector} {canonicalization} {way}: {shape}"), &message)?;
                    base.push((selector.to_string(), message));
                }
            }
            let both = vec![
                template("rsa")?.canonicalization(canonicalization),
                template("ed")?.canonicalization(canonicalization),
            ];
            cases.write(&format!("good both {canonicalization}: {shape}"), &signed(both, &message)?)?;
        }
    }

    // Keys that are not what they should be, and times.
    let message = shapes().remove(0).1;
    for selector in &selectors {
        cases.write(&format!("key {selector}"), &signed(vec![template(selector)?], &message)?)?;
    }
    cases.write("key that is not there", &signed(vec![template("rsa-none")?], &message)?)?;
    for (selector, _) in &keys {
        let mut message = signed(vec![template(selector)?], &message)?;
        let end = message.windows(4).position(|end| end == b"==\r\n").ok_or("the signature has an end")?;
        message[end - 1] += 1;
        cases.write(&format!("key {selector} and unused bits in the signature"), &message)?;
    }
    for (name, made, lasts) in [
        ("expired", now - Duration::from_secs(2_000_000), 1_000_000),
        ("not yet expired", now - Duration::from_secs(2_000_000), 3_000_000),
        ("of the future", now + Duration::from_secs(1_000_000), 2_000_000),
    ] {
        let template = template("ed")?.expires_after(Duration::from_secs(lasts))?;
        let fields = Signer::new([template]).fields(message.as_bytes(), made)?;
        cases.write(&format!("time {name}"), &[&fields, message.as_bytes()].concat())?;
    }

    // A thousand that are broken.
    let mut random = Random(seed);
    for number in 0..count {
        let (selector, message) = &base[random.below(base.len())];
        let mut broken = message.clone();
        let mut what = Vec::new();
        for _ in 0..=random.below(2) {
            what.push(breaks(&mut broken, &mut random));
        }
        cases.write(&format!("broken {number} {selector}: {}", what.join(", ")), &broken)?;
    }
    Ok(())
}

/// Does something to a message that may break its signature, and says what.
fn breaks(message: &mut Vec<u8>, random: &mut Random) -> String {
    let text = String::from_utf8_lossy(message).into_owned();
    let (head, body) = text.split_once("\r\n\r\n").unwrap_or((&text, ""));
    let mut fields: Vec<String> = Vec::new();
    for line in head.split("\r\n") {
        match fields.last_mut() {
            Some(field) if line.starts_with([' ', '\t']) => *field += &format!("\r\n{line}"),
            _ => fields.push(line.to_owned()),
        }
    }
    let mut body = body.to_owned();
    let at = random.below(fields.len());
    let printable = |random: &mut Random| (' '..='~').nth(1 + random.below(94)).unwrap_or('!');
    // A place in a text at which no line end is broken.
    let place = |text: &str, random: &mut Random| {
        let places: Vec<_> =
            text.bytes().enumerate().filter(|(_, b)| !matches!(b, b'\r' | b'\n')).map(|(i, _)| i).collect();
        (!places.is_empty()).then(|| places[random.below(places.len())])
    };
    let change = |text: &mut String, random: &mut Random| {
        if let Some(at) = place(text, random) {
            let end = at + text[at..].chars().next().map_or(0, char::len_utf8);
            match random.below(3) {
                0 => text.replace_range(at..end, ""),
                1 => text.insert(at, printable(random)),
                _ => text.replace_range(at..end, &printable(random).to_string()),
            }
        }
    };
    let signature =
        fields.iter().position(|field| field.starts_with("DKIM-Signature: v=1; a=") && field.contains("bh="));
    let what = match random.below(17) {
        0 => {
            change(&mut body, random);
            "an octet of the body"
        }
        1 => {
            body += random.of(&["\r\n", "\r\n\r\n", " \r\n", "x\r\n", "\t\r\n\r\n"]);
            "more at the end of the body"
        }
        2 => {
            body = body.replacen(
                random.of(&[" ", "\r\n", "\t", "  "]),
                random.of(&[" ", "  ", "\t", " \r\n", "\r\n", ""]),
                1,
            );
            "white space of the body"
        }
        3 => {
            body = body.trim_end().to_owned() + "\r\n";
            "no empty lines at the end of the body"
        }
        4 => {
            // Behind the name, which others are stricter about than we are.
            if let Some((name, value)) = fields[at].clone().split_once(':')
                && signature != Some(at)
            {
                let mut value = value.to_owned();
                change(&mut value, random);
                fields[at] = format!("{name}:{value}");
            }
            "an octet of a field"
        }
        5 => {
            if let Some((name, value)) = fields[at].clone().split_once(':') {
                let name = if random.below(2) == 0 { name.to_uppercase() } else { name.to_lowercase() };
                fields[at] = format!("{name}:{value}");
            }
            "the case of a field's name"
        }
        6 => {
            fields[at] = fields[at].replacen(' ', random.of(&["  ", "\r\n ", "\t", "", "\r\n\t "]), 1);
            "the folding of a field"
        }
        7 => {
            fields[at] += random.of(&[" ", "\t", "\r\n ", "  \t"]);
            "white space behind a field"
        }
        8 => {
            if fields.len() > 1 {
                fields.remove(at);
            }
            "no field"
        }
        9 => {
            fields.insert(at, fields[at].clone());
            "a field twice"
        }
        10 => {
            let other = random.below(fields.len());
            fields.swap(at, other);
            "fields in another order"
        }
        11 => {
            let name =
                random.of(&["From", "To", "Subject", "Cc", "Reply-To", "Date", "X-Tag", "Received", "X-New"]);
            fields.insert(at, format!("{name}: new"));
            "one field more"
        }
        12 => {
            fields
                .insert(at, random.of(&["no field", ": nothing", "Two words: x", "B\u{e4}d: x"]).to_owned());
            "a line that is no field"
        }
        _ => {
            let Some(signature) = signature else { return "nothing".into() };
            return tampered(message, &mut fields, signature, &body, random);
        }
    };
    *message = format!("{}\r\n\r\n{body}", fields.join("\r\n")).into_bytes();
    what.into()
}

/// Does something to the signature.
fn tampered(
    message: &mut Vec<u8>,
    fields: &mut [String],
    at: usize,
    body: &str,
    random: &mut Random,
) -> String {
    let value = fields[at].split_once(':').map_or(String::new(), |(_, value)| value.to_owned());
    let mut tags: Vec<String> = value.split(';').map(str::to_owned).collect();
    let which = random.below(tags.len());
    let name = tags[which].split('=').next().unwrap_or_default().trim().to_owned();
    let what = match random.below(5) {
        0 => {
            tags.remove(which);
            format!("no {name}=")
        }
        1 => {
            tags.push(tags[which].clone());
            format!("{name}= twice")
        }
        2 => {
            let tag = random.of(&[
                " v=2",
                " v=",
                " a=rsa-sha512",
                " a=",
                " c=relaxed",
                " c=simple",
                " c=relaxed/simple",
                " c=none/simple",
                " d=example.org",
                " d=sub.example.test",
                " d=",
                " s=nobody",
                " s=ed",
                " s=rsa",
                " i=@example.org",
                " i=a@example.test",
                " i=nothing",
                " q=dns/txt",
                " q=dns",
                " l=0",
                " l=3",
                " l=99999",
                " l=x",
                " t=1",
                " t=x",
                " x=1",
                " x=x",
                " h=from",
                " h=to",
                " h=From:To:X",
                " bh=47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=",
                " bh=",
                " bh=!",
                " b=",
                " b=!!!!",
                " b=aGk=",
                " z=x",
                " unknown=1",
            ]);
            let name = tag.trim().split('=').next().unwrap_or_default();
            let old = tags.iter().position(|tag| tag.trim().starts_with(&format!("{name}=")));
            match old {
                Some(old) => tags[old] = tag.to_owned(),
                None => tags.insert(0, tag.to_owned()),
            }
            tag.trim().to_owned()
        }
        3 => {
            let places: Vec<_> = tags[which]
                .bytes()
                .enumerate()
                .filter(|(_, b)| b.is_ascii_alphanumeric())
                .map(|(i, _)| i)
                .collect();
            if !places.is_empty() {
                let place = places[random.below(places.len())];
                let new = char::from(b"abcXYZ019+/"[random.below(11)]);
                tags[which].replace_range(place..=place, &new.to_string());
            }
            format!("an octet of {name}=")
        }
        _ => {
            tags.swap(0, which);
            format!("{name}= first")
        }
    };
    fields[at] = format!("DKIM-Signature:{}", tags.join(";"));
    *message = format!("{}\r\n\r\n{body}", fields.join("\r\n")).into_bytes();
    what
}
