"""What a new version may change and what it must keep."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import pytest

from tariffs.succession import check_succession
from tests.tariffs.rich import RICH, changed
from tests.tariffs.sample import SAMPLE, loaded

if TYPE_CHECKING:
    from pathlib import Path

ROWS = [
    ('rate: "0.09"', 'rate: "0.10"', ""),
    ("far-voice", "new-voice", ""),  # another name for number 12
    ("id: 12\n", "id: 99\n", "price `far-voice` has id 12 in version 1"),
    ("charge_code: 2\n", "charge_code: 5\n", "price `far-voice` has charge code 2 in version 1"),
    ("code: 1,", "code: 2,", "tax class `standard` has code 1 in version 1"),
    ("currency: EUR", "currency: CHF", "currency CHF is not EUR as in version 1"),
    ("currency: EUR", "currency: EUR\nminor_digits: 3", "currency EUR is not EUR"),
    ("currency: EUR", "currency: EUR\ntax_inclusive: true", "amounts hold their tax, other than in version 1"),
    ("2026-02-01T", "2026-01-01T", "version 1 takes effect at the same instant"),
]


@pytest.mark.parametrize(("old", "new", "message"), ROWS)
def test_rows(tmp_path: Path, old: str, new: str, message: str) -> None:
    first = loaded(tmp_path, SAMPLE)
    second = loaded(tmp_path, SAMPLE.replace("version: 1", "version: 2", 1).replace("2026-01-01T", "2026-02-01T").replace(old, new))
    found = [finding.message for finding in check_succession(second, [first])]
    assert len(found) == (1 if message else 0)
    assert all(each.startswith(message) for each in found)


# What is kept by number from one event to the next means the same in every version: changes of the second one, what is told
KEPT: list[tuple[list[tuple[str, str]], str]] = [
    ([("quantity: 100min", "quantity: 200min")], ""),
    ([("id: 83, name: data", "id: 86, name: data")], ""),
    (
        [("service: data, quantity: 1GB", "service: sms, quantity: 9 messages"), ("{periods: 2, maximum: 500MB}", "{periods: 2}")],
        "id 83 is an allowance of volume in version 1, and an allowance of messages here",
    ),
    ([("id: 91, name: day", "id: 86, name: day")], ""),
    (
        [("id: 91, name: day", "id: 95, name: day"), ("id: 92, name: talk", "id: 91, name: talk")],
        "id 91 is a day pass of volume in version 1, and a day pass of time here",
    ),
    ([('amount: "5.00", window: day', 'amount: "5.00", window: period')], "cap 1 is for each day in version 1, and for each period here"),
    ([("counter: 6", "counter: 7")], ""),
    ([("counter: 6", "counter: 7"), ("counter: 5", "counter: 6")], "counter 6 is of volume in version 1, and of time here"),
]


@pytest.mark.parametrize(("changes", "message"), KEPT)
def test_numbers_that_something_is_kept_by(tmp_path: Path, changes: list[tuple[str, str]], message: str) -> None:
    text = RICH.replace("version: 1", "version: 2", 1).replace("2026-01-01T00", "2026-02-01T00")
    for old, new in changes:
        text = changed(old, new, text)
    first, second = loaded(tmp_path, RICH), loaded(tmp_path, text)
    assert [finding.message for finding in check_succession(second, [first])] == ([message] if message else [])


FEES = [
    ('amount: "20"', 'amount: "25"', ""),
    ("id: 102, name: setup", "id: 109, name: setting-up", ""),  # another name: another fee
    ("id: 102, name: setup", "id: 109, name: setup", "fee `setup` of `basic` has id 102 in version 1"),
    ("id: 101, name: fee, charge_code: 9", "id: 101, name: fee, charge_code: 8", "fee `fee` of `basic` has charge code 9 in version 1"),
    ("id: 105, name: least", "id: 109, name: least", "fee `least` of `basic` has id 105 in version 1"),
    ("id: 210, name: booster-fee", "id: 219, name: booster-fee", "fee `booster-fee` of `+booster` has id 210 in version 1"),
]


@pytest.mark.parametrize(("old", "new", "message"), FEES)
def test_fees_keep_their_numbers(tmp_path: Path, old: str, new: str, message: str) -> None:
    text = RICH.replace("version: 1", "version: 2", 1).replace("2026-01-01T00", "2026-02-01T00")
    first, second = loaded(tmp_path, RICH), loaded(tmp_path, changed(old, new, text))
    assert [finding.message for finding in check_succession(second, [first])] == ([message] if message else [])


def test_other_catalogues_and_itself_do_not_count(tmp_path: Path) -> None:
    first = loaded(tmp_path, SAMPLE)
    text = SAMPLE.replace("identity: sample", "identity: other").replace("id: 12\n", "id: 99\n").replace("version: 1", "version: 7")
    stranger = loaded(tmp_path, text)
    assert check_succession(first, [first, stranger]) == []


# versions of one instant: number and what it corrects, then the new one; versions that never take effect; whether it may join them
INSTANTS = [
    ([(1, None)], (2, None), [], False),
    ([(1, None)], (2, 1), [], True),
    ([(1, None), (2, 1)], (3, 2), [], True),
    ([(1, None), (2, 1)], (3, None), [], False),
    ([(1, None)], (2, None), [1], True),
    ([(2, 1)], (1, None), [], True),  # files are checked together in any order
]


@pytest.mark.parametrize(("others", "new", "withdrawn", "passes"), INSTANTS)
def test_versions_of_one_instant(
    tmp_path: Path,
    others: list[tuple[int, int | None]],
    new: tuple[int, int | None],
    withdrawn: list[int],
    passes: bool,  # noqa: FBT001 -- a row
) -> None:
    sample = loaded(tmp_path, SAMPLE)
    *published, added = (msgspec.structs.replace(sample, version=version, corrects=corrects) for version, corrects in [*others, new])
    assert (check_succession(added, published, withdrawn) == []) == passes
