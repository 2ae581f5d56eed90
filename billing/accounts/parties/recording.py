"""Recording of facts about a party: one fact in one transaction, checked before, and told in words.

The same fact again changes nothing. A fact of the same kind, name and first day with other data replaces the one before it.
"""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any, Final, get_type_hints

import msgspec

from billing.accounts import entities
from billing.accounts.details import Wrong
from billing.accounts.lookup import unknown_account
from billing.accounts.parties import checks, kinds, stored
from billing.accounts.parties.fields import given
from billing.accounts.parties.stored import NewFact, Subject
from billing.accounts.picture import account_keys
from billing.accounts.recording import change
from rating import dates
from rating.errors import NotFoundError, Problem, ProblemsError, UserError, as_shown, quoted

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Mapping

    import sqlalchemy as sa

    from billing.accounts.parties.fields import Described
    from billing.accounts.parties.stored import PartyFact
    from billing.accounts.recording import Asked, Done, Recorder
    from billing.store.home import Home


_FLAGS: Final = {"yes": "true", "no": "false"}  # as `show` prints them
_WORDS: Final = {"damaged": "damaged:"}
NO_NAME: Final = "-"  # the issuer without a name, as a word of a command


class Named(msgspec.Struct, frozen=True):
    """A party as people name it: the id of an account, or an issuer by the name of its entity."""

    account_id: str = ""
    entity: str | None = None

    @property
    def text(self) -> str:
        """The party in words."""
        return self.account_id if self.entity is None else f"issuer {self.entity}" if self.entity else "the issuer without a name"

    @property
    def command(self) -> str:
        """The group of commands about such a party."""
        return "ratewright party" if self.entity is None else "ratewright entity"

    @property
    def word(self) -> str:
        """The party as these commands take it."""
        return self.account_id if self.entity is None else self.entity or NO_NAME


def record(home: Home, asked: Asked, party: Named, fact: NewFact) -> Done:
    """Record a fact about a party. `fact.detail` may be in any spelling.

    Raises UserError for an unknown party or kind, ProblemsError with every error of its fields.
    """

    def work(recorder: Recorder) -> None:
        subject = subject_of(recorder.connection, party)
        put(recorder, party, subject, checked(subject, fact))

    return change(home, asked, work)


def end(home: Home, asked: Asked, party: Named, kind: str, name: str, last: dt.date) -> Done:  # noqa: PLR0913, PLR0917 -- one argument a part of what is recorded
    """End what holds of a kind and name: `last` is the last day on which it holds.

    A fact of before that would hold again ends on the same day. One that begins later stays.
    Raises UserError where nothing holds on `last`.
    """

    def work(recorder: Recorder) -> None:
        subject = subject_of(recorder.connection, party)
        struct_of(subject, kind)
        alike = _alike(recorder.connection, subject, kind, name)
        end_date = dates.day_after(last)
        if not any(fact.holds_on(last) for fact in alike):
            raise UserError(
                f"{party.text} has no {named(kind, name)} on {last}", f"`{party.command} show {party.word}` lists what there is"
            )
        for fact in alike:
            require_readable(fact, party)
        open_still = [fact for fact in alike if fact.holds_on(last) and fact.holds_on(end_date)]
        for fact in open_still:
            values = NewFact(kind, name, fact.from_date, end_date, fact.detail)
            stored.add(recorder.connection, subject, values, by=recorder.asked.by, commit_seq=recorder.seq())
            recorder.say(f"{named(kind, name)} of {party.text} from {fact.from_date} ends: {last} is its last day")
        if not open_still:
            recorder.say(f"{named(kind, name)} of {party.text} ends on {last} already")
        for fact in alike:
            if fact.from_date > last:
                recorder.say(f"another one begins on {fact.from_date}: {said(fact.detail)}")

    return change(home, asked, work)


def retract(home: Home, asked: Asked, party: Named, fact_id: int, reason: str) -> Done:
    """Record that a fact never held, nor what it replaced. Raises NotFoundError for one that the party does not have."""
    if not reason.strip():
        raise UserError("a retraction needs a reason", "say why the fact never held", exit_status=2)

    def work(recorder: Recorder) -> None:
        subject = subject_of(recorder.connection, party)
        found = [fact for fact in stored.of_subject(recorder.connection, subject) if fact.fact_id == fact_id]
        if not found:
            raise NotFoundError(
                f"{party.text} has no fact {fact_id}", f"`{party.command} show {party.word} --all` has the numbers of facts"
            )
        stored.retract(recorder.connection, found[0], reason, by=recorder.asked.by, commit_seq=recorder.seq())
        recorder.say(f"{named(found[0].kind, found[0].name)} of {party.text} from {found[0].from_date} never held")

    return change(home, asked, work)


def require_readable(fact: PartyFact, party: Named) -> None:
    """Raise UserError for a fact whose stored row cannot be read."""
    if isinstance(fact.detail, kinds.Damaged):
        message = f"{named(fact.kind, fact.name)} of {party.text} from {fact.from_date} is damaged: {fact.detail.damaged}"
        remedy = f"retract it: `{party.command} retract {party.word} {fact.fact_id} --reason damaged`, then record it again"
        raise UserError(message, remedy)


def subject_of(connection: sa.Connection, party: Named) -> Subject:
    """The party that is meant. Raises UserError for an account or an entity that is not there."""
    if party.entity is not None:
        entities.require_known(connection, party.entity)
        return Subject(None, party.entity)
    key = account_keys(connection, [party.account_id]).get(party.account_id)
    if key is None:
        raise unknown_account(connection, party.account_id)
    return Subject(key)


