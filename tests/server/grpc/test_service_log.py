"""The log of the service: what a line of JSON has of an exception, and what it leaves out."""

from __future__ import annotations

import json
import logging
from typing import TYPE_CHECKING

import pytest

from server.observing import logs

if TYPE_CHECKING:
    from collections.abc import Iterator

PERSON = "8613900000001"


@pytest.fixture(autouse=True)
def as_before() -> Iterator[None]:
    """The log of the tests, put back."""
    root, ours = logging.getLogger(), logging.getLogger(logs.OURS)
    handlers, level, own = list(root.handlers), root.level, ours.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    ours.setLevel(own)


def fail() -> None:
    raise ValueError(f"no such number: {PERSON}")


def told(capsys: pytest.CaptureFixture[str], log_format: str) -> str:
    logs.configure(log_format, lambda: "2025-11-13T02:13:20Z")
    log = logging.getLogger("server.grpc.refusals")
    try:
        fail()
    except ValueError as error:
        log.error("internal error", exc_info=error)  # noqa: TRY400 -- as the service logs it
    log.info("call refused", extra={"fields": {"code": "NOT_FOUND", "milliseconds": 3}})
    logging.getLogger("alembic").info("set up")
    return capsys.readouterr().err


def test_json_has_the_type_and_the_places_of_an_exception_and_not_its_text(capsys: pytest.CaptureFixture[str]) -> None:
    error, refused = (json.loads(line) for line in told(capsys, "json").splitlines())
    places = error.pop("places")
    assert error == {
        "event": "internal error", "level": "error", "logger": "server.grpc.refusals", "time": "2025-11-13T02:13:20Z",
        "exception": "ValueError",
    }  # fmt: skip
    assert [each.split()[1] for each in places] == ["told", "fail"]
    assert PERSON not in str(places)
    assert refused == {
        "event": "call refused", "level": "info", "logger": "server.grpc.refusals", "time": "2025-11-13T02:13:20Z", "code": "NOT_FOUND",
        "milliseconds": 3,
    }  # fmt: skip


def test_text_has_errors_alone(capsys: pytest.CaptureFixture[str]) -> None:
    lines = told(capsys, "text").splitlines()
    assert lines[0] == "internal error"
    assert "call refused" not in lines
    assert "set up" not in lines
