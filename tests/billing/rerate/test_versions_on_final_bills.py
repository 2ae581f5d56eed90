"""A re-rating prices the version of a record that a final bill has, whatever counts of it since.

Anna's call of ten minutes in October, at 0.10 a minute, is billed: 1.00. October closes, and another version of it counts, or none does.
The second version of the tariff has half the price: a job takes 0.05 off each minute that the bill of October has, and off no other one.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import io
from fractions import Fraction
from typing import TYPE_CHECKING, Final

import pytest

from billing.documents.explaining import explain
from billing.late_decisions import BILLED, WRITTEN_OFF
from billing.rerate.request import request
from billing.verification.rerate_sample import rerate
from rating.errors import UserError
from server.cli import app
from tests.billing.rerate.test_rerate import apply, correct
from tests.billing.runs.test_arrivals import keep
from tests.billing.runs.test_changed_events import OCTOBER
from tests.billing.runs.world import Call, World
from tests.billing.suspense import world as suspense
from tests.billing.too_late.late_world import CENT, NUMBERS, decide, usage_cents, wrong
from tests.billing.too_late.test_versions import doubted, missed, open_list, worths

if TYPE_CHECKING:
    from collections.abc import Callable

    from billing.rerate import jobs

pytestmark = pytest.mark.slow
OLD, NEW = Fraction(10), Fraction(5)  # cents a minute
JANUARY: Final = "2026-01-05T10:00:00"
BERT: Final = NUMBERS["bert"]


def written_off(world: World) -> None:
    """All versions are given up."""
    doubted(world)
    world.catch_up()
    suspense.write_off(world, reasons=("conflicting",))
    world.bill("2026-03-01")


def in_doubt(world: World) -> None:
    """Nobody has chosen yet."""
    doubted(world)
    world.bill("2026-03-01")


def kept_after_the_run(world: World) -> None:
    """The last run has found the versions in conflict, and the billed one is kept since."""
    in_doubt(world)
    keep(world, 600)


def kept_again(world: World) -> None:
    """A third version comes, after the last run, and the billed one is kept after all."""
    missed(world)
    world.take(Call(NUMBERS["anna"], OCTOBER, 900, key="x"))
    keep(world, 600)


# what became of it; months that are rated again; minutes that their bills have of Anna and of Bert; what stays listed, in cents
TABLE: Final[dict[str, tuple[Callable[[World], object], str, int, int, list[tuple[str, int]]]]] = {
    "a longer version counts": (missed, "2025-10", 10, 0, [("anna", 10)]),
    "a shorter version counts": (lambda world: missed(world, seconds=300), "2025-10", 10, 0, [("anna", -25)]),
    "it counts in another month": (lambda world: missed(world, JANUARY, 660), "2025-10..2026-01", 10, 0, [("anna", 5)]),
    "and that month alone is rated again": (lambda world: missed(world, JANUARY, 660), "2026-01", 0, 0, [("anna", 5)]),
    "it counts for another account": (lambda world: missed(world, number=BERT), "2025-10", 10, 0, [("anna", -100), ("bert", 60)]),
    "all versions are written off": (written_off, "2025-10", 10, 0, [("anna", -100)]),
    "the versions are in conflict": (in_doubt, "2025-10", 10, 0, []),
    "the billed one is kept after the last run": (kept_after_the_run, "2025-10", 10, 0, []),
    "the billed one is kept after all": (kept_again, "2025-10", 10, 0, []),
}


def rate_again(world: World, months: str) -> jobs.Job:
    """The tariff is corrected, and months are rated again."""
    world.begun(dt.date(2026, 3, 10))
    correct(world)
    return apply(world, request("shop/plus", 2, months, None), "2026-03-10")


def listed_now(world: World) -> list[tuple[str, int]]:
    return sorted((account, worth) for _, account, worth, _, _ in worths(world))


def held(world: World) -> list[tuple[str, int]]:
    """By account the cents of usage that all documents have billed."""
    return [(name, usage_cents(world, name)) for name in ("anna", "bert")]


@pytest.mark.parametrize("name", TABLE)
def test_a_re_rating_prices_what_is_on_the_final_bill(world: World, name: str) -> None:
    changed, months, anna, bert, listed = TABLE[name]
    changed(world)
    assert held(world) == [("anna", 100), ("bert", 0)]
    job = rate_again(world, months)
    net = (anna + bert) * (NEW - OLD)
    assert job.figures.net_micros.get("CNY", 0) == net * CENT
    assert held(world) == [("anna", 100 + anna * (NEW - OLD)), ("bert", bert * (NEW - OLD))]
    assert (job.figures.moved, listed_now(world), wrong(world)) == ((), listed, set())
    for number in world.numbers():
        explain(world.home, number)  # all parts add up, those of the credit note as well
    world.bill("2026-04-01")
    assert held(world) == [("anna", 100 + anna * (NEW - OLD)), ("bert", bert * (NEW - OLD))], "the next run bills none of it"
    assert (rerate(world.home, None, 100, 1).disagreements, wrong(world)) == (0, set())


@pytest.mark.parametrize("account", ["anna", "bert"])
def test_a_difference_that_was_written_off_is_not_billed(world: World, account: str) -> None:
    missed(world, number=NUMBERS[account])
    decide(world, WRITTEN_OFF, account=account)
    before = listed_now(world)
    job = rate_again(world, "2025-10")
    assert job.figures.net_micros == {"CNY": 10 * (NEW - OLD) * CENT}
    assert (len(before), len(listed_now(world)), wrong(world)) == (int(account == "bert"), int(account == "bert"), set())


def test_free_minutes_go_by_the_version_that_is_billed(world: World) -> None:
    """Of 30 minutes of the plan `basic` 20 are free, whichever version counts."""
    for name in ("anna", "bert"):
        world.account(name)
        world.subscription(f"{name}-1", name, "shop/basic", NUMBERS[name])
    world.take(Call(NUMBERS["anna"], OCTOBER, 1800, key="x"))
    for date in ("2025-11-01", "2025-12-01", "2026-01-01"):
        world.bill(date)
    world.begun(dt.date(2026, 1, 10))
    world.take(Call(NUMBERS["anna"], OCTOBER, 2400, key="x"))
    keep(world, 2400)
    world.bill("2026-03-01")
    world.begun(dt.date(2026, 3, 10))
    correct(world)
    job = apply(world, request("shop/basic", 2, "2025-10", None), "2026-03-10")
    assert job.figures.net_micros == {"CNY": (30 - 20) * (NEW - OLD) * CENT}
    assert usage_cents(world, "anna") == (30 - 20) * NEW


def said_on_the_list(world: World) -> str:
    """The last column of `usage too-late`."""
    with contextlib.redirect_stdout(io.StringIO()) as printed:
        assert app.main(["usage", "too-late", "--home", str(world.home.path)]) == 0
    row = next(line for line in printed.getvalue().splitlines() if line.startswith("x "))
    return row[row.index("its period is closed") :]


def before_versions(world: World) -> None:
    """The job is of an earlier version of the product, which did not tell versions apart."""
    world.execute("UPDATE bill_runs SET detail = replace(detail, '\"as_billed\"', '\"none\"') WHERE kind = 'rerate'")


def test_a_re_rating_of_before_may_have_billed_the_difference(world: World) -> None:
    missed(world)
    job = rate_again(world, "2025-10")
    with pytest.raises(UserError, match=r"record x cannot be billed: it is on the bill of a closed period") as caught:
        decide(world, BILLED, "x")
    assert "re-rating" not in caught.value.remedy
    assert said_on_the_list(world) == "its period is closed; billed as 600 s, and a version of 720 s counts"
    before_versions(world)
    document = "re-rating document C-0000000001 may have billed the difference"
    assert said_on_the_list(world) == f"its period is closed; billed as 600 s, and a version of 720 s counts; {document}"
    with pytest.raises(UserError) as caught:
        decide(world, BILLED, "x")
    said = "re-rating 1 of shop/plus, 2025-10-01 to 2025-10-31, may have billed the difference of its versions on C-0000000001"
    assert caught.value.message == f"record x cannot be billed: {said}"
    assert caught.value.remedy.startswith("`ratewright invoice explain C-0000000001` shows whether the difference is in it: if it is not, ")
    assert job.run_ids


def test_a_re_rating_that_knew_no_other_version_has_not_billed_it(world: World) -> None:
    """The job is made after the version comes, and as of the run before it."""
    doubted(world)
    world.begun(dt.date(2026, 1, 10))
    correct(world)
    assert apply(world, request("shop/plus", 2, "2025-10", None), "2026-01-10").run_ids
    before_versions(world)
    keep(world, 720)
    world.bill("2026-03-01")
    assert len(open_list(world)) == 1
    with pytest.raises(UserError, match=r"record x cannot be billed: it is on the bill of a closed period"):
        decide(world, BILLED, "x")
