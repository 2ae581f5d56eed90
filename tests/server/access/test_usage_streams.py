"""Usage streams behind the entrance: of the operator that made them, and of the source to which a role is limited."""

from __future__ import annotations

from typing import TYPE_CHECKING

import grpc
import pytest
import sqlalchemy as sa

from billing import operators
from billing.operators import OperatorKind, Role
from billing.operators.changing import Limits
from billing.store import tables
from tests.server.grpc.calls import DEADLINE_S, HEADER, refused
from tests.server.grpc.usage.streams import at, finalize, get, make, outline, send, stored, stub

if TYPE_CHECKING:
    from tests.server.access.conftest import Guarded

pytestmark = pytest.mark.slow


def test_two_switches_have_their_own_streams(guarded: Guarded) -> None:
    guarded.add("another-switch", Role.SWITCH)
    mine, other = guarded.channel("the-switch"), guarded.channel("another-switch")
    name = make(mine, "mine").name
    assert outline(send(mine, name, at(0, [1])).acks) == [(0, False, 1, 0)]
    for call in (get, finalize):
        assert refused(lambda call=call: call(other, name))[:2] == (grpc.StatusCode.PERMISSION_DENIED, "STREAM_OF_ANOTHER")
    refusal = send(other, name, at(1, [2])).refusal
    assert refusal is not None
    assert refusal[:2] == (grpc.StatusCode.PERMISSION_DENIED, "STREAM_OF_ANOTHER")
    assert finalize(mine, name).next_offset == 1
    assert stored(guarded.home.path) == ["call-1"]
    with guarded.home.connect() as connection:
        row = tables.commits.c
        made = connection.execute(sa.select(row.by_name, row.call, row.subject).where(row.kind == "stream").order_by(row.commit_seq)).all()
    calls = "ratewright.v1.UsageService"
    assert [tuple(each) for each in made] == [
        ("the-switch", f"{calls}/CreateUsageStream", None),
        ("the-switch", f"{calls}/FinalizeUsageStream", "usage stream 1"),
    ]


def test_a_role_that_is_limited_to_a_source_sends_no_other(guarded: Guarded) -> None:
    """Neither by a stream nor without one; a role without a limit does."""
    operators.add(guarded.home, "narrow", OperatorKind.MACHINE, guarded.who)
    operators.grant(guarded.home, "narrow", Role.SWITCH, "a test", guarded.who, limits=Limits(source="elsewhere"))
    guarded.issue("narrow")
    narrow = guarded.channel("narrow")
    expected = (grpc.StatusCode.PERMISSION_DENIED, "SOURCE_NOT_ALLOWED", {"source": "stream"})
    assert refused(lambda: make(narrow))[:3] == expected
    assert refused(lambda: list(stub(narrow).StreamUsage(iter([HEADER]), timeout=DEADLINE_S)))[:3] == expected
    operators.grant(guarded.home, "narrow", Role.SWITCH, "a test", guarded.who, limits=Limits(source="stream"))
    assert outline(send(narrow, make(narrow).name, at(0, [1])).acks) == [(0, False, 1, 0)]
