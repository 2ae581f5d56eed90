"""Tokens at the entrance: forged, expired, revoked, of another service; roles that end; what the trail keeps of it."""

from __future__ import annotations

import base64
import errno
import json
import time
from typing import TYPE_CHECKING

import grpc
import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from google.rpc import error_details_pb2
from grpc_status import rpc_status

from billing import operators
from billing.operators import Limits, Role
from billing.store import tables
from ratewright.v1 import invoice_service_pb2 as pb
from ratewright.v1 import invoice_service_pb2_grpc, usage_service_pb2_grpc
from rating.dates import DAY_US
from server.access import key_files, showing, tokens, trail
from server.grpc import entrance, operator_limits
from tests.server.grpc.calls import HEADER, batch, ipc, records
from tests.server.with_token import with_token

if TYPE_CHECKING:
    from tests.server.access.conftest import Guarded

pytestmark = pytest.mark.slow
LIST = "ratewright.v1.InvoiceService/ListInvoices"
DEADLINE_S = 20


def list_invoices(channel: grpc.Channel) -> tuple[grpc.StatusCode, str]:
    """The code and the reason of a call that finance may make; OK and no reason where it is answered."""
    try:
        invoice_service_pb2_grpc.InvoiceServiceStub(channel).ListInvoices(pb.ListInvoicesRequest(parent="accounts/-"), timeout=DEADLINE_S)
    except grpc.RpcError as error:
        return error.code(), reason_of(error)
    return grpc.StatusCode.OK, ""


def reason_of(error: grpc.RpcError) -> str:
    """The reason of a refusal."""
    info = error_details_pb2.ErrorInfo()
    for detail in rpc_status.from_call(error).details:
        detail.Unpack(info)
    return info.reason


OK = (grpc.StatusCode.OK, "")
UNKNOWN = grpc.StatusCode.UNAUTHENTICATED


def test_a_token_lets_in_until_it_ends(guarded: Guarded) -> None:
    channel = guarded.channel("the-finance")
    assert list_invoices(channel) == OK
    guarded.now_us += DAY_US - 1_000_000
    assert list_invoices(channel) == OK
    guarded.now_us += 1_000_000
    assert list_invoices(channel) == (UNKNOWN, "CREDENTIALS_EXPIRED")


def test_a_revoked_token_is_refused_at_once(guarded: Guarded) -> None:
    channel = guarded.channel("the-finance")
    assert list_invoices(channel) == OK
    operators.revoke_key(guarded.home, guarded.key_ids["the-finance"], "lost", guarded.who)
    assert list_invoices(channel) == (UNKNOWN, "CREDENTIALS_REVOKED")


def test_a_closed_operator_is_refused_at_once(guarded: Guarded) -> None:
    channel = guarded.channel("the-finance")
    assert list_invoices(channel) == OK
    operators.close(guarded.home, "the-finance", "left the company", guarded.who)
    assert list_invoices(channel) == (UNKNOWN, "CREDENTIALS_REVOKED")


def test_a_role_holds_until_it_ends_or_is_taken(guarded: Guarded) -> None:
    guarded.add("guest", days=3)
    channel = guarded.channel("guest")
    assert list_invoices(channel) == (grpc.StatusCode.PERMISSION_DENIED, "ROLE_MISSING")
    operators.grant(guarded.home, "guest", Role.AUDITOR, "the yearly audit", guarded.who, limits=Limits(until_us=guarded.now_us + DAY_US))
    assert list_invoices(channel) == OK
    guarded.now_us += DAY_US
    assert list_invoices(channel) == (grpc.StatusCode.PERMISSION_DENIED, "ROLE_MISSING")
    operators.grant(guarded.home, "guest", Role.FINANCE, "stays", guarded.who)
    assert list_invoices(channel) == OK
    operators.revoke_grant(guarded.home, "guest", Role.FINANCE, "does not stay", guarded.who)
    assert list_invoices(channel) == (grpc.StatusCode.PERMISSION_DENIED, "ROLE_MISSING")


