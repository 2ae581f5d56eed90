"""What twin and kernel make of cases, and how that compares with what the cases assert.

A case passes when both give the exact cost and every other figure, or both refuse what must be refused. Usage of prepaid balances is not
applicable. A case that our model cannot say, or answers differently on purpose, that has a key which nobody reads, or that is not of the
form, is listed with the reason. Nothing is judged by an id.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping
from decimal import Decimal
from fractions import Fraction
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import msgspec
import numpy as np

from rating.engine import Buckets, RatingInput, rate
from rating.money import round_exact
from rating.outcome import Outcome
from rating.reference import Reference
from rating.status import REFUSALS_FROM, Status
from tariffs.compiling.compiler import compile_catalogues
from tests.vectors.amounts import NotExpressedError, maximum_of
from tests.vectors.cases import Case, decode, unread
from tests.vectors.figures import ERRORS, differing
from tests.vectors.pieces import as_whole
from tests.vectors.together import batches, join
from tests.vectors.translation import Translation, translate

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from rating.model import Catalogue
    from rating.outcome import Event

RATED_OPERATION: Final = "cost"
NOT_OF_THE_FORM: Final = "not of the form of a case"
BY_DESIGN: Final = {
    Status.QUANTITY_TOO_LARGE: "more than one event may have (31 days, 2^40 units): we refuse it",
    Status.TIME_OUT_OF_RANGE: "before 2000 or after 2069: we refuse it",
}
OVERRUN: Final = "a profile begins within the event: ours is priced whole by the plan at its start"
REFUSED_UNUSED: Final = "no usage of what is not sold: we refuse it, without a charge"


class Kind(enum.Enum):
    """What became of a case."""

    PASSED = "passed"
    FAILED = "failed"
    NOT_APPLICABLE = "not applicable"
    LISTED = "listed"


class Verdict(NamedTuple):
    """The verdict on one case, and its reason. `form`: what cases are counted by."""

    case_id: str
    kind: Kind
    reason: str = ""
    form: str = ""


class Answer(NamedTuple):
    """What one engine says."""

    status: int
    charge_micros: int


class Rated(NamedTuple):
    """A translated case with both engines' answers."""

    case: Case
    said: Translation
    twin: Outcome
    kernel: Answer


def judge(raw_cases: Iterable[Any]) -> list[Verdict]:
    """A verdict for each case, in order."""
    verdicts: dict[int, Verdict] = {}
    cases: dict[int, Case] = {}
    told = list(raw_cases)
    for place, raw in enumerate(told):
        found = _read(raw)
        if isinstance(found, Verdict):
            verdicts[place] = found
        else:
            cases[place] = found
    for place, one in zip(cases, rate_cases(list(cases.values())), strict=True):
        verdicts[place] = one if isinstance(one, Verdict) else _compare(one)
    return [verdicts[place]._replace(form=form_of(raw)) for place, raw in enumerate(told)]


def form_of(raw: Any) -> str:  # noqa: ANN401 -- any JSON
    """The operation, what is used, and what of the form the case has beside a rate."""
    usage = raw.get("usage") if isinstance(raw, Mapping) else None
    if not isinstance(usage, Mapping):
        return "no usage"
    words = str(raw.get("tariff"))
    parts = {
        "later piece": usage.get("loop_index"),
        "steps": any(f"'from_s': {digit}" in words or f"'from_s': '{digit}" in words for digit in "123456789"),
        "maximum": "'max_cost_strategy': 'free'" in words or "'*free'" in words,
        "fallbacks": "'fallback_subjects': ['" in words,
        "refused": str((raw.get("expected") or {}).get("cost")).startswith("-") if isinstance(raw.get("expected"), Mapping) else False,
    }
    return ", ".join(
        [f"{raw.get('operation') or RATED_OPERATION} of {str(usage.get('type')).removeprefix('*')}", *filter(parts.get, parts)]
    )


