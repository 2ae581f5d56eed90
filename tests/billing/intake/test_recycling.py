"""Rows that come back count from their commit on, and what they take the place of counts until then."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from billing.intake import marks, view
from billing.intake.taking import Intake, Mark
from rating.schema import UsageFlag
from tests.billing.intake.suspended import suspended_rows
from tests.billing.usage_rows import UNANSWERED, Event, batch, key_of, usage_table

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    import sqlalchemy as sa

    from billing.store.home import Home

NOW_US = 1_773_187_200_000_000


def bring_back(intake: Intake, *events: Event, corrects: Sequence[str] = ()) -> list[str]:
    """Recycle rows; what became of each."""
    outcomes: list[str] = []

    def also(_connection: sa.Connection, _seq: int, found: Sequence[str], _marks: Mapping[bytes, int]) -> None:
        outcomes.extend(found)

    intake.take_recycled(usage_table(events), [Mark(key_of(name), marks.CORRECTED) for name in corrects], NOW_US, also=also)
    return outcomes


@pytest.fixture(params=[False, True], ids=["journal", "sealed"])
def take(request: pytest.FixtureRequest, home: Home) -> Callable[..., Intake]:
    """Take batches in, each in a commit, and seal them or not."""

    def run(*batches: Sequence[Event], rejects: Sequence[str] = ()) -> Intake:
        intake = Intake(home)
        for events in batches:
            intake.take_batch("sw1", batch(*events, rejects=rejects), NOW_US)
        if request.param:
            intake.seal(NOW_US)
        return intake

    return run


def test_one_version_of_a_conflict_is_kept(home: Home, take: Callable, counting: Callable, balanced: Callable) -> None:
    intake = take([Event("a", 60), Event("b", 10)], [Event("a", 61)])
    before = head(home)
    assert bring_back(intake, Event("a", 61), corrects=["a"]) == ["recycled"]
    assert counting(home, before) == {"b": 10}, "as of then nobody had decided"
    assert counting(home) == {"a": 61, "b": 10}
    books = balanced(home)
    assert (books["intake sw1: conflicting"], books["intake sw1: recycled"], books["intake sw1: received"]) == (2, 1, 3)


def test_versions_of_a_decided_conflict_are_duplicates(home: Home, take: Callable, counting: Callable, balanced: Callable) -> None:
    intake = take([Event("a", 60)], [Event("a", 61)])
    bring_back(intake, Event("a", 61), corrects=["a"])
    for again in (intake, Intake(home)):
        assert again.take_batch("sw1", batch(Event("a", 60), Event("a", 61)), NOW_US).rows["duplicate"] == 2
    assert counting(home) == {"a": 61}
    balanced(home)


def test_a_third_version_takes_back_the_one_that_was_kept(home: Home, take: Callable, counting: Callable, balanced: Callable) -> None:
    intake = take([Event("a", 60)], [Event("a", 61)])
    bring_back(intake, Event("a", 61), corrects=["a"])
    report = intake.take_batch("sw1", batch(Event("a", 62)), NOW_US)
    assert (report.rows["conflicting"], report.taken_back) == (1, 1)
    assert counting(home) == {}
    books = balanced(home)
    assert (books["intake sw1: conflicting"], books.get("intake sw1: recycled", 0)) == (3, 0)
    assert bring_back(intake, Event("a", 62), corrects=["a"]) == ["recycled"]
    assert counting(home) == {"a": 62}
    balanced(home)


def test_a_version_that_could_not_be_read_at_first_does_not_settle_a_conflict(
    home: Home, take: Callable, counting: Callable, balanced: Callable
) -> None:
    intake = take([Event("a", 60)], [Event("a", 61)], rejects=["a ???"])
    assert bring_back(intake, Event("a", 61), Event("a", 62)) == ["duplicate", "conflicting"]
    assert counting(home) == {}
    balanced(home)


def test_a_row_that_counts_is_corrected(home: Home, take: Callable, counting: Callable, balanced: Callable) -> None:
    intake = take([Event("a", 60), Event("b", 5, UNANSWERED)])
    before = head(home)
    assert bring_back(intake, Event("a", 50), corrects=["a"]) == ["recycled"]
    assert (counting(home, before), counting(home)) == ({"a": 60}, {"a": 50})
    assert bring_back(intake, Event("a", 40), corrects=["a"]) == ["recycled"], "and corrected once more"
    assert counting(home) == {"a": 40}
    books = balanced(home)
    assert (books["intake sw1: answered"], books["intake sw1: suspended"], books["intake sw1: recycled"]) == (0, 1, 1)


def test_a_source_that_sends_the_corrected_row_itself_bills_once(home: Home, take: Callable, counting: Callable) -> None:
    intake = take([Event("a", 60)])
    bring_back(intake, Event("a", 50), corrects=["a"])
    for again in (intake, Intake(home)):
        assert again.take_batch("sw1", batch(Event("a", 50), Event("a", 60)), NOW_US).rows["duplicate"] == 2
    assert counting(home) == {"a": 50}


def test_a_row_is_taken_out_and_nothing_comes_in_its_stead(home: Home, take: Callable, counting: Callable, balanced: Callable) -> None:
    intake = take([Event("a", 60), Event("b", 10)])
    assert bring_back(intake, corrects=["b", "unknown"]) == []
    assert counting(home) == {"a": 60}
    assert balanced(home)["intake sw1: suspended"] == 1


def test_a_rejected_row_comes_back_with_a_key_of_its_own(home: Home, take: Callable, counting: Callable, balanced: Callable) -> None:
    intake = take([Event("a", 60)], rejects=["???"])
    assert bring_back(intake, Event("mended", 30), Event("a", 60)) == ["recycled", "duplicate"]
    assert bring_back(intake, Event("mended", 30)) == ["duplicate"], "it counts already"
    assert bring_back(intake, Event("mended", 31)) == ["conflicting"]
    assert counting(home) == {"a": 60}
    books = balanced(home)
    assert (books["intake sw1: rejected"], books["intake sw1: received"]) == (1, 2)
    assert sorted(row.reason for row in suspended_rows(home) if row.reason != "wrong_column_count") == ["conflicting", "conflicting"]


def test_recycled_rows_say_so(home: Home, take: Callable) -> None:
    bring_back(take([Event("a", 60)]), Event("b", 60))
    flags = view.usage(home, ["record_id", "flags"], head(home)).to_pylist()
    assert {row["record_id"]: row["flags"] for row in flags} == {"a": 0, "b": int(UsageFlag.RECYCLED)}


def test_what_belongs_to_it_is_in_the_same_transaction(home: Home, take: Callable, counting: Callable) -> None:
    intake = take([Event("a", 60)])
    marked: list[tuple[int, list[bytes]]] = []

    def fail(_connection: sa.Connection, seq: int, _found: Sequence[str], mark_ids: Mapping[bytes, int]) -> None:
        marked.append((seq, list(mark_ids)))
        raise LookupError("stop here")

    with pytest.raises(LookupError, match="stop here"):
        intake.take_recycled(usage_table([Event("a", 50)]), [Mark(key_of("a"), marks.CORRECTED)], NOW_US, also=fail)
    assert marked == [(head(home) + 1, [key_of("a")])]
    assert counting(home) == {"a": 60}
    assert bring_back(intake, Event("a", 50), corrects=["a"]) == ["recycled"]
    assert counting(home) == {"a": 50}


def head(home: Home) -> int:
    with home.connect() as connection:
        return home.head_seq(connection)
