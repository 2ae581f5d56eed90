"""Cases of every form that nobody has seen: ids, words, dates, figures and orders of keys at random, worked out by plain fractions.

Each must be passed, or listed where it asserts another convention; with one figure a unit off each must fail; with a key that nobody reads
none may pass.
"""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Any

import pytest

from tests.vectors.billing.topics import TOPICS
from tests.vectors.billing.verdicts import NOBODY_READS, NOT_WORKED_OUT, STOPS, Kind, judge
from tests.vectors.files import BILLING, OWN_FOLDER, RATING, read_raw
from tests.vectors.generated import amounts, dates, dunning, pricing
from tests.vectors.generated.made import case_of, twin_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.vectors.generated.made import Maker

SEED = 20_261_129
EACH = 4  # cases of a maker
MAKERS = {"pricing": pricing.MAKERS, "dates": dates.MAKERS, "amounts": amounts.MAKERS, "dunning": dunning.MAKERS}


@pytest.mark.slow
@pytest.mark.parametrize("makers", MAKERS.values(), ids=MAKERS)
def test_new_cases_are_judged_rightly(makers: tuple[Maker, ...]) -> None:
    choose = random.Random(SEED)
    made = [maker(choose) for maker in makers for _ in range(EACH)]
    cases = [case_of(each, choose, number) for number, each in enumerate(made)]
    right = judge(cases)
    wanted = [Kind.LISTED if each.theirs else Kind.PASSED for each in made]
    assert [(got, case) for got, kind, case in zip(right, wanted, cases, strict=True) if got.kind is not kind] == []
    twins = [twin_of(case, each, choose) for case, each in zip(cases, made, strict=True)]
    assert [(got, twin) for got, twin in zip(judge(twins), twins, strict=True) if got.kind is not Kind.FAILED] == []


@pytest.mark.slow
def test_every_form_that_is_answered_is_made() -> None:
    """No adapter is left out but the one that only says what is missing."""
    choose = random.Random(SEED)
    makers = [maker for several in MAKERS.values() for maker in several]
    seen = {each.form.partition(": ")[2] for each in judge(case_of(maker(choose), choose, 0) for maker in makers)}
    answered = {shape.answer.__name__.replace("_", " ") for shapes in TOPICS.values() for shape in shapes if shape.answer is not None}
    assert answered - seen == {"in a year"}


@pytest.mark.slow
def test_no_key_is_passed_over() -> None:
    own = read_raw(OWN_FOLDER, BILLING)
    passed = [case for case, each in zip(own, judge(own), strict=True) if each.kind is Kind.PASSED]
    more = [case | {"given": given} for case in passed for given in _with_one_more(case["given"])]
    found = judge(more)
    assert len(more) > len(passed) * 1.3
    assert [(each, case["given"]) for each, case in zip(found, more, strict=True) if each.kind is not Kind.LISTED] == []
    told = [each for each in found if each.reason.startswith(NOBODY_READS) and "surcharge" in each.reason]
    assert len(told) > len(found) * 0.9  # elsewhere the object holds names, of which none has this value


@pytest.mark.slow
def test_no_expected_figure_is_passed_over() -> None:
    own = read_raw(OWN_FOLDER, BILLING)
    passed = [case for case, each in zip(own, judge(own), strict=True) if each.kind is Kind.PASSED]
    found = judge(case | {"expected": {**case["expected"], "surcharge": "0.10"}} for case in passed)
    assert [each for each in found if each.kind is not Kind.LISTED] == []
    assert sum(each.reason == f"{NOT_WORKED_OUT}: surcharge" for each in found) > len(found) * 0.9


@pytest.mark.slow
def test_keys_beside_the_case_are_told() -> None:
    case = {"topic": "rounding", "given": {"amount": "0.005", "currency": "GBP"}, "expected": {"rounded": "0.01"}}
    found = judge([case, case | {"verified": "recomputed", "source_file": "x"}, case | {"unless": "cash"}, case | {"id": 7}])
    assert [each.kind for each in found] == [Kind.PASSED, Kind.PASSED, Kind.LISTED, Kind.PASSED]
    assert found[2].reason == f"{NOBODY_READS}: unless"


@pytest.mark.slow
def test_no_value_stops_the_run() -> None:
    """Whatever a key holds: a case is judged, or listed for what cannot be read. None is failed because something stopped."""
    own = [
        case for case in read_raw(OWN_FOLDER, BILLING) if case["topic"] in {"usage_pricing", "caps", "proration", "timezone", "rounding"}
    ]
    odd = [
        case | {"given": {**case["given"], key: value}} for case in own for key in case["given"] for value in ("?", {"a": 1}, [1, "x"], -1)
    ]
    assert [each for each in judge(odd) if each.reason.startswith(STOPS)] == []


def test_a_case_that_quotes_another_file_says_so() -> None:
    given = {"units": 2, "ranges": "as somebody-else-*"}
    (found,) = judge([{"id": "x", "topic": "usage_pricing", "given": given, "expected": {"amount": "1"}}])
    assert (found.kind, found.reason) == (Kind.LISTED, "its ranges stand in a case that is not here: somebody-else-*")


def test_no_adapter_names_a_case() -> None:
    """Nothing is judged by an id: no id of the files stands in the code of the adapters."""
    ids = {str(case["id"]) for kind in (RATING, BILLING) for case in read_raw(OWN_FOLDER, kind)}
    code = {path: path.read_text() for path in OWN_FOLDER.rglob("*.py") if not path.name.startswith("test_")}
    named = [
        (path.name, each) for path, text in code.items() for each in ids if f'"{each}"' in text or f"'{each}'" in text or f" {each}" in text
    ]
    assert named == []


def _with_one_more(value: Any, place: int = 0) -> Iterator[Any]:  # noqa: ANN401 -- any JSON
    """The value with a further key in one of its objects, for each of them."""
    if isinstance(value, dict):
        yield {**value, "surcharge": "0.10"}
        for key, inner in value.items():
            for each in _with_one_more(inner, place + 1):
                yield {**value, key: each}
    elif isinstance(value, list):
        for at, inner in enumerate(value):
            for each in _with_one_more(inner, place + 1):
                yield [*value[:at], each, *value[at + 1 :]]
