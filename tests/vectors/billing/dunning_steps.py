"""Conditions, ladders of states and campaigns of dunning as policies of ours: days past due, an amount, and days after an earlier step.

What a policy cannot say is listed by what it lacks: a number of invoices, the cause of a failed payment, a channel, a top of a range.
Invoices of a case are due on the day that its ages count from, unless it says how long one may take to pay.
"""

from __future__ import annotations

import datetime as dt
import itertools
import re
from fractions import Fraction
from typing import TYPE_CHECKING, Any, Final

from billing import dunning
from billing.allocations import OpenItem
from billing.dunning import Taken
from billing.dunning_policy import Action, Policy, Step
from rating.money import format_micros
from tests.vectors.billing import listed
from tests.vectors.billing.form import Case, ListedError, Shape, day, exact, micros, units, whole

if TYPE_CHECKING:
    from collections.abc import Sequence

CLEAR: Final = "CLEAR"
TODAY: Final = dt.date(2026, 3, 31)
CENT: Final = Fraction(1, 100)  # nothing that is owed is finer
FAR_BACK: Final = 60  # days: past due longer than any age of one
DAYS, AMOUNT, COUNT = "days", "amount", "count"  # what a condition may be about
_CONDITION: Final = re.compile(r"([A-Za-z_ ]+?) *(>=|>|=>) *(\d+(?:\.\d+)?)(?: *(?:days?|[A-Z]{3}))?")
_WORDS: Final = {COUNT: {"count", "number"}, DAYS: {"days", "age"}, AMOUNT: {"balance", "amount", "owed", "debt"}}
_NEUTRAL: Final = frozenset(
    {
        "unpaid",
        "open",
        "overdue",
        "invoice",
        "invoices",
        "due",
        "past",
        "since",
        "earliest",
        "oldest",
        "date",
        "of",
        "the",
        "an",
        "account",
        "is",
        "all",
        "any",
        "total",
        "sum",
        "first",
        "in",
    }
)
_KEYS: Final = {
    **dict.fromkeys(("days", "days_past_due", "age", "age_days", "invoice_age_days", "days_since_earliest_unpaid_invoice"), DAYS),
    **dict.fromkeys(("amount", "amount_min", "balance", "unpaid_balance", "total_unpaid_balance", "unpaid_amount"), AMOUNT),
    **dict.fromkeys(("unpaid_invoices", "invoices", "count"), COUNT),
}


def by_condition(case: Case) -> dict[str, Any]:
    """Conditions on the age of the oldest invoice and on what is unpaid; where a case has none, nothing is unpaid."""
    parts = [_condition(text) for text in re.split(r" and | AND |&&", str(case.given["condition"]))]
    step = _step(1, dict(parts))
    cases = case.given["cases"]
    if len(parts) == 1:
        found = [_level(Policy("one", (step,)), {parts[0][0]: each}) > 0 for each in cases]
    else:
        measures = [measure for measure, _ in parts]
        found = [_level(Policy("one", (step,)), dict(zip(measures, each, strict=True))) > 0 for each in cases]
    return {"matches": found}


def ladder(case: Case) -> dict[str, Any]:
    """States with days or amounts, and what follows from a series of ages or balances."""
    told = [_state(each) for each in case.given["states"]]
    (series,) = [name for name in case.given if name != "states"]
    measure = _measure_of(series)
    names, policy = _policy(told)
    return {"states": [names[_level(policy, {measure: each})] for each in case.given[series]]}


def by_date(case: Case) -> dict[str, Any]:
    """States with days, and one unpaid invoice of a date: the state on some dates."""
    names, policy = _policy([_state(each) for each in case.given["states"]])
    (key,) = [name for name in case.given if name != "states"]
    items = [OpenItem(1, 1, "R-1", day(case.given[key]), micros(Fraction(1)))]
    wanted = case.expected["state_by_date"]
    return {"state_by_date": {on: names[dunning.state(items, 0, policy, day(on)).level] for on in wanted}}


def campaign(case: Case) -> dict[str, Any]:
    """Reminders from an amount on, so many, with more than so many days between: one step each, that waits for the one before."""
    given, told = case.given, case.given["campaign"]
    amount = format_micros(micros(CENT * whole(told["threshold_cents"])))
    between, term = whole(told["days_between"]) + 1, dt.timedelta(whole(given["net_payment_term_days"]))
    first = Step(1, Action.REMIND, 1, amount)
    more = (
        Step(place, Action.REMIND, 1, amount, after=place - 1, days_after=between) for place in range(2, whole(told["max_attempts"]) + 1)
    )
    policy = Policy("campaign", (first, *more))
    if str(told.get("currency") or "EUR") not in {"EUR", "USD", "GBP"}:
        raise ListedError(listed.HUNDREDTHS)
    items = [
        (day(on[:10]), OpenItem(1, place, f"R-{place}", day(on[:10]) + term, micros(CENT * whole(cents))))
        for place, (on, cents) in enumerate(given["invoices"], 1)
    ]
    asked = case.expected.get("attempt_by_date", {})
    taken, requests = _run_daily(policy, items, max([*map(day, asked), *(item.due_on + dt.timedelta(1) for _, item in items)]))
    answer = {
        "due": [f"{item.due_on}" for _, item in items],
        "overdue_on": [f"{_overdue_on(item)}" for _, item in items],
        "attempt_by_date": {on: sum(each.on <= day(on) for each in taken) for on in asked},
    }
    return answer | ({"request_amount_cents": requests[0] / CENT} if len(set(requests)) == 1 else {})


