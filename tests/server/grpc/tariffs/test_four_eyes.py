"""No operator approves what the same operator drafted: by the other door, by another key, or as the first of several who saved it."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import grpc
import pytest

from billing import catalogue, operators
from billing.catalogue import Operator
from billing.operators import OperatorKind, Role
from ratewright.v1 import tariff_service_pb2 as pb
from rating.errors import UserError
from tariffs.reading.load import load
from tests.server.grpc.calls import refused
from tests.server.grpc.tariffs.conftest import FIRST, MOBILE, drafted, files_of, tariffs

if TYPE_CHECKING:
    from tests.server.access.conftest import Guarded

pytestmark = pytest.mark.slow
ANA = Operator("ana", os.getuid() + 1)
OWN = (grpc.StatusCode.FAILED_PRECONDITION, "REFUSED")
APPROVE = pb.ApproveTariffDraftRequest(name=f"{MOBILE}1")


@pytest.fixture
def ana(guarded: Guarded) -> Guarded:
    """Ana drafts and approves: she has an account of the system, and a token."""
    operators.add(guarded.home, "ana", OperatorKind.PERSON, guarded.who, uid=ANA.uid)
    for role in (Role.OPERATOR, Role.APPROVER):
        operators.grant(guarded.home, "ana", role, "both", guarded.who)
    guarded.issue("ana")
    return guarded


def approve(guarded: Guarded, name: str) -> pb.TariffReview:
    found: pb.TariffReview = tariffs(guarded, name).ApproveTariffDraft(APPROVE, timeout=30)
    return found


def test_drafted_in_the_shell_and_approved_by_token(ana: Guarded) -> None:
    catalogue.save(ana.home, load(FIRST), ANA, ana.now_us)
    answer = refused(lambda: approve(ana, "ana"))
    assert answer[:2] == OWN
    assert "authors do not approve their own drafts" in answer.message
    assert approve(ana, "the-approver").by == "the-approver"


def test_drafted_by_token_and_approved_in_the_shell(ana: Guarded) -> None:
    tariffs(ana, "ana").DraftTariff(pb.DraftTariffRequest(files=files_of(FIRST)), timeout=30)
    with pytest.raises(UserError, match="authors do not approve their own drafts"):
        catalogue.review(ana.home, "mobile@1", ANA, ana.now_us, accept=True)
    assert catalogue.review(ana.home, "mobile@1", Operator("ben", ANA.uid + 1), ana.now_us, accept=True).by.name == "ben"


def test_drafted_by_one_token_and_approved_by_another_of_the_same_operator(ana: Guarded) -> None:
    tariffs(ana, "ana").DraftTariff(pb.DraftTariffRequest(files=files_of(FIRST)), timeout=30)
    ana.issue("ana")
    assert refused(lambda: approve(ana, "ana"))[:2] == OWN


def test_everybody_who_saved_the_content_is_its_author(ana: Guarded) -> None:
    """Ana saved it in the shell, another one saved it after other content: neither approves it."""
    catalogue.save(ana.home, load(FIRST), ANA, ana.now_us)
    other = [pb.TariffFile(name=each.name, content=each.content.replace(b"EUR", b"CHF")) for each in files_of(FIRST)]
    tariffs(ana, "the-operator").DraftTariff(pb.DraftTariffRequest(files=other), timeout=30)
    drafted(ana, FIRST)
    assert refused(lambda: approve(ana, "ana"))[:2] == OWN


def test_an_author_may_take_a_draft_back(ana: Guarded) -> None:
    tariffs(ana, "ana").DraftTariff(pb.DraftTariffRequest(files=files_of(FIRST)), timeout=30)
    found = tariffs(ana, "ana").RejectTariffDraft(pb.RejectTariffDraftRequest(name=f"{MOBILE}1", note="a mistake"), timeout=30)
    assert (found.approved, found.by) == (False, "ana")


def test_what_was_approved_is_published_whoever_drafted_it_meanwhile(ana: Guarded) -> None:
    """Another content is drafted after the review: the approval is of the first one, and the newest draft is not ready."""
    seen = drafted(ana, FIRST).tariff_version.content_hash
    approve(ana, "the-approver")
    other = [pb.TariffFile(name=each.name, content=each.content.replace(b"EUR", b"CHF")) for each in files_of(FIRST)]
    tariffs(ana, "the-operator").DraftTariff(pb.DraftTariffRequest(files=other), timeout=30)
    publish = pb.PublishTariffRequest(name=f"{MOBILE}1")
    assert refused(lambda: tariffs(ana, "the-operator").PublishTariff(publish, timeout=30)).reason == "TARIFF_NOT_READY"
    stale = pb.ApproveTariffDraftRequest(name=f"{MOBILE}1", content_hash=seen[:12])
    answer = refused(lambda: tariffs(ana, "the-approver").ApproveTariffDraft(stale, timeout=30))
    assert (answer[:2], "look at it again" in answer.metadata["remedy"]) == (OWN, True)


def test_the_trail_names_operator_call_and_version(guarded: Guarded) -> None:
    drafted(guarded, FIRST)
    with guarded.home.connect() as connection:
        row = connection.exec_driver_sql("SELECT by_name, role, call, subject FROM commits ORDER BY commit_seq DESC LIMIT 1").one()
    assert tuple(row) == ("the-operator", "operator", "ratewright.v1.TariffService/DraftTariff", "tariff mobile@1")
