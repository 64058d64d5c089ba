//! The reply parser and what it feeds: whole replies, and the same byte by byte.

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use smtp_proto::Extensions;
use smtp_proto::reply::{ReplyLimits, ReplyParser, line};

const EHLO: &[u8] =
    b"250-mx.example.org at your service, [192.0.2.1]\r\n250-PIPELINING\r\n250-SIZE 52428800\r\n\
    250-VRFY\r\n250-ETRN\r\n250-STARTTLS\r\n250-AUTH PLAIN LOGIN CRAM-MD5\r\n250-ENHANCEDSTATUSCODES\r\n\
    250-8BITMIME\r\n250-DSN\r\n250-SMTPUTF8\r\n250 CHUNKING\r\n";

fn replies(c: &mut Criterion) {
    let hundred =
        [b"250-one line of the long reply\r\n".repeat(99), b"250 the last of them\r\n".to_vec()].concat();
    let mut group = c.benchmark_group("reply");
    for (name, input) in [("one line", &b"250 2.1.5 Ok\r\n"[..]), ("12 lines", EHLO), ("100 lines", &hundred)]
    {
        group.throughput(Throughput::Bytes(input.len() as u64));
        let mut parser = ReplyParser::new(ReplyLimits::default());
        group.bench_function(name, |b| {
            b.iter(|| parser.parse(&mut black_box(input)).is_ok_and(|r| r.is_some()))
        });
        group.bench_function(format!("{name}, byte by byte"), |b| {
            b.iter(|| {
                black_box(input).chunks(1).filter_map(|mut byte| parser.parse(&mut byte).ok()?).count()
            });
        });
    }
    group.finish();
    c.bench_function("line", |b| b.iter(|| line(black_box(EHLO)).is_ok()));
}

fn extensions(c: &mut Criterion) {
    let reply = ReplyParser::new(ReplyLimits::default()).parse(&mut &*EHLO).ok().flatten().expect("a reply");
    c.bench_function("extensions of 12 lines", |b| b.iter(|| Extensions::parse(black_box(&reply).clone())));
}

criterion_group!(benches, replies, extensions);
criterion_main!(benches);
