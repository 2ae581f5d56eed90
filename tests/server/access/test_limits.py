"""Limits of operators over a real socket, ids of requests, the log of refusals, and metrics of what was called."""

from __future__ import annotations

import contextlib
import logging
import queue
import threading
from concurrent import futures
from typing import TYPE_CHECKING, Any

import grpc
import pytest
from google.rpc import error_details_pb2
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc
from grpc_status import rpc_status

from ratewright.v1 import account_service_pb2, account_service_pb2_grpc, usage_service_pb2_grpc
from ratewright.v1 import bill_run_service_pb2 as runs_pb
from ratewright.v1 import bill_run_service_pb2_grpc as runs_grpc
from server.access import trail
from server.client.errors import of_call
from server.grpc import entrance, service
from server.grpc.accounts.account_service import AccountService
from server.grpc.call_log import LINES_PER_SECOND, CallLog
from server.grpc.operator_limits import Limit, OperatorLimits
from server.grpc.service import SERVICE_NAMES
from server.grpc.store_watch import StoreWatch
from server.observing import prometheus
from tests.server.grpc.calls import HEADER, batch, ipc, records, refused, send

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ratewright.v1 import usage_service_pb2 as pb
    from tests.server.access.conftest import Guarded

pytestmark = pytest.mark.slow
DEADLINE_S = 20
ID = "0123456789abcdef0123456789abcdef"


def again(guarded: Guarded, limit: Limit, **named: Any) -> None:  # noqa: ANN401 -- as `start` has them
    """Serve with other limits."""
    guarded.stop()
    guarded.start(OperatorLimits(limit), **named)


def list_runs(channel: grpc.Channel, deadline_s: float | None = DEADLINE_S, *metadata: tuple[str, str]) -> object:
    return runs_grpc.BillRunServiceStub(channel).ListBillRuns(runs_pb.ListBillRunsRequest(), timeout=deadline_s, metadata=metadata)


def get_account(channel: grpc.Channel, name: str, *metadata: tuple[str, str]) -> object:
    request = account_service_pb2.GetAccountRequest(name=name)
    return account_service_pb2_grpc.AccountServiceStub(channel).GetAccount(request, timeout=DEADLINE_S, metadata=metadata)


def detail(error: grpc.RpcError, kind: Any) -> Any:  # noqa: ANN401 -- a message of google.rpc
    found = kind()
    status = rpc_status.from_call(error)
    assert any(each.Unpack(found) for each in status.details), status
    return found


def test_a_call_needs_a_deadline_and_a_stream_does_not(guarded: Guarded) -> None:
    again(guarded, Limit(deadline_required=True, deadline_max_s=60))
    channel = guarded.channel("the-operator")
    list_runs(channel, 60)
    for deadline_s in (None, 3_600):
        told = refused(lambda deadline_s=deadline_s: list_runs(channel, deadline_s))  # type: ignore[misc] -- bound in the loop
        assert told[:3] == (grpc.StatusCode.INVALID_ARGUMENT, "DEADLINE_REQUIRED", {"deadline_max_s": "60"})
    stub = usage_service_pb2_grpc.UsageServiceStub(guarded.channel("the-switch"))
    answers = list(stub.StreamUsage(iter([HEADER, batch(1, ipc(records([1])))])))
    assert answers[1].ack.accepted == 1
    assert health_pb2_grpc.HealthStub(guarded.plain).Check(health_pb2.HealthCheckRequest()).status == 1, "health needs none"


def test_more_calls_a_second_are_refused_with_a_time_to_come_back(guarded: Guarded) -> None:
    """One call a second: the second one is refused. That of another operator is not, and the time is at most that second."""
    again(guarded, Limit(calls_per_second=1))
    channel = guarded.channel("the-operator")
    list_runs(channel)
    with pytest.raises(grpc.RpcError) as raised:
        list_runs(channel)
    assert raised.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
    assert detail(raised.value, error_details_pb2.ErrorInfo).reason == "CALLS_PER_SECOND"
    wait_s = of_call(raised.value).retry_after_s
    assert wait_s is not None
    assert 0 < wait_s <= 1
    list_runs(guarded.channel("the-auditor"))


