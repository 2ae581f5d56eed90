"""Payment days and language of bills: those of the terms that hold on the date of the bill, in runs, previews and enquiries alike."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

import msgspec
import pytest

from billing import invoicing
from billing.accounts import agreements, exporting, kinds, lookup
from billing.accounts.recording import Asked
from billing.catalogue import Operator
from billing.documents import enquiry, finding
from billing.runs import preview
from billing.store import tables
from rating.errors import UserError
from server.cli.accounts.looking import _fields
from tests.billing.runs.world import World, shop
from tests.billing.terms import table

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.slow

DATES = ("2025-11-01", "2025-12-01")
TITLES = {"en": "Basic fee", "zh": "基本月费"}


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """Plan basic of 10.00 a month has a title in two languages."""
    plain = shop()
    basic, plus = plain.plans
    titled = msgspec.structs.replace(basic, recurring=(msgspec.structs.replace(basic.recurring[0], title=TITLES),))
    made = World(tmp_path / "home", catalogues=[msgspec.structs.replace(plain, plans=(titled, plus))])
    yield made
    made.home.close()


def asked(world: World) -> Asked:
    return Asked(Operator("ann", 1001), world.tick())


def begin(world: World, account_id: str, number: int) -> None:
    world.account(account_id)
    world.subscription(f"{account_id}-1", account_id, "shop/basic", f"{8613800000000 + number}")


def test_bills_have_the_terms_of_their_date(world: World) -> None:
    rows = table.bills()
    names = [f"a{place:02}" for place in range(len(rows))]
    for place, (name, (told, _)) in enumerate(zip(names, rows, strict=True)):
        begin(world, name, place)
        for each in told:
            agreements.agree(world.home, asked(world), name, "terms", each.from_date, each.to_date, each.detail)
    for month, date in enumerate(DATES):
        expected = {name: (bill[month].due_on, TITLES[bill[month].language]) for name, (_, bill) in zip(names, rows, strict=True)}
        day = dt.date.fromisoformat(date)
        asked_before = {name: enquiry.enquire(world.home, name, day, world.begun(day)).lines[0].text for name in names}
        assert asked_before == {name: text for name, (_, text) in expected.items()}
        looked_at = preview.preview(world.home, day, world.now_us)
        shown = zip(looked_at.account_ids, looked_at.drafts, strict=True)
        assert {name: (draft.due_on, draft.lines[0].text) for name, draft in shown} == expected
        world.bill(date)
        numbers = {name: world.numbers(name)[month] for name in names}
        found = {name: invoicing.get_invoice(world.home, number) for name, number in numbers.items()}
        assert {name: (each.summary.due_on, each.lines[0].text) for name, each in found.items()} == expected
        assert {name: TITLES[each.language] for name, each in found.items()} == {name: text for name, (_, text) in expected.items()}
        with world.home.connect() as connection:
            documents = {name: finding.find(connection, number) for name, number in numbers.items()}
        assert {name: TITLES[each.language] for name, each in documents.items()} == {name: text for name, (_, text) in expected.items()}


def test_a_bill_that_exists_keeps_its_due_date_and_its_language(world: World) -> None:
    """60 days, in Chinese, from 1 October on are recorded after the bill of 1 November: the next one has them (1 December + 60 days)."""
    begin(world, "anna", 1)
    world.bill(DATES[0])
    terms = kinds.TermsFact(payment_days=60, language="zh")
    agreements.agree(world.home, asked(world), "anna", "terms", dt.date(2025, 10, 1), None, terms)
    world.bill(DATES[1])
    found = [invoicing.get_invoice(world.home, number) for number in world.numbers("anna")]
    assert [(each.summary.due_on, each.language, each.lines[0].text) for each in found] == [
        ("2025-11-15", "en", TITLES["en"]),
        ("2026-01-30", "zh", TITLES["zh"]),
    ]


@pytest.mark.parametrize(
    ("from_date", "to_date", "said"),
    [
        ("2026-03-01", None, "the bill of 2026-03-01 is the first to show it"),
        ("2026-03-02", None, "the bill of 2026-04-01 is the first to show it"),
        ("2025-10-01", None, "the bill of 2025-12-01 is the first to show it"),  # that of 1 November is made
        ("2025-10-01", "2025-12-02", "the bill of 2025-12-01 is the first to show it"),
        ("2025-10-01", "2025-12-01", "no bill of anna is due in it: only one whose run is dated in it shows it"),
        ("2025-12-02", "2026-01-01", "no bill of anna is due in it: only one whose run is dated in it shows it"),
    ],
)
def test_the_command_names_the_first_bill_that_has_the_terms(world: World, from_date: str, to_date: str | None, said: str) -> None:
    begin(world, "anna", 1)
    world.bill(DATES[0])
    until = None if to_date is None else dt.date.fromisoformat(to_date)
    terms = kinds.TermsFact(payment_days=0)
    done = agreements.agree(world.home, asked(world), "anna", "terms", dt.date.fromisoformat(from_date), until, terms)
    assert done.said[0].startswith(f"anna: agreed: payment days 0, from {from_date} ")
    assert done.said[-1] == said


def test_a_late_run_shows_terms_of_days_on_which_no_bill_is_due(world: World) -> None:
    """Bills of anna are held until 9 December. The run of the 15th makes that of November, due after 60 days: on 13 February."""
    begin(world, "anna", 1)
    world.bill(DATES[0])
    agreements.agree(world.home, asked(world), "anna", "hold", dt.date(2025, 11, 20), dt.date(2025, 12, 10), kinds.HoldFact("dispute"))
    until, terms = dt.date(2025, 12, 20), kinds.TermsFact(payment_days=60)
    done = agreements.agree(world.home, asked(world), "anna", "terms", dt.date(2025, 12, 12), until, terms)
    assert done.said[-1] == "no bill of anna is due in it: only one whose run is dated in it shows it"
    world.bill("2025-12-15")
    assert invoicing.get_invoice(world.home, world.numbers("anna")[-1]).summary.due_on == "2026-02-13"


def test_the_final_bill_of_a_closed_account_has_the_terms_of_its_run(world: World) -> None:
    """Anna is closed on 15 November. Terms of the 20th on are those of a run of that day or later: 20 November + 60 days, 19 January."""
    begin(world, "anna", 1)
    world.bill(DATES[0])
    agreements.close(world.home, asked(world), "anna", dt.date(2025, 11, 15), "moved")
    terms = kinds.TermsFact(payment_days=60)
    done = agreements.agree(world.home, asked(world), "anna", "terms", dt.date(2025, 11, 20), None, terms)
    assert done.said[-1] == "anna is closed by then: its final bill shows it only if its run is dated 2025-11-20 or later"
    world.bill("2025-11-20")
    assert invoicing.get_invoice(world.home, world.numbers("anna")[-1]).summary.due_on == "2026-01-19"
    done = agreements.agree(world.home, asked(world), "anna", "terms", dt.date(2026, 3, 1), None, kinds.TermsFact(payment_days=5))
    assert done.said[-1] == "the final bill of anna is made: only a correction by a run dated 2026-03-01 or later shows it"


@pytest.mark.parametrize(
    "terms", [kinds.TermsFact(minimum_months=12), kinds.TermsFact(early_end_waived=True), kinds.TermsFact(minimum_months=0)]
)
def test_terms_that_only_a_subscription_can_have_are_refused_for_an_account(world: World, terms: kinds.TermsFact) -> None:
    begin(world, "anna", 1)
    with pytest.raises(UserError, match="is agreed for a subscription, not with an account") as caught:
        agreements.agree(world.home, asked(world), "anna", "terms", dt.date(2025, 10, 1), None, terms)
    assert caught.value.remedy == "record it for each subscription that it is about"
    assert lookup.show_account(world.home, "anna", dt.date(2025, 10, 1)).facts == []


def test_terms_of_an_account_that_were_stored_before_have_no_effect_and_are_not_exported(world: World, tmp_path: Path) -> None:
    """Anna has twelve months and 30 days to pay, bert a waiver, from when that was taken. 1 November + 30 days is 1 December."""
    for place, (name, detail) in enumerate((("anna", {"payment_days": 30, "minimum_months": 12}), ("bert", {"early_end_waived": True}))):
        begin(world, name, place)
        key = world.key("accounts", "account_key", "account_id", name)
        with world.home.begin() as connection:
            seq = world.home.next_commit_seq(connection, "fact", world.tick())
            told = {
                "kind": "terms",
                "from_date": "2025-10-01",
                "detail": msgspec.json.encode(detail).decode(),
                "by_name": "clerk",
                "by_uid": 1,
            }
            connection.execute(tables.account_facts.insert().values(account_key=key, **told, commit_seq=seq))
    terms = kinds.TermsFact(language="zh")
    assert agreements.agree(world.home, asked(world), "anna", "terms", dt.date(2025, 12, 1), None, terms).said, "it blocks nothing else"
    world.bill(DATES[0])
    due = {each.account_id: each.due_on for each in invoicing.list_invoices(world.home)}
    assert due == {"anna": "2025-12-01", "bert": "2025-11-15"}
    exporting.export_files(world.home, tmp_path / "out", "csv")
    exported = (tmp_path / "out" / "account_facts.csv").read_text(encoding="utf-8").splitlines()[1:]
    assert exported == [
        'anna,terms,2025-10-01,,"{""payment_days"":30}"',
        'anna,terms,2025-12-01,,"{""language"":""zh""}"',
    ]


def test_an_account_shows_the_terms_of_a_day(world: World) -> None:
    begin(world, "anna", 1)
    until = dt.date(2025, 11, 15)
    terms = kinds.TermsFact(payment_days=60, language="zh")
    agreements.agree(world.home, asked(world), "anna", "terms", dt.date(2025, 10, 10), until, terms)
    shown = {
        day: lookup.show_account(world.home, "anna", dt.date.fromisoformat(day))
        for day in ("2025-10-09", "2025-10-10", "2025-11-14", "2025-11-15")
    }
    assert [(each.language_now, each.payment_days_now) for each in shown.values()] == [("en", 14), ("zh", 60), ("zh", 60), ("en", 14)]
    assert {(each.account.language, each.account.payment_days) for each in shown.values()} == {("en", 14)}
    fields = dict(_fields(shown["2025-10-10"]))
    assert fields["payment days"] == "60 on 2025-10-10; 14 when it was opened"
    assert fields["language"] == "zh on 2025-10-10; en when it was opened"
