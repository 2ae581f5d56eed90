"""What became of billing cases: each is recognised by its keys, worked out by the product, and compared exactly.

*passed*: every expected figure comes out. *failed*: one does not, or the case cannot be read. *of unknown shape*: no adapter knows these
keys. *listed*: it follows another convention, or is about what the product does not have; always with the reason. A case that could be
either is listed only where it asserts exactly what the other convention says, so that a wrong figure is a failure there, too.
"""

from __future__ import annotations

import enum
import fnmatch
from collections.abc import Mapping
from fractions import Fraction
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import msgspec

from tests.vectors.billing import desk
from tests.vectors.billing.form import Case, Exactly, ListedError, Otherwise, Shape, same, without_notes
from tests.vectors.billing.topics import TOPICS

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

QUOTES: Final = "as "  # "as om-grad-22": what the case of that id has under the same key


class Kind(enum.Enum):
    """What became of a case."""

    PASSED = "passed"
    FAILED = "failed"
    UNKNOWN = "of unknown shape"
    LISTED = "listed"


class Verdict(NamedTuple):
    """What became of one case, and why."""

    case_id: str
    kind: Kind
    reason: str = ""


def judge(raw_cases: Iterable[Mapping[str, Any]]) -> list[Verdict]:
    """A verdict for each case, in order."""
    raw = list(raw_cases)
    by_id = {str(each.get("id")): each for each in raw}
    with desk.at_hand():
        return [_verdict(each, by_id) for each in raw]


def summary(verdicts: Sequence[Verdict]) -> str:
    """The one line that a run ends with."""
    counts = {kind: sum(verdict.kind is kind for verdict in verdicts) for kind in Kind}
    return "billing vectors: " + ", ".join(f"{counts[kind]} {kind.value}" for kind in Kind)


def shape_of(case: Case) -> Shape | None:
    """The first shape that fits: of the case's topic, else one of any that has an answer."""
    own = TOPICS.get(case.topic, ())
    others = (shape for topic, shapes in TOPICS.items() if topic != case.topic for shape in shapes if shape.answer is not None)
    return next((shape for shape in (*own, *others) if shape.fits(case)), None)


def _verdict(raw: Mapping[str, Any], by_id: Mapping[str, Mapping[str, Any]]) -> Verdict:
    case_id = str(raw.get("id"))
    try:
        case = msgspec.convert({**without_notes(raw), "given": _given(raw, by_id)}, Case)
    except (msgspec.ValidationError, AttributeError, TypeError) as error:
        return Verdict(case_id, Kind.FAILED, f"not of the form of a case: {error}")
    shape = shape_of(case)
    if shape is None:
        return Verdict(case_id, Kind.UNKNOWN, f"{case.topic}: given {' '.join(case.given)}; expected {' '.join(case.expected)}")
    if shape.answer is None:
        return Verdict(case_id, Kind.LISTED, shape.reason)
    try:
        return _compared(case, shape.answer(case))
    except ListedError as reason:
        return Verdict(case_id, Kind.LISTED, str(reason))
    except Exception as error:  # noqa: BLE001 -- a case that cannot be worked out has failed, and must not stop the others
        return Verdict(case_id, Kind.FAILED, f"cannot be worked out: {type(error).__name__}: {error}")


def _given(raw: Mapping[str, Any], by_id: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """What is given, with what it quotes from other cases."""
    return {key: _quoted(key, value, by_id) for key, value in without_notes(raw.get("given", {})).items()}


def _quoted(key: str, value: Any, by_id: Mapping[str, Mapping[str, Any]]) -> Any:  # noqa: ANN401 -- any JSON
    if not isinstance(value, str) or not value.startswith(QUOTES):
        return value
    names = fnmatch.filter(by_id, value.removeprefix(QUOTES))
    found = (by_id[name].get("given", {}).get(key) for name in names)
    return next((without_notes(each) for each in found if isinstance(each, list | Mapping)), value)


def _compared(case: Case, answer: dict[str, Any] | Otherwise) -> Verdict:
    ours = _asked(case, answer.ours if isinstance(answer, Otherwise) else answer)
    if same(case.expected, ours):
        return Verdict(case.id, Kind.PASSED)
    told = f"expected {_plain(case.expected)}, ours {_plain(ours)}"
    if isinstance(answer, Otherwise) and same(case.expected, _asked(case, answer.theirs)):
        return Verdict(case.id, Kind.LISTED, f"{answer.reason}; {told}")
    return Verdict(case.id, Kind.FAILED, told)


def _asked(case: Case, answer: Mapping[str, Any]) -> dict[str, Any]:
    """What of an answer the case asks for."""
    return {key: answer[key] for key in case.expected if key in answer}


def _plain(value: Any) -> Any:  # noqa: ANN401 -- any JSON
    """Numbers as they are read."""
    if isinstance(value, Mapping):
        return {key: _plain(each) for key, each in value.items()}
    if isinstance(value, Exactly):
        return _plain(value.value)
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    if isinstance(value, Fraction):
        return f"{float(value):.9f}".rstrip("0").rstrip(".")
    return value if value is None or isinstance(value, bool) else str(value)