def test_forged_tokens_are_refused(guarded: Guarded) -> None:
    good = guarded.tokens["the-finance"]
    head, body, signature = good.split(".")
    claims = jwt.decode(good, options={"verify_signature": False})
    kid = jwt.get_unverified_header(good)["kid"]
    key, stranger = key_files.token_keys(guarded.home.path)[kid], ec.generate_private_key(ec.SECP256R1())
    others = base64.urlsafe_b64encode(json.dumps(claims | {"sub": "boss"}).encode()).decode().rstrip("=")
    forged = {
        "no token": "x",
        "empty": "",
        "another body": f"{head}.{others}.{signature}",
        "no signature": f"{head}.{body}.",
        "algorithm none": jwt.encode(claims, None, algorithm="none", headers={"kid": kid}),
        "signed by the public key": jwt.encode(claims, "x" * 32, algorithm="HS256", headers={"kid": kid}),
        "signed by a stranger": jwt.encode(claims, stranger, algorithm="ES256", headers={"kid": kid}),
        "another key id": jwt.encode(claims, key, algorithm="ES256", headers={"kid": "../ca"}),
        "for another service": jwt.encode(claims | {"aud": tokens.audience("another")}, key, algorithm="ES256", headers={"kid": kid}),
        "no end": jwt.encode({name: claims[name] for name in ("aud", "sub", "jti", "iat")}, key, algorithm="ES256", headers={"kid": kid}),
        "5,000 letters": "x" * 5_000,
    }
    found = {name: list_invoices(with_token(guarded.plain, text)) for name, text in forged.items()}
    assert found == dict.fromkeys(forged, (UNKNOWN, "CREDENTIALS_REFUSED")) | {"empty": (UNKNOWN, "CREDENTIALS_REFUSED")}


def test_well_signed_and_never_issued_is_refused(guarded: Guarded) -> None:
    """The key alone makes no token that holds: its id has to be stored, and for that operator."""
    good = guarded.tokens["the-finance"]
    claims = jwt.decode(good, options={"verify_signature": False})
    kid = jwt.get_unverified_header(good)["kid"]
    key = key_files.token_keys(guarded.home.path)[kid]
    for changed in ({"jti": "f" * 32}, {"sub": "boss"}, {"exp": claims["exp"] + 86_400, "sub": "nobody"}):
        text = jwt.encode(claims | changed, key, algorithm="ES256", headers={"kid": kid})
        assert list_invoices(with_token(guarded.plain, text)) == (UNKNOWN, "CREDENTIALS_REVOKED"), changed
    later = jwt.encode(claims | {"exp": claims["exp"] + 86_400}, key, algorithm="ES256", headers={"kid": kid})
    guarded.now_us += DAY_US
    assert list_invoices(with_token(guarded.plain, later)) == (UNKNOWN, "CREDENTIALS_EXPIRED"), "the stored end counts"


def test_keys_are_rotated(guarded: Guarded) -> None:
    new = key_files.new_token_key(guarded.home.path)
    guarded.issue("boss")
    assert jwt.get_unverified_header(guarded.tokens["boss"])["kid"] == new
    assert list_invoices(guarded.channel("boss")) == (UNKNOWN, "CREDENTIALS_REFUSED"), "not read yet"
    guarded.identities.read_keys()
    assert list_invoices(guarded.channel("boss")) == OK
    assert list_invoices(guarded.channel("the-finance")) == OK, "tokens of before hold"
    old = jwt.get_unverified_header(guarded.tokens["the-finance"])["kid"]
    key_files.forget_token_key(guarded.home.path, old)
    guarded.identities.read_keys()
    assert list_invoices(guarded.channel("the-finance")) == (UNKNOWN, "CREDENTIALS_REFUSED")


def test_the_trail_has_answers_and_refusals(guarded: Guarded) -> None:
    list_invoices(guarded.channel("the-finance", (entrance.REASON_HEADER, "a customer asks")))
    list_invoices(guarded.channel("the-switch"))
    for _ in range(3):
        list_invoices(guarded.plain)
    guarded.stop()
    found = [
        (each.operator, each.roles, each.call, each.outcome, each.count, each.reason)
        for each in showing.entries(guarded.home)
        if not each.outcome.startswith("commit")
    ]
    assert found == [
        ("the-finance", "finance", LIST, "OK", 1, "a customer asks"),
        ("the-switch", "switch", LIST, "ROLE_MISSING", 1, ""),
        ("", "", LIST, "CREDENTIALS_MISSING", 3, ""),
    ]
    assert trail.verify(guarded.home.path) == []


def test_refusals_of_an_operator_without_end_are_summed(guarded: Guarded, monkeypatch: pytest.MonkeyPatch) -> None:
    """The first two of a minute stand one by one; five more are one entry, so that nobody fills the disk with them."""
    monkeypatch.setattr(operator_limits, "REFUSALS_ONE_BY_ONE", 2)
    for _ in range(7):
        list_invoices(guarded.channel("the-switch"))
    list_invoices(guarded.channel("the-finance"))
    guarded.stop()
    found = [(each.operator, each.outcome, each.count) for each in showing.entries(guarded.home) if each.call == LIST]
    assert sorted(found) == [("the-finance", "OK", 1), *[("the-switch", "ROLE_MISSING", 1)] * 2, ("the-switch", "ROLE_MISSING", 5)]
    assert trail.verify(guarded.home.path) == []