def test_a_message_that_is_too_long_is_refused(guarded: Guarded) -> None:
    again(guarded, Limit(message_bytes=2_000))
    told = refused(lambda: get_account(guarded.channel("the-finance"), "accounts/" + "x" * 2_000))
    assert told[:3] == (grpc.StatusCode.INVALID_ARGUMENT, "MESSAGE_TOO_LARGE", {"message_bytes": "2000"})
    told = refused(lambda: send(guarded.channel("the-switch"), ipc(records(range(100)))))
    assert told[:2] == (grpc.StatusCode.INVALID_ARGUMENT, "MESSAGE_TOO_LARGE")
    assert refused(lambda: get_account(guarded.channel("the-finance"), "accounts/none")).reason == "ACCOUNT_UNKNOWN"


def test_streams_of_an_operator_are_bounded_and_come_back(guarded: Guarded) -> None:
    again(guarded, Limit(streams=1))
    stub = usage_service_pb2_grpc.UsageServiceStub(guarded.channel("the-switch"))
    ends: queue.SimpleQueue[pb.StreamUsageRequest | None] = queue.SimpleQueue()

    def opened() -> Iterator[pb.StreamUsageRequest]:
        yield HEADER
        while (request := ends.get()) is not None:
            yield request

    first = stub.StreamUsage(opened())
    assert next(first).HasField("opened")
    told = refused(lambda: list(stub.StreamUsage(iter([HEADER]))))
    assert told[:2] == (grpc.StatusCode.RESOURCE_EXHAUSTED, "STREAMS_EXHAUSTED")
    assert "of the-switch" in told.message
    assert next(usage_service_pb2_grpc.UsageServiceStub(guarded.channel("boss")).StreamUsage(iter([HEADER]))).HasField("opened")
    ends.put(None)
    assert list(first) == []
    assert [ack.accepted for ack in send(guarded.channel("the-switch"), ipc(records([1])))] == [1]


class Clock:
    """A monotonic clock that the test sets."""

    def __init__(self) -> None:
        self.now_s = 0.0

    def __call__(self) -> float:
        """Now."""
        return self.now_s


def test_a_stream_with_too_many_rows_is_held_back_and_holds_up_nobody(guarded: Guarded) -> None:
    """Ten rows a second on a clock that stands: 30 rows leave a debt of 20, so nothing more is read before it has gone on for 2.1 s."""
    clock = Clock()
    guarded.stop()
    guarded.start(OperatorLimits(Limit(rows_per_second=10), clock_s=clock))
    contents = [ipc(records(range(start, start + 30))) for start in (0, 30)]
    going = queue.SimpleQueue[int]()

    def requests() -> Iterator[pb.StreamUsageRequest]:
        yield HEADER
        yield batch(1, contents[0])
        going.get()
        yield batch(2, contents[1])

    answers = usage_service_pb2_grpc.UsageServiceStub(guarded.channel("the-switch")).StreamUsage(requests(), timeout=DEADLINE_S)
    assert next(answers).HasField("opened")
    assert next(answers).ack.accepted == 30
    going.put(1)
    assert [ack.accepted for ack in send(guarded.channel("boss"), ipc(records([1_000])))] == [1], "another operator is not held up"
    assert _rows(guarded) == 31
    clock.now_s += 2.1
    assert next(answers).ack.accepted == 30
    assert list(answers) == []
    assert _rows(guarded) == 61


def _rows(guarded: Guarded) -> int:
    from billing.intake.taking import Intake  # noqa: PLC0415 -- of this look alone

    with guarded.home.connect() as connection:
        seq = guarded.home.head_seq(connection)
    return int(Intake(guarded.home).usage(["record_id"], seq).num_rows)


def test_a_client_that_reads_no_acks_holds_up_nobody(guarded: Guarded) -> None:
    """It sends 400 batches and reads none of their acks; the others are answered."""

    def requests() -> Iterator[pb.StreamUsageRequest]:
        yield HEADER
        for number in range(1, 401):
            yield batch(number, ipc(records([number])))

    slow = usage_service_pb2_grpc.UsageServiceStub(guarded.channel("the-switch")).StreamUsage(requests(), timeout=DEADLINE_S)
    assert [ack.accepted for ack in send(guarded.channel("boss"), ipc(records([1_000])))] == [1]
    list_runs(guarded.channel("the-operator"))
    assert sum(answer.ack.accepted for answer in slow) == 400


