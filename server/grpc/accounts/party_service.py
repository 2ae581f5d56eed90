"""PartyService: facts about customers and issuers, recorded and read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import grpc

from billing.accounts import entities, lookup
from billing.accounts.parties import recording
from billing.accounts.recording import Asked
from ratewright.v1 import party_service_pb2 as pb
from ratewright.v1 import party_service_pb2_grpc
from rating.errors import NotFoundError, as_shown
from server.access.masking import Mask
from server.actions import parties
from server.grpc import calls, entrance
from server.grpc.accounts import party_messages
from server.grpc.finance import values
from server.grpc.refusals import Refusal, invalid, not_found

if TYPE_CHECKING:
    from collections.abc import Callable

    from billing.accounts.parties.recording import Named
    from billing.accounts.recording import Done
    from billing.payments.writing import Act
    from server.grpc.calls import Door

    _Request = pb.RecordPartyFactRequest | pb.EndPartyFactRequest | pb.RetractPartyFactRequest

ANSWER_BYTES_MAX: Final = 3 << 20  # a client takes 4 MiB


class PartyService(party_service_pb2_grpc.PartyServiceServicer):
    """Servicer of ratewright.v1.PartyService over one home."""

    def __init__(self, door: Door) -> None:
        self._door = door

    def GetParty(self, request: pb.GetPartyRequest, context: grpc.ServicerContext) -> pb.Party:
        """The facts of one party."""

        def find() -> pb.Party:
            values.require_texts(request)
            named, day = self._party(request.name), values.day_or_none(request, "as_of")
            found = parties.show(self._door.home, named, day, self._door.clock_us(), show_all=request.show_all)
            answer = party_messages.shown(named, found, entrance.mask() if named.entity is None else Mask(hides=False))
            if answer.ByteSize() > ANSWER_BYTES_MAX:
                raise _too_large(named, answer)
            return answer

        return calls.read(context, find)

    def RecordPartyFact(self, request: pb.RecordPartyFactRequest, context: grpc.ServicerContext) -> pb.PartyChange:
        """One fact."""

        def work(named: Named, asked: Asked) -> Done:
            kind = request.fact.WhichOneof("detail")
            if kind is None:
                raise invalid("DETAIL_MISSING", "fact.detail: say what is recorded", {"field": "detail"})
            fields = party_messages.fields_of(getattr(request.fact, kind))
            fact = parties.new_fact(named, kind, request.fact.fact_name, party_messages.span(request.fact), fields)
            return recording.record(self._door.home, asked, named, fact)

        return self._write(request, context, work)

    def EndPartyFact(self, request: pb.EndPartyFactRequest, context: grpc.ServicerContext) -> pb.PartyChange:
        """The end of a fact."""

        def work(named: Named, asked: Asked) -> Done:
            last = values.day(request, "last_date")
            return recording.end(self._door.home, asked, named, request.kind, request.fact_name, last)

        return self._write(request, context, work)

    def RetractPartyFact(self, request: pb.RetractPartyFactRequest, context: grpc.ServicerContext) -> pb.PartyChange:
        """A fact that never held."""

        def work(named: Named, asked: Asked) -> Done:
            return recording.retract(self._door.home, asked, named, request.fact, request.reason)

        return self._write(request, context, work)

    def _write(self, request: _Request, context: grpc.ServicerContext, work: Callable[[Named, Asked], Done]) -> pb.PartyChange:
        def act(by: Act) -> pb.PartyChange:
            named = self._party(request.name)
            return party_messages.changed(work(named, Asked(by.by, by.now_us, by.dry_run)))

        def recover(commit_seq: int) -> pb.PartyChange:
            return pb.PartyChange(commit_seq=commit_seq)

        return values.write(self._door, request, context, act, recover, pb.PartyChange, party_messages.changed)

    def _party(self, name: str) -> Named:
        """The party of a resource name, which is the subject of the call. Refuses one that is not there."""
        named, home = party_messages.party(name), self._door.home
        if named.entity is None:
            entrance.about_account(home, named.account_id)
            try:
                lookup.key_of(home, named.account_id)
            except NotFoundError as error:
                told = {"account": named.account_id, "remedy": error.remedy}
                raise not_found("ACCOUNT_UNKNOWN", error.message, told) from error
            return named
        with home.connect() as connection:
            known = entities.names(connection)
        entrance.about_issuer(named.entity, is_known=named.entity in known)
        if named.entity not in known:
            told = {"legal_entity": named.entity, "remedy": "`ratewright accounts entity list` shows all"}
            raise not_found("ENTITY_UNKNOWN", f"no legal entity is called {as_shown(named.entity)}", told)
        return named


def _too_large(named: Named, answer: pb.Party) -> Refusal:
    message = f"the {len(answer.facts):,} facts of {named.text} have {answer.ByteSize():,} bytes, and at most {ANSWER_BYTES_MAX:,} are sent"
    remedy = f"ask for one day, without show_all; `{named.command} show {named.word} --all` shows them on the machine of the home"
    return Refusal(grpc.StatusCode.RESOURCE_EXHAUSTED, "ANSWER_TOO_LARGE", message, {"remedy": remedy})
