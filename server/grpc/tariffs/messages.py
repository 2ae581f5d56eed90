"""Versions of tariffs, mistakes, warnings, changes and decisions as messages."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, TypeVar

import msgspec

from billing.catalogue import State
from billing.catalogue.decisions import Kind
from ratewright.v1 import tariff_service_pb2 as pb
from server.actions.tariffs.figures import figures
from server.grpc import convert
from server.grpc.tariffs import names

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from google.protobuf.message import Message

    from billing.affected import Beyond
    from billing.catalogue import Decision, Draft
    from rating.errors import Problem
    from rating.model import Catalogue
    from server.actions.tariffs import checks
    from server.actions.tariffs.figures import Figures
    from server.actions.tariffs.publishing import Published
    from server.actions.tariffs.reviews import Compared
    from server.actions.tariffs.versions import Event, Repealed, VersionHistory
    from tariffs.changes import Change

LIST_BYTES_MAX: Final = 3 * 1024 * 1024  # of one list of an answer: clients take 4 MiB
REVIEWED_MAX: Final = 1_000  # changes and warnings beside a decision
_NOTES: Final = ("month", "reason", "note", "origin")
_STATES: Final = {
    State.DRAFT: pb.TariffVersion.STATE_DRAFT,
    State.REVIEWED: pb.TariffVersion.STATE_REVIEWED,
    State.PUBLISHED: pb.TariffVersion.STATE_PUBLISHED,
    State.IN_FORCE: pb.TariffVersion.STATE_IN_FORCE,
    State.SUPERSEDED: pb.TariffVersion.STATE_SUPERSEDED,
    State.REPEALED: pb.TariffVersion.STATE_REPEALED,
    State.ENDED: pb.TariffVersion.STATE_ENDED,
}
_EFFECTS: Final = {
    None: pb.TariffChange.EFFECT_UNSPECIFIED,
    True: pb.TariffChange.EFFECT_RAISES,
    False: pb.TariffChange.EFFECT_LOWERS_OR_KEEPS,
}
Made = TypeVar("Made", bound="Message")


def version(found: Figures) -> pb.TariffVersion:
    """A version in few figures; without its state and its events."""
    end_us = found.effective_to_us
    return pb.TariffVersion(
        name=names.version_name(found.identity, found.version),
        content_hash=found.content_hash,
        currency_code=found.currency,
        time_zone=found.timezone,
        effective_time=convert.timestamp(found.effective_from_us),
        end_time=None if end_us is None else convert.timestamp(end_us),
        corrects=found.corrects or 0,
        plans=found.plans,
        price_count=found.prices,
        zone_count=found.zones,
        prefix_count=found.prefixes,
    )


def of_history(history: VersionHistory) -> pb.TariffVersion:
    """A version with its state and what happened to it."""
    made = version(history.figures)
    made.state = _STATES[history.state]
    made.events.extend(map(_event, history.events))
    return made


def draft(saved: Draft, *, already: bool, is_trial: bool) -> pb.DraftTariffResponse:
    """A draft that was saved, or was there already."""
    return pb.DraftTariffResponse(
        tariff_version=version(figures(saved.catalogue)),
        author=saved.author.name,
        author_number=saved.author.uid,
        commit_seq=0 if is_trial and not already else saved.commit_seq,
        already_drafted=already,
    )


def checked(found: checks.Checked) -> pb.CheckTariffResponse:
    """A catalogue without mistakes, and its warnings."""
    told = found.told()
    warnings = bounded(pb.TariffWarning(**each) for each in told.warnings)
    return pb.CheckTariffResponse(tariff_version=version(told.figures), warnings=warnings, warning_count=len(told.warnings))


def problems(found: Sequence[Problem]) -> pb.CheckTariffResponse:
    """The mistakes in a catalogue."""
    return pb.CheckTariffResponse(problems=bounded(pb.TariffProblem(**each._asdict()) for each in found), problem_count=len(found))


def change(found: Change) -> pb.TariffChange:
    """A difference between two versions."""
    return pb.TariffChange(
        kind=found.kind,
        text=found.text_en,
        old=found.old,
        new=found.new,
        effect=_EFFECTS[found.raises],
        price_id=found.price_id or 0,
        plans=found.plans,
        place=found.place,
        plan=found.plan,
        effect_text=found.effect.value,
        difference=found.by,
    )


def changes(page: Sequence[Change], count: int, next_page_token: str, old: Catalogue, new: Catalogue) -> pb.DiffTariffVersionsResponse:
    """A page of the changes between two versions. `count`: of all of them."""
    return pb.DiffTariffVersionsResponse(
        changes=map(change, page),
        change_count=count,
        next_page_token=next_page_token,
        old_version=version(figures(old)),
        new_version=version(figures(new)),
    )


def review(decision: Decision, compared: Compared, *, is_trial: bool = False) -> pb.TariffReview:
    """A decision about a draft, with what the draft changes."""
    return pb.TariffReview(
        tariff_version=names.version_name(decision.identity, decision.version),
        approved=decision.kind is Kind.REVIEWED,
        content_hash=decision.content_hash.hex(),
        by=decision.by.name,
        note=decision.detail.get("note", ""),
        commit_seq=0 if is_trial else decision.commit_seq,
        compared_with=compared.before or 0,
        changes=bounded((change(each) for each in compared.changes[:REVIEWED_MAX]), LIST_BYTES_MAX // 2),
        change_count=len(compared.changes),
        warnings=bounded((pb.TariffWarning(**each) for each in compared.warnings[:REVIEWED_MAX]), LIST_BYTES_MAX // 2),
        warning_count=len(compared.warnings),
        by_number=decision.by.uid,
        review_time=convert.timestamp(decision.at_us),
    )


def published(done: Published, *, already: bool, is_trial: bool = False) -> pb.PublishTariffResponse:
    """A version that prices from its effective date on."""
    return pb.PublishTariffResponse(
        tariff_version=version(done.figures),
        commit_seq=0 if is_trial and not already else done.publication.commit_seq,
        already_published=already,
        notes=done.notes,
        adjust_by_hand=bounded(map(_days, done.beyond)),
    )


def repealed(done: Repealed, *, is_trial: bool = False) -> pb.RepealTariffResponse:
    """A version that ends."""
    decision = done.decision
    return pb.RepealTariffResponse(
        tariff_version=names.version_name(decision.identity, decision.version),
        from_time=convert.timestamp(decision.detail["from_us"]),
        reason=decision.detail["reason"],
        by=decision.by.name,
        commit_seq=0 if is_trial else decision.commit_seq,
        subscriptions_without_a_plan=done.left,
        content_hash=decision.content_hash.hex(),
        time_zone=done.timezone,
        by_number=decision.by.uid,
        repeal_time=convert.timestamp(decision.at_us),
    )


def bounded(made: Iterable[Made], bytes_max: int = LIST_BYTES_MAX) -> list[Made]:
    """The first messages of a list, up to a number of bytes: clients do not take more in one answer."""
    kept: list[Made] = []
    size = 0
    for each in made:
        size += each.ByteSize()
        if size > bytes_max:
            break
        kept.append(each)
    return kept


def _event(event: Event) -> pb.TariffEvent:
    detail: Any = event.detail
    from_us = detail.get("from_us")
    return pb.TariffEvent(
        commit_seq=event.commit_seq,
        time=convert.timestamp(event.at_us),
        kind=event.what,
        by=event.by,
        content_hash=event.content_hash,
        note=", ".join(str(detail[key]) for key in _NOTES if detail.get(key)),
        from_time=None if from_us is None else convert.timestamp(from_us),
        detail_json=msgspec.json.encode(detail).decode(),
    )


def _days(beyond: Beyond) -> pb.DaysToAdjust:
    to_date = None if beyond.to_date is None else convert.date(beyond.to_date)
    return pb.DaysToAdjust(account=f"accounts/{beyond.account_id}", from_date=convert.date(beyond.from_date), to_date=to_date)
