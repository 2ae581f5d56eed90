"""One seed of the proof that kernel equals twin. The seeds of CI stand in several test files, since a file stays in one worker."""

from __future__ import annotations

from rating.engine import rate
from rating.explain.check import check_parts
from tariffs.compiling.compiler import compile_catalogues
from tests.rating import harness
from tests.rating.generator import generate

EVENTS = 25_000  # of one seed; 40 seeds make a million
THREADS = (1, 2, 7)


def check(seed: int) -> None:
    """Kernel and twin agree on every field and bucket of a generated world, and the parts of every outcome add up to its charge."""
    case = generate(seed, EVENTS)
    outcomes, twin = harness.outcomes(case)
    tables = compile_catalogues(case.catalogues)
    batch, state, ported = harness.columns(case, tables), harness.buckets(case, tables), harness.ported(case)
    for threads in THREADS:
        kernel = harness.answer(rate(tables, batch, state, threads=threads, ported=ported), case, tables)
        told = harness.differences(case, kernel, twin)
        assert not told, f"seed {seed}, {threads} threads: {told[0]}"
    for outcome in outcomes:
        check_parts(outcome)
