"""`usage find` and `bill explain` of records that changed since a run charged or refused them."""

# ruff: noqa: RUF001 - Chinese texts have Chinese punctuation
from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

import pytest

from billing.accounts import numbers
from billing.accounts.recording import Asked
from billing.catalogue import Operator
from billing.enquiries.since_run import changes_since
from billing.enquiries.usage import find
from billing.enquiries.usage_rows import Instants
from billing.suspense import resolving
from billing.suspense.deciding import Deciding
from billing.verification.explain_line import explain_record
from server.actions.enquiries.since_run import sentence
from server.cli.usage.find import state_in_words
from tests.billing.documents.clerk import credit
from tests.billing.runs.world import Call, World

if TYPE_CHECKING:
    from billing.enquiries.usage import Record

pytestmark = pytest.mark.slow
NUMBER, UNKNOWN = "8613800000001", "8613800000009"
CENT = 10_000


@pytest.fixture
def billed(world: World) -> World:
    """Anna's call of two minutes is billed, and a call of a number that nobody owns is refused."""
    world.account("anna")
    world.subscription("anna-1", "anna", "shop/plus", NUMBER)
    world.take(Call(NUMBER, "2025-10-05T10:00:00", 120, key="call"), Call(UNKNOWN, "2025-10-06T10:00:00", 60, key="nobody's"))
    world.bill("2025-11-01")
    return world


def test_while_versions_are_in_conflict_the_bill_of_one_is_told(billed: World) -> None:
    assert said(billed, "call") == []
    billed.take(Call(NUMBER, "2025-10-05T10:00:00", 180, key="call"))
    found = records(billed)
    assert [(each.account_id, each.invoice, each.line_no) for each in found] == [("anna", "R-0000000001", 3)] * 2
    assert {each.duration_us: each.charge_micros for each in found} == {120_000_000: 20 * CENT, 180_000_000: 0}, "one of them is billed"
    for each in found:
        told = f"waits in suspense as {each.suspense_id}: versions of the record conflict; billed on R-0000000001 line 3 as 120 s"
        assert state_in_words(each, "en") == told
        assert state_in_words(each, "zh").startswith(f"待处理，编号 {each.suspense_id}：该记录的各版本互相冲突")
        assert state_in_words(each, "zh").endswith("；已出账：R-0000000001 第 3 项（120 s）")
    first = min(each.suspense_id for each in found)
    assert said(billed, "call") == [
        f"Versions of the record are in conflict, and none counts until one is chosen: `ratewright usage suspense resolve {first}`."
    ]


def test_a_conflict_before_any_run_has_its_account(billed: World) -> None:
    for seconds in (60, 90):
        billed.take(Call(NUMBER, "2025-11-05T10:00:00", seconds, key="new"))
    assert [(each.account_id, each.invoice, each.charge_micros) for each in records(billed)[-2:]] == [("anna", "", 0)] * 2


def test_the_version_that_is_billed_is_told_until_the_next_run(billed: World) -> None:
    chosen(billed, 180)
    (record,) = records(billed)
    assert (record.duration_us, record.charge_micros, record.next_bill_date) == (180_000_000, 20 * CENT, "2025-12-01")
    assert state_in_words(record, "en") == (
        "billed on R-0000000001 line 3; billed as 120 s, and a version of 180 s counts since: the run of 2025-12-01 corrects it"
    )
    assert "此后以 180 s 的版本为准：2025-12-01 的出账将予以更正" in state_in_words(record, "zh")
    assert said(billed, "call") == [
        "The charge is of a version of 120 s. Another one counts since, of 180 s: a run of 2025-12-01 or later corrects the charge."
    ]
    billed.bill("2025-12-01")
    (record,) = records(billed)
    assert (record.charge_micros, record.since, record.next_bill_date) == (30 * CENT, None, "")
    assert said(billed, "call") == []


def test_the_billed_version_chosen_again_changes_nothing(billed: World) -> None:
    chosen(billed, 120)
    (record,) = records(billed)
    assert (state_in_words(record, "en"), record.since) == ("billed on R-0000000001 line 3", None)


