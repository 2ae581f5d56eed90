"""What became of billing cases: each is recognised by its keys, worked out by the product, and compared exactly.

*passed*: every expected figure comes out, and every key of the case was read. *failed*: a figure differs. *listed*: the case follows
another convention, is about what the product does not have, or has a key or a word that nobody reads; always with the reason. A case that
could be either is listed only where it asserts exactly what the other convention says, so that a wrong figure is a failure there, too.
*of unknown shape*: neither its topic nor its keys are known.
"""

from __future__ import annotations

import enum
import fnmatch
from collections.abc import Mapping
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import msgspec

from tests.vectors.billing import desk
from tests.vectors.billing.form import Case, Exactly, ListedError, Otherwise, Shape, same, without_notes
from tests.vectors.billing.topics import TOPICS
from tests.vectors.billing.watched import unread, watched

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

QUOTES: Final = "as "  # "as another-case": what the case of that id has under the same key
QUOTED_FILE: Final = Path(__file__).parents[1] / "quoted.json"
NOT_OF_THE_FORM: Final = "not of the form of a case"
CANNOT_BE_READ: Final = "cannot be read"
STOPS: Final = "the product stops or refuses"
NOBODY_READS: Final = "keys that nobody reads"
NO_ADAPTER: Final = "no adapter of its topic knows these keys"
NOT_WORKED_OUT: Final = "the rest comes out, and nobody works out"
SAYS_NOTHING: Final = ("verified", "source_file", "note", "notes")  # who wrote a case down, and where


class Kind(enum.Enum):
    """What became of a case."""

    PASSED = "passed"
    FAILED = "failed"
    UNKNOWN = "of unknown shape"
    LISTED = "listed"


class Verdict(NamedTuple):
    """The verdict on one case, and its reason. `form`: its topic, and which adapter knows its keys."""

    case_id: str
    kind: Kind
    reason: str = ""
    form: str = ""


def judge(raw_cases: Iterable[Any]) -> list[Verdict]:
    """A verdict for each case, in order."""
    raw = list(raw_cases)
    by_id = {**elsewhere(), **{str(each.get("id")): each for each in raw if isinstance(each, Mapping)}}
    with desk.at_hand():
        return [_verdict(each, by_id) for each in raw]


def elsewhere() -> dict[str, Any]:
    """Values that cases quote from cases that their own file does not hold."""
    found: dict[str, Any] = msgspec.json.decode(QUOTED_FILE.read_bytes())
    return found


def summary(verdicts: Sequence[Verdict]) -> str:
    """The one line that a run ends with."""
    counts = {kind: sum(verdict.kind is kind for verdict in verdicts) for kind in Kind}
    return "billing vectors: " + ", ".join(f"{counts[kind]} {kind.value}" for kind in Kind)


def shape_of(case: Case) -> Shape | None:
    """The first shape that fits: of the case's topic, else one of any that has an answer; at last one that the case only adds keys to."""
    own = TOPICS.get(case.topic, ())
    others = [shape for topic, shapes in TOPICS.items() if topic != case.topic for shape in shapes if shape.answer is not None]
    fitting = (shape for shape in (*own, *others) if shape.fits(case))
    return next(fitting, None) or next((shape for shape in own if shape.fits_with_more(case)), None)


def form_of(case: Case, shape: Shape | None) -> str:
    """The key that cases are counted by: the topic, and the adapter's name or the keys that a listed shape has."""
    if shape is None:
        return f"{case.topic}: {' '.join(case.given)}"
    return f"{case.topic}: {shape.given if shape.answer is None else shape.answer.__name__.replace('_', ' ')}"


def _verdict(raw: Any, by_id: Mapping[str, Mapping[str, Any]]) -> Verdict:  # noqa: ANN401 -- any JSON
    if not isinstance(raw, Mapping):
        return Verdict("?", Kind.LISTED, f"{NOT_OF_THE_FORM}: no object")
    case_id = str(raw.get("id"))
    try:
        case = _read(raw, case_id, by_id)
    except ListedError as reason:
        return Verdict(case_id, Kind.LISTED, str(reason), str(raw.get("topic")))
    except (msgspec.ValidationError, AttributeError, TypeError) as error:
        return Verdict(case_id, Kind.LISTED, f"{NOT_OF_THE_FORM}: {error}")
    shape = shape_of(case)
    return _judged(case, shape)._replace(form=form_of(case, shape))


