"""Conditions for publishing a draft: another person's review, the notice that customers are promised, and a what-if.

Each can be waived by name, with a reason that is kept; the review only while no subscription is on a plan of the catalogue, for then
no customer's money can move. Where no usage is stored, there is no month that a what-if could run over, and the gate is void.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import sqlalchemy as sa

from billing.catalogue.decisions import Decision, Kind, decisions_of
from billing.catalogue.in_force import live_of
from billing.catalogue.states import is_reviewed
from billing.catalogue.stored import publications_of, repeals_of
from billing.store.tables import plan_facts
from rating.dates import DAY_US
from rating.errors import Problem, ProblemsError
from rating.identifiers import one_line
from rating.model import Catalogue

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    NewestMonth = Callable[[str, int], str | None]  # clock (time zone) and now to the newest month with usage; None where there is none


class Waivers(NamedTuple):
    """Reason why each gate is waived; None where it is not."""

    review: str | None = None
    notice: str | None = None
    what_if: str | None = None


class Passed(NamedTuple):
    """Result of the gates for a draft: the waivers to be kept, and sentences for the person who publishes."""

    waived: list[tuple[Kind, dict[str, Any]]]
    notes: list[str]


class GateError(ProblemsError):
    """Conditions of publication that are not met, all of them."""

    def __init__(self, name: str, problems: Sequence[Problem]) -> None:
        super().__init__(problems)
        count = len(problems)
        self.message = f"{name} cannot be published yet: {count} condition{'s are' if count != 1 else ' is'} not met"
        self.remedy = "do what each one says; nothing was stored"
        self.args = (self.message,)


class _Look(NamedTuple):
    """Data that the gates look at. `known`: decisions about exactly this content. `notes` grow as they look."""

    connection: sa.Connection
    draft: Catalogue
    known: list[Decision]
    now_us: int
    notes: list[str]
    newest: NewestMonth

    @property
    def name(self) -> str:
        """Such as mobile@2."""
        return f"{self.draft.identity}@{self.draft.version}"


class _Shut(NamedTuple):
    """A gate that is shut: the condition, its remedy, and the reason why it cannot be waived; empty where it can."""

    message: str
    remedy: str
    never: str = ""


def pass_gates(connection: sa.Connection, draft: Catalogue, now_us: int, waive: Waivers, newest: NewestMonth) -> Passed:
    """Raise GateError with every gate that is shut, or return how the draft came through."""
    known = [each for each in decisions_of(connection, draft.identity) if each.content_hash == draft.content_hash]
    look = _Look(connection, draft, known, now_us, [], newest)
    gates = (
        ("review", Kind.REVIEW_WAIVED, waive.review, _review),
        ("notice", Kind.NOTICE_WAIVED, waive.notice, _notice),
        ("what-if", Kind.WHAT_IF_WAIVED, waive.what_if, _what_if),
    )
    waived: list[tuple[Kind, dict[str, Any]]] = []
    problems: list[Problem] = []
    for option, kind, given, gate in gates:
        shut = gate(look)
        if shut is None:
            continue
        reason = None if given is None else one_line(given, f"the reason of --waive-{option}")
        if not reason or shut.never:
            problems.append(Problem(look.name, option, shut.message, f"{shut.remedy}; {_about_waiving(option, shut, reason)}"))
            continue
        waived.append((kind, {"reason": reason, "instead_of": shut.message}))
        look.notes.append(f"{option} waived: {reason}")
    if problems:
        raise GateError(look.name, problems)
    return Passed(waived, look.notes)


def has_subscriptions(connection: sa.Connection, identity: str) -> bool:
    """Return whether any subscription is or ever was on a plan of a catalogue."""
    query = sa.select(plan_facts.c.fact_id).where(plan_facts.c.plan.startswith(f"{identity}/", autoescape=True)).limit(1)
    return connection.execute(query).first() is not None


def version_before(connection: sa.Connection, draft: Catalogue) -> Catalogue | None:
    """The version that the draft takes over from: the one it corrects, or the one in force as it takes effect."""
    of_identity = [each.catalogue for each in publications_of(connection) if each.catalogue.identity == draft.identity]
    if draft.corrects is not None:
        return next((each for each in of_identity if each.version == draft.corrects), None)
    earlier = [each for each in live_of(of_identity, repeals_of(connection)) if each.effective_from_us < draft.effective_from_us]
    return max(earlier, key=lambda each: each.effective_from_us, default=None)


def _about_waiving(option: str, shut: _Shut, reason: str | None) -> str:
    if shut.never:
        return shut.never
    return f"or waive it: --waive-{option} REASON" if reason is None else "a waiver needs a reason"


def _review(look: _Look) -> _Shut | None:
    if is_reviewed(look.draft, look.known):
        return None
    rejected = next((each for each in reversed(look.known) if each.kind is Kind.REJECTED), None)
    if rejected is not None:
        said = f": {rejected.detail['note']}" if "note" in rejected.detail else ""
        message = f"{rejected.by.name} rejected this draft{said}"
        return _Shut(message, "correct it and draft it again", "a rejection cannot be waived")
    identity = look.draft.identity
    never = f"it cannot be waived, since subscriptions are on plans of {identity}" if has_subscriptions(look.connection, identity) else ""
    remedy = f"draft it (`ratewright tariffs draft PATH`) and let another person run `ratewright tariffs review {look.name}`"
    return _Shut("no person but its author has reviewed it", remedy, never)


def _notice(look: _Look) -> _Shut | None:
    from tariffs.changes import changes  # noqa: PLC0415 - works out prices; only where there is a version to compare with

    before = version_before(look.connection, look.draft)
    days = max(look.draft.notice_days, before.notice_days if before is not None else 0)
    given_us = look.draft.effective_from_us - look.now_us
    if before is None or given_us >= days * DAY_US or days == 0:
        return None
    given = f"{max(given_us, 0) // DAY_US} of {days} days of notice"
    raised = [each for each in changes(before, look.draft) if each.raises]
    if raised:
        count = f"{len(raised)} changes make" if len(raised) != 1 else "1 change makes"
        return _Shut(f"{count} it dearer with {given}; the first: {raised[0].text_en}", "let it take effect later")
    if look.draft.notice_days < before.notice_days:  # else a dearer version could follow this one at once
        promised = f"it promises {look.draft.notice_days} days of notice in place of {before.notice_days}"
        return _Shut(f"{promised}, with {given}", f"let it take effect later, or keep notice_days: {before.notice_days}")
    look.notes.append("nothing gets dearer, so no notice is needed")
    return None


def _what_if(look: _Look) -> _Shut | None:
    month = look.newest(look.draft.timezone, look.now_us)
    if month is None:
        look.notes.append("no usage is stored, so there is no month to try the draft on")
        return None
    ran = [str(each.detail["month"]) for each in look.known if each.kind is Kind.WHAT_IF and _had_usage(each)]
    if month in ran:
        return None
    message = f"this draft has not been tried on {month}, the newest month with usage" + (f", only on {ran[-1]}" if ran else "")
    return _Shut(message, f"run `ratewright tariffs what-if {look.name} --period {month}`")


def _had_usage(tried: Decision) -> bool:
    """Return whether the month held any usage when the draft was tried on it; its usage may have come later."""
    return int(tried.detail.get("usage", tried.detail.get("events", 1))) > 0
