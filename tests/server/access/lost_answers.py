"""Writes whose answer is lost behind their commit, and the answers of their repeats after all that came later."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

from google.longrunning import operations_proto_pb2 as longrunning
from google.protobuf import descriptor_pool, json_format, message_factory
from google.protobuf.message import Message

from billing.store import requests
from ratewright.v1 import approval_service_pb2, invoice_service_pb2
from server.access.roles import rules

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Iterator

    import pytest

    from tests.server.access.conftest import Guarded

API = "ratewright.v1."
DEADLINE_S = 30


class Sent(NamedTuple):
    """A call that was answered."""

    name: str
    call: Callable[..., Any]
    request: Message
    answer: Message


class Letters:
    """Writes of operators in the order in which they are sent, each with a request id of its own."""

    def __init__(self, guarded: Guarded, monkeypatch: pytest.MonkeyPatch) -> None:
        self.guarded, self._monkeypatch = guarded, monkeypatch
        self.sent: list[Sent] = []
        for name in list(guarded.tokens):
            guarded.issue(name, days=400)

    def write(self, name: str, operator: str = "boss", /, **fields: Any) -> Any:  # noqa: ANN401 -- fields and answers of any message
        """Send a write such as `PaymentService.RecordPayment`; its fields are as JSON has them. The service loses its answer."""
        method = method_of(name)
        request = message_factory.GetMessageClass(method.input_type)()
        json_format.ParseDict(fields, request)
        request.request_id = f"letter-{len(self.sent)}"
        kind = message_factory.GetMessageClass(method.output_type)
        call = self.guarded.channel(operator).unary_unary(
            f"/{API}{name.replace('.', '/')}", request_serializer=type(request).SerializeToString, response_deserializer=kind.FromString
        )
        with self._losing_answers():
            answer = call(request, timeout=DEADLINE_S)
        self.sent.append(Sent(name, call, request, answer))
        return answer

    def bill(self, date: str) -> None:
        """Run the cycle in the home."""
        self.guarded.world.bill(date)
        self.guarded.now_us = self.guarded.world.now_us

    def begin(self, day: dt.date) -> None:
        """Let a day begin."""
        self.guarded.now_us = self.guarded.world.begun(day)

    def head(self) -> int:
        """The number of the last commit."""
        with self.guarded.home.connect() as connection:
            return self.guarded.home.head_seq(connection)

    def differing(self) -> dict[str, tuple[Message, Message]]:
        """Answers that a repeat does not have: the first and the second one."""
        found = {}
        for place, (name, call, request, answer) in enumerate(self.sent):
            again = call(request, timeout=DEADLINE_S)
            if _compared(again) != _compared(answer):
                found[f"{place} {name}"] = answer, again
        return found

    @contextlib.contextmanager
    def _losing_answers(self) -> Iterator[None]:
        """Let the service be cut off after the commits of a call, in front of the one that stores its answer."""
        with self._monkeypatch.context() as patch:
            patch.setattr(requests, "answered", lambda *_: None)
            yield


def _compared(answer: Message) -> bytes:
    """The bytes of an answer, without what no commit has.

    An operation is asked for its state, and a run of an invoice that is billed again tells how it stands: a repeat names them.
    """
    if isinstance(answer, longrunning.Operation):
        return answer.name.encode()
    if isinstance(answer, invoice_service_pb2.ReissueInvoiceResponse):
        return f"{answer.run_id} {[each.name for each in answer.invoices]}".encode()
    if isinstance(answer, approval_service_pb2.Approval):
        answer.ClearField("result")  # the API says so
    return answer.SerializeToString(deterministic=True)


def method_of(name: str) -> Any:  # noqa: ANN401 -- a descriptor
    """The descriptor of a call, such as `PaymentService.RecordPayment`."""
    return descriptor_pool.Default().FindMethodByName(f"{API}{name}")


def writes() -> set[str]:
    """Every call of one message that takes a request id."""
    names = {call.removeprefix(API).replace("/", ".") for call in rules() if call.startswith(API)}
    return {name for name in names if "request_id" in method_of(name).input_type.fields_by_name}
