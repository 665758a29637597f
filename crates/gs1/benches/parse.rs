//! How many codes a core reads: parse, and the canonical key of what was read.
//!
//! `cargo bench -p medtrace-gs1`; elements are codes.

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use medtrace_gs1::parse;

/// What scanners send most, by carrier.
const SCANS: [(&str, &str); 9] = [
    ("gs1 data matrix", "]d201095211410123451728123110LOT-2026-A\u{1d}21ABC123456789"),
    ("gs1 data matrix without symbology", "010952114101234521ABC123456789\u{1d}1728123110LOT-1"),
    ("sscc", "]C100106141412345678908"),
    ("chinese drug code", "81234561234567890123"),
    ("ean-13", "9521141012345"),
    ("digital link", "https://id.gs1.org/01/09521141012345/10/LOT-1/21/ABC123?17=281231"),
    ("epc urn", "urn:epc:id:sgtin:9521141.001234.ABC123"),
    ("hibcc", "+A99912345/$$52001510X3/16D20111212/S77DEFG457"),
    ("ma", "MA.156.M0.100761.21234561.Sx00008.M220117.L20220117.E220130"),
];

fn parse_and_key(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("parse and key");
    for (name, scan) in SCANS {
        group.throughput(Throughput::Elements(1));
        group.bench_function(name, |bencher| bencher.iter(|| key(black_box(scan))));
    }
    group.throughput(Throughput::Elements(SCANS.len() as u64));
    group.bench_function("all of these", |bencher| bencher.iter(|| SCANS.map(|(_, scan)| key(black_box(scan)))));
    group.finish();
}

fn key(scan: &str) -> Option<String> {
    parse(scan).ok().map(|code| code.thing.uri())
}

criterion_group!(benches, parse_and_key);
criterion_main!(benches);