def detail_of(subject: Subject, kind: str, values: Mapping[str, Any]) -> msgspec.Struct:
    """The detail of a kind from its fields. Raises ProblemsError with every field that is unknown, missing or of another type."""
    struct = struct_of(subject, kind)
    known = {each.name: each for each in kinds.fields_of(struct, of_customer=subject.account_key is not None)}
    problems = [Problem(kind, as_shown(name), *_unknown(name, kind, known)) for name in values if name not in known]
    problems += [
        Problem(kind, each.name, "is missing", f"give it: {each.says}")
        for each in known.values()
        if each.is_needed and each.name not in values
    ]
    types = _hints(struct)
    values = {
        name: _FLAGS.get(value, value) if types.get(name) is bool and isinstance(value, str) else value for name, value in values.items()
    }
    for name in sorted(known.keys() & values.keys()):  # each by itself, so that all errors show
        try:
            msgspec.convert(values[name], types[name], strict=False)
        except msgspec.ValidationError:
            problems.append(Problem(kind, name, f"{quoted(str(values[name]))} cannot be used", _remedy(known[name], types[name])))
    if problems:
        raise ProblemsError(problems)
    return msgspec.convert(values, struct, strict=False)


def _unknown(name: str, kind: str, known: Mapping[str, Described]) -> tuple[str, str]:
    """The message and remedy for a name of no field."""
    whole, is_part, part = name.partition(".")
    if is_part and whole in known:
        return f"is a part of {whole}, and is given inside it", f'write it as "{whole}": {{{quoted(part)}: ...}}'.replace("'", '"')
    return "there is no such field", f"fields of {kind}: {', '.join(known)}"


@functools.cache
def _hints(struct: type[msgspec.Struct]) -> dict[str, Any]:
    return get_type_hints(struct)


def checked(subject: Subject, fact: NewFact) -> NewFact:
    """The fact in its one spelling. Raises ProblemsError with every error of it."""
    assert type(fact.detail) is struct_of(subject, fact.kind)
    detail = checks.in_one_spelling(fact.detail, fact.name)
    found = [wrong for wrong in (checks.named(fact.kind, fact.name),) if wrong is not None]
    found += checks.wrongs(detail, fact.name, of_customer=subject.account_key is not None)
    if fact.to_date is not None and fact.to_date <= fact.from_date:
        found.append(_empty_span(fact))
    if found:
        raise ProblemsError([Problem(fact.kind, each.field, each.message, each.remedy) for each in found])
    return fact._replace(detail=detail)


def put(recorder: Recorder, party: Named, subject: Subject, fact: NewFact) -> None:
    """Add a fact that was checked, and say so; the same again changes nothing."""
    alike = _alike(recorder.connection, subject, fact.kind, fact.name)
    same_day = [each for each in alike if each.from_date == fact.from_date]
    if any((each.to_date, each.detail) == (fact.to_date, fact.detail) for each in same_day):
        recorder.say(f"{party.text} has this {named(fact.kind, fact.name)} already")
        return
    stored.add(recorder.connection, subject, fact, by=recorder.asked.by, commit_seq=recorder.seq())
    until = "" if fact.to_date is None else f" to {dates.last_day(fact.to_date)}"
    recorder.say(f"{named(fact.kind, fact.name)} of {party.text} from {fact.from_date}{until}: {said(fact.detail)}")
    if same_day:
        recorder.say(f"it takes the place of fact {same_day[0].fact_id}, of the same day")


def said(detail: msgspec.Struct) -> str:
    """The fields of a detail that are given, in words."""
    return in_words(given(detail))


def in_words(fields: Mapping[str, Any]) -> str:
    """Fields with their values in words, as a struct of a kind has them without what is left at its default."""
    return ", ".join(f"{_WORDS.get(name) or name.replace('_', ' ')} {_value(value)}" for name, value in fields.items())


def _value(value: object) -> str:
    if isinstance(value, dict):
        return "; ".join(f"{language}: {text}" for language, text in value.items())
    return {True: "yes", False: "no"}[value] if isinstance(value, bool) else str(value)


def _alike(connection: sa.Connection, subject: Subject, kind: str, name: str) -> list[PartyFact]:
    return [fact for fact in stored.of_subject(connection, subject) if (fact.kind, fact.name) == (kind, name)]


def struct_of(subject: Subject, kind: str) -> type[msgspec.Struct]:
    """The struct of a kind. Raises UserError for a kind that such a party does not have."""
    found = subject.kinds.get(kind)
    if found is None:
        whose = "an issuer" if subject.account_key is None else "a customer"
        raise UserError(f"{whose} has no facts of kind {quoted(kind)}", f"kinds: {', '.join(subject.kinds)}", exit_status=2)
    return found


def _remedy(field: Described, kind: Any) -> str:  # noqa: ANN401 -- a type
    """A value that a field takes, for one that it does not."""
    if kind is bool:
        return "write yes or no"
    if kind is str:
        return "write it as text"
    return f"write {field.name}.en=..., a text for each language" if field.most else f"give it: {field.says}"


def _empty_span(fact: NewFact) -> Wrong:
    return Wrong("to", f"the span from {fact.from_date} holds no day", "--to is the last day of the span, included")


def named(kind: str, name: str) -> str:
    """A kind and a name in words, such as `address billing`."""
    return f"{kind.replace('_', ' ')} {name}".strip()
