"""One code of a tax class means one tax in all catalogues of a currency."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from rating.errors import ProblemsError
from tariffs.succession import refuse_break
from tariffs.tax_codes import check_tax_codes
from tests.tariffs.sample import SAMPLE, loaded

if TYPE_CHECKING:
    from pathlib import Path

    from rating.model import Catalogue

HERE = '{name: standard, code: 1, rates: [{from: 2020-01-01, percent: "19"}]}'
OTHER = "code 1 is {} here, and `standard` at 19 % in catalogue sample, from {} on"
SEVEN = HERE.replace("19", "7")
LATER = HERE.replace("]", ', {from: 2026-07-01, percent: "16.5"}]')


def other(folder: Path, classes: str, begins: str = "2026-01-01", **changes: str) -> Catalogue:
    """Another catalogue with these tax classes; `changes`: a word of the sample, and what stands there instead."""
    text = SAMPLE.replace("identity: sample", "identity: other").replace(HERE, classes).replace("from: 2026-01-01T", f"from: {begins}T")
    for old, new in changes.items():
        text = text.replace(old, new)
    return loaded(folder, text)


# tax classes of another catalogue, the day on which it begins, what is told
@pytest.mark.parametrize(
    ("classes", "begins", "message"),
    [
        (HERE, "2026-01-01", ""),
        (HERE.replace("2020", "2025"), "2026-01-01", ""),  # what was before both began does not matter
        (HERE.replace("code: 1", "code: 2"), "2026-01-01", ""),
        (SEVEN.replace("code: 1", "code: 2"), "2026-01-01", ""),
        (SEVEN, "2026-01-01", OTHER.format("`standard` at 7 %", "2026-01-01")),
        (SEVEN, "2026-03-01", OTHER.format("`standard` at 7 %", "2026-03-01")),
        (SEVEN, "2025-03-01", OTHER.format("`standard` at 7 %", "2026-01-01")),
        (LATER, "2026-01-01", OTHER.format("`standard` at 16.5 %", "2026-07-01")),
    ],
)
def test_a_code_has_one_rate(tmp_path: Path, classes: str, begins: str, message: str) -> None:
    found = check_tax_codes(other(tmp_path, classes, begins), [loaded(tmp_path, SAMPLE)])
    assert [each.message for each in found] == ([message] if message else [])
    assert all(each.place == ("tax_classes", 0, "code") for each in found)


def test_a_catalogue_of_another_currency_may_use_it(tmp_path: Path) -> None:
    assert check_tax_codes(other(tmp_path, SEVEN, EUR="CHF"), [loaded(tmp_path, SAMPLE)]) == []


def test_a_code_that_is_published_stays(tmp_path: Path) -> None:
    """A rate that changes by law reaches one catalogue after the other."""
    first, second = other(tmp_path, HERE), other(tmp_path, LATER, "2026-06-01", **{"version: 1": "version: 2"})
    assert check_tax_codes(second, [loaded(tmp_path, SAMPLE), first, second]) == []
    assert len(check_tax_codes(second, [loaded(tmp_path, SAMPLE), second])) == 1


def test_a_class_that_the_newest_version_lacks_keeps_its_code(tmp_path: Path) -> None:
    newest = loaded(tmp_path, SAMPLE.replace(HERE, HERE.replace("code: 1", "code: 5")).replace("version: 1", "version: 2"))
    assert len(check_tax_codes(other(tmp_path, SEVEN), [loaded(tmp_path, SAMPLE), newest])) == 1


def test_it_is_refused_before_it_is_published(tmp_path: Path) -> None:
    with pytest.raises(ProblemsError) as caught:
        refuse_break(other(tmp_path, SEVEN), [loaded(tmp_path, SAMPLE)], "other.yaml")
    assert [(each.path, each.message[:30]) for each in caught.value.problems] == [("tax_classes[0].code", "code 1 is `standard` at 7 % he")]