def test_a_refusal_has_the_id_that_the_log_has(guarded: Guarded, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "server.grpc.call_log")
    channel = guarded.channel("the-finance")
    told = []
    for metadata in ((("x-request-id", ID),), (("x-request-id", "+8613900000001"),), (("x-request-id", "8613900000001861"),), ()):
        with pytest.raises(grpc.RpcError) as raised:
            get_account(channel, "accounts/8613900000001", *metadata)
        told.append(detail(raised.value, error_details_pb2.RequestInfo).request_id)
    assert told[0] == ID
    assert len(set(told)) == 4
    assert not any("8613900000001" in each for each in told), "an id that may be a number of a customer is not taken"
    with pytest.raises(grpc.RpcError):
        get_account(guarded.channel(None), "accounts/anna")
    lines = [each.fields for each in caplog.records if each.name == "server.grpc.call_log"]
    assert [each["request_id"] for each in lines[:4]] == told
    assert [(each["code"], each["reason"]) for each in lines] == [("NOT_FOUND", "ACCOUNT_UNKNOWN")] * 4 + [
        ("UNAUTHENTICATED", "CREDENTIALS_MISSING")
    ]
    assert {each["call"] for each in lines} == {"ratewright.v1.AccountService/GetAccount"}
    assert "8613900000001" not in str(lines)
    assert "the-finance" not in str(lines)


def test_refusals_without_end_are_counted_and_not_written(caplog: pytest.LogCaptureFixture) -> None:
    from server.grpc.under_way import UnderWay  # noqa: PLC0415 -- of this test alone

    caplog.set_level(logging.INFO, "server.grpc.call_log")
    clock = Clock()
    log = CallLog(clock)
    for _ in range(LINES_PER_SECOND + 7):
        log.refused(UnderWay("Service/Call", ID), "NOT_FOUND", 0.0)
    assert len(caplog.records) == LINES_PER_SECOND
    clock.now_s += 1.0
    log.refused(UnderWay("Service/Call", ID), "NOT_FOUND", 0.0)
    assert [each.fields.get("left_out", 0) for each in caplog.records] == [0] * LINES_PER_SECOND + [7]  # type: ignore[attr-defined] -- as it was logged


def samples(meter: prometheus.PrometheusMeter) -> dict[str, float]:
    """Every sample of a meter, by name and labels."""
    return {
        each.name + "".join(f" {key}={value}" for key, value in sorted(each.labels.items())): each.value
        for family in meter.registry.collect()
        for each in family.samples
    }


def test_metrics_count_what_was_called(guarded: Guarded) -> None:
    state = prometheus.State([prometheus.Work("bill_run", "rating", 3, 10), prometheus.Work("bill_run", "rating", 4, 10)], 1, 2)
    meter = prometheus.PrometheusMeter(lambda: state)
    guarded.stop()
    guarded.start(meter=meter)
    rows = ipc(records(range(5)))
    assert [ack.accepted for ack in send(guarded.channel("the-switch"), rows)] == [5]
    assert [ack.duplicate for ack in send(guarded.channel("the-switch"), rows)] == [5]
    for _ in range(3):
        refused(lambda: get_account(guarded.channel("the-finance"), "accounts/8613900000001"))
    list_runs(guarded.channel("the-operator"))
    guarded.stop()
    found = samples(meter)
    expected = {
        "ratewright_calls_total call=ratewright.v1.AccountService/GetAccount code=NOT_FOUND": 3,
        "ratewright_calls_total call=ratewright.v1.BillRunService/ListBillRuns code=OK": 1,
        "ratewright_calls_total call=ratewright.v1.UsageService/StreamUsage code=OK": 2,
        "ratewright_refusals_total reason=ACCOUNT_UNKNOWN": 3,
        "ratewright_call_seconds_count service=ratewright.v1.AccountService": 3,
        "ratewright_streams_open": 0,
        "ratewright_acks_total repeated=no": 2,
        "ratewright_ack_seconds_count": 2,
        "ratewright_rows_total status=accepted": 5,
        "ratewright_rows_total status=duplicate": 5,
        "ratewright_store_write_seconds_count": 2,
        "ratewright_queue_batches": 0,
        "ratewright_queue_bytes": 0,
        "ratewright_store_up": 1,
        "ratewright_findings_open": 2,
        "ratewright_operations_interrupted": 1,
        "ratewright_operation_running kind=bill_run stage=rating": 2,
        "ratewright_operation_done kind=bill_run stage=rating": 7,
        "ratewright_operation_total kind=bill_run stage=rating": 20,
    }
    assert {name: found.get(name) for name in expected} == expected
    assert not [name for name in found if "8613900000001" in name or "the-" in name], "no customer and no operator"


