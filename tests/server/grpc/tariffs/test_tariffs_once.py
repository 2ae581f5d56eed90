"""Each write of tariffs counts once: repeated, with another field, cut off between commit and answer, and only tried."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest
import sqlalchemy as sa

from billing.store import tables
from ratewright.v1 import tariff_service_pb2 as pb
from server.grpc import convert
from tests.server.grpc.calls import refused
from tests.server.grpc.tariffs.conftest import FIRST, MOBILE, SECOND, drafted, files_of, published, tariffs

if TYPE_CHECKING:
    from tests.server.access.conftest import Guarded

pytestmark = pytest.mark.slow


class Case(NamedTuple):
    """A write, what comes before it, who makes it, and a field that a repeat has otherwise."""

    before: Any  # a function of the service
    operator: str
    method: str
    request: Any
    field: str
    other: Any


def nothing(_guarded: Guarded) -> None:
    """Nothing comes before."""


def draft(guarded: Guarded) -> None:
    """A draft comes before."""
    drafted(guarded, FIRST)


def publish(guarded: Guarded) -> None:
    """A published version comes before."""
    published(guarded, FIRST)


CASES = {
    "draft": Case(nothing, "the-operator", "DraftTariff", pb.DraftTariffRequest(files=files_of(FIRST)), "files", files_of(SECOND)),
    "approval": Case(
        draft, "the-approver", "ApproveTariffDraft", pb.ApproveTariffDraftRequest(name=f"{MOBILE}1", note="good"), "note", "bad"
    ),
    "rejection": Case(
        draft, "the-operator", "RejectTariffDraft", pb.RejectTariffDraftRequest(name=f"{MOBILE}1", note="bad"), "note", "worse"
    ),
    "publication": Case(
        draft,
        "the-operator",
        "PublishTariff",
        pb.PublishTariffRequest(name=f"{MOBILE}1", waive_review="a test"),
        "waive_review",
        "another reason",
    ),
    "repeal": Case(
        publish,
        "the-operator",
        "RepealTariff",
        pb.RepealTariffRequest(name=f"{MOBILE}1", from_date=convert.date(dt.date(2027, 1, 1)), reason="a new brand"),
        "reason",
        "an old brand",
    ),
}


def commits(guarded: Guarded) -> int:
    """The number of commits."""
    with guarded.home.connect() as connection:
        return int(connection.execute(sa.select(sa.func.count()).select_from(tables.commits)).scalar_one())


def changed(request: Any, **fields: Any) -> Any:  # noqa: ANN401 -- a message of any call
    made = type(request)()
    made.CopyFrom(request)
    for name, value in fields.items():
        made.ClearField(name)
        made.MergeFrom(type(request)(**{name: value}))
    return made


@pytest.mark.parametrize("name", CASES)
def test_a_write_counts_once(guarded: Guarded, name: str) -> None:
    """Tried, made, repeated, repeated as after a kill before the answer, and with another field: there is one commit."""
    case = CASES[name]
    case.before(guarded)
    before = commits(guarded)
    call = getattr(tariffs(guarded, case.operator), case.method)
    tried = call(changed(case.request, validate_only=True), timeout=30)
    assert (commits(guarded), tried.commit_seq) == (before, 0)
    request = changed(case.request, request_id="r-1")
    first = call(request, timeout=30)
    assert (commits(guarded), first.commit_seq > 0) == (before + 1, True)
    tried.commit_seq = first.commit_seq
    assert tried == first, "a trial says what the call will say"
    assert call(request, timeout=30) == first
    with guarded.home.begin() as connection:
        connection.execute(tables.requests.update().values(answer=None))
    assert call(request, timeout=30) == first
    answer = refused(lambda: call(changed(request, **{case.field: case.other}), timeout=30))
    assert (answer.reason, answer.metadata["field"]) == ("REQUEST_ID_REUSED", case.field)
    long = refused(lambda: call(changed(request, request_id="x" * 129), timeout=30))
    assert (long.reason, long.metadata["field"]) == ("REQUEST_ID", "request_id")
    assert commits(guarded) == before + 1


def test_a_draft_that_is_there_already_keeps_its_request(guarded: Guarded) -> None:
    """It has no commit of its own, and its repeat has the same answer."""
    first = drafted(guarded, FIRST)
    again = drafted(guarded, FIRST, request_id="r-2")
    assert (again.already_drafted, again.commit_seq, drafted(guarded, FIRST, request_id="r-2")) == (True, first.commit_seq, again)


def test_a_draft_of_before_is_answered_as_it_was(guarded: Guarded) -> None:
    """Other content is drafted after the call that was cut off: its repeat names what it drafted."""
    first = drafted(guarded, FIRST, request_id="r-1")
    other = [pb.TariffFile(name=each.name, content=each.content.replace(b"EUR", b"CHF")) for each in files_of(FIRST)]
    tariffs(guarded, "the-operator").DraftTariff(pb.DraftTariffRequest(files=other), timeout=30)
    with guarded.home.begin() as connection:
        connection.execute(tables.requests.update().values(answer=None))
    again = drafted(guarded, FIRST, request_id="r-1")
    assert again == first
    assert again.tariff_version.currency_code == "EUR"


def test_a_repeal_leaves_subscriptions_without_a_plan(guarded: Guarded) -> None:
    """Anna is on shop/basic. The trial says it too, though the version is still in force then."""
    world = guarded.world
    world.catch_up()
    world.account("anna")
    world.subscription("anna-1", "anna", "shop/basic", "1001")
    guarded.now_us = world.now_us
    from_time = convert.timestamp(guarded.now_us + 86_400_000_000)
    request = pb.RepealTariffRequest(name="catalogues/shop/versions/1", from_time=from_time, reason="the end", validate_only=True)
    repeal = tariffs(guarded, "the-operator").RepealTariff
    assert repeal(request, timeout=30).subscriptions_without_a_plan == 1
    assert repeal(changed(request, validate_only=False), timeout=30).subscriptions_without_a_plan == 1
