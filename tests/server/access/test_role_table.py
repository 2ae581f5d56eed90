"""Every call of the API as every role, and as nobody: exactly those of `server/access/roles.yaml` are let in."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import grpc
import pytest
from google.protobuf import descriptor_pool
from google.rpc import error_details_pb2
from grpc_health.v1 import health_pb2
from grpc_reflection.v1alpha import reflection_pb2
from grpc_status import rpc_status

from billing.operators import Role
from ratewright.v1 import (
    account_service_pb2,
    approval_service_pb2,
    audit_service_pb2,
    bill_run_service_pb2,
    dunning_service_pb2,
    invoice_service_pb2,
    party_service_pb2,
    rating_service_pb2,
    settings_service_pb2,
    tariff_service_pb2,
    usage_service_pb2,
)
from server.access.roles import Rule, rules
from server.grpc.service import SERVICE_NAMES

if TYPE_CHECKING:
    from tests.server.access.conftest import Guarded

pytestmark = pytest.mark.slow
PAGE = Path(__file__).resolve().parents[3] / "docs" / "access.md"
FILES = (  # loads their descriptors
    *(
        account_service_pb2,
        approval_service_pb2,
        audit_service_pb2,
        bill_run_service_pb2,
        dunning_service_pb2,
        invoice_service_pb2,
        party_service_pb2,
        rating_service_pb2,
        settings_service_pb2,
        tariff_service_pb2,
        usage_service_pb2,
    ),
    health_pb2,
    reflection_pb2,
)
DEADLINE_S = 20


def api() -> dict[str, Any]:
    """Descriptors of all calls, by name: of our services, of operations and of health."""
    pool = descriptor_pool.Default()
    others = ("google.longrunning.Operations", "grpc.health.v1.Health", "grpc.reflection.v1alpha.ServerReflection")
    services = [pool.FindServiceByName(name) for name in (*SERVICE_NAMES, *others)]
    return {f"{service.full_name}/{method.name}": method for service in services for method in service.methods}


def test_the_table_has_the_calls_of_the_api_and_no_others() -> None:
    assert set(rules()) == set(api())


READS = (
    "Check",
    "Compare",
    "Diff",
    "Explain",
    "Find",
    "Get",
    "List",
    "Preview",
    "Quote",
    "RateBatch",
    "Report",
    "Search",
    "Verify",
    "Wait",
)
NOT_FOR_AUDITORS = {  # roles.yaml and docs/access.md say why
    "ratewright.v1.RatingService/Explain",
    "ratewright.v1.InvoiceService/ExplainInvoice",
    "ratewright.v1.UsageService/GetUsageStream",
    "ratewright.v1.AccountService/StreamAccountExport",
    "grpc.health.v1.Health/Check",  # anybody
    "grpc.health.v1.Health/List",
}


def test_an_auditor_makes_every_call_that_reads_and_none_that_writes() -> None:
    """Streams are named by what they do: those of reads are of exports and of itemised usage."""
    reading = (*READS, "StreamAccount", "StreamInvoice", "StreamLedger", "ServerReflection")
    reads = {call for call in rules() if call.partition("/")[2].startswith(reading)}
    assert {call for call, rule in rules().items() if Role.AUDITOR in rule.roles} == reads - NOT_FOR_AUDITORS


def test_the_page_names_the_reading_calls_that_are_not_for_an_auditor() -> None:
    [row] = [line for line in PAGE.read_text(encoding="utf-8").splitlines() if line.startswith("| `auditor` | ")]
    said = row.partition("every call that reads but ")[2].partition(". ")[0]
    ours = {call.partition("/")[2] for call in NOT_FOR_AUDITORS if call.startswith("ratewright.")}
    assert set(re.findall(r"`(\w+)`", said)) == ours


def test_who_agrees_to_prices_or_says_them_may_quote() -> None:
    for call in ("RatingService/Quote", "RatingService/ComparePlans", "SettingsService/ListSettings", "SettingsService/GetSetting"):
        assert {Role.SUPPORT, Role.APPROVER} <= set(rules()[f"ratewright.v1.{call}"].roles), call


def test_each_role_may_make_some_call() -> None:
    """But the approver's: the calls by which a second person agrees are its own."""
    assert {role for rule in rules().values() for role in rule.roles} == set(Role)


def _refusal(channel: grpc.Channel, call: str, method: Any) -> str | None:  # noqa: ANN401 -- a descriptor
    """The reason for which a call with an empty request is refused at the entrance; None where it is let in."""
    codec = {"request_serializer": bytes, "response_deserializer": bytes}
    kinds = {
        (False, False): channel.unary_unary,
        (False, True): channel.unary_stream,
        (True, False): channel.stream_unary,
        (True, True): channel.stream_stream,
    }
    made = kinds[method.client_streaming, method.server_streaming](f"/{call}", **codec)
    answer: Any = made(iter([b""]) if method.client_streaming else b"", timeout=DEADLINE_S)
    try:
        if method.server_streaming:
            next(answer)
            answer.cancel()
    except grpc.RpcError as error:
        return _reason(error)
    return None


def _reason(error: grpc.RpcError) -> str | None:
    status = rpc_status.from_call(error)
    for detail in status.details if status is not None else ():
        info = error_details_pb2.ErrorInfo()
        if detail.Unpack(info) and info.reason in {"ROLE_MISSING", "CREDENTIALS_MISSING"}:
            return info.reason
    return None


def _expected(rule: Rule, role: Role | None) -> str | None:
    if rule.anybody or role in rule.roles:
        return None
    return "CREDENTIALS_MISSING" if role is None else "ROLE_MISSING"


@pytest.mark.parametrize("role", [*Role, None], ids=str)
def test_every_call_as_every_role_and_as_nobody(guarded: Guarded, role: Role | None) -> None:
    name = "boss" if role is Role.ADMIN else None if role is None else f"the-{role}"
    found, expected = {}, {}
    for call, method in api().items():
        try:
            found[call] = _refusal(guarded.channel(name), call, method)
        except grpc.RpcError as error:
            found[call] = _reason(error)
        expected[call] = _expected(rules()[call], role)
    assert found == expected
