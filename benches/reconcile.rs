//! How long a comparison takes, by the number of lines on each side: `cargo bench`.

use std::hint::black_box;

use concord::cli::bench::lines;
use concord::engine::billing::{Policy, reconcile};
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};

fn by_size(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("reconcile");
    group.sample_size(10);
    for count in [10_000, 100_000] {
        let input = lines::input(count, 7).expect("made-up amounts fit");
        group.throughput(Throughput::Elements(2 * count));
        group.bench_with_input(BenchmarkId::from_parameter(count), &input, |bencher, input| {
            bencher.iter(|| reconcile(black_box(input), &Policy::default()).expect("it foots"));
        });
    }
    group.finish();
}

criterion_group!(benches, by_size);
criterion_main!(benches);
