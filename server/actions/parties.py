"""Facts about parties, as commands and calls record and show them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from billing.accounts import lookup
from billing.accounts.parties import recording, stored
from billing.accounts.parties.fields import given
from billing.accounts.parties.stored import NewFact, Subject
from billing.accounts.parties.view import Party
from rating.dates import local_date
from rating.errors import Problem, ProblemsError, as_shown

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Iterable, Mapping

    from billing.accounts.parties.recording import Named
    from billing.accounts.parties.stored import PartyFact
    from billing.store.home import Home

ANY_CUSTOMER, ANY_ISSUER = Subject(0), Subject(None)  # for the kinds that each may have
_ISSUER_ZONE = "UTC"  # accounts have clocks, issuers have none


class Line(NamedTuple):
    """A fact as it is shown. `detail`: its fields that are given. Dates are ISO, half open."""

    fact_id: int
    kind: str
    name: str
    from_date: str
    to_date: str | None
    detail: dict[str, Any]
    recorded_by: str
    commit_seq: int

    @property
    def says(self) -> str:
        """Its fields in words."""
        return recording.in_words(self.detail)


class Shown(NamedTuple):
    """A party on a day."""

    party: str
    as_of: str
    facts: tuple[Line, ...]


def new_fact(named: Named, kind: str, name: str, span: tuple[dt.date, dt.date | None], values: Mapping[str, Any]) -> NewFact:
    """A fact from the values of its fields. Raises ProblemsError with every error of them: before anything is asked of a store."""
    party = ANY_CUSTOMER if named.entity is None else ANY_ISSUER
    return recording.checked(party, NewFact(kind, name, *span, recording.detail_of(party, kind, values)))


def values_of(words: Iterable[str], kind: str) -> dict[str, Any]:
    """Values of fields from words such as `city=Berlin` and `texts.en=Exempt`. Raises ProblemsError for a word that is none."""
    found: dict[str, Any] = {}
    problems, kind = [], as_shown(kind)
    for word in words:
        field, is_pair, value = word.partition("=")
        name, is_part, part = field.partition(".")
        inner = found.setdefault(name, {}) if is_part else found
        key = part if is_part else name
        if not is_pair or not key or not name:
            problems.append(
                Problem(kind, as_shown(word) or "''", "is not a field with its value", "write it as city=Berlin or texts.en=Exempt")
            )
        elif not isinstance(inner, dict) or (not is_part and isinstance(found.get(name), dict)):
            remedy = f"give its parts alone, such as {as_shown(name)}.en=..., or it as a whole"
            problems.append(Problem(kind, as_shown(name), "is given as a whole and in parts", remedy))
        elif key in inner:
            problems.append(Problem(kind, as_shown(field), "is given twice", "give it once"))
        else:
            inner[key] = value
    if problems:
        raise ProblemsError(problems)
    return found


def show(home: Home, named: Named, day: dt.date | None, now_us: int, *, show_all: bool) -> Shown:
    """The facts that hold of a party on a day (None: today); with `show_all` every fact, also past and coming ones.

    Today is that of the account's clock; of an issuer, which has none, that of UTC. Raises UserError for a party that is not there.
    """
    with home.connect() as connection:
        subject = recording.subject_of(connection, named)
        facts = stored.of_subject(connection, subject)
    if day is None:
        day = local_date(now_us, _ISSUER_ZONE if named.entity is not None else lookup.timezone_of(home, named.account_id))
    held = facts if show_all else sorted(Party(day, facts).facts.values(), key=lambda fact: (fact.kind, fact.name))
    return Shown(named.text, day.isoformat(), tuple(map(_line, held)))


def _line(fact: PartyFact) -> Line:
    ends = None if fact.to_date is None else fact.to_date.isoformat()
    return Line(fact.fact_id, fact.kind, fact.name, fact.from_date.isoformat(), ends, given(fact.detail), fact.by_name, fact.commit_seq)
