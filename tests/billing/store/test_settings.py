"""Settings that guard: what tightens holds at once, what loosens waits for another person. On both databases."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from billing import acting, agreeing, setting_changes
from billing.acting import Actor, Via
from billing.persons import Who
from billing.store import approvals, settings
from billing.store.approvals import Agreement
from billing.store.home import Home
from rating.errors import ChangedError, UserError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.slow

NOW_US = 1_772_366_400_000_000
ANA, BEN = ("ana", 1001), ("ben", 1002)


@pytest.fixture
def home(tmp_path: Path, both: str) -> Iterator[Home]:
    assert both
    with Home.open(tmp_path / "home", create=True) as made:
        yield made


def put(home: Home, name: str, value: str, person: tuple[str, int] = ANA, reason: str = "as agreed by phone") -> bool:
    return setting_changes.put(home, name, value, *person, NOW_US, reason=reason)


def held(home: Home, name: str, seq: int | None = None) -> str:
    with home.connect() as connection:
        return settings.text(connection, name, seq=seq)


def agree(home: Home, name: str, person: tuple[str, int]) -> str:
    with home.connect() as connection:
        waits = approvals.waiting(connection, approvals.SETTING, name)
    assert waits is not None
    with acting.acting_as(Actor(*person, Via.TOKEN)):  # by the service, which every home lets persons do
        return setting_changes.agree(home, Agreement(waits, Who(*person, NOW_US)))


# a setting, what it is, what tightens it, what loosens it
GUARDS = [
    ("approval", "none", "required", "none"),
    ("reopen_periods_max", "3", "2", "4"),
    ("lines_per_day_max", "15", "14", "16"),
    ("days_ahead_max", "70", "60", "71"),
    ("adjustment_limit_micros", "100000000", "0", "100000001"),
    ("give_back_limit_micros", "100000000", "0", "100000001"),
    ("late_usage_limit_micros", "100000000", "0", "100000001"),
    ("write_off_limit_micros", "0", None, "1"),
    ("abnormal_bill_floor_micros", "100000000", "1", "100000001"),
    ("document_data", "any", "required", "any"),
    ("access", "any", "server", "any"),
]


def test_the_table_has_every_guard() -> None:
    assert [row[0] for row in GUARDS] == [name for name, known in settings.SETTINGS.items() if known.guards]
    assert [row[1] for row in GUARDS] == [settings.SETTINGS[row[0]].default for row in GUARDS]


@pytest.mark.parametrize(("name", "default", "tight", "loose"), GUARDS)
def test_a_guard(home: Home, name: str, default: str, tight: str | None, loose: str) -> None:
    now = default
    if tight is not None:
        assert put(home, name, tight, reason="")
        now = tight
        assert held(home, name) == tight, "at once, and nobody has to say why"
    with pytest.raises(UserError, match=f"setting {name} to {loose} loosens a guard, and needs a reason"):
        put(home, name, loose, reason=" ")
    assert put(home, name, loose)
    assert held(home, name) == now, "it holds for nobody yet"
    assert not put(home, name, loose), "it waits already"
    with pytest.raises(UserError, match="was made by ana, who cannot agree to it"):
        agree(home, name, ANA)
    with home.connect() as connection:
        before = home.head_seq(connection)
    assert agree(home, name, BEN) == loose
    assert (held(home, name), held(home, name, before)) == (loose, now), "as of before the agreement it did not hold"
    with home.connect() as connection:
        newest = settings.changes(connection)[-1]
    assert (newest.name, newest.value, newest.by_name, newest.commit_seq, newest.reason) == (
        name,
        loose,
        "ana",
        before + 1,
        "as agreed by phone",
    )


def test_what_is_set_in_its_place_ends_what_waits(home: Home) -> None:
    put(home, "reopen_periods_max", "9")
    put(home, "reopen_periods_max", "2", reason="")
    with home.connect() as connection:
        assert settings.pending(connection) == []
        (found,) = approvals.list_all(connection, decided=True)
    assert (found.state, found.decided_by, held(home, "reopen_periods_max")) == ("refused", "ana", "2")
    with pytest.raises(UserError, match="proposal 1 was refused by ana"):
        setting_changes.agree(home, Agreement(found, Who(*BEN, NOW_US)))
    assert held(home, "reopen_periods_max") == "2"


def test_a_refusal_leaves_what_holds(home: Home) -> None:
    put(home, "approval", "required", reason="")
    put(home, "approval", "none")
    with pytest.raises(UserError, match="a refusal needs a word on why"):
        agreeing.refuse(home, 1, " ", Who(*BEN, NOW_US))
    assert agreeing.refuse(home, 1, "no", Who(*BEN, NOW_US)).state == "refused"
    assert held(home, "approval") == "required"
    assert put(home, "approval", "none"), "it may be asked for again"


def test_what_guards_nothing_holds_at_once(home: Home) -> None:
    assert put(home, "allocation_order", "oldest", reason="")
    assert held(home, "allocation_order") == "oldest"


def test_a_change_compares_what_was_read(home: Home) -> None:
    """Each change, each proposal and each agreement makes another mark; a change that has an older one stores nothing."""

    def mark() -> str:
        with home.connect() as connection:
            return setting_changes.standing(connection)["days_ahead_max"].etag

    def change(value: str, etag: str, *, dry_run: bool = False) -> setting_changes.Changed:
        wanted = setting_changes.Wanted("days_ahead_max", value, "as agreed by phone", etag)
        return setting_changes.change(home, wanted, Who(*ANA, NOW_US), dry_run=dry_run)

    marks = [mark()]
    assert (change("60", marks[0], dry_run=True).after.value, held(home, "days_ahead_max")) == ("60", "70")
    assert change("60", marks[0]).after.etag == mark()
    marks += [mark()]
    with pytest.raises(ChangedError, match="days_ahead_max was changed, or asked for, since it was read"):
        change("50", marks[0])
    waits = change("80", marks[1]).after.waits
    assert waits == setting_changes.Asked("80", "ana", "as agreed by phone", 1)
    marks += [mark()]
    with home.connect() as connection:
        asked = approvals.find(connection, 1)
    with pytest.raises(ChangedError):
        setting_changes.agree(home, Agreement(asked, Who(*BEN, NOW_US)), marks[1])
    assert setting_changes.agree(home, Agreement(asked, Who(*BEN, NOW_US)), marks[2]) == "80"
    assert len({*marks, mark()}) == 4


def test_settings_of_before_hold_as_they_did(home: Home) -> None:
    """They have no reason, and nobody agreed to them."""
    from billing.store import tables  # noqa: PLC0415 -- for this test alone

    with home.begin() as connection:
        seq = home.next_commit_seq(connection, "setting", NOW_US)
        values = {"name": "days_ahead_max", "value": "400", "by_name": "ana", "by_uid": 1001, "at_us": NOW_US, "commit_seq": seq}
        connection.execute(tables.billing_settings.insert().values(**values))
    assert held(home, "days_ahead_max") == "400"
    with home.connect() as connection:
        assert [(each.value, each.reason) for each in settings.changes(connection)] == [("400", "")]


def test_the_strictest_of_two_times(home: Home) -> None:
    put(home, "approval", "required", reason="")
    put(home, "approval", "none")
    agree(home, "approval", BEN)
    with home.connect() as connection:
        found = [settings.strictest(connection, "approval", seqs) for seqs in ((None,), (None, 1), (1, None), (0, None))]
    assert found == ["none", "required", "required", "none"]