def rate_cases(cases: Sequence[Case]) -> list[Rated | Verdict]:
    """Each case rated by both engines, or the verdict that it cannot be."""
    said = [_translated(case) for case in cases]
    kept = [(case, each) for case, each in zip(cases, said, strict=True) if isinstance(each, Translation)]
    rated = iter([one for batch in batches(kept) for one in _rated(batch)])
    return [each if isinstance(each, Verdict) else next(rated) for each in said]


def summary(verdicts: Sequence[Verdict]) -> str:
    """The one line that a run ends with."""
    counts = {kind: sum(verdict.kind is kind for verdict in verdicts) for kind in Kind}
    return "rating vectors: " + ", ".join(f"{counts[kind]} {kind.value}" for kind in Kind)


def by_twin(catalogues: Sequence[Catalogue], events: Sequence[Event]) -> list[Outcome]:
    """Rated by interpreting the model."""
    reference = Reference(catalogues)
    return [reference.rate(event) for event in events]


def by_kernel(catalogues: Sequence[Catalogue], events: Sequence[Event]) -> list[Answer]:
    """Rated in one batch with the compiled tables."""
    if not events:
        return []
    tables = compile_catalogues(catalogues)
    rows = len(events)
    batch = RatingInput(
        start_us=np.array([event.start_us for event in events], np.int64),
        quantity=np.array([event.quantity for event in events], np.int64),
        service=np.array([event.service for event in events], np.int8),
        plan=np.array([-1 if event.plan is None else tables.plan_index.get(event.plan, -2) for event in events], np.int32),
        number=np.array([int(event.destination or 0) for event in events], np.uint64),
        number_digits=np.array([len(event.destination or "") for event in events], np.int8),
        holder=np.full(rows, -1, np.int32),
        rating_unit=np.arange(rows, dtype=np.int64),
        event_key=np.column_stack([np.zeros(rows, np.uint64), np.arange(rows, dtype=np.uint64)]),
    )
    rated = rate(tables, batch, Buckets.none())
    return [Answer(*each) for each in zip(rated.status.tolist(), rated.charge_micros.tolist(), strict=True)]


def _rated(batch: Sequence[tuple[Case, Translation]]) -> list[Rated | Verdict]:
    """A batch by both engines. Where one of them stops, each case alone, so that the others are judged."""
    try:
        catalogues, events = join([said for _, said in batch])
        answers = zip(batch, by_twin(catalogues, events), by_kernel(catalogues, events), strict=True)
        return [Rated(case, said, twin, kernel) for (case, said), twin, kernel in answers]
    except Exception as error:  # noqa: BLE001 -- an engine that stops has failed, and must not stop the other cases
        if len(batch) > 1:
            return [one for each in batch for one in _rated([each])]
        return [Verdict(batch[0][0].id, Kind.FAILED, f"an engine stops: {type(error).__name__}: {error}")]


def _read(raw: Any) -> Case | Verdict:  # noqa: ANN401 -- any JSON
    if not isinstance(raw, Mapping):
        return Verdict("?", Kind.LISTED, f"{NOT_OF_THE_FORM}: no object")
    case_id, operation = str(raw.get("id")), raw.get("operation") or RATED_OPERATION
    if operation != RATED_OPERATION:
        return Verdict(case_id, Kind.NOT_APPLICABLE, f"{operation} concerns a prepaid balance")
    try:
        case = decode({**raw, "id": case_id})
    except msgspec.ValidationError as error:
        return Verdict(case_id, Kind.LISTED, f"{NOT_OF_THE_FORM}: {error}")
    reason = _not_judged(case, unread(raw))
    return Verdict(case_id, Kind.LISTED, reason) if reason else as_whole(case)


