//! Matching of made-up names: `cargo bench --bench matching`. `concord bench match` prints the same with peak memory.

use concord::cli::bench::names;
use concord::engine::matching::MatchingPolicy;
use concord::engine::matching::list::{ListInput, ListKind, OneByOne, match_lists};
use criterion::{Criterion, criterion_group, criterion_main};

fn lists(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("match_lists");
    group.sample_size(10);
    for size in [1_000, 10_000] {
        let (left, right) = names::lists(size, size, 7);
        let policy = MatchingPolicy::default();
        let input = ListInput { kind: ListKind::Customers, left: &left, right: &right, policy: &policy };
        group.bench_function(format!("{size} names, one thread"), |bencher| {
            bencher.iter(|| match_lists(&input, &OneByOne));
        });
    }
    group.finish();
}

criterion_group!(benches, lists);
criterion_main!(benches);
