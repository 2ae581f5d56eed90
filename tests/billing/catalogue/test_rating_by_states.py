"""Repeals, ends and corrections as they price: run, twin, service and quote read the same; a store that was tampered with prices nothing.

Anna is on plan basic of the shop (10.00 a month in arrears, 20 free minutes, national calls 0.10 a minute). Amounts in cents.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
import pytest

from billing import catalogue
from billing.accounts.kinds import ClosedFact
from billing.accounts.picture import load
from billing.accounts.still_open import open_from
from billing.affected import affected, rebilled, without_plan
from billing.catalogue import Operator
from billing.controls import books
from billing.runs.refused_events import refusals
from billing.verification.rerate_sample import rerate
from rating.errors import UserError
from rating.model import Plan, Service
from rating.outcome import Event
from rating.reference import Reference
from rating.status import Status
from server.checked_quote import CheckedQuote
from server.grpc.rating_service import RatingService
from server.quote_state import Known
from tests.billing.runs.test_pools_and_late import agreed
from tests.billing.runs.world import PREMIUM, START_US, Call, World, instant_us, price_of, shop
from tests.billing.second_person import set_by_two

if TYPE_CHECKING:
    from collections.abc import Callable

    from rating.model import Catalogue

ROOT = Path(__file__).parents[3]
BOSS = Operator("boss", 7)
OCTOBER, NOVEMBER = ("2025-10-01", "2025-11-01"), ("2025-11-01", "2025-12-01")
PREMIUM_NUMBER = 8690000000001
CHEAPER = (shop().prices[0], price_of(PREMIUM, "Premium calls", 11, 1_000_000))


@pytest.fixture
def anna(world: World) -> World:
    """One account on plan basic since October."""
    world.account("anna")
    world.subscription("anna-1", "anna", "shop/basic", "1001")
    return world


def repeal(world: World, name: str, at: str) -> None:
    """Repeal from a local instant of Shanghai on."""
    catalogue.repeal(world.home, name, BOSS, world.tick(), from_us=instant_us(at), reason="not good enough")


def balanced(world: World) -> bool:
    return [book for book in books(world.home) if not book.ok] == []


def call_at(at: str) -> Event:
    return Event(bytes(16), instant_us(at), 60_000_000, int(Service.VOICE), "shop/basic", destination=str(PREMIUM_NUMBER), home_timezone="")


def test_after_a_repeal_nothing_is_priced_and_no_older_version_comes_back(anna: World) -> None:
    catalogue.publish(anna.home, shop(2, instant_us("2025-10-10"), prices=CHEAPER), anna.tick())
    repeal(anna, "shop@2", "2025-10-20")
    days = ("05", "15", "25")
    anna.take(*(Call("1001", f"2025-10-{day}T10:00:00", 60, PREMIUM_NUMBER) for day in days))
    anna.bill("2025-11-01")
    assert anna.lines("R-0000000001")[:2] == [("Basic", *OCTOBER, 1, 1000), ("Premium calls", *OCTOBER, 2, 301)]  # 2.005 + 1.00
    assert refusals(anna.home, 1).counts == {"NO_VERSION": 1}
    assert rerate(anna.home, None, 100, seed=1).disagreements == 0
    assert balanced(anna)
    anna.bill("2025-12-01")
    assert anna.numbers() == ["R-0000000001"], "no fee for a plan that is not sold any more"
    assert without_plan(anna.home, "shop", instant_us("2025-10-20")) == 1


def test_kernel_twin_and_service_refuse_alike(anna: World) -> None:
    service = RatingService(anna.home)
    assert _statuses(anna, service) == [Status.RATED] * 3
    repeal(anna, "shop@1", "2025-10-20")
    assert _statuses(anna, service) == [Status.NO_VERSION] * 3
    catalogue.publish(anna.home, shop(2, instant_us("2025-10-24"), prices=CHEAPER), anna.tick())
    assert _statuses(anna, service) == [Status.RATED] * 3


def _statuses(world: World, service: RatingService) -> list[int]:
    """What the twin, the kernel and a running service say of a call on 25 October."""
    versions, call, nothing = catalogue.in_force(world.home), call_at("2025-10-25T10:00:00"), Known({}, {}, {}, 0)
    quotes = (CheckedQuote(versions), service._quote().quote)  # noqa: SLF001 -- what the service remembers
    return [Reference(versions).rate(call, []).status, *(each.rate(call, nothing).status for each in quotes)]


def test_a_version_that_ends_by_its_own_words(world: World) -> None:
    world.account("anna")
    world.subscription("anna-1", "anna", "shop/basic", "1001")
    catalogue.publish(world.home, shop(2, instant_us("2025-10-10"), effective_to_us=instant_us("2025-10-20")), world.tick())
    world.take(Call("1001", "2025-10-15T10:00:00", 60, PREMIUM_NUMBER), Call("1001", "2025-10-25T10:00:00", 60, PREMIUM_NUMBER))
    report = world.bill("2025-11-01")
    assert report.events == {"RATED": 1, "NO_VERSION": 1}


def test_a_correction_from_the_beginning_is_a_difference_on_the_next_bill(anna: World) -> None:
    anna.take(Call("1001", "2025-10-20T10:00:00", 60, PREMIUM_NUMBER))
    anna.bill("2025-11-01")
    correction = shop(2, START_US, prices=CHEAPER, corrects=1)
    touched, again = rebilled(anna.home, correction)
    assert [(each.subscription_id, each.plan) for each in touched.subscriptions] == [("anna-1", "shop/basic")]
    assert (again.accounts, len(again.periods), again.beyond) == (1, 1, [])
    catalogue.publish(anna.home, correction, anna.tick())
    anna.bill("2025-12-01")
    assert anna.lines("R-0000000002")[0] == ("Premium calls, correction for 2025-10-01 to 2025-10-31", *OCTOBER, 0, -101)
    assert rerate(anna.home, None, 100, seed=1).disagreements == 0
    assert balanced(anna)


def test_a_run_that_was_pinned_before_knows_nothing_of_it(anna: World) -> None:
    with anna.home.connect() as connection:
        pinned = anna.home.head_seq(connection)
    repeal(anna, "shop@1", "2025-10-20")
    catalogue.publish(anna.home, shop(2, instant_us("2025-10-25")), anna.tick())
    assert [each.version for each in catalogue.in_force(anna.home, pinned)] == [1]
    assert [each.version for each in catalogue.in_force(anna.home, pinned + 1)] == [1, -1]
    assert [each.version for each in catalogue.in_force(anna.home)] == [1, 2, -1]
    assert [each.version for each in catalogue.published(anna.home)] == [1, 2]


def test_the_number_of_the_last_change_moves_with_a_repeal(anna: World) -> None:
    before = catalogue.published_seq(anna.home)
    repeal(anna, "shop@1", "2025-10-20")
    assert catalogue.published_seq(anna.home) > before


# what somebody does to the store, what is told. Reading, running, quoting and serving all refuse.
TAMPERED = [
    ("UPDATE publications SET document = CAST(replace(CAST(document AS TEXT), '100000', '100001') AS BLOB)", "is not what was published"),
    ("UPDATE publications SET version = 9 WHERE version = 1", "is not what was published"),
    ("DELETE FROM publications WHERE version = 1", "a published version is gone from the store: commit 1 has no row"),
    ("DELETE FROM publications", "a published version is gone from the store"),
    ("DELETE FROM tariff_decisions WHERE kind = 'repealed'", "the repeal of a version is gone from the store"),
    ("DELETE FROM commits WHERE kind = 'repeal'", "the repeal of a version in the store was never committed as one: commit 7 is not"),
    ("DELETE FROM commits WHERE commit_seq = 1", "a published version in the store was never committed as one: commit 1 is not"),
    (
        "UPDATE tariff_decisions SET detail = replace(detail, 'from_us\":1', 'from_us\":2')",
        "about shop@2 in the store is not what was written",
    ),
    ("UPDATE tariff_decisions SET version = 1", "about shop@1 in the store is not what was written"),
    ("UPDATE tariff_decisions SET detail = '{}'", "about shop@2 in the store is not what was written"),
]


@pytest.mark.parametrize(("statement", "message"), TAMPERED)
def test_a_changed_byte_or_a_missing_row_stops_rating(anna: World, statement: str, message: str) -> None:
    catalogue.publish(anna.home, shop(2, instant_us("2025-10-10")), anna.tick())
    repeal(anna, "shop@2", "2025-10-20")
    service = RatingService(anna.home)
    assert anna.changed(statement) > 0
    attempts: list[Callable[[], object]] = [
        lambda: catalogue.in_force(anna.home),
        lambda: catalogue.tables(anna.home),
        lambda: anna.bill("2025-11-01"),
        service._quote,  # noqa: SLF001 -- what every answer begins with
    ]
    for attempt in attempts:
        with pytest.raises(UserError, match=message) as caught:
            attempt()
        assert "put back the last good copy" in caught.value.remedy
    assert anna.numbers() == []


def test_nothing_that_prices_reads_every_published_version() -> None:
    """What prices must ask `in_force`; these alone may ask `published`: whether a plan or tax class exists, decimal places, pages."""
    may = {
        "billing/catalogue",
        "billing/payments/writing.py",
        "billing/accounts/importing/whole.py",
        "billing/accounts/opening.py",
        "billing/accounts/recording.py",
        "billing/accounts/forecast.py",
        "billing/enquiries/home.py",
        "server/actions/catalogues.py",
        "server/actions/tariffs",
        "server/grpc/rating/batches.py",  # one version, by its number
        "server/cli/catalogue_names.py",
        "server/cli/tariffs",
    }
    reads = re.compile(r"\b(?:store|catalogue|published_catalogues)\.published\(|import .*\bpublished\b")
    found = {
        path.relative_to(ROOT).as_posix()
        for folder in ("billing", "server")
        for path in (ROOT / folder).rglob("*.py")
        if reads.search(path.read_text(encoding="utf-8"))
    }
    assert {path for path in found if not any(path == each or path.startswith(f"{each}/") for each in may)} == set()


def test_who_is_affected(anna: World) -> None:
    """Basic and plus both sell premium calls; bert has left before the version takes effect, cleo joins later, dora changes plan."""
    for name, from_date, to_date in (("bert", "2025-10-01", "2025-10-10"), ("cleo", "2025-11-05", None), ("dora", "2025-10-01", None)):
        anna.account(name)
        anna.subscription(f"{name}-1", name, "shop/plus", f"20{name}", from_date=from_date, to_date=to_date)
    anna.plan("dora-1", "shop/basic", "2025-10-25")
    new = shop(2, instant_us("2025-10-20"), prices=CHEAPER)
    found = affected(anna.home, new)
    assert found.compared_with == 1
    assert [(each.subscription_id, each.plan, str(each.from_date), str(each.to_date)) for each in found.subscriptions] == [
        ("anna-1", "shop/basic", "2025-10-20", "None"),
        ("cleo-1", "shop/plus", "2025-11-05", "None"),
        ("dora-1", "shop/plus", "2025-10-20", "2025-10-25"),
        ("dora-1", "shop/basic", "2025-10-25", "None"),
    ]
    assert found.by_plan() == {"shop/basic": 2, "shop/plus": 2}
    catalogue.publish(anna.home, new, anna.tick())
    catalogue.publish(anna.home, shop(3, instant_us("2025-11-01"), prices=CHEAPER), anna.tick())
    in_time = affected(anna.home, new)
    assert {str(each.to_date) for each in in_time.subscriptions} == {"2025-10-25", "2025-11-01"}, "until version 3 takes over"
    assert affected(anna.home, shop(3, instant_us("2025-11-01"), prices=CHEAPER)).subscriptions == [], "it changes nothing"


def test_a_catalogue_that_never_takes_effect_leaves_its_subscriptions_without_a_plan(world: World) -> None:
    catalogue.publish(world.home, shop(1, instant_us("2025-10-20"), identity="late"), world.tick())
    world.account("anna")
    world.subscription("anna-1", "anna", "late/basic", "1001")
    repeal(world, "late@1", "2025-10-20")
    assert without_plan(world.home, "late", instant_us("2025-10-20")) == 1
    assert without_plan(world.home, "shop", instant_us("2025-10-20")) == 0


def test_versions_that_price_nothing_touch_nobody(anna: World) -> None:
    corrected = shop(2, instant_us("2025-10-20"), prices=CHEAPER)
    withdrawn = shop(4, instant_us("2025-11-01T12:00:00"), prices=CHEAPER)
    for each in (corrected, shop(3, instant_us("2025-10-20"), corrects=2), withdrawn):
        catalogue.publish(anna.home, each, anna.tick())
    assert affected(anna.home, withdrawn).subscriptions != []
    repeal(anna, "shop@4", "2025-11-01T09:00:00")
    assert affected(anna.home, corrected).subscriptions == []
    assert affected(anna.home, withdrawn).subscriptions == [], "though it was repealed on the day it would have begun"


def test_a_plan_that_a_version_does_not_change_is_not_affected(anna: World) -> None:
    plans = (shop().plans[0], _with_title(shop()))
    found = affected(anna.home, shop(2, instant_us("2025-10-20"), plans=plans))
    assert (found.changes, found.subscriptions) == (1, [])


def test_days_that_no_run_opens_any_more_are_told(world: World) -> None:
    world.account("anna", opened_on="2025-03-01")
    world.subscription("anna-1", "anna", "shop/basic", "1001", from_date="2025-03-01")
    for month in range(4, 12):
        world.bill(f"2025-{month:02d}-01")
    touched, again = rebilled(world.home, shop(2, START_US, prices=CHEAPER, corrects=1))
    assert len(touched.subscriptions) == 1
    assert [str(start) for start, _ in again.periods] == ["2025-08-01", "2025-09-01", "2025-10-01"]
    assert [(each.account_id, str(each.from_date), str(each.to_date)) for each in again.beyond] == [("anna", "2025-03-01", "2025-08-01")]
    recent = rebilled(world.home, shop(2, instant_us("2025-09-10"), prices=CHEAPER))[1]
    assert ([str(start) for start, _ in recent.periods], recent.beyond) == (["2025-09-01", "2025-10-01"], [])


# reopen_periods_max, first days of the periods that the next run corrects, days that are left to adjust by hand
REOPENED = [
    (0, [], ("2025-06-01", "2025-12-01")),
    (1, ["2025-11-01"], ("2025-06-01", "2025-11-01")),
    (3, ["2025-09-01", "2025-10-01", "2025-11-01"], ("2025-06-01", "2025-09-01")),
    (9, [f"2025-{month:02d}-01" for month in range(6, 12)], None),
]


@pytest.mark.parametrize(("periods_max", "periods", "by_hand"), REOPENED)
def test_the_setting_says_what_the_next_run_corrects(
    world: World, periods_max: int, periods: list[str], by_hand: tuple[str, str] | None
) -> None:
    world.account("anna", opened_on="2025-06-01")
    world.subscription("anna-1", "anna", "shop/basic", "1001", from_date="2025-06-01")
    for month in range(6, 13):
        world.take(*([Call("1001", f"2025-{month:02d}-15T10:00:00", 60, PREMIUM_NUMBER)] if month < 12 else []))
        if month > 6:
            world.bill(f"2025-{month:02d}-01")
    set_by_two(world.home, "reopen_periods_max", str(periods_max), world.tick)
    correction = shop(2, START_US, prices=CHEAPER, corrects=1)
    again = rebilled(world.home, correction)[1]
    assert [str(start) for start, _ in again.periods] == periods
    assert [(str(each.from_date), str(each.to_date)) for each in again.beyond] == ([] if by_hand is None else [by_hand])
    with world.home.connect() as connection:
        key = world.key("accounts", "account_key", "account_id", "anna")
        assert str(open_from(connection, load(connection, [key]), key)) == min([*periods, "2025-12-01"]), "what other commands say"
    catalogue.publish(world.home, correction, world.tick())
    world.bill("2026-01-01")
    corrected = [line[1] for line in world.lines("R-0000000007") if line[0].startswith("Premium calls, correction")]
    assert corrected == periods, "and that is what it bills"


def test_a_closed_account_that_no_run_computes_is_left_to_adjust_by_hand(world: World) -> None:
    world.account("anna", opened_on="2025-03-01")
    world.subscription("anna-1", "anna", "shop/basic", "1001", from_date="2025-03-01", to_date="2025-05-01")
    agreed(world, "anna", "closed", "2025-05-01", ClosedFact())
    for month in range(4, 12):
        world.bill(f"2025-{month:02d}-01")
    again = rebilled(world.home, shop(2, START_US, prices=CHEAPER, corrects=1))[1]
    assert (again.accounts, again.periods) == (0, [])
    assert [(str(each.from_date), str(each.to_date)) for each in again.beyond] == [("2025-03-01", "2025-05-01")]


def _with_title(shop_: Catalogue) -> Plan:
    return msgspec.structs.replace(shop_.plans[1], title={"en": "Plus plus"})
