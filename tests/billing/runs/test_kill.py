"""Killed at every commit point of a run, what follows it, a payment and dunning, and called again: the same as without the kill."""

from __future__ import annotations

import datetime as dt
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest
import sqlalchemy as sa

from billing import catalogue, dunning, payments
from billing.controls import books
from billing.documents import following
from billing.ledger.closed_months import Who
from billing.runs import cycle
from billing.store import commit_points, tables
from billing.store.home import Home
from tests.billing import behind
from tests.billing.runs.world import START_US, Call, World, shop
from tests.crash_images import Crashes

pytestmark = pytest.mark.slow
ROOT = Path(__file__).parents[3]
NOW_US = START_US + 360 * 86_400_000_000  # 27 December 2025
POINTS = [name for name in commit_points.POINTS if name.split(".")[0] in {"run", "follow", "payment", "dunning"}]
BY_KILL = ["run.charge_file_written", "run.before_posting_commit:3"]  # the first of them beside other threads
WORK = "import sys; from pathlib import Path; from tests.billing.runs.test_kill import work; work(Path(sys.argv[1]))"
KEPT = (
    (tables.invoices, ("number", "account_key", "period_from", "period_to", "net_micros", "tax_micros", "total_micros")),
    (tables.invoice_lines, tuple(column.name for column in tables.invoice_lines.c)),
    (tables.postings, ("posting_id", "document", "line_no", "debit_account", "credit_account", "amount_micros")),
    (tables.payments, ("payment_id", "account_key", "amount_micros")),
    (tables.settlements, ("credit_kind", "credit_id", "invoice_key", "amount_micros")),
    (tables.dunning_steps, ("account_key", "level", "as_of", "overdue_micros")),
    (tables.dunning_runs, ("run_id", "as_of")),
    (tables.dunning_policies, ("name", "policy_hash", "origin")),
    (tables.account_facts, ("account_key", "kind", "from_date")),
    (tables.number_series, ("series", "next_number")),
    (tables.limit_alarms, ("account_key", "period_from", "reached_micros", "limit_micros", "run_id")),
    (tables.carried_allowances, tuple(column.name for column in tables.carried_allowances.c if column.name != "run_id")),
)


def work(folder: Path) -> None:
    """A month: bill, look at the bills, take a payment that covers more than one invoice, remind and bar whoever owes for long."""
    with Home.open(folder) as home:
        done = cycle.run(home, dt.date(2025, 11, 1), NOW_US, threads=2)
        following.follow_up(home, done.run_id, Who("ana", 1001, NOW_US))
        payments.record(home, "p1", "a03", 50_000_000, dt.date(2025, 11, 5), "bank", NOW_US)
        if not dunning.runs(home):
            dunning.run(home, dt.date(2025, 11, 20), NOW_US)
        dunning.run(home, dt.date(2025, 12, 20), NOW_US)


def kept(folder: Path) -> dict[str, list[tuple[object, ...]]]:
    """All that a customer or an auditor would see, in order."""
    with Home.open(folder) as home:
        assert [book.name for book in books(home) if not book.ok] == []
        with home.connect() as connection:
            return {
                table.name: sorted({tuple(row) for row in connection.execute(sa.select(*(table.c[name] for name in names)))})
                for table, names in KEPT
            }


@pytest.fixture(scope="module")
def before(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home that is ready to be billed: some accounts in every chunk of shards, one with credit from an earlier payment."""
    folder = tmp_path_factory.mktemp("before") / "home"
    world = World(folder)
    basic, plus = shop().plans
    rolls = msgspec.structs.replace(basic.allowances[0], rollover_periods=1)
    catalogue.publish(world.home, shop(2, START_US + 1, plans=(msgspec.structs.replace(basic, allowances=(rolls,)), plus)), world.tick())
    for place in range(12):
        world.account(f"a{place:02d}")
        world.subscription(f"s{place}", f"a{place:02d}", "shop/basic" if place % 2 else "shop/plus", f"{place}")
    key = world.key("accounts", "account_key", "account_id", "a00")
    world._add(tables.baselines, account_key=key, month="2025-09", amount_micros=10_000)  # noqa: SLF001 -- as an import would
    world.take(*(Call(f"{n % 13}", f"2025-10-{1 + n % 30:02d}T{n % 24:02d}:00:00", 60 * (n % 40) + 1) for n in range(200)))
    payments.record(world.home, "p0", "a05", 100_000_000, dt.date(2025, 10, 20), "bank", world.tick())
    world.home.close()
    return folder


@pytest.fixture(scope="module")
def crashes(before: Path, tmp_path_factory: pytest.TempPathFactory) -> Crashes:
    return Crashes(tmp_path_factory.mktemp("crashes"), lambda folder: behind.copy_home(before, folder), work, by_kill=BY_KILL)


@pytest.fixture(scope="module")
def expected(crashes: Crashes) -> dict[str, list[tuple[object, ...]]]:
    return kept(crashes.unharmed())


@pytest.mark.parametrize(
    "point", [*POINTS, "run.chunk_posted:2", "run.before_posting_commit:3", "dunning.before_commit:2", "dunning.committed:2"]
)
def test_a_kill_and_a_second_call_end_alike(expected: dict[str, list[tuple[object, ...]]], crashes: Crashes, point: str) -> None:
    folder = crashes.at(point)
    kept(folder)  # readable at once, and every book balances, before anyone mends anything
    work(folder)
    assert kept(folder) == expected
    assert len(expected["invoices"]) == 12
    assert len(expected["account_facts"]) > 0
    assert len(expected["limit_alarms"]) == 1, "a bill far above its baseline, told of once"


@pytest.mark.parametrize("point", ["run.started", "run.charges_written", "run.numbered"])
def test_what_comes_in_between_belongs_to_the_next_run(expected: dict[str, list[tuple[object, ...]]], crashes: Crashes, point: str) -> None:
    folder = crashes.at(point)
    world = World(folder, fresh=False)
    world.take(Call("1", "2025-10-09T03:00:00", 3600))
    report = world.bill("2025-11-01")
    assert report.resumed
    assert kept(folder)["invoices"] == expected["invoices"]
    late = world.bill("2025-11-01")
    assert (late.resumed, late.invoices, late.numbers[0].first) == (False, 1, "R-0000000013")
    world.home.close()


def test_two_runs_at_once_number_once(expected: dict[str, list[tuple[object, ...]]], before: Path, tmp_path: Path) -> None:
    folder = tmp_path / "home"
    behind.copy_home(before, folder)
    both = [subprocess.Popen([sys.executable, "-c", WORK, str(folder)], cwd=ROOT, stderr=subprocess.PIPE) for _ in range(2)]
    errors = [process.communicate()[1].decode() for process in both]
    for process, text in zip(both, errors, strict=True):
        assert process.returncode == 0 or "another process is working" in text, text
    assert 0 in {process.returncode for process in both}
    assert kept(folder) == expected
