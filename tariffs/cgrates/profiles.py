"""RatingProfiles: whose plan is asked, from when on, and whose next.

A subject's profile counts from its activation time on, and of those begun the newest is in force (of several of one time the last row, as
there); profiles of the category `*any` count in every category. Where the plan says nothing about a destination, those of the fallback
subjects are asked, depth first. The depth is that of the other engine's settings (3 by default).
"""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Final, NamedTuple

from rating.dates import instant_of, utc_time
from tariffs.cgrates.carried import CarryError
from tariffs.cgrates.reading import ANY, several
from tariffs.cgrates.timings import OPEN

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from tariffs.cgrates.carried import Ledger
    from tariffs.cgrates.reading import Row

FALLBACK_DEPTH: Final = 3
FIRST_US: Final = 946_684_800_000_000  # 2000-01-01, before which no usage is rated
LIMIT_US: Final = 3_155_760_000_000_000  # 2070-01-01


class Key(NamedTuple):
    """The subject that a plan belongs to."""

    tenant: str
    category: str
    subject: str


class Profile(NamedTuple):
    """From when on a subject has a plan."""

    key: Key
    from_us: int
    plan: str
    fallbacks: tuple[str, ...]
    place: tuple[str, int]


class Profiles:
    """The profiles of a folder."""

    def __init__(self, rows: Iterable[Row], ledger: Ledger, depth: int) -> None:
        self._depth = depth
        self._ledger = ledger
        self._by_key: dict[Key, dict[int, Profile]] = {}  # by activation time
        for row in rows:
            try:
                profile = _profile(row)
            except CarryError as error:
                ledger.add(row.place, row.cells[4], f"the profile of {row.cells[2]} is left out", str(error))
                continue
            self._put(profile)
        self._note_lost_fallbacks(ledger)

    def all(self) -> Iterator[Profile]:
        """Every profile, in the order of the file but for subjects that come again."""
        for profiles in self._by_key.values():
            yield from profiles.values()

    def keys(self) -> list[Key]:
        """Every subject, in each category in which it has a profile: one of `*any` counts in all of its tenant."""
        categories: dict[str, dict[str, None]] = {}
        for key in self._by_key:
            categories.setdefault(key.tenant, {}).setdefault(key.category)
        found: dict[Key, None] = {}
        for key in self._by_key:
            own = categories[key.tenant] if key.category == ANY else (key.category,)
            found |= dict.fromkeys(key._replace(category=category) for category in own)
        return list(found)

    def plans(self, key: Key, at_us: int) -> list[str] | None:
        """The plans to ask, in order, each once; None where no profile of the subject is in force."""
        if self._in_force(key, at_us) is None:
            return None
        found = self._asked(key, at_us, 1, {})
        if set(self._asked(key, at_us, 0, {})) - set(found):
            self._ledger.assume(f"rates are looked for {self._depth} subjects deep: fallbacks beyond are not asked (--fallback-depth)")
        return found

    def _put(self, profile: Profile) -> None:
        """Keep a profile, in the place of one that begins at the same time."""
        profiles = self._by_key.setdefault(profile.key, {})
        other = profiles.get(profile.from_us)
        if other is not None and other[:-1] != profile[:-1]:
            what = f"the profile of {profile.key.subject} with this plan is left out"
            self._ledger.add(other.place, other.plan, what, f"line {profile.place[1]} has the same time, and the last one counts")
        profiles[profile.from_us] = profile

    def _asked(self, key: Key, at_us: int, depth: int, known: dict[tuple[str, int], list[str]]) -> list[str]:
        place = (key.subject, depth)
        if place not in known:
            profile = self._in_force(key, at_us)
            found = [] if profile is None else [profile.plan]
            for subject in profile.fallbacks if profile is not None and depth < self._depth else ():
                found += self._asked(key._replace(subject=subject), at_us, depth + 1, known)
            known[place] = list(dict.fromkeys(found))
        return known[place]

    def _in_force(self, key: Key, at_us: int) -> Profile | None:
        own = self._by_key.get(key, {}).values()
        profiles = own if key.category == ANY else [*own, *self._by_key.get(key._replace(category=ANY), {}).values()]
        return max((each for each in profiles if each.from_us <= at_us), key=lambda each: each.from_us, default=None)

    def _note_lost_fallbacks(self, ledger: Ledger) -> None:
        """Subjects that have a profile in no category in which they are fallen back to."""
        known = {(key.tenant, key.subject, category) for key in self._by_key for category in (key.category, ANY)}
        for profile in self.all():
            key = profile.key
            for subject in profile.fallbacks:
                wanted = (key.tenant, subject, key.category)
                if wanted not in known and key._replace(category=ANY, subject=subject) not in self._by_key:
                    ledger.add(profile.place, profile.plan, f"the fallback to {subject} is left out", "that subject has no profile")


def instant_text(instant_us: int) -> str:
    """ISO text of an instant."""
    return utc_time(instant_us).isoformat()


def _profile(row: Row) -> Profile:
    tenant, category, subject, activation, plan, fallbacks = row.cells
    if not category or not subject:
        raise CarryError("a category or subject is empty")
    return Profile(Key(tenant, category, subject), _instant_us(activation), plan, tuple(dict.fromkeys(several(fallbacks))), row.place)


def _instant_us(text: str) -> int:
    """The instant, not before usage is rated. Without offset it is UTC."""
    if text in OPEN:
        return FIRST_US
    try:
        moment = dt.datetime.fromisoformat(text)
    except ValueError:
        raise CarryError(f'"{text}" is not an activation time: write such as 2026-01-01T00:00:00Z') from None
    aware = moment if moment.tzinfo else moment.replace(tzinfo=dt.UTC)
    found = instant_of(aware)
    if found >= LIMIT_US:
        raise CarryError("it begins after 2069, when no usage is rated")
    return max(found, FIRST_US)
