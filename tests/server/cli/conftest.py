"""A command with --json writes one JSON document to stdout, and nothing else: held for every command that a test here gives."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any, TextIO

import pytest

from server.cli import app

if TYPE_CHECKING:
    from collections.abc import Sequence

NO_DOCUMENTS = frozenset(("--help", "-h", "--version"))


class _Copy:
    """A stream of text that keeps a copy of what is written."""

    def __init__(self, stream: TextIO) -> None:
        self._stream, self.text = stream, ""

    def write(self, text: str) -> int:
        self.text += text
        return self._stream.write(text)

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 -- what a stream has
        return getattr(self._stream, name)


def refuse_other(words: Sequence[str], written: str) -> None:
    """Raise AssertionError where text is neither nothing nor one JSON document."""
    try:
        if written:
            json.loads(written)
    except ValueError as error:
        raise AssertionError((words, written)) from error


@pytest.fixture(autouse=True)
def _one_document(monkeypatch: pytest.MonkeyPatch) -> None:
    run = app.main

    def checked(tokens: Sequence[str] | None = None) -> int:
        words = list(tokens or ())
        if "--json" not in words or NO_DOCUMENTS.intersection(words):
            return run(tokens)
        copy, before = _Copy(sys.stdout), sys.stdout
        monkeypatch.setattr(sys, "stdout", copy)
        try:
            status = run(tokens)
        finally:
            monkeypatch.setattr(sys, "stdout", before)
        refuse_other(words, copy.text)
        return status

    monkeypatch.setattr(app, "main", checked)