ENDS = {
    "key": lambda guarded: operators.revoke_key(guarded.home, guarded.key_ids["the-switch"], "stolen", guarded.who),
    "role": lambda guarded: operators.revoke_grant(guarded.home, "the-switch", Role.SWITCH, "sold", guarded.who),
    "operator": lambda guarded: operators.close(guarded.home, "the-switch", "sold", guarded.who),
}


@pytest.mark.parametrize("what", ENDS)
def test_a_stream_ends_once_its_key_or_role_is_revoked(guarded: Guarded, monkeypatch: pytest.MonkeyPatch, what: str) -> None:
    monkeypatch.setattr(entrance, "LOOK_AGAIN_S", 0.1)
    guarded.stop()
    guarded.start()

    def requests():  # type: ignore[no-untyped-def] # noqa: ANN202 -- messages
        yield HEADER
        yield batch(1, ipc(records(range(10))))
        while True:
            yield batch(next(numbers), ipc(records([next(numbers)])))

    numbers = iter(range(2, 100_000))
    call = usage_service_pb2_grpc.UsageServiceStub(guarded.channel("the-switch")).StreamUsage(requests(), timeout=DEADLINE_S)
    assert next(call).HasField("opened")
    assert next(call).ack.accepted == 10
    operators.grant(guarded.home, "the-switch", Role.SUPPORT, "one role more ends nothing", guarded.who)
    time.sleep(0.5)
    assert next(call).ack.accepted >= 0
    ENDS[what](guarded)
    with pytest.raises(grpc.RpcError) as raised:
        for _ in call:
            pass
    assert raised.value.code() is grpc.StatusCode.CANCELLED


def test_messages_that_are_none_are_refused_and_keep_no_place(guarded: Guarded) -> None:
    """More of them than a connection may have calls at once."""
    channel = guarded.channel("the-finance")
    call = channel.unary_unary(f"/{LIST}", bytes, bytes)
    for _ in range(120):
        with pytest.raises(grpc.RpcError) as raised:
            call(b"\xff\xff", timeout=DEADLINE_S)
        assert (raised.value.code(), reason_of(raised.value)) == (grpc.StatusCode.INVALID_ARGUMENT, "MALFORMED_REQUEST")
    assert list_invoices(channel) == OK


def test_a_full_disk_is_a_refusal_with_a_reason(guarded: Guarded, monkeypatch: pytest.MonkeyPatch) -> None:
    """An answer does not leave without its entry, and the error names no file."""

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device", "/home/of/ours")

    channel = guarded.channel("the-finance")
    with monkeypatch.context() as patched:
        patched.setattr(guarded.trail, "add", full)
        assert list_invoices(channel) == (grpc.StatusCode.UNAVAILABLE, "STORE_UNAVAILABLE")
        assert list_invoices(guarded.channel("the-switch")) == (grpc.StatusCode.UNAVAILABLE, "STORE_UNAVAILABLE")
    assert list_invoices(channel) == OK


def test_a_reason_may_be_in_any_script_and_is_one_line(guarded: Guarded) -> None:
    list_invoices(guarded.channel("the-finance", (f"{entrance.REASON_HEADER}-bin", "客户来电\r\n\x1b[31m".encode())))  # type: ignore[arg-type] -- bytes
    guarded.stop()
    assert [each.reason for each in showing.entries(guarded.home) if each.operator == "the-finance"] == ["客户来电   [31m"]


def test_commits_of_the_service_have_their_actor(guarded: Guarded) -> None:
    """A batch of usage is stored for all streams by the service itself; nobody's account of the operating system stands for a switch."""
    call = usage_service_pb2_grpc.UsageServiceStub(guarded.channel("the-switch")).StreamUsage(
        iter([HEADER, batch(1, ipc(records(range(10))))]), timeout=DEADLINE_S
    )
    [seq] = [each.ack.commit_seq for each in call if each.HasField("ack")]
    with guarded.home.connect() as connection:
        row = connection.execute(tables.commits.select().where(tables.commits.c.commit_seq == seq)).one()
    assert (row.kind, row.via) == ("usage", "service")
