"""Whose plan prices an event: the subject's own profile, else that of `*any`, and the plans it falls back to.

A profile counts from its time on, and the newest one at the answer is in force. `*any` answers for subjects without any profile in the
category, not for those whose profile has not begun. Fallbacks are asked depth first, down to the depth that the settings allow.
"""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Final

import msgspec

from tests.vectors.cases import Rule

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.vectors.cases import Case, Profile

ANY: Final = "*any"


class Asked(msgspec.Struct, frozen=True):
    """One plan to ask: its rules, and where to go on (names of other plans in the list that holds this one)."""

    name: str
    rules: tuple[Rule, ...]
    fallbacks: tuple[str, ...] = ()


def instant(text: str) -> dt.datetime:
    """The instant that `text` names; without offset it is UTC."""
    found = dt.datetime.fromisoformat(text)
    return found if found.tzinfo else found.replace(tzinfo=dt.UTC)


def plans_asked(case: Case) -> list[Asked]:
    """The plans of a case, the subject's first. Nothing where nobody has a profile."""
    subject = next((name for name in (case.usage.subject, ANY) if _profiles(case, name)), None)
    return [] if subject is None else _plans_from(case, subject, 1)


def changes_between(case: Case, start: dt.datetime, end: dt.datetime) -> bool:
    """Whether a profile of the subject, or of `*any`, begins after `start` and before `end`."""
    times = [each.from_time for name in (case.usage.subject, ANY) for each in _profiles(case, name)]
    return any(start < instant(time) < end for time in times if time is not None)


def _plans_from(case: Case, subject: str, depth: int) -> list[Asked]:
    profile = _in_force(_profiles(case, subject), instant(case.usage.answer_time))
    name = f"{case.id} {subject} {depth}"
    if profile is None:
        return [Asked(name, ())]
    below: list[list[Asked]] = []
    if depth < case.config.fallback_depth:
        below = [_plans_from(case, each, depth + 1) for each in profile.fallback_subjects if _profiles(case, each)]
    own = Asked(name, case.tariff.plans.get(profile.plan, ()), tuple(plans[0].name for plans in below))
    return _each_once([own, *(plan for plans in below for plan in plans)])


def _profiles(case: Case, subject: str) -> Sequence[Profile]:
    return [each for each in case.tariff.profiles if each.subject == subject and each.category in {case.usage.category, ANY}]


def _in_force(profiles: Sequence[Profile], answer: dt.datetime) -> Profile | None:
    begun = [each for each in profiles if each.from_time is None or instant(each.from_time) <= answer]
    always = dt.datetime.min.replace(tzinfo=dt.UTC)
    return max(begun, key=lambda each: always if each.from_time is None else instant(each.from_time), default=None)


def _each_once(plans: list[Asked]) -> list[Asked]:
    return list({plan.name: plan for plan in plans}.values())
