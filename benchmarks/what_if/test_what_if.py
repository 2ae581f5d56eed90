"""A stored month priced twice, by the tariffs in force and by a draft, beside the same re-pricing in DuckDB: from the files to the sums.

Compared before timing: events and exact sums of every plan and zone, and the sums of every customer, on both sides. With an allowance for
every customer and tiers over the month (which SQL cannot say in one pass) the product is measured alone; `tests/billing/what_if` holds its
figures to those of bill runs and of the twin. Ten million records: RECORDS=10000000.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, NamedTuple

import msgspec
import numpy as np
import pytest

from benchmarks.what_if import what_if_home, what_if_sql
from benchmarks.work import tariff, workload
from billing.store.home import Home
from billing.what_if import Month, what_if
from rating.model import Catalogue

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from benchmarks.work.deck import Deck
    from benchmarks.work.plain import Lookup
    from benchmarks.work.workload import Records
    from billing.what_if import WhatIf

    Answers = dict[str, dict[str, np.ndarray]]

JANUARY = Month(2026, 1)
THREADS = 2
DRAFT_SEED = 5


class Asked(NamedTuple):
    """A home, and the draft that is tried on its month."""

    home: Home
    draft: Catalogue

    def answer(self) -> WhatIf:
        """The month priced twice."""
        return what_if(self.home, self.draft, JANUARY, clock_s=time.perf_counter, threads=THREADS)


@pytest.fixture(scope="module")
def asked(deck: Deck, records: Records, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str], Asked]]:
    """Makes the home of a kind of tariff, once."""
    made: dict[str, Asked] = {}

    def make(kind: str) -> Asked:
        if kind not in made:
            catalogue_of = getattr(tariff, kind)
            home = what_if_home.make(tmp_path_factory.mktemp(kind) / "home", catalogue_of(deck), records)
            made[kind] = Asked(home, msgspec.structs.replace(catalogue_of(deck, seed=DRAFT_SEED), version=2))
        return made[kind]

    yield make
    for each in made.values():
        each.home.close()


@pytest.fixture(scope="module")
def in_sql(asked: Callable[[str], Asked], deck: Deck, records: Records, lookup: Callable[..., Lookup]) -> Callable[[], Answers]:
    """The same question to DuckDB, which has given the same answer."""
    home, draft = asked("stateless")
    now, then = lookup(tariff.stateless(deck)), lookup(draft)
    plans = workload.plan_of(np.arange(what_if_home.subscriptions_of(len(records.start_us)))).tolist()
    connection = what_if_sql.connect(plans, now.deck, (now.rates, then.rates), workload.week())
    files, zones = sorted(home.sealed_folder.glob("*.parquet")), len(deck.zones)
    _compare(asked("stateless").answer(), what_if_sql.ask(connection, files, zones, THREADS), zones)
    return lambda: what_if_sql.ask(connection, files, zones, THREADS)


def test_duckdb(timed: Callable[..., float], in_sql: Callable[[], Answers], records: Records) -> None:
    assert timed("what-if, duckdb", in_sql, records=len(records.start_us), rounds=3) > 0


@pytest.mark.parametrize(("kind", "figure"), [("stateless", "what-if"), ("stateful", "what-if, stateful")])
def test_what_if(  # noqa: PLR0913, PLR0917 - fixtures, and a row
    timed: Callable[..., float], figures: dict[str, float], asked: Callable[[str], Asked], records: Records, kind: str, figure: str
) -> None:
    question = asked(kind)
    report = question.answer()
    assert report.events == len(records.start_us)
    figures[f"{figure}, seconds"] = report.events / 1e6 / timed(figure, question.answer, records=report.events, rounds=3)
    print("\n" + "\n".join(f"{each.name:16} {each.seconds:8.3f} s" for each in report.stages))  # noqa: T201 - with -s, for people


def _compare(report: WhatIf, theirs: Answers, zones: int) -> None:
    """Every cell and every customer, on both sides."""
    (part,) = report.currencies
    for side, figures in theirs.items():
        of_rates = ~np.ma.getmaskarray(figures["key"])
        cells: dict[tuple[str, str], tuple[int, int]] = {}
        columns = (figures[name][of_rates].tolist() for name in ("key", "events", "micros"))
        for key, events, micros in zip(*columns, strict=True):
            plan, zone = divmod(key // len(tariff.BANDS), zones)
            name = (f"{tariff.IDENTITY}/{tariff.plan_name(plan)}", tariff.zone_name(zone))
            before = cells.get(name, (0, 0))
            cells[name] = (before[0] + events, before[1] + micros)
        ours = {(row.plan, row.zone): (getattr(row, f"{side}_events"), getattr(row, f"{side}_micros")) for row in part.revenue}
        assert ours == cells
    bills = {side: _by_subscription(figures) for side, figures in theirs.items()}
    change = bills["then"] - bills["now"]
    assert (part.payers.more, part.payers.less) == (int((change > 0).sum()), int((change < 0).sum()))
    assert part.payers.more_micros == int(change[change > 0].sum())
    first = part.most_affected[0]
    assert abs(first.then_micros - first.now_micros) == int(np.abs(change).max())


def _by_subscription(figures: dict[str, np.ndarray]) -> np.ndarray:
    chosen = ~np.ma.getmaskarray(figures["row"])
    bills = np.zeros(int(figures["row"][chosen].max()) + 1, np.int64)
    bills[figures["row"][chosen]] = figures["micros"][chosen]
    return bills
