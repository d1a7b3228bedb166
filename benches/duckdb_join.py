#!/usr/bin/env python3
"""The comparison beside a database: Concord's whole reconciliation against the bare join and exact sums in DuckDB.

Both work on the same made-up lines, which are in memory before the clock starts. DuckDB has two threads and DECIMAL
columns and classifies nothing. Needs `pip install duckdb` and a release build of concord:

    cargo build --release && benches/duckdb_join.py [LINES]
"""

import re
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import duckdb

CONCORD = Path(__file__).resolve().parent.parent / "target/release/concord"
ROUNDS = 7

QUERY = """
SELECT count(*), sum(cost), sum(expected), sum(billed), sum(difference) FROM (
  SELECT customer, item, period, currency, cost, expected, coalesce(amount, 0) AS billed,
         coalesce(amount, 0) - coalesce(expected, 0) AS difference
  FROM (SELECT customer, item, period, currency, sum(cost) AS cost, sum(expected) AS expected
        FROM charged GROUP BY ALL)
  FULL JOIN (SELECT customer, item, period, currency, sum(amount) AS amount FROM billed GROUP BY ALL)
  USING (customer, item, period, currency)
)
"""


def duckdb_seconds(directory):
    connection = duckdb.connect(config={"threads": 2})
    key = "'customer': 'VARCHAR', 'item': 'VARCHAR', 'period': 'VARCHAR', 'currency': 'VARCHAR'"
    for table, columns in [
        ("charged", "'quantity': 'DECIMAL(18,4)', 'cost': 'DECIMAL(18,4)', 'expected': 'DECIMAL(18,2)'"),
        ("billed", "'quantity': 'DECIMAL(18,4)', 'amount': 'DECIMAL(18,2)'"),
    ]:
        connection.execute(
            f"CREATE TABLE {table} AS FROM read_csv('{directory}/{table}.csv', header = true, columns = {{{key}, {columns}}})"
        )
    times = []
    for _ in range(ROUNDS):
        begun = time.perf_counter()
        row = connection.execute(QUERY).fetchone()
        times.append(time.perf_counter() - begun)
    print(f"DuckDB {duckdb.__version__}, 2 threads: {row[0]} keys, median {statistics.median(times):.3f} s of {ROUNDS}")
    return statistics.median(times)


def concord_seconds(lines):
    command = [CONCORD, "bench", "reconcile", "--lines", str(lines), "--repeat", str(ROUNDS)]
    output = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    print("Concord:\n  " + output.strip().replace("\n", "\n  "))
    return float(re.search(r"median ([0-9.]+) s", output)[1])


def main():
    lines = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    with tempfile.TemporaryDirectory() as directory:
        subprocess.run([CONCORD, "bench", "reconcile", "--lines", str(lines), "--write", directory], check=True, capture_output=True)
        peer = duckdb_seconds(directory)
    own = concord_seconds(lines)
    print(f"Concord takes {own / peer:.1f} times as long as the join alone.")


if __name__ == "__main__":
    main()
