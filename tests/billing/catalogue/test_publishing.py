"""From draft to publication: who may do what, which conditions hold, and that nothing is stored where they do not."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

import msgspec
import pytest
import sqlalchemy as sa

from billing import catalogue
from billing.catalogue import Operator, Publication, Waivers
from billing.catalogue.gates import GateError
from billing.controls import books
from billing.store import tables
from billing.what_if.newest_month import newest_month
from rating.dates import DAY_US
from rating.errors import NotFoundError, UserError
from tariffs import canonical
from tariffs.checks.header import EFFECTIVE_US_LIMIT
from tests.billing.files import NOW_US, a_catalogue
from tests.billing.runs.world import NATIONAL, START_US, Call, World, instant_us, price_of, shop

if TYPE_CHECKING:
    from billing.store.home import Home
    from rating.model import Catalogue

ANN, BEN = Operator("ann", 1001), Operator("ben", 1002)
DRAFT = a_catalogue(1)
NOVEMBER_US = instant_us("2025-11-15T00:00:00")


def rows(home: Home) -> int:
    """Rows of every table that publishing writes."""
    with home.connect() as connection:
        of = (tables.commits, tables.publications, tables.tariff_drafts, tables.tariff_decisions)
        return sum(connection.execute(sa.select(sa.func.count()).select_from(table)).scalar_one() for table in of)


def shut(error: GateError) -> list[str]:
    """Which gates."""
    return [problem.path for problem in error.problems]


def publish_draft(home: Home, *words: Any, **options: Any) -> Publication:  # noqa: ANN401 -- what the catalogue takes
    return catalogue.publish_draft(home, *words, newest=functools.partial(newest_month, home), **options)


def publish_at_once(home: Home, *words: Any, **options: Any) -> Publication:  # noqa: ANN401 -- what the catalogue takes
    return catalogue.publish_at_once(home, *words, newest=functools.partial(newest_month, home), **options)


@pytest.fixture
def home(world: World) -> Home:
    """The shop is published in it, and nobody is on its plans."""
    return world.home


def test_a_draft_that_another_person_reviewed_is_published(home: Home) -> None:
    saved = catalogue.save(home, DRAFT, ANN, NOW_US, "mobile.yaml")
    assert (saved.author, saved.origin, saved.added, str(saved.name)) == (ANN, "mobile.yaml", True, "mobile@1")
    catalogue.review(home, "mobile@1", BEN, NOW_US + 1, accept=True, note="fine")
    done = publish_draft(home, "mobile@1", ANN, NOW_US + 2)
    assert done.added
    assert done.content_hash == canonical.sealed(DRAFT).content_hash
    assert canonical.sealed(DRAFT) in catalogue.published(home)
    assert [(each.kind.value, each.by, each.detail.get("note")) for each in catalogue.decisions(home, "mobile")] == [
        ("reviewed", BEN, "fine"),
        ("published", ANN, None),
    ]
    assert publish_draft(home, "mobile@1", BEN, NOW_US + 3)[:5] == done._replace(added=False)[:5]


def test_nobody_approves_their_own_draft(home: Home) -> None:
    catalogue.save(home, DRAFT, ANN, NOW_US)
    before = rows(home)
    with pytest.raises(UserError, match="drafted by ann, and authors do not approve their own drafts"):
        catalogue.review(home, "mobile@1", Operator("another name", ANN.uid), NOW_US, accept=True)
    assert rows(home) == before
    catalogue.review(home, "mobile@1", ANN, NOW_US, accept=False, note="not yet")


def test_who_ever_saved_this_content_is_an_author_of_it(home: Home) -> None:
    other = a_catalogue(title="Other")
    for content, author in ((DRAFT, BEN), (other, ANN), (DRAFT, ANN)):
        catalogue.save(home, content, author, NOW_US)
    for author in (ANN, BEN):
        with pytest.raises(UserError, match="authors do not approve their own drafts"):
            catalogue.review(home, "mobile@1", author, NOW_US, accept=True)


def test_a_review_is_of_one_content_only(home: Home) -> None:
    catalogue.save(home, DRAFT, ANN, NOW_US)
    catalogue.review(home, "mobile@1", BEN, NOW_US, accept=True)
    catalogue.save(home, a_catalogue(title="Dearer"), ANN, NOW_US)
    with pytest.raises(GateError) as caught:
        publish_draft(home, "mobile@1", ANN, NOW_US)
    assert shut(caught.value) == ["review"]
    catalogue.save(home, DRAFT, ANN, NOW_US)  # back to what was reviewed
    assert publish_draft(home, "mobile@1", ANN, NOW_US).added


def test_a_rejected_draft_is_not_published(home: Home) -> None:
    catalogue.save(home, DRAFT, ANN, NOW_US)
    catalogue.review(home, "mobile@1", BEN, NOW_US, accept=True)
    catalogue.review(home, "mobile@1", BEN, NOW_US, accept=False, note="a mistake in the fee")
    with pytest.raises(GateError) as caught:
        publish_draft(home, "mobile@1", ANN, NOW_US)
    assert "ben rejected this draft: a mistake in the fee" in caught.value.lines()[0]
    with pytest.raises(GateError) as caught:
        publish_draft(home, "mobile@1", ANN, NOW_US, Waivers(review="he is wrong"))
    assert "a rejection cannot be waived" in caught.value.lines()[0]


def test_what_was_saved_since_the_reviewer_looked_is_not_approved(home: Home) -> None:
    looked_at = catalogue.save(home, DRAFT, ANN, NOW_US).catalogue.content_hash.hex()
    catalogue.save(home, a_catalogue(title="Dearer"), ANN, NOW_US)
    with pytest.raises(UserError, match="saved by ann, and not") as caught:
        catalogue.review(home, "mobile@1", BEN, NOW_US, accept=True, content=looked_at[:12])
    assert caught.value.remedy == "look at it again, then name its hash"
    catalogue.save(home, DRAFT, ANN, NOW_US)
    assert catalogue.review(home, "mobile@1", BEN, NOW_US, accept=True, content=looked_at[:12].upper()).kind is catalogue.Kind.REVIEWED


FORGED = "fine\n  2025-11-15 00:00:00+08:00  reviewed by boss"


def test_no_note_can_pass_for_another_line_of_the_history(home: Home) -> None:
    assert catalogue.save(home, DRAFT, ANN, NOW_US, "mobile\n.yaml\x1b[2J").origin == "mobile?.yaml?[2J"
    with pytest.raises(UserError, match="the note has line breaks"):
        catalogue.review(home, "mobile@1", BEN, NOW_US, accept=True, note=FORGED)
    with pytest.raises(UserError, match="the reason of --waive-review has line breaks"):
        publish_draft(home, "mobile@1", ANN, NOW_US, Waivers(review=FORGED))
    with pytest.raises(UserError, match="the reason has line breaks"):
        catalogue.repeal(home, "shop@1", ANN, NOW_US, from_us=NOW_US, reason=FORGED)


def test_a_version_that_was_published_without_a_draft(home: Home) -> None:
    """As in a home of the first schema, or by a program."""
    done = catalogue.publish(home, DRAFT, NOW_US)
    assert publish_draft(home, "mobile@1", BEN, NOW_US) == done._replace(added=False)
    with pytest.raises(UserError, match="mobile@1 is published already"):
        catalogue.review(home, "mobile@1", BEN, NOW_US, accept=True)


def test_the_same_draft_again_is_the_same_draft(home: Home) -> None:
    first = catalogue.save(home, DRAFT, ANN, NOW_US)
    assert catalogue.save(home, DRAFT, BEN, NOW_US + 9) == first._replace(added=False, catalogue=canonical.sealed(DRAFT))
    assert len(catalogue.drafts(home, "mobile")) == 1


def test_what_is_published_is_not_drafted_again(home: Home) -> None:
    catalogue.publish(home, DRAFT, NOW_US)
    with pytest.raises(UserError, match="version 1 of catalogue mobile is published already, with this content"):
        catalogue.save(home, DRAFT, ANN, NOW_US)
    with pytest.raises(UserError, match="version 1 of catalogue mobile is published with other content"):
        catalogue.save(home, a_catalogue(title="Other"), ANN, NOW_US)
    assert catalogue.drafts(home, "mobile") == []


def test_drafts_and_versions_that_are_not_there(home: Home) -> None:
    catalogue.save(home, DRAFT, ANN, NOW_US)
    with pytest.raises(NotFoundError, match="there is no draft mobile@2") as caught:
        catalogue.review(home, "mobile@2", BEN, NOW_US, accept=True)
    assert caught.value.remedy == "drafts of mobile are mobile@1"
    with pytest.raises(UserError, match='"mobile" names no version'):
        publish_draft(home, "mobile", BEN, NOW_US)


def test_a_draft_that_is_published_waits_no_more(home: Home) -> None:
    """mobile@1 was a draft; a draft of mobile@2 is asked for, first where none waits."""

    def told() -> str:
        with pytest.raises(NotFoundError, match="there is no draft mobile@3") as caught:
            catalogue.review(home, "mobile@3", BEN, NOW_US, accept=True)
        return caught.value.remedy

    assert told() == "make one: ratewright tariffs draft PATH"
    catalogue.save(home, DRAFT, ANN, NOW_US)
    assert told() == "drafts of mobile are mobile@1"
    catalogue.publish(home, DRAFT, NOW_US)
    assert told() == "no draft of mobile waits, and mobile@1 is published; make one: ratewright tariffs draft PATH"
    catalogue.save(home, a_catalogue(2), ANN, NOW_US)
    assert told() == "drafts of mobile are mobile@2"


def test_at_once_only_while_nobody_is_on_it(world: World) -> None:
    before = rows(world.home)
    draft = shop(2, START_US + DAY_US)
    with pytest.raises(GateError) as caught:
        publish_at_once(world.home, draft, ANN, world.tick(), waive=Waivers(), origin="shop.yaml")
    assert shut(caught.value) == ["review"]
    assert "or waive it: --waive-review REASON" in caught.value.problems[0].remedy
    assert rows(world.home) == before, "the draft is not kept either"
    world.account("anna")
    world.subscription("anna-1", "anna", "shop/basic", "1001")
    with pytest.raises(GateError) as caught:
        publish_at_once(world.home, draft, ANN, world.tick(), waive=Waivers(review="in a hurry"), origin="shop.yaml")
    assert "it cannot be waived, since subscriptions are on plans of shop" in caught.value.problems[0].remedy
    other = a_catalogue(1)
    done = publish_at_once(world.home, other, ANN, world.tick(), waive=Waivers(review="a new brand"), origin="shop.yaml")
    assert done.notes[0] == "review waived: a new brand"
    assert [each.kind.value for each in catalogue.decisions(world.home, "mobile")] == ["review_waived", "published"]
    assert publish_at_once(world.home, other, BEN, world.tick(), waive=Waivers(), origin="") == done._replace(added=False, notes=())


def test_a_waiver_needs_a_reason(home: Home) -> None:
    with pytest.raises(GateError) as caught:
        publish_at_once(home, DRAFT, ANN, NOW_US, waive=Waivers(review="  "), origin="")
    assert "a waiver needs a reason" in caught.value.problems[0].remedy


def dearer(version: int, from_us: int, notice_days: int = 0, micros: int = 200_000) -> Catalogue:
    """The shop with another price of national calls, 0.10 in version 1."""
    prices = (price_of(NATIONAL, "National calls", 10, micros), shop().prices[1])
    return shop(version, from_us, prices=prices, notice_days=notice_days)


# what it costs, days of notice the catalogue promises, days that are given, whether it may be published
NOTICE = [(200_000, 30, 30, True), (200_000, 30, 29, False), (200_000, 0, 0, True), (50_000, 30, 0, True), (100_000, 30, 0, True)]


@pytest.mark.parametrize(("micros", "promised", "given", "passes"), NOTICE)
def test_a_price_rises_with_notice_only(home: Home, micros: int, promised: int, given: int, passes: bool) -> None:  # noqa: FBT001 -- a row
    draft = dearer(2, NOVEMBER_US + given * DAY_US, promised, micros)
    catalogue.save(home, draft, ANN, NOVEMBER_US)
    catalogue.review(home, "shop@2", BEN, NOVEMBER_US, accept=True)
    if passes:
        assert publish_draft(home, "shop@2", ANN, NOVEMBER_US).added
        return
    with pytest.raises(GateError) as caught:
        publish_draft(home, "shop@2", ANN, NOVEMBER_US)
    assert shut(caught.value) == ["notice"]
    assert (
        "1 change makes it dearer with 29 of 30 days of notice; the first: price National calls (100)" in caught.value.problems[0].message
    )
    done = publish_draft(home, "shop@2", ANN, NOVEMBER_US, Waivers(notice="the regulator asks for it"))
    assert "notice waived: the regulator asks for it" in done.notes


def test_leaving_the_notice_period_out_does_not_avoid_it(home: Home) -> None:
    catalogue.publish(home, dearer(2, NOVEMBER_US, notice_days=30), NOVEMBER_US)
    catalogue.save(home, dearer(3, NOVEMBER_US + DAY_US, 0, 300_000), ANN, NOVEMBER_US)
    catalogue.review(home, "shop@3", BEN, NOVEMBER_US, accept=True)
    with pytest.raises(GateError) as caught:
        publish_draft(home, "shop@3", ANN, NOVEMBER_US)
    assert shut(caught.value) == ["notice"]


def test_a_shorter_notice_period_needs_the_notice_of_the_longer_one(home: Home) -> None:
    """Else a version that changes nothing else would open the way for a dearer one on the next day."""
    catalogue.publish(home, dearer(2, NOVEMBER_US, notice_days=30), NOVEMBER_US)
    catalogue.save(home, dearer(3, NOVEMBER_US + DAY_US, notice_days=7), ANN, NOVEMBER_US)
    catalogue.review(home, "shop@3", BEN, NOVEMBER_US, accept=True)
    with pytest.raises(GateError) as caught:
        publish_draft(home, "shop@3", ANN, NOVEMBER_US)
    assert caught.value.problems[0].message == "it promises 7 days of notice in place of 30, with 1 of 30 days of notice"
    assert "keep notice_days: 30" in caught.value.problems[0].remedy


@pytest.fixture
def used(world: World) -> World:
    """Calls of September and October, a draft that ben approved."""
    world.account("anna")
    world.subscription("anna-1", "anna", "shop/basic", "1001")
    world.take(Call("1001", "2025-09-30T10:00:00", 60), Call("1001", "2025-10-05T10:00:00", 60))
    catalogue.save(world.home, shop(2, NOVEMBER_US), ANN, NOVEMBER_US)
    catalogue.review(world.home, "shop@2", BEN, NOVEMBER_US, accept=True)
    return world


def test_a_draft_is_tried_on_the_newest_month_first(used: World) -> None:
    draft = canonical.sealed(shop(2, NOVEMBER_US))
    with pytest.raises(GateError) as caught:
        publish_draft(used.home, "shop@2", ANN, NOVEMBER_US)
    assert shut(caught.value) == ["what-if"]
    assert "ratewright tariffs what-if shop@2 --period 2025-10" in caught.value.problems[0].remedy
    assert catalogue.record_what_if(used.home, draft, "2025-09", ANN, NOVEMBER_US, {"events": 1})
    with pytest.raises(GateError, match="1 condition is not met"):
        publish_draft(used.home, "shop@2", ANN, NOVEMBER_US)
    assert catalogue.record_what_if(used.home, draft, "2025-10", ANN, NOVEMBER_US, {"events": 1})
    assert publish_draft(used.home, "shop@2", ANN, NOVEMBER_US).added


def test_a_trial_of_other_content_does_not_count(used: World) -> None:
    assert not catalogue.record_what_if(used.home, canonical.sealed(dearer(2, NOVEMBER_US)), "2025-10", ANN, NOVEMBER_US, {})
    catalogue.save(used.home, dearer(2, NOVEMBER_US), ANN, NOVEMBER_US)
    catalogue.record_what_if(used.home, canonical.sealed(dearer(2, NOVEMBER_US)), "2025-10", ANN, NOVEMBER_US, {})
    catalogue.save(used.home, shop(2, NOVEMBER_US), ANN, NOVEMBER_US)
    with pytest.raises(GateError) as caught:
        publish_draft(used.home, "shop@2", ANN, NOVEMBER_US)
    assert shut(caught.value) == ["what-if"]


def test_a_trial_can_be_waived(used: World) -> None:
    done = publish_draft(used.home, "shop@2", ANN, NOVEMBER_US, Waivers(what_if="only texts change"))
    assert done.notes == ("what-if waived: only texts change",)


def test_without_usage_there_is_nothing_to_try_a_draft_on(home: Home) -> None:
    catalogue.save(home, DRAFT, ANN, NOW_US)
    catalogue.review(home, "mobile@1", BEN, NOW_US, accept=True)
    assert publish_draft(home, "mobile@1", ANN, NOW_US).notes == ("no usage is stored, so there is no month to try the draft on",)


# now, the newest month on the clock of Shanghai: usage of 2025-09-30 and 2025-10-05
MONTHS = [
    ("2025-11-15", "2025-10"),
    ("2025-10-03", "2025-09"),
    ("2025-10-05T12:00:00", "2025-10"),
    ("2025-09-30T12:00:00", "2025-09"),
    ("2025-09-01", None),
]


@pytest.mark.parametrize(("now", "month"), MONTHS)
def test_the_newest_month(used: World, now: str, month: str | None) -> None:
    assert newest_month(used.home, "Asia/Shanghai", instant_us(now)) == month


def test_a_month_between_the_events_of_one_file_has_no_usage(world: World) -> None:
    """One file holds events of September and February. In November the newest month with usage is September, not November."""
    world.account("anna")
    world.subscription("anna-1", "anna", "shop/basic", "1001")
    world.take(Call("1001", "2025-09-30T10:00:00", 60), Call("1001", "2026-02-05T10:00:00", 60))
    months = [
        newest_month(world.home, "Asia/Shanghai", instant_us(f"{day}T12:00:00")) for day in ("2025-11-15", "2026-02-05", "2025-09-01")
    ]
    assert months == ["2025-09", "2026-02", None]


def test_a_trial_before_the_usage_of_its_month_came_does_not_count(used: World) -> None:
    draft = canonical.sealed(shop(2, NOVEMBER_US))
    catalogue.record_what_if(used.home, draft, "2025-10", ANN, NOVEMBER_US, {"events": 0})
    with pytest.raises(GateError) as caught:
        publish_draft(used.home, "shop@2", ANN, NOVEMBER_US)
    assert shut(caught.value) == ["what-if"]
    catalogue.record_what_if(used.home, draft, "2025-10", ANN, NOVEMBER_US, {"events": 0, "usage": 2})  # all of it was left out
    assert publish_draft(used.home, "shop@2", ANN, NOVEMBER_US).added


def test_all_conditions_are_told_at_once(used: World) -> None:
    catalogue.save(used.home, dearer(2, NOVEMBER_US, notice_days=10), ANN, NOVEMBER_US)
    with pytest.raises(GateError) as caught:
        publish_draft(used.home, "shop@2", ANN, NOVEMBER_US)
    assert shut(caught.value) == ["review", "notice", "what-if"]
    assert caught.value.message == "shop@2 cannot be published yet: 3 conditions are not met"


# a new version (number, instant of version 1 or another, what it corrects), what is wrong
CORRECTIONS = [
    (2, START_US, 1, ""),
    (2, START_US, None, "version 1 takes effect at the same instant"),
    (2, START_US + 5, 1, "does not take effect when that one does"),
    (2, START_US, 7, "version 7 of catalogue shop, which version 2 corrects, is not published"),
]


@pytest.mark.parametrize(("version", "from_us", "corrects", "message"), CORRECTIONS)
def test_what_a_correction_may_be(home: Home, version: int, from_us: int, corrects: int | None, message: str) -> None:
    new = shop(version, from_us, corrects=corrects)
    if not message:
        assert isinstance(catalogue.publish(home, new, NOW_US), Publication)
        assert [each.version for each in catalogue.in_force(home)] == [version]
        with pytest.raises(UserError, match="is corrected already, by version 2"):
            catalogue.publish(home, shop(3, from_us, corrects=1), NOW_US)
        catalogue.publish(home, shop(3, from_us, corrects=2), NOW_US)
        return
    with pytest.raises(UserError) as caught:
        catalogue.publish(home, new, NOW_US)
    assert message in "\n".join(caught.value.lines())


# now, from, what is wrong
REPEALS = [(5, 9, ""), (5, 5, ""), (5, 4, "cannot be repealed for the past")]


@pytest.mark.parametrize(("now", "from_", "message"), REPEALS)
def test_what_a_repeal_may_be(home: Home, now: int, from_: int, message: str) -> None:
    now_us, from_us = START_US + now * DAY_US, START_US + from_ * DAY_US
    if message:
        with pytest.raises(UserError, match=message):
            catalogue.repeal(home, "shop@1", ANN, now_us, from_us=from_us, reason="gone")
        return
    catalogue.repeal(home, "shop@1", ANN, now_us, from_us=from_us, reason="gone")
    assert [each.version for each in catalogue.in_force(home)] == [1, -1]
    with pytest.raises(UserError, match="shop@1 is repealed already"):
        catalogue.repeal(home, "shop@1", ANN, now_us, from_us=from_us + 1, reason="gone")


def test_a_repeal_is_of_the_version_that_prices_then(home: Home) -> None:
    catalogue.publish(home, shop(2, START_US + DAY_US), NOW_US)
    catalogue.publish(home, shop(3, START_US + DAY_US, corrects=2), NOW_US)
    for name, message in (("shop@1", "version 3 follows it"), ("shop@2", "is corrected by version 3"), ("shop@9", "is not published")):
        with pytest.raises(UserError, match=message):
            catalogue.repeal(home, name, ANN, NOW_US, from_us=NOW_US + 5, reason="gone")
    with pytest.raises(UserError, match="needs a reason"):
        catalogue.repeal(home, "shop@3", ANN, NOW_US, from_us=NOW_US + 5, reason=" ")


def test_a_repeal_after_the_last_instant_that_is_priced_is_refused(home: Home) -> None:
    """An instant that no clock can tell would stop the history and all that reads it."""
    for from_us in (EFFECTIVE_US_LIMIT, 2**60):
        with pytest.raises(UserError, match="shop@1 cannot be repealed from 2070 on"):
            catalogue.repeal(home, "shop@1", ANN, NOW_US, from_us=from_us, reason="gone")
    assert catalogue.decisions(home) == []


def test_the_instant_of_a_version_that_never_took_effect_is_free(home: Home) -> None:
    later_us = NOW_US + DAY_US
    catalogue.publish(home, shop(2, later_us), NOW_US)
    catalogue.repeal(home, "shop@2", ANN, NOW_US, from_us=NOW_US, reason="a mistake")
    with pytest.raises(UserError, match="was repealed before it took effect"):
        catalogue.publish(home, shop(3, later_us, corrects=2), NOW_US)
    catalogue.publish(home, shop(3, later_us), NOW_US)
    assert [each.version for each in catalogue.in_force(home)] == [1, 3]


def test_a_changed_draft_is_refused(world: World) -> None:
    catalogue.save(world.home, DRAFT, ANN, NOW_US)
    world.changed("UPDATE tariff_drafts SET document = CAST(replace(CAST(document AS TEXT), 'Smart M', 'Smart N') AS BLOB)")
    with pytest.raises(UserError, match="is not what was saved: its hash differs"):
        catalogue.review(world.home, "mobile@1", BEN, NOW_US, accept=True)


# what somebody does to the rows behind a review, what is told to whoever would publish
ROWS_CHANGED = [
    ("UPDATE tariff_drafts SET author_uid = 1", "about mobile@1 in the store is not what was written"),
    ("UPDATE tariff_decisions SET kind = 'rejected'", "about mobile@1 in the store is not what was written"),
    ("UPDATE tariff_decisions SET kind = 'nonsense'", "about mobile@1 in the store is not what was written"),
    ("UPDATE tariff_decisions SET by_name = 'cleo'", "about mobile@1 in the store is not what was written"),
    ("DELETE FROM tariff_drafts", "a draft is gone from the store: commit 2 has no row"),
    ("DELETE FROM tariff_decisions", "a decision is gone from the store: commit 3 has no row"),
]


@pytest.mark.parametrize(("statement", "message"), ROWS_CHANGED)
def test_a_changed_or_missing_row_stops_publication(world: World, statement: str, message: str) -> None:
    catalogue.save(world.home, DRAFT, ANN, NOW_US)
    catalogue.review(world.home, "mobile@1", BEN, NOW_US, accept=True)
    world.execute(statement)
    with pytest.raises(UserError, match=message) as caught:
        publish_draft(world.home, "mobile@1", ANN, NOW_US)
    assert "put back the last good copy" in caught.value.remedy
    told = [book.name for book in books(world.home) if not book.ok]
    assert told == (["catalogues: drafts and decisions = those with the hash of what they say"] if "UPDATE" in statement else [])


def test_a_version_kept_in_an_older_form_is_the_same_version(world: World) -> None:
    """A home whose bytes say every default has another hash, and is not told `other content`."""
    document = msgspec.json.encode({**msgspec.to_builtins(shop()), "content_hash": "", "notice_days": 0, "corrects": None})
    with world.home.begin() as connection:
        values = {"document": document, "content_hash": canonical.digest(document)}
        connection.execute(sa.update(tables.publications).values(values))
    assert not catalogue.publish(world.home, shop(), NOW_US).added
