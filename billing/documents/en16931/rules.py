"""Faults of electronic invoices by the official rules of EN 16931, which a process of its own holds compiled."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
from typing import TYPE_CHECKING, Any, Final, NamedTuple, Self

from rating.errors import UserError

if TYPE_CHECKING:
    from types import TracebackType

    from billing.documents.en16931.profiles import Syntax

REMEDY: Final = 'install the parts for electronic invoices: pip install "ratewright[einvoice]"'
_WAIT_S: Final = 10


class Fault(NamedTuple):
    """A rule that a file breaks. `rule`: its id, XSD for the schema, XML for the form. `flag`: fatal or warning."""

    rule: str
    place: str
    text: str
    flag: str


class Rules:
    """The rules, open for many files: `with Rules() as rules`. Each syntax is compiled with its first file."""

    def __init__(self) -> None:
        """Start the process. Raises UserError where the packages are not installed."""
        command = [sys.executable, "-m", "billing.documents.en16931.ruling"]
        self._process = subprocess.Popen(  # noqa: S603 -- our own module
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, encoding="utf-8"
        )
        missing = self._read()["missing"]
        if missing:
            self.close()
            raise UserError(f"the rules of EN 16931 need {missing}, which is not installed", REMEDY)

    def faults(self, syntax: Syntax, xml: bytes) -> list[Fault]:
        """Faults of a file; none where it is valid."""
        assert self._process.stdin is not None
        try:
            text = xml.decode()
        except UnicodeDecodeError:
            return [Fault("XML", "", "the file is not UTF-8", "fatal")]
        text = text.removeprefix("<?xml version='1.0' encoding='UTF-8'?>")
        with contextlib.suppress(BrokenPipeError):  # the answer says it
            self._process.stdin.write(json.dumps({"syntax": syntax, "xml": text}) + "\n")
            self._process.stdin.flush()
        answer = self._read()
        if "failed" in answer:
            raise UserError(f"the rules of EN 16931 could not be run: {answer['failed']}", REMEDY)
        return [Fault(**each) for each in answer["faults"]]

    def close(self) -> None:
        """End the process."""
        process = self._process
        assert process.stdin is not None
        assert process.stdout is not None
        with contextlib.suppress(BrokenPipeError):
            process.stdin.close()
        try:
            process.wait(_WAIT_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        process.stdout.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def _read(self) -> Any:  # noqa: ANN401 -- a line of JSON
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            self.close()
            raise UserError("the rules of EN 16931 ended without an answer", REMEDY)
        return json.loads(line)