def _run_daily(policy: Policy, items: Sequence[tuple[dt.date, OpenItem]], last: dt.date) -> tuple[list[Taken], list[Fraction]]:
    """The steps that daily runs take, and what is past due at each."""
    taken: list[Taken] = []
    requests = []
    begun = min(on for on, _ in items)
    for on in (begun + dt.timedelta(days) for days in range((last - begun).days + 1)):
        state = dunning.state([item for issued, item in items if issued <= on], 0, policy, on, taken=taken)
        if state.level > (taken[-1].level if taken else 0):
            taken.append(Taken(state.level, state.action, on))
            requests.append(units(state.overdue_micros))
    return taken, requests


def _overdue_on(item: OpenItem) -> dt.date:
    """The first day on which an item is past due."""
    days = (item.due_on + dt.timedelta(each) for each in itertools.count())
    return next(on for on in days if dunning.state([item], 0, Policy("any", (Step(1, Action.REMIND, 1),)), on).level)


def _condition(text: str) -> tuple[str, Fraction]:
    """The subject of a condition, and its least value. Raises ListedError with what our policies lack."""
    words = set(re.findall(r"[a-z]+", text.lower()))
    if words & {"failure", "failed", "decline", "reason", "cause"}:
        raise ListedError(listed.CAUSES)
    found = _CONDITION.fullmatch(text.strip())
    if found is None:
        raise ListedError(f"{listed.CONDITION}: {text.strip()}")
    words = set(re.findall(r"[a-z]+", found[1].lower().replace("_", " ")))
    about = next((measure for measure in (COUNT, DAYS, AMOUNT) if words & _WORDS[measure]), None)
    about = COUNT if about is None and "invoices" in words else about
    unknown = words - _NEUTRAL - set().union(*_WORDS.values())
    if about is None or unknown:
        raise ListedError(f"{listed.CONDITION}: {text.strip()}")
    finest = CENT if about == AMOUNT else 1
    return about, exact(found[3]) + (finest if found[2] == ">" else 0)


def _state(told: Any) -> tuple[str, dict[str, Fraction]]:  # noqa: ANN401 -- any JSON
    """The name of a state, and the least values of its conditions."""
    if isinstance(told, list):
        name, days = told
        return str(name), {DAYS: exact(days)}
    conditions = {key: value for key, value in dict.items(told) if key not in {"name", "state"} and value is not None}
    unknown = [key for key in conditions if key not in _KEYS]
    if unknown or not conditions:
        raise ListedError(f"{listed.CONDITION}: {', '.join(unknown) or 'none'}")
    return str(told.get("name") or told.get("state")), {_KEYS[key]: exact(told[key]) for key in conditions}


def _measure_of(series: str) -> str:
    words = set(series.lower().split("_"))
    if "invoices" in words or words <= {"unpaid", "by", "month"}:
        return COUNT
    found = [measure for measure in (DAYS, AMOUNT) if words & (_WORDS[measure] | {f"{each}s" for each in _WORDS[measure]})]
    if len(found) != 1:
        raise ListedError(f"{listed.CONDITION}: {series}")
    return found[0]


def _policy(told: Sequence[tuple[str, dict[str, Fraction]]]) -> tuple[dict[int, str], Policy]:
    """States in the order of their conditions, each a level; the names of levels."""
    ordered = sorted(told, key=lambda each: tuple(each[1].get(measure, Fraction(0)) for measure in (DAYS, AMOUNT, COUNT)))
    steps = tuple(_step(level, conditions) for level, (_, conditions) in enumerate(ordered, 1))
    return {0: CLEAR, **{level: name for level, (name, _) in enumerate(ordered, 1)}}, Policy("ladder", steps)


def _step(level: int, least: dict[str, Fraction]) -> Step:
    """A step with these conditions. One unpaid invoice is anything unpaid; more of them no policy counts."""
    if least.get(COUNT, 1) != 1:
        raise ListedError(listed.COUNTS)
    days = whole(least.get(DAYS, Fraction(1)))
    if days < 1:
        raise ListedError(listed.AT_ONCE)
    return Step(level, Action.REMIND, days, format_micros(micros(max(least.get(AMOUNT, CENT), CENT))))


def _level(policy: Policy, values: dict[str, Any]) -> int:
    """The level of an account whose oldest unpaid item has an age, or that owes an amount or has a number of invoices."""
    told = {measure: None if value is None else exact(value) for measure, value in values.items()}
    age = told.get(DAYS, Fraction(FAR_BACK))
    amount, count = told.get(AMOUNT, Fraction(1000)), whole(told.get(COUNT, 1) or 0)
    if age is None or not amount:
        return dunning.state([], 0, policy, TODAY).level
    items = [OpenItem(1, place, f"R-{place}", TODAY - dt.timedelta(whole(age)), micros(amount)) for place in range(1, count + 1)]
    return dunning.state(items, 0, policy, TODAY).level


SHAPES: Final = (
    Shape("condition cases", "matches", by_condition),
    Shape("states *by_month", "states", ladder),
    Shape("states *days", "states", ladder),
    Shape("states *ages", "states", ladder),
    Shape("states *balance*", "states", ladder),
    Shape("states *amount*", "states", ladder),
    Shape("states *_date", "state_by_date", by_date),
    Shape("states *invoice*", "state_by_date", by_date),
    Shape("net_payment_term_days campaign invoices", "?due ?overdue_on ?attempt_by_date ?request_amount_cents", campaign),
    Shape("retry_days states", "retry_on_day", reason=listed.RETRIES),
)
