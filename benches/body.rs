//! Dot-stuffing: finding the dots and bare line ends of content, with no copy.

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use smtp_proto::Output;
use smtp_proto::body::DotStuffer;

/// What the client machine takes in one call.
const CHUNK: usize = 256 << 10;

fn dot_stuffing(c: &mut Criterion) {
    let mut group = c.benchmark_group("dot-stuffing");
    let contents = [
        ("base64", [&[b'a'; 76][..], b"\r\n"].concat()),
        ("text", b"A line as people write them.\r\n\r\nAnd another, after an empty one.\r\n".to_vec()),
        ("dots", b".\r\n".to_vec()),
        ("one line", b"a".to_vec()),
    ];
    for (name, line) in contents {
        let content = line.repeat(CHUNK / line.len());
        let mut out = Output::new();
        group.throughput(Throughput::Bytes(content.len() as u64));
        group.bench_function(name, |b| {
            b.iter(|| {
                let (mut framing, mut left) = (DotStuffer::new(), black_box(&content[..]));
                while !left.is_empty() {
                    let taken = framing.frame(left, &mut out).expect("no bare line end");
                    out.clear();
                    left = &left[taken..];
                }
            });
        });
    }
    group.finish();
}

criterion_group!(benches, dot_stuffing);
criterion_main!(benches);
