"""Bill runs from start to end: progress, refusals with remedies, approvals, and a service that is killed while a run is waited for.

Anna owes 10.00 and 0.50 of October, Bob 10.00; tax of 6 % is 0.63 and 0.60.
"""

from __future__ import annotations

import datetime as dt
import os
from typing import TYPE_CHECKING

import grpc
import pytest

from billing import setting_changes
from server.client import CallError, Finance, Operator, micros
from tests.billing.runs.world import World
from tests.server.client.conftest import connect
from tests.server.grpc.bill_runs.client import october

if TYPE_CHECKING:
    from pathlib import Path

    from ratewright.v1 import operation_pb2
    from tests.server.access.conftest import Guarded
    from tests.server.client.conftest import Killable

pytestmark = pytest.mark.slow
NOVEMBER = dt.date(2025, 11, 1)
NET_MICROS, TAX_MICROS = 20_500_000, 1_230_000


def test_bills_are_previewed_and_run(guarded: Guarded, tmp_path: Path) -> None:
    guarded.world.catch_up()
    october(guarded.world)
    guarded.now_us = guarded.world.now_us
    seen: list[str] = []
    with connect(guarded, tmp_path, "the-operator") as connection:
        operator = Operator(connection)
        one = operator.preview_bill("accounts/anna", NOVEMBER)
        assert [micros(each) for each in (*one.net, *one.tax)] == [10_500_000, 630_000]
        preview = operator.preview_bills(NOVEMBER)
        assert ([micros(each) for each in (*preview.net, *preview.tax)], preview.bill_count) == ([NET_MICROS, TAX_MICROS], 2)
        run = operator.run_bills(NOVEMBER, request_id="november", progress=lambda metadata: seen.append(metadata.kind))
        assert (run.state, run.invoice_count, [micros(each) for each in run.total]) == ("posted", 2, [NET_MICROS + TAX_MICROS])
        assert seen
        assert operator.run_bills(NOVEMBER, request_id="november") == run
        assert [each.name for each in operator.runs()] == [run.name]
        assert operator.run(run.name).started_by == "the-operator"
    with connect(guarded, tmp_path, "the-finance") as connection:
        finance = Finance(connection)
        assert sorted(micros(each.total) for each in finance.invoices()) == [10_600_000, 11_130_000]


def test_what_a_run_refuses_has_a_remedy(guarded: Guarded, tmp_path: Path) -> None:
    with connect(guarded, tmp_path, "the-operator") as connection, pytest.raises(CallError) as refused:
        Operator(connection).run_bills(dt.date(2029, 12, 1))
    assert refused.value.code is grpc.StatusCode.FAILED_PRECONDITION
    assert refused.value.reason == "REFUSED"
    assert refused.value.remedy
    assert refused.value.metadata["operation"].startswith("operations/")


def test_a_proposal_is_agreed_to_by_another_person(guarded: Guarded, tmp_path: Path) -> None:
    setting_changes.put(guarded.home, "adjustment_limit_micros", "500000000", "ana", os.getuid() + 1, guarded.now_us, reason="phones")
    with connect(guarded, tmp_path, "the-operator") as connection, pytest.raises(CallError) as refused:
        Operator(connection).agree("approvals/1")
    assert (refused.value.code, refused.value.reason) == (grpc.StatusCode.PERMISSION_DENIED, "ROLE_MISSING")
    with connect(guarded, tmp_path, "the-approver") as connection:
        operator = Operator(connection)
        assert [each.name for each in operator.approvals()] == ["approvals/1"]
        assert operator.agree("approvals/1", "seen").decided_by == "the-approver"
        assert list(operator.approvals()) == []
        assert [each.note for each in operator.approvals(show_decided=True)] == ["seen"]


def test_a_run_is_waited_for_while_the_service_is_killed_and_started_again(killable: Killable) -> None:
    """The run goes on in its own process; the next service says how it ended. There is one run, with the amounts of any other."""
    october(World(killable.folder / "home")).home.close()
    killable.start()
    killable.after_death.start()
    killed: list[bool] = []

    def kill_once(_: operation_pb2.OperationMetadata) -> None:
        if not killed:
            killed.append(True)
            killable.kill()

    with killable.connect() as connection:
        operator = Operator(connection)
        run = operator.run_bills(NOVEMBER, progress=kill_once)
        assert (run.state, run.invoice_count, [micros(each) for each in run.total]) == ("posted", 2, [NET_MICROS + TAX_MICROS])
        assert [each.name for each in operator.runs()] == [run.name]
    assert (killed, killable.starts) == ([True], 2)