def _not_judged(case: Case, unknown: Sequence[str]) -> str:
    """Why a case that can be read is not judged; empty where it is."""
    if unknown:
        return f"keys that nobody reads: {', '.join(unknown)}"
    if case.expected.error not in ERRORS:
        return f"an error called {case.expected.error}: ours refuse usage, and know two reasons"
    rules = [rule for rules in case.tariff.plans.values() for rule in rules]
    if case.usage.loop_index > 0 and any(maximum_of(rule) is not None for rule in rules):
        return "the most of a call, of which it is not told what earlier pieces cost"
    if not case.expected.refused and case.expected.cost is None and case.expected.exact_cost is None:
        return "no cost is asserted"
    return ""


def _translated(case: Case) -> Translation | Verdict:
    try:
        return _as_touched(case, translate(case))
    except NotExpressedError as error:
        return Verdict(case.id, Kind.LISTED, str(error))
    except (ValueError, LookupError, ArithmeticError) as error:  # a time or number that is none, a rule without slots
        return Verdict(case.id, Kind.LISTED, f"{NOT_OF_THE_FORM}: {error}")


def _as_touched(case: Case, first: Translation) -> Translation:
    """A price whose rules differ in rounding or maximum once more, now with those of the rules that the call touches."""
    if not any(words.mixed for words in first.prices):
        return first
    (outcome,) = by_twin(*join([first]))
    touched = tuple(dict.fromkeys(int(piece.band) for piece in outcome.pieces if piece.band.isdigit()))
    name = outcome.price.partition(" ")[2]
    mixed = any(words.mixed for words in first.prices if words.price.name == name)
    return translate(case, {name: touched}) if mixed and touched else first


def _compare(rated: Rated) -> Verdict:
    case, expected = rated.case, rated.case.expected
    answers = (Answer(rated.twin.status, rated.twin.charge_micros), rated.kernel)
    refused = [answer.status >= REFUSALS_FROM for answer in answers]
    if expected.refused and all(refused):
        return Verdict(case.id, Kind.PASSED)
    if not expected.refused and not any(refused) and all(_is_cost(rated, answer.charge_micros) for answer in answers):
        others = differing(case, rated.said, rated.twin)
        return Verdict(case.id, Kind.FAILED if others else Kind.PASSED, "; ".join(others))
    told = _told(rated, answers)
    reason = _by_design(rated) if answers[0] == answers[1] else None
    return Verdict(case.id, Kind.FAILED, told) if reason is None else Verdict(case.id, Kind.LISTED, f"{reason}; {told}")


def _is_cost(rated: Rated, charge_micros: int) -> bool:
    """Whether a charge is the cost that is asserted. What is told to more decimals than our amounts have is compared at their last one."""
    unit_micros: int = 10**rated.said.fineness
    expected = Fraction(_asserted(rated.case)) * unit_micros
    if rated.twin.rounding_step_micros == 1:
        expected = Fraction(round_exact(expected, 1, rated.twin.rounding_mode))
    return expected == charge_micros


def _asserted(case: Case) -> Decimal:
    exact = case.expected.exact_cost
    found = case.expected.cost if exact is None else exact
    assert found is not None, "a case that is not refused has a cost"
    return found


def _by_design(rated: Rated) -> str | None:
    """Why this difference is one of our model's own, if it is."""
    if rated.twin.status in BY_DESIGN:
        return BY_DESIGN[rated.twin.status]
    if rated.said.overrun:
        return OVERRUN
    unused = rated.twin.event.quantity == 0 and rated.twin.status >= REFUSALS_FROM
    return REFUSED_UNUSED if unused and rated.case.expected.cost == 0 else None


def _told(rated: Rated, answers: Sequence[Answer]) -> str:
    expected = rated.case.expected
    wanted = f"refused ({expected.error})" if expected.refused else f"{_asserted(rated.case)}"
    given = [
        Status(answer.status).name if answer.status >= REFUSALS_FROM else f"{Decimal(answer.charge_micros).scaleb(-rated.said.fineness)}"
        for answer in answers
    ]
    return f"asserted {wanted}, twin {given[0]}, kernel {given[1]}"
