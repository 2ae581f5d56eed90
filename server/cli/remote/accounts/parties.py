"""Parties by a service: `ratewright party ... --server` and `ratewright entity ... --server`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from billing.accounts.parties.fields import given
from billing.accounts.parties.kinds import DAMAGED
from billing.accounts.parties.recording import NO_NAME
from billing.accounts.recording import Done
from ratewright.v1 import party_service_pb2 as pb
from ratewright.v1 import party_service_pb2_grpc as stubs
from rating.errors import NotFoundError, UserError
from server.actions.parties import Line, Shown
from server.cli.remote.accounts.changes import named as account_name
from server.cli.remote.calling import day
from server.client import date

if TYPE_CHECKING:
    import datetime as dt

    from billing.accounts.parties.recording import Named
    from billing.accounts.parties.stored import NewFact
    from server.client import Connection

_DAMAGED = f"{DAMAGED}: "  # how the text of a fact begins that the service cannot read


class Parties:
    """The call that reads."""

    def __init__(self, service: Connection) -> None:
        self._service = service
        self._stub = stubs.PartyServiceStub(service.channel)

    def show(self, party: Named, as_of: dt.date | None, *, show_all: bool) -> Shown:
        """`party show`, `entity show`."""
        asked = pb.GetPartyRequest(name=_name(party), as_of=None if as_of is None else date(as_of), show_all=show_all)
        found = self._service.call(self._stub.GetParty, asked)
        return Shown(party.text, day(found.as_of), tuple(map(_line, found.facts)))


class PartyChanges:
    """Calls that write. `dry_run`: each is only previewed."""

    def __init__(self, service: Connection, *, dry_run: bool) -> None:
        self._service, self._dry_run = service, dry_run
        self._stub = stubs.PartyServiceStub(service.channel)

    def record(self, party: Named, fact: NewFact) -> Done:
        """`party set`, `entity set`."""
        message = pb.PartyFact(fact_name=fact.name, from_date=date(fact.from_date))
        if fact.to_date is not None:
            message.to_date.CopyFrom(date(fact.to_date))
        detail = getattr(message, fact.kind)
        detail.SetInParent()
        for name, value in given(fact.detail).items():
            if isinstance(value, dict):
                getattr(detail, name).update(value)
            else:
                setattr(detail, name, value)
        asked = pb.RecordPartyFactRequest(name=_name(party), fact=message, validate_only=self._dry_run)
        return self._done(self._service.call(self._stub.RecordPartyFact, asked))

    def end(self, party: Named, kind: str, name: str, last: dt.date) -> Done:
        """`party end`, `entity end`."""
        asked = pb.EndPartyFactRequest(name=_name(party), kind=kind, fact_name=name, last_date=date(last), validate_only=self._dry_run)
        return self._done(self._service.call(self._stub.EndPartyFact, asked))

    def retract(self, party: Named, fact: int, reason: str) -> Done:
        """`party retract`, `entity retract`."""
        asked = pb.RetractPartyFactRequest(name=_name(party), fact=fact, reason=reason, validate_only=self._dry_run)
        return self._done(self._service.call(self._stub.RetractPartyFact, asked))

    def _done(self, answer: pb.PartyChange) -> Done:
        return Done(answer.already_recorded, self._dry_run, answer.commit_seq or None, tuple(answer.effects))


def _name(party: Named) -> str:
    if party.entity is None:
        return f"{account_name(party.account_id)}/party"
    if "/" in party.entity:
        raise UserError(f"no legal entity is called {party.entity!r}", "`ratewright accounts entity list` shows all")
    return f"legalEntities/{party.entity or NO_NAME}/party"


def _line(row: pb.PartyFact) -> Line:
    kind = row.WhichOneof("detail")
    if kind is None and row.text.startswith(_DAMAGED):
        damaged = {DAMAGED: row.text.removeprefix(_DAMAGED)}
        return Line(
            row.fact, row.kind, row.fact_name, day(row.from_date), day(row.to_date) or None, damaged, row.recorded_by, row.commit_seq
        )
    if kind is None:
        raise NotFoundError(f"fact {row.fact} is of a kind that this program does not know", "use the program of the service's version")
    detail: dict[str, Any] = {
        field.name: dict(sorted(value.items())) if field.message_type is not None else value
        for field, value in getattr(row, kind).ListFields()
    }
    return Line(row.fact, kind, row.fact_name, day(row.from_date), day(row.to_date) or None, detail, row.recorded_by, row.commit_seq)
