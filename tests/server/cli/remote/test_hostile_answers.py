"""Answers of a service that means harm, or of another version: nothing steers the terminal, and each error has a remedy."""

from __future__ import annotations

from concurrent import futures
from typing import TYPE_CHECKING, Any, Final

import grpc
import pytest
from google.protobuf import message_factory
from google.rpc import error_details_pb2, status_pb2
from grpc_status import rpc_status

from ratewright.v1 import account_service_pb2 as account_pb
from ratewright.v1 import control_service_pb2 as control_pb
from ratewright.v1 import invoice_service_pb2
from ratewright.v1 import suspense_proposal_pb2 as suspense_pb2
from ratewright.v1 import usage_file_pb2 as file_pb
from server.cli import answers as unusable
from server.cli import app
from server.cli.remote import calling
from server.cli.remote.receiving import json_value, take
from tests.server.access.test_role_table import api

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from google.protobuf.message import Message

pytestmark = pytest.mark.slow
EVIL: Final = "evil/7\x1b[2J\x07\x9b1m\x7f\rerror: "
SHOWN: Final = r"evil/7\x1b[2J\x07\x9b1m\x7f\rerror: "  # each control character by its code
NUMBERED: Final = r"7\x1b[2J\x07\x9b1m\x7f\rerror: "  # the id at the end of a resource name
RAW: Final = set(map(chr, [*range(0x20), *range(0x7F, 0xA0)])) - {"\n"}
VERSIONS: Final = "see that the command and the service are of one version"


class Answering(grpc.GenericRpcHandler):
    """Any method is answered by `answer`, which gets its name, an empty answer, and the call."""

    def __init__(self) -> None:
        self.answer: Callable[[str, Any, Any], None] = lambda _name, _answer, _context: None
        self.calls = 0

    def service(self, handler_call_details: Any) -> Any:  # noqa: ANN401 -- as grpc has them
        """The handler of a method."""
        name = handler_call_details.method[1:]
        made = message_factory.GetMessageClass(api()[name].output_type)

        def answered(_request: bytes, context: Any) -> bytes:  # noqa: ANN401 -- as above
            self.calls += 1
            found = made()
            self.answer(name, found, context)
            return found.SerializeToString()

        return grpc.unary_unary_rpc_method_handler(answered)


