"""Texts that two persons may read and replace as a whole: a write by a text of before the other one's change is refused."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any

import grpc
import pytest

from billing.controls import findings
from billing.controls.book import book
from ratewright.v1 import control_service_pb2 as control_pb
from ratewright.v1 import control_service_pb2_grpc, dunning_service_pb2_grpc, usage_service_pb2_grpc
from ratewright.v1 import dunning_service_pb2 as dunning_pb
from ratewright.v1 import suspense_proposal_pb2 as suspense_pb
from ratewright.v1 import tariff_service_pb2 as tariff_pb
from tests.server.access.test_approvals import refusal
from tests.server.grpc.finance.asking import day
from tests.server.grpc.tariffs.conftest import FIRST, MOBILE, drafted, files_of, tariffs

if TYPE_CHECKING:
    from tests.server.access.conftest import Guarded

pytestmark = pytest.mark.slow
MISMATCH = (grpc.StatusCode.ABORTED, "ETAG_MISMATCH")
POLICY = "name: {}\nsteps:\n- {{level: 1, action: remind, days_past_due: {}}}\n"


def head(guarded: Guarded) -> int:
    with guarded.home.connect() as connection:
        return guarded.home.head_seq(connection)


def test_a_dunning_policy(guarded: Guarded) -> None:
    """Boss and finance read the policy of 1 day. Boss makes it 2 days; finance, who would make it 3, is told."""
    boss, finance = (dunning_service_pb2_grpc.DunningServiceStub(guarded.channel(name)) for name in ("boss", "the-finance"))

    def policy(days: int, **fields: Any) -> dunning_pb.AddDunningPolicyRequest:  # noqa: ANN401 -- fields of the message
        return dunning_pb.AddDunningPolicyRequest(content=POLICY.format("stern", days).encode(), **fields)

    assert refusal(boss.AddDunningPolicy, policy(1, etag="0" * 64))[:2] == MISMATCH, "there is none to be replaced"
    boss.AddDunningPolicy(policy(1), timeout=20)
    listed = finance.ListDunningPolicies(dunning_pb.ListDunningPoliciesRequest(), timeout=20).policies
    (read,) = [each.hash for each in listed if each.policy == "stern" and each.holds]
    done = boss.AddDunningPolicy(policy(2, etag=read), timeout=20)
    before = head(guarded)
    for tried in (True, False):
        assert refusal(finance.AddDunningPolicy, policy(3, etag=read, validate_only=tried))[:2] == MISMATCH
    assert head(guarded) == before
    assert finance.AddDunningPolicy(policy(3, etag=done.policy.hash), timeout=20).replaced_hash == done.policy.hash
    assert boss.AddDunningPolicy(policy(4), timeout=20).replaced_hash, "without an etag nothing is compared"


def test_a_draft_of_a_tariff(guarded: Guarded) -> None:
    """Both read the draft in EUR. The operator makes it CHF; finance, who would make it GBP, is told."""

    def files(currency: str) -> list[tariff_pb.TariffFile]:
        return [tariff_pb.TariffFile(name=each.name, content=each.content.replace(b"EUR", currency.encode())) for each in files_of(FIRST)]

    operator, finance = tariffs(guarded, "the-operator"), tariffs(guarded, "the-finance")
    drafted(guarded, FIRST)
    read = finance.GetTariffVersion(tariff_pb.GetTariffVersionRequest(name=f"{MOBILE}1"), timeout=30).content_hash
    done = operator.DraftTariff(tariff_pb.DraftTariffRequest(files=files("CHF"), etag=read), timeout=30)
    before = head(guarded)
    late = tariff_pb.DraftTariffRequest(files=files("GBP"), etag=read)
    assert refusal(finance.DraftTariff, late)[:2] == MISMATCH
    assert head(guarded) == before
    late.etag = done.tariff_version.content_hash
    assert finance.DraftTariff(late, timeout=30).tariff_version.currency_code == "GBP"


def test_the_limit_of_suspense(guarded: Guarded) -> None:
    boss, finance = (usage_service_pb2_grpc.UsageServiceStub(guarded.channel(name)) for name in ("boss", "the-finance"))

    def put(units: int, etag: str) -> suspense_pb.SetSuspenseLimitRequest:
        return suspense_pb.SetSuspenseLimitRequest(amount={"units": units}, note="a test", etag=etag)

    read = finance.GetSuspenseLimit(suspense_pb.GetSuspenseLimitRequest(), timeout=20).etag
    done = boss.SetSuspenseLimit(put(5, read), timeout=20)
    before = head(guarded)
    assert refusal(finance.SetSuspenseLimit, put(7, read))[:2] == MISMATCH
    assert (head(guarded), done.etag != read) == (before, True)
    assert finance.SetSuspenseLimit(put(7, done.etag), timeout=20).changes[-1].amount.units == 7


def test_a_finding(guarded: Guarded) -> None:
    """Boss and finance read a finding. Boss gives it to ben; finance, who would close it, is told."""
    findings.keep(guarded.home, [book("sums", 1, 2, "micro-units")], 0, "ann", dt.date(2025, 11, 1), guarded.now_us)
    boss, finance = (control_service_pb2_grpc.ControlServiceStub(guarded.channel(name)) for name in ("boss", "the-finance"))
    (read,) = finance.ListFindings(control_pb.ListFindingsRequest(), timeout=20).findings
    given = control_pb.AssignFindingRequest(name=read.name, owner="ben", due_date=day("11-20"), etag=read.etag)
    done = boss.AssignFinding(given, timeout=20)
    before = head(guarded)
    for tried in (True, False):
        late = control_pb.CloseFindingRequest(name=read.name, note="put right", etag=read.etag, validate_only=tried)
        assert refusal(finance.CloseFinding, late)[:2] == MISMATCH
    given.owner = "carl"
    assert refusal(finance.AssignFinding, given)[:2] == MISMATCH
    assert head(guarded) == before
    closed = control_pb.CloseFindingRequest(name=read.name, note="put right", etag=done.etag)
    assert finance.CloseFinding(closed, timeout=20).closed_by == "the-finance"