def test_a_refusal_whose_cause_is_mended_is_priced_by_the_next_run(billed: World) -> None:
    (record,) = find(billed.home, UNKNOWN, Instants()).records
    assert (state_in_words(record, "en"), record.account_id) == ("rating refused it: UNKNOWN_SUBSCRIPTION", "")
    asked = Asked(Operator("clerk", 1001), billed.begun(dt.date(2025, 11, 2)))
    numbers.give(billed.home, asked, UNKNOWN, "anna-1", dt.date(2025, 10, 1), 0)
    (record,) = find(billed.home, UNKNOWN, Instants()).records
    assert (record.state, record.reason, record.account_id, record.next_bill_date) == (
        "refused",
        "UNKNOWN_SUBSCRIPTION",
        "anna",
        "2025-12-01",
    )
    assert state_in_words(record, "en") == "rating refused it: UNKNOWN_SUBSCRIPTION; corrected: the run of 2025-12-01 prices it"
    assert state_in_words(record, "zh") == "批价被拒：UNKNOWN_SUBSCRIPTION；原因已排除，2025-12-01 的出账将批价"
    assert said(billed, "nobody's") == ["The cause is corrected: account anna owns the record, and a run of 2025-12-01 or later prices it."]
    billed.bill("2025-12-01")
    assert find(billed.home, UNKNOWN, Instants()).records[0].state == "billed"


def test_a_credit_note_on_the_line_of_a_record_is_told(billed: World) -> None:
    part = credit(billed, "R-0000000001", 3, 5).number
    assert state_in_words(records(billed)[0], "en") == f"billed on R-0000000001 line 3; its line is credited in part by {part}"
    rest = credit(billed, "R-0000000001", 3, None).number
    (record,) = records(billed)
    assert record.credit_notes == (part, rest)
    assert state_in_words(record, "en") == f"billed on R-0000000001 line 3; its line is credited by {part}, {rest}"
    assert state_in_words(record, "zh") == f"已出账：R-0000000001 第 3 项；该项已由 {part}, {rest} 冲减"


def chosen(world: World, seconds: int, number: str = NUMBER) -> None:
    """Another version comes, and the one of so many seconds is kept."""
    world.take(Call(number, "2025-10-05T10:00:00", 180, key="call"))
    with world.home.connect() as connection:
        seq = world.home.head_seq(connection)
    found = resolving.versions(world.home, seq, records(world)[0].suspense_id)
    lengths = dict(zip(found.rows["duration_us"].to_pylist(), found.names, strict=True))
    resolving.resolve(world.home, found, lengths[seconds * 1_000_000], Deciding(Operator("ana", 1001), world.tick(), "says so"), {})


def records(world: World) -> list[Record]:
    return list(find(world.home, NUMBER, Instants()).records)


def said(world: World, record: str) -> list[str]:
    """The sentences of `bill explain` about what changed."""
    keys = [each.event.event_key for each in explain_record(world.home, record).outcomes]
    return [sentence(each, "en") for each in changes_since(world.home, keys)]


def test_a_number_that_moved_is_told_until_a_run_takes_the_charge_off(billed: World) -> None:
    billed.account("bert")
    billed.subscription("bert-1", "bert", "shop/plus", "8613800000002")
    asked = Asked(Operator("ana", 1001), billed.tick())
    numbers.take(billed.home, asked, NUMBER, "anna-1", dt.date(2025, 10, 2))
    (record,) = records(billed)
    assert (record.account_id, state_in_words(record, "en")) == ("anna", "billed on R-0000000001 line 3; now of no account")
    numbers.give(billed.home, asked, NUMBER, "bert-1", dt.date(2025, 10, 2), 0)
    (record,) = records(billed)
    assert (record.account_id, state_in_words(record, "en")) == ("anna", "billed on R-0000000001 line 3; now of account bert")
    assert state_in_words(record, "zh").endswith("；号码现属账户 bert")
    (told,) = said(billed, "call")
    assert told == (
        "The number is now of account bert. The charge stays on the bill of account anna until a run of that account takes it off; "
        "none does once the period is closed."
    )
    billed.bill("2025-12-01")
    (record,) = records(billed)
    assert (record.account_id, record.since) == ("bert", None)
    assert said(billed, "call") == []


def test_a_version_of_another_number_does_not_promise_a_run_that_corrects(billed: World) -> None:
    billed.account("bert", bill_day=15)
    billed.subscription("bert-1", "bert", "shop/plus", "8613800000002")
    chosen(billed, 180, "8613800000002")
    (told,) = said(billed, "call")
    assert told == (
        "The charge is of a version of 120 s. Another one counts since, of 180 s: it is of account bert, and the charge stays on the bill "
        "of account anna until a run of that account takes it off."
    )
