"""Messages of parties: one a kind, whose fields have the names of those of its struct. Names and numbers as the caller may see them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from billing.accounts.parties.fields import described
from billing.accounts.parties.kinds import CUSTOMER_KINDS, DAMAGED, ISSUER_KINDS
from billing.accounts.parties.recording import NO_NAME, Named, in_words
from ratewright.v1 import party_service_pb2 as pb
from server.grpc import convert
from server.grpc.finance import values
from server.grpc.refusals import invalid

if TYPE_CHECKING:
    import datetime as dt

    from google.protobuf.message import Message

    from billing.accounts.recording import Done
    from server.access.masking import Mask
    from server.actions.parties import Line, Shown

KINDS: Final = CUSTOMER_KINDS | ISSUER_KINDS
_END: Final = "/party"
_FORM: Final = "accounts/{account}/party"


def party(name: str) -> Named:
    """The party of a resource name. Refuses MALFORMED_NAME."""
    owner = name.removesuffix(_END)
    if owner == name:
        raise invalid("MALFORMED_NAME", f"{name[:200]!r} does not end with {_END}", {"form": _FORM})
    if owner.startswith("legalEntities/"):
        entity = values.identity(owner, "legalEntities", "legal_entity")
        return Named(entity="" if entity == NO_NAME else entity)
    return Named(values.account(owner))


def name_of(named: Named) -> str:
    """The resource name of a party."""
    return f"accounts/{named.account_id}{_END}" if named.entity is None else f"legalEntities/{named.entity or NO_NAME}{_END}"


def shown(named: Named, found: Shown, mask: Mask) -> pb.Party:
    """A party on a day. `mask` hides nothing of an issuer's: its documents print it."""
    return pb.Party(name=name_of(named), as_of=convert.date(found.as_of), facts=[_fact(each, mask) for each in found.facts])


def changed(done: Done) -> pb.PartyChange:
    """The answer of a change."""
    return pb.PartyChange(effects=done.said, already_recorded=done.existed, commit_seq=done.commit_seq or 0)


def fields_of(message: Message) -> dict[str, Any]:
    """The values of the fields that are set in a message of a kind, by name."""
    return {field.name: dict(sorted(value.items())) if field.message_type is not None else value for field, value in message.ListFields()}


def filled(message: Message, fields: dict[str, Any]) -> None:
    """Set the fields of a message of a kind."""
    for name, value in fields.items():
        if isinstance(value, dict):
            getattr(message, name).update(value)
        else:
            setattr(message, name, value)


def _fact(line: Line, mask: Mask) -> pb.PartyFact:
    is_read = DAMAGED not in line.detail
    given = [each for each in described(KINDS[line.kind]) if each.name in line.detail] if is_read else []
    masked = {each.name: mask.field(each.masking, line.detail[each.name]) for each in given}
    message = pb.PartyFact(
        fact=line.fact_id,
        kind=line.kind,
        fact_name=mask.fact_name(line.name),
        from_date=convert.date(line.from_date),
        to_date=None if line.to_date is None else convert.date(line.to_date),
        text=in_words(masked if is_read else line.detail),
        recorded_by=line.recorded_by,
        commit_seq=line.commit_seq,
    )
    if is_read:
        detail = getattr(message, line.kind)
        detail.SetInParent()
        filled(detail, masked)
    return message


def span(fact: pb.PartyFact) -> tuple[dt.date, dt.date | None]:
    """The days of a fact that is given, half open. Refuses MALFORMED_REQUEST."""
    return values.day(fact, "from_date"), values.day_or_none(fact, "to_date")