class Hostile:
    """The service, and commands that ask it."""

    def __init__(self, answering: Answering, words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
        self.answering, self._words, self._capsys = answering, words, capsys

    def __call__(self, command: str, answer: Callable[[str, Any, Any], None]) -> tuple[int, str, str]:
        """Exit status, output and errors of a command."""
        self.answering.answer = answer
        self._capsys.readouterr()
        status = app.main([*command.split(), *self._words])
        told = self._capsys.readouterr()
        return status, told.out, told.err


@pytest.fixture
def hostile(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Iterator[Hostile]:
    answering = Answering()
    server = grpc.server(futures.ThreadPoolExecutor(2), handlers=(answering,))
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    monkeypatch.delenv("RATEWRIGHT_HOME", raising=False)
    monkeypatch.delenv("RATEWRIGHT_DEBUG", raising=False)
    token = tmp_path / "token"
    token.write_text("x.y.z")
    token.chmod(0o600)
    yield Hostile(answering, ["--server", f"127.0.0.1:{port}", "--token-file", str(token)], capsys)
    server.stop(None).wait()


def evil(_name: str, answer: Message, _context: Any) -> None:  # noqa: ANN401 -- as grpc has it
    """Every text of the answer has control characters; dates, amounts and times are usable."""
    for field in answer.DESCRIPTOR.fields:
        kind = "" if field.message_type is None else field.message_type.full_name
        if field.name == "next_page_token" or (field.containing_oneof is not None and answer.WhichOneof(field.containing_oneof.name)):
            continue
        if kind and not field.message_type.GetOptions().map_entry:
            each = getattr(answer, field.name).add() if field.is_repeated else getattr(answer, field.name)
            each.SetInParent()
            if kind == "google.type.Date":
                each.year, each.month, each.day = 2025, 11, 10
            elif kind == "google.type.Money":
                each.units, each.currency_code = 1, "CNY\x1b[31m"
            elif kind == "google.protobuf.Timestamp":
                each.seconds = 1_763_000_000
            else:
                evil("", each, None)
        elif not kind and field.type not in {field.TYPE_ENUM, field.TYPE_BYTES}:
            value = EVIL if field.type == field.TYPE_STRING else 1
            if field.is_repeated:
                getattr(answer, field.name).append(value)
            else:
                setattr(answer, field.name, value)


@pytest.mark.parametrize(
    "command",
    [
        "bill due",
        "bill unbilled anna",
        "usage findings waive x --reason r",
        "usage report",
        "invoice void R-1 --reason r",
        "payment statement anna",
        "ledger write-off R-1 --date 2025-11-10 --reason r",
        "payment instalments list",
        "payment record --id P-1 --account anna --amount 4 --date 2025-11-10",
        "accounts list",
    ],
)
def test_texts_of_a_service_do_not_steer_the_terminal(hostile: Hostile, command: str) -> None:
    status, out, err = hostile(command, evil)
    assert (status, err) == (0, "")
    assert NUMBERED in out
    assert not RAW & set(out)


def test_a_pause_is_told_in_one_line_without_control_characters(hostile: Hostile, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(calling, "RETRIES", calling.RETRIES._replace(sleep=lambda _pause_s: None))

    def down(_name: str, _answer: Message, context: Any) -> None:  # noqa: ANN401 -- as grpc has it
        told = status_pb2.Status(code=grpc.StatusCode.UNAVAILABLE.value[0], message="boo\x1b[2J\nerror: not so")
        told.details.add().Pack(error_details_pb2.ErrorInfo(reason="X\x07", domain="ratewright"))
        context.abort_with_status(rpc_status.to_status(told))

    status, out, err = hostile("accounts list", down)
    assert (status, out, hostile.answering.calls) == (1, "", 4)
    # The pauses are 0.25, 0.5 and 1 s; Python rounds 0.25 to the even digit.
    assert err.splitlines()[:3] == [rf"boo\x1b[2J\nerror: not so (X\x07); again in {pause} s" for pause in ("0.2", "0.5", "1.0")]
    assert not RAW & set(err)


def test_honest_texts_are_as_a_home_has_them() -> None:
    honest = "Zoë\u3000王\u200f\tfirst line\nsecond\r\nthird"
    answer = account_pb.Account(display_name=honest)
    take(answer)
    assert answer.display_name == honest
    assert json_value('{"a": ["first\\nsecond", 9007199254740993, 1.5, null]}') == {"a": ["first\nsecond", 9007199254740993, 1.5, None]}


def test_json_in_an_answer_has_no_control_characters_either(hostile: Hostile) -> None:
    assert json_value(r'{"a\u001b": ["\u009b", {"b": "\u0007"}]}') == {r"a\x1b": [r"\x9b", {"b": r"\x07"}]}

    def status_of(_name: str, answer: control_pb.HomeStatus, _context: Any) -> None:  # noqa: ANN401 -- as grpc has it
        answer.rows.add(name="due", says="x", figures=r'{"text": "\u001b[2J"}')

    assert r'"text": "\\x1b[2J"' in hostile("status --json", status_of)[1]


def word(_name: str, answer: Any, _context: Any) -> None:  # noqa: ANN401 -- of any list
    """A state that no version has."""
    answer.records.add(state="mislaid")


def zone(_name: str, answer: invoice_service_pb2.ListInvoiceUsageResponse, _context: Any) -> None:  # noqa: ANN401 -- as grpc has it
    """A zone that no machine has."""
    answer.time_zone = "Mars/Olympus"
    answer.lines.add()
    answer.usage_records.add()


def nameless(_name: str, answer: suspense_pb2.ListSuspenseProposalsResponse, _context: Any) -> None:  # noqa: ANN401 -- as above
    """A proposal without a name."""
    answer.suspense_proposals.add()


def late(_name: str, answer: Any, _context: Any) -> None:  # noqa: ANN401 -- as above
    """A time that no calendar has."""
    answer.entries.add().time.seconds = 10**13


@pytest.mark.parametrize("form", [[], ["--json"]])
@pytest.mark.parametrize(
    ("command", "answer", "cause"),
    [
        ("usage find 8613800000001", word, "'mislaid' is not a valid State"),
        ("usage suspense proposals", nameless, "invalid literal for int() with base 10: ''"),
        ("audit show", late, "Timestamp is not valid"),
        ("payment order", lambda *_: None, "'allocation_order'"),
    ],
)
def test_an_answer_that_cannot_be_used_has_a_remedy(
    hostile: Hostile, command: str, answer: Callable[[str, Any, Any], None], cause: str, form: list[str]
) -> None:
    status, out, err = hostile(" ".join([command, *form]), answer)
    assert (status, out) == (1, "")
    assert "the answer of the service cannot be used (" in err
    assert cause in err
    assert VERSIONS in err


def test_what_is_printed_of_an_answer_may_be_unusable_too(hostile: Hostile) -> None:
    status, _, err = hostile("invoice usage R-1", zone)
    assert (status, "No time zone found with key Mars/Olympus" in err, VERSIONS in err, "Traceback" in err) == (1, True, True, False)


def test_the_cause_is_shown_to_who_looks_for_it(hostile: Hostile, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RATEWRIGHT_DEBUG", "1")
    err = hostile("invoice usage R-1", zone)[2]
    assert "ZoneInfoNotFoundError" in err.partition("The above exception was the direct cause")[0]


def fail(error: Exception, *, answers: int = 1) -> None:
    """A command that fails behind so many answers."""
    with unusable.usable_answers():
        for _ in range(answers):
            unusable.note_answer()
        raise error


def test_a_mistake_of_the_program_stays_one() -> None:
    with pytest.raises(AssertionError):
        fail(AssertionError("x"))
    with pytest.raises(NameError):
        fail(NameError("x"))


def test_each_command_has_its_own_answers() -> None:
    with pytest.raises(unusable.UnusableAnswerError) as raised:
        fail(KeyError("x"))
    assert isinstance(raised.value.__cause__, KeyError)
    with pytest.raises(KeyError):
        fail(KeyError("x"), answers=0)


@pytest.mark.parametrize(
    "command", ["accounts list", "approvals list", "usage suspense list", "usage too-late list", "invoice list", "usage findings"]
)
def test_a_list_without_an_end_is_refused(hostile: Hostile, command: str) -> None:
    def same(_name: str, answer: file_pb.ListFileFindingsResponse, _context: Any) -> None:  # noqa: ANN401 -- as grpc has it
        answer.next_page_token = "again"  # noqa: S105 -- a token of a page

    status, out, err = hostile(command, same)
    assert (status, out, hostile.answering.calls) == (1, "", 2)  # the token comes with the first page, and with the second again
    assert "names a page of the list again that it gave before" in err
