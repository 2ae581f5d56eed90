"""Least time and waiver of a subscription: those of the terms that hold on its last day, in runs, previews, books and commands alike."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

import msgspec
import pytest

from billing import controls
from billing.accounts import agreements, lifecycle
from billing.accounts.recording import Asked
from billing.catalogue import Operator
from billing.charges.early_end import Agreed, Contract, months_left_of
from billing.documents import enquiry, explaining
from billing.runs import preview
from billing.runs.settlement import fees_due
from rating.model import FeeOccasion, OneOffFee, ServiceTerms
from tests.billing.runs.world import World, shop
from tests.billing.terms import table

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from billing.runs.contracts.contract_profiles import Pattern

pytestmark = pytest.mark.slow

END = dt.date(2025, 10, 29)
NOVEMBER = dt.date(2025, 11, 1)
EARLY = OneOffFee(300, "early", 300, 5000, "standard", 5_000_000, FeeOccasion.EARLY_END, per_remaining_month=True)
FEES = "fees, run 1 of 2025-11-01: fees due = fees billed"
ROWS = table.ends()


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """Plan basic is for three months at least."""
    plain = shop()
    bound = msgspec.structs.replace(plain.plans[0], one_offs=(EARLY,), terms=ServiceTerms(minimum_months=3))
    made = World(tmp_path / "home", catalogues=[msgspec.structs.replace(plain, plans=(bound, plain.plans[1]))])
    yield made
    made.home.close()


def asked(world: World) -> Asked:
    return Asked(Operator("ann", 1001), world.tick())


def begin(world: World) -> dict[str, int]:
    """An account for each row of the table, whose subscription ends; the fee for that in cents."""
    expected = {}
    for place, (told, cents) in enumerate(ROWS):
        name = f"a{place:02}"
        world.account(name)
        world.subscription(f"{name}-1", name, "shop/basic", f"{8613800000000 + place}")
        for each in told:
            agreements.agree_for(world.home, asked(world), f"{name}-1", "terms", each.from_date, each.to_date, each.detail)
        expected[name] = cents
    world.begun(dt.date(2025, 10, 20))
    return expected


def early(lines: list[tuple[str, int]]) -> int:
    """Cents of the fee for an early end, of lines as text and micro-units."""
    return sum(micros // 10_000 for text, micros in lines if text == "early")


@pytest.mark.parametrize(("told", "cents"), ROWS)
def test_the_months_left(told: list[table.Span], cents: int) -> None:
    agreed = sorted(Agreed(each.from_date, each.detail.minimum_months, each.detail.early_end_waived, each.to_date) for each in told)
    plan = msgspec.structs.replace(shop().plans[0], terms=ServiceTerms(minimum_months=3))
    assert months_left_of(Contract(tuple(agreed)), plan, dt.date(2025, 10, 1), END) * 500 == cents


def test_a_fee_for_an_early_end_goes_by_the_terms_of_the_last_day(world: World) -> None:
    """The command says the fee where it is due; preview, enquiry, run, explanation and the book of fees have it alike."""
    expected = begin(world)
    said = {name: lifecycle.end(world.home, asked(world), f"{name}-1", END, "moves").said for name in expected}
    fee = "early: 5.00 CNY once for each month of the least time that is left"
    assert {name: fee in each for name, each in said.items()} == {name: cents > 0 for name, cents in expected.items()}
    waived = {
        name for name, (told, cents) in zip(expected, ROWS, strict=True) if any(each.detail.early_end_waived for each in told) and not cents
    }
    assert {name for name, each in said.items() if "no fee is due for an early end: it is waived" in each} == waived
    now_us = world.begun(NOVEMBER)
    looked_at = preview.preview(world.home, NOVEMBER, now_us)
    shown = zip(looked_at.account_ids, looked_at.drafts, strict=True)
    assert {name: early([(line.text, line.amount_micros) for line in draft.lines]) for name, draft in shown} == expected
    asked_for = {name: enquiry.enquire(world.home, name, NOVEMBER, now_us).lines for name in expected}
    assert {name: early([(line.text, line.amount_micros) for line in lines]) for name, lines in asked_for.items()} == expected
    world.bill(NOVEMBER.isoformat())
    billed = {name: world.lines(world.numbers(name)[0]) for name in expected}
    assert {name: sum(line[-1] for line in lines if line[0] == "early") for name, lines in billed.items()} == expected
    explained = explaining.explain(world.home, world.numbers("a07")[0]).lines  # 12 months agreed
    assert [each.sentences for each in explained if each.text == "early"] == [("12 x 5.00 = 60.00 (it ends before its minimum term)",)]
    assert [each.name for each in controls.books(world.home) if not each.ok] == []


def test_the_book_of_fees_finds_a_run_that_forgets_the_last_day_of_terms(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of the rows those differ whose terms are over on 28 October: the run waives, or counts twelve months, or none."""

    def for_good(pattern: Pattern) -> Contract:
        terms = tuple(Agreed(span.start, each.minimum_months, each.early_end_waived) for span, each in pattern.terms)
        return Contract(terms, pattern.transferred_in, pattern.transferred_out)

    for name in begin(world):
        lifecycle.end(world.home, asked(world), f"{name}-1", END, "moves")
    monkeypatch.setattr(fees_due, "contract_of", for_good)
    world.bill(NOVEMBER.isoformat())
    (book,) = (each for each in controls.books(world.home) if not each.ok)
    assert book.name == FEES
    differing = [
        f"a{place:02}-1" for place, (told, _) in enumerate(ROWS) if any(each.to_date is not None and each.to_date < END for each in told)
    ]
    assert [each.split(" of ")[1].split(" ")[0] for each in book.terms if " fee 300 of " in each] == differing


@pytest.mark.parametrize(
    ("place", "ended", "said"),
    [
        (1, False, "no bill shows it before anna-1 ends: the terms of its last day decide on a fee for an early end"),
        (1, True, "the bill of 2025-11-01 is the first to show it"),
        (2, True, "no bill shows it: the last day of anna-1 is 2025-10-28"),
        (6, True, "no bill shows it: the last day of anna-1 is 2025-10-28"),
    ],
)
def test_the_command_names_the_bill_that_shows_terms_of_a_subscription(world: World, place: int, ended: bool, said: str) -> None:  # noqa: FBT001 -- a column of the table
    world.account("anna")
    world.subscription("anna-1", "anna", "shop/basic", "8613800000001")
    if ended:
        lifecycle.end(world.home, asked(world), "anna-1", END, "moves")
    (told,) = ROWS[place][0]
    done = agreements.agree_for(world.home, asked(world), "anna-1", "terms", told.from_date, told.to_date, told.detail)
    assert done.said[-1] == said
