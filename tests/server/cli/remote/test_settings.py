"""Commands of settings, in a home and by a service: both print the same; the rule of `etag`."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import grpc
import pytest

from billing.store import tables
from ratewright.v1 import settings_service_pb2 as pb
from ratewright.v1 import settings_service_pb2_grpc
from server.access import showing
from tests.billing.runs.world import World
from tests.server.cli.remote.persons import Persons, two_homes
from tests.server.grpc.calls import refused

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.slow
LIMIT = ("settings", "set", "adjustment_limit_micros")
NAME = "settings/adjustment_limit_micros"
ABORTED = grpc.StatusCode.ABORTED


@pytest.fixture
def persons(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Iterator[Persons]:
    """Two homes in which nothing is set."""
    with two_homes(tmp_path, capsys, monkeypatch, World.catch_up) as made:
        yield made


def stub(persons: Persons, name: str) -> Any:  # noqa: ANN401 -- a stub
    return settings_service_pb2_grpc.SettingsServiceStub(persons.guarded.channel(name))


def test_list_set_agree(persons: Persons) -> None:
    """A tighter limit holds at once; a looser one waits for another person, as do two of them in the order of their asking."""
    assert "adjustment_limit_micros  " in persons("settings", "list")
    assert persons(*LIMIT, "50000000") == "adjustment_limit_micros is 50000000\n"
    assert persons(*LIMIT, "50000000") == "adjustment_limit_micros is 50000000 already; nothing changed\n"
    assert "loosens a guard, and needs a reason" in persons(*LIMIT, "500000000", status=2)
    assert "approval cannot be 'perhaps'" in persons("settings", "set", "approval", "perhaps", status=2)
    assert "there is no setting colour" in persons.there("settings", "set", "colour", "red", status=2)
    persons("settings", "set", "write_off_limit_micros", "7", "--reason", "debts")
    loose = (*LIMIT, "500000000", "--reason", "phones")
    assert "adjustment_limit_micros stays 50000000: 500000000 waits for another person to agree\n" in persons(*loose)
    assert json.loads(persons(*loose, "--json")) == {
        "name": "adjustment_limit_micros",
        "value": "50000000",
        "changed": False,
        "waits": "500000000",
    }
    waiting = persons("settings", "list").splitlines()[-2:]
    assert [each.split()[0] for each in waiting] == ["write_off_limit_micros", "adjustment_limit_micros"]
    assert "was made by boss, who cannot agree to it" in persons.here("settings", "agree", "adjustment_limit_micros", status=1)
    with persons.acting("the-approver"):
        assert persons("settings", "agree", "adjustment_limit_micros", "--note", "seen") == "adjustment_limit_micros is 500000000\n"
        assert "no change of adjustment_limit_micros waits" in persons("settings", "agree", "adjustment_limit_micros", status=2)
        told = json.loads(persons("settings", "agree", "write_off_limit_micros", "--json"))
    assert told == {"name": "write_off_limit_micros", "value": "7", "asked_by": "boss", "agreed_by": "the-approver"}
    listed = {each["name"]: each for each in json.loads(persons("settings", "list", "--json"))}
    assert (listed["approval"]["set_by"], listed["adjustment_limit_micros"]["reason"]) == ("default", "phones")
    assert listed["adjustment_limit_micros"]["agreed_by"] == "the-approver"


def test_the_order_of_payments(persons: Persons) -> None:
    """It is two settings: tried, set and shown."""
    order = ("payment", "order", "claims, oldest", "--claims", "costs=810; interest=820")
    assert persons("payment", "order") == "payments settle: instruction, oldest\nclaims: all charges are principal\n"
    assert persons(*order, "--dry-run").endswith("only tried: nothing was stored\n")
    assert persons("payment", "order").startswith("payments settle: instruction, oldest\n")
    assert persons(*order) == "payments settle: claims, oldest\nclaims: costs=810; interest=820\n"
    assert json.loads(persons("payment", "order", "--json")) == {
        "allocation_order": "claims, oldest",
        "claim_codes": "costs=810; interest=820",
    }
    assert "error: " in persons("payment", "order", "newest", status=2)


def test_a_write_compares_the_setting_as_it_was_read(persons: Persons) -> None:
    """Between a read and a write another person changed it, asked for another value, or withdrew that: each time the mark is another."""
    boss, finance, approver = (stub(persons, name) for name in ("boss", "the-finance", "the-approver"))
    read = boss.GetSetting(pb.GetSettingRequest(name=NAME), timeout=20)
    marks = {read.etag}
    tried = boss.SetSetting(pb.SetSettingRequest(name=NAME, value="6", etag=read.etag, validate_only=True), timeout=20)
    assert (tried.setting.value, tried.changed) == ("6", True)
    assert boss.GetSetting(pb.GetSettingRequest(name=NAME), timeout=20) == read
    set_by_finance = pb.SetSettingRequest(name=NAME, value="5", etag=read.etag, request_id="r-1")
    now = finance.SetSetting(set_by_finance, timeout=20).setting
    marks.add(now.etag)
    assert refused(lambda: boss.SetSetting(pb.SetSettingRequest(name=NAME, value="6", etag=read.etag), timeout=20))[:2] == (
        *(ABORTED, "ETAG_MISMATCH"),
    )
    assert finance.SetSetting(set_by_finance, timeout=20).setting == now, "a repeat is answered, though the mark is another by now"
    asked = finance.SetSetting(pb.SetSettingRequest(name=NAME, value="7", reason="more", etag=now.etag), timeout=20).setting
    marks.add(asked.etag)
    other = boss.SetSetting(pb.SetSettingRequest(name=NAME, value="900", reason="much more"), timeout=20).setting
    marks.add(other.etag)
    agree = pb.ApproveSettingRequest(name=NAME, etag=asked.etag)
    assert refused(lambda: approver.ApproveSetting(agree, timeout=20))[:2] == (ABORTED, "ETAG_MISMATCH"), "900 is not what was read"
    done = approver.ApproveSetting(pb.ApproveSettingRequest(name=NAME, etag=other.etag, request_id="r-2"), timeout=20)
    assert (done.value, done.set_by, done.agreed_by, done.HasField("proposal")) == ("900", "boss", "the-approver", False)
    assert len(marks | {done.etag}) == 5
    with persons.guarded.home.begin() as connection:  # as after a kill between the commit and the answer
        connection.execute(tables.requests.update().values(answer=None))
    assert approver.ApproveSetting(pb.ApproveSettingRequest(name=NAME, etag=other.etag, request_id="r-2"), timeout=20) == done
    entries = [each for each in showing.entries(persons.guarded.home) if each.subject == "setting adjustment_limit_micros"]
    calls = [(each.call.rpartition("/")[2], each.outcome, each.operator) for each in entries if not each.outcome.startswith("commit")]
    assert ("SetSetting", "ABORTED", "boss") in calls
    assert calls[-2:] == [("ApproveSetting", "OK", "the-approver")] * 2
    assert sum(each.outcome.startswith("commit") for each in entries) == 4, "four writes, each in the name of its operator"


def test_refused(persons: Persons) -> None:
    finance, approver = stub(persons, "the-finance"), stub(persons, "the-approver")
    invalid = grpc.StatusCode.INVALID_ARGUMENT
    for call, request, reason in (
        (finance.GetSetting, pb.GetSettingRequest(name="approval"), "MALFORMED_NAME"),
        (finance.GetSetting, pb.GetSettingRequest(name="settings/colour"), "MALFORMED_REQUEST"),
        (finance.SetSetting, pb.SetSettingRequest(name="settings/approval", value="perhaps"), "MALFORMED_REQUEST"),
        (finance.SetSetting, pb.SetSettingRequest(name="settings/approval", value="\0"), "MALFORMED_REQUEST"),
        (finance.SetSetting, pb.SetSettingRequest(name="settings/approval", value="required", request_id="x" * 129), "REQUEST_ID"),
        (approver.ApproveSetting, pb.ApproveSettingRequest(name="settings/approval"), "MALFORMED_REQUEST"),
    ):
        assert refused(lambda call=call, sent=request: call(sent, timeout=20))[:2] == (invalid, reason), request