def _read(raw: Mapping[str, Any], case_id: str, by_id: Mapping[str, Mapping[str, Any]]) -> Case:
    told = {key: without_notes(value) for key, value in raw.items() if key in Case.__struct_fields__ and value is not None}
    case = msgspec.convert({"topic": "", **told, "id": case_id, "given": _given(raw, by_id)}, Case)
    unknown = [key for key, value in raw.items() if key not in {*Case.__struct_fields__, *SAYS_NOTHING} and value is not None]
    if unknown:
        raise ListedError(f"{NOBODY_READS}: {', '.join(unknown)}")
    return msgspec.structs.replace(case, given=watched(case.given))


def _judged(case: Case, shape: Shape | None) -> Verdict:
    if shape is None:
        known = case.topic in TOPICS
        told = f"given {' '.join(case.given)}; expected {' '.join(case.expected)}"
        return Verdict(case.id, Kind.LISTED, f"{NO_ADAPTER}: {told}") if known else Verdict(case.id, Kind.UNKNOWN, f"{case.topic}: {told}")
    if shape.answer is None:
        return Verdict(case.id, Kind.LISTED, shape.reason)
    try:
        answer = shape.answer(case)
    except Exception as error:  # noqa: BLE001 -- whatever it is: the others must be judged
        return _stopped(case, error)
    left = dict.fromkeys(unread(case.given, "given"))
    if left:
        return Verdict(case.id, Kind.LISTED, f"{NOBODY_READS}: {', '.join(left)}")
    return _compared(case, answer)


def _stopped(case: Case, error: Exception) -> Verdict:
    """A case that was not worked out: listed with the reason, or for its words and values; failed where the product stops or refuses."""
    if isinstance(error, ListedError):
        return Verdict(case.id, Kind.LISTED, str(error))
    told = f"{type(error).__name__}: {error}"
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    here = trace is not None and Path(trace.tb_frame.f_code.co_filename).is_relative_to(Path(__file__).parent)
    of_the_case = isinstance(error, ValueError | LookupError | ArithmeticError) or (here and isinstance(error, TypeError | AttributeError))
    return Verdict(case.id, Kind.LISTED if of_the_case else Kind.FAILED, f"{CANNOT_BE_READ if of_the_case else STOPS}: {told}")


def _given(raw: Mapping[str, Any], by_id: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """What is given, with what it quotes from other cases."""
    return {key: _quoted(key, value, by_id) for key, value in without_notes({} if raw.get("given") is None else raw["given"]).items()}


def _quoted(key: str, value: Any, by_id: Mapping[str, Mapping[str, Any]]) -> Any:  # noqa: ANN401 -- any JSON
    if not isinstance(value, str) or not value.startswith(QUOTES):
        return value
    names = fnmatch.filter(by_id, value.removeprefix(QUOTES))
    found = (by_id[name].get("given", {}).get(key) for name in names)
    quoted = next((without_notes(each) for each in found if isinstance(each, list | Mapping)), None)
    if quoted is None:
        raise ListedError(f"its {key} stand in a case that is not here: {value.removeprefix(QUOTES)}")
    return quoted


def _compared(case: Case, answer: dict[str, Any] | Otherwise) -> Verdict:
    ours = _asked(case, answer.ours if isinstance(answer, Otherwise) else answer)
    wanted = {key: value for key, value in case.expected.items() if key in ours}
    told = f"expected {_plain(wanted)}, ours {_plain(ours)}"
    if same(wanted, ours):
        missing = [key for key in case.expected if key not in ours]
        return Verdict(case.id, Kind.LISTED, f"{NOT_WORKED_OUT}: {', '.join(missing)}") if missing else Verdict(case.id, Kind.PASSED)
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
