"""Every test of a command with --json holds its stdout to one JSON document (conftest.py): here, that this finds what is none."""

from __future__ import annotations

import sys

import pytest

from server.cli import app
from tests.server.cli.conftest import refuse_other


@pytest.mark.parametrize("written", ["[1]\n{}\n", "read: 3 rows\n{}\n", "{}\nnothing is stored\n"])
def test_text_beside_a_document_is_refused(written: str) -> None:
    with pytest.raises(AssertionError):
        refuse_other(["x"], written)


def test_a_command_that_says_more_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(app, "_run", lambda _words: sys.stdout.write("almost done\n{}") * 0)
    with pytest.raises(AssertionError):
        app.main(["status", "--json"])
    assert app.main(["status"]) == 0