def test_reflection_names_the_services_to_operators_alone(guarded: Guarded) -> None:
    request = [reflection_pb2.ServerReflectionRequest(list_services="")]
    for name, has_role in (("the-auditor", True), (None, False)):
        stub = reflection_pb2_grpc.ServerReflectionStub(guarded.channel(name))
        if has_role:
            [answer] = stub.ServerReflectionInfo(iter(request), timeout=DEADLINE_S)
            assert {each.name for each in answer.list_services_response.service} > set(SERVICE_NAMES)
        else:
            told = refused(lambda stub=stub: list(stub.ServerReflectionInfo(iter(request), timeout=DEADLINE_S)))  # type: ignore[misc] -- bound in the loop
            assert told.code is grpc.StatusCode.UNAUTHENTICATED


def test_health_of_each_service_follows_the_store(guarded: Guarded) -> None:
    stub = health_pb2_grpc.HealthStub(guarded.plain)
    listed = stub.List(health_pb2.HealthListRequest(), timeout=DEADLINE_S).statuses
    assert {name: each.status for name, each in listed.items()} == dict.fromkeys(("", *SERVICE_NAMES), 1)
    watched = stub.Watch(health_pb2.HealthCheckRequest(service=SERVICE_NAMES[0]), timeout=DEADLINE_S)
    assert next(watched).status == 1
    guarded.service.note_store(answers=False)
    assert next(watched).status == 2
    guarded.service.note_store(answers=True)
    assert next(watched).status == 1


def test_a_store_that_stops_answering_is_seen_and_its_return_too() -> None:
    answers, told = [True, False, False, True, True], list[bool]()

    def look() -> None:
        if not answers.pop(0):
            raise OSError("gone")

    watch = StoreWatch(look, told.append, every_s=1e9)
    while answers:
        watch._look_once()  # noqa: SLF001 -- its thread would do it every five seconds
    watch.close()
    assert told == [False, True]


def test_a_call_that_is_under_way_is_finished_as_the_service_stops(guarded: Guarded, monkeypatch: pytest.MonkeyPatch) -> None:
    """It takes longer than those that only watch may stay."""
    begun, goes_on = threading.Event(), threading.Event()

    def slow(*_: object) -> account_service_pb2.Account:
        begun.set()
        assert goes_on.wait(DEADLINE_S)
        return account_service_pb2.Account(name="accounts/anna")

    monkeypatch.setattr(service, "SHORT_CALL_S", 0.01)
    monkeypatch.setattr(AccountService, "_get", slow)
    channel = guarded.channel("the-finance")
    with futures.ThreadPoolExecutor(2) as pool:
        answer = pool.submit(get_account, channel, "accounts/anna")
        assert begun.wait(DEADLINE_S)
        stopped = pool.submit(guarded.service.stop)
        with pytest.raises(futures.TimeoutError):
            stopped.result(0.5)
        goes_on.set()
        assert answer.result(DEADLINE_S) == account_service_pb2.Account(name="accounts/anna")
        assert stopped.result(DEADLINE_S)


def test_the_trail_sums_refusals_for_a_limit_by_operator(guarded: Guarded) -> None:
    again(guarded, Limit(calls_per_second=1))
    for name in ("the-operator", "the-auditor"):
        channel = guarded.channel(name)
        for _ in range(4):
            with contextlib.suppress(grpc.RpcError):
                list_runs(channel)
    guarded.stop()
    found = {
        each["operator"]: each.get("count", 1)
        for path in trail.files(guarded.home.path)
        for each in trail.entries(path)
        if each.get("outcome") == "CALLS_PER_SECOND"
    }
    assert set(found) == {"the-operator", "the-auditor"}
    assert sum(found.values()) >= 4, "a slow machine lets some of them in"


def test_a_call_without_a_deadline_is_ended_after_the_longest_one(guarded: Guarded, monkeypatch: pytest.MonkeyPatch) -> None:
    """It may have none here; the entrance looks at what is open, as it does for keys that were revoked."""
    monkeypatch.setattr(entrance, "LOOK_AGAIN_S", 0.1)
    goes_on = threading.Event()
    monkeypatch.setattr(AccountService, "_get", lambda *_: goes_on.wait(DEADLINE_S) and account_service_pb2.Account())
    again(guarded, Limit(deadline_max_s=1))
    stub = account_service_pb2_grpc.AccountServiceStub(guarded.channel("the-finance"))
    try:
        with pytest.raises(grpc.RpcError) as raised:
            stub.GetAccount(account_service_pb2.GetAccountRequest(name="accounts/anna"))
        assert raised.value.code() is grpc.StatusCode.CANCELLED
    finally:
        goes_on.set()
