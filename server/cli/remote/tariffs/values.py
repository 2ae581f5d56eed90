"""Values of tariffs from messages: versions, decisions, changes and warnings, as commands print them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from billing.acting import Via
from billing.affected import Beyond
from billing.catalogue import Decision, Kind, Operator, Publication, State
from ratewright.v1 import tariff_service_pb2 as pb
from rating.dates import utc_time
from server.actions.tariffs.figures import Figures
from server.actions.tariffs.publishing import Published
from server.actions.tariffs.versions import Drafted, Event, Repealed, VersionHistory
from server.cli.remote.calling import tail
from server.cli.remote.receiving import json_value
from server.client import day
from tariffs.changes import Change, Effect

if TYPE_CHECKING:
    import datetime as dt

_RAISES: Final = {
    pb.TariffChange.EFFECT_UNSPECIFIED: None,
    pb.TariffChange.EFFECT_RAISES: True,
    pb.TariffChange.EFFECT_LOWERS_OR_KEEPS: False,
}
_STATE: Final = "STATE_"


def figures(found: pb.TariffVersion) -> Figures:
    """A version in few figures."""
    _, identity, _, number = found.name.split("/")
    return Figures(
        identity=identity,
        version=int(number),
        content_hash=found.content_hash,
        currency=found.currency_code,
        timezone=found.time_zone,
        effective_from_us=found.effective_time.ToMicroseconds(),
        plans=tuple(found.plans),
        prices=found.price_count,
        zones=found.zone_count,
        prefixes=found.prefix_count,
        effective_to_us=found.end_time.ToMicroseconds() if found.HasField("end_time") else None,
        corrects=found.corrects or None,
    )


def history(found: pb.TariffVersion) -> VersionHistory:
    """A version with its state and what happened to it."""
    state = State[pb.TariffVersion.State.Name(found.state).removeprefix(_STATE)]
    return VersionHistory(figures(found), state, list(map(_event, found.events)))


def drafted(done: pb.DraftTariffResponse) -> Drafted:
    """A draft that was saved, or was there already."""
    author = Operator(done.author, done.author_number, *(() if done.already_drafted else (Via.TOKEN.value,)))
    return Drafted(figures(done.tariff_version), author, done.commit_seq, not done.already_drafted)


def reviewed(done: pb.TariffReview) -> Decision:
    """A decision about a draft."""
    _, identity, _, number = done.tariff_version.split("/")
    return Decision(
        identity=identity,
        version=int(number),
        content_hash=bytes.fromhex(done.content_hash),
        kind=Kind.REVIEWED if done.approved else Kind.REJECTED,
        by=Operator(done.by, done.by_number, Via.TOKEN.value),
        at_us=done.review_time.ToMicroseconds(),
        detail={"note": done.note} if done.note else {},
        commit_seq=done.commit_seq,
    )


def published(done: pb.PublishTariffResponse) -> Published:
    """A version that prices from its effective date on."""
    found = figures(done.tariff_version)
    publication = Publication(
        identity=found.identity,
        version=found.version,
        content_hash=bytes.fromhex(found.content_hash),
        commit_seq=done.commit_seq,
        added=not done.already_published,
    )
    beyond = [Beyond(tail(each.account), day(each.from_date), day(each.to_date)) for each in done.adjust_by_hand]
    return Published(found, publication, list(done.notes), beyond)


def repealed(done: pb.RepealTariffResponse) -> Repealed:
    """A version that ends."""
    _, identity, _, number = done.tariff_version.split("/")
    decision = Decision(
        identity=identity,
        version=int(number),
        content_hash=bytes.fromhex(done.content_hash),
        kind=Kind.REPEALED,
        by=Operator(done.by, done.by_number, Via.TOKEN.value),
        at_us=done.repeal_time.ToMicroseconds(),
        detail={"from_us": done.from_time.ToMicroseconds(), "reason": done.reason},
        commit_seq=done.commit_seq,
    )
    return Repealed(decision, done.subscriptions_without_a_plan, done.time_zone)


def change(found: pb.TariffChange) -> Change:
    """A difference between two versions."""
    return Change(
        kind=found.kind,
        place=found.place,
        plan=found.plan,
        price_id=found.price_id or None,
        text_en=found.text,
        old=found.old,
        new=found.new,
        raises=_RAISES[found.effect],
        effect=Effect(found.effect_text),
        by=found.difference,
        plans=tuple(found.plans),
    )


def warning(found: pb.TariffWarning) -> dict[str, str]:
    """Something doubtful, as `server.actions.tariffs.checks.row` has it."""
    return {"code": found.code, "file": found.file, "path": found.path, "message": found.message, "remedy": found.remedy}


def utc_day(at_us: int) -> dt.date:
    """The day of an instant."""
    return utc_time(at_us).date()


def _event(found: pb.TariffEvent) -> Event:
    return Event(
        commit_seq=found.commit_seq,
        at_us=found.time.ToMicroseconds(),
        what=found.kind,
        by=found.by,
        content_hash=found.content_hash,
        detail=json_value(found.detail_json),
    )
