"""Every reader of a file that people write refuses what none of them can mean, and never waits for a pipe."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from billing.accounting.gl_export import read_mapping as read_gl_mapping
from billing.payments.mapping import read_mapping as read_bank_mapping
from billing.suspense.rule import read_rule
from mediation.definitions.file import read_source
from rating import definition_file
from rating.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


READERS: dict[str, Callable[[Path], object]] = {
    "source definition": read_source,
    "bank mapping": read_bank_mapping,
    "ledger mapping": read_gl_mapping,
    "suspense rule": read_rule,
}


@pytest.mark.parametrize("reader", READERS)
def test_every_reader_refuses_a_key_twice(tmp_path: Path, reader: str) -> None:
    path = tmp_path / "file.yaml"
    path.write_text("name: one\nformat: csv\nname: two\n")
    with pytest.raises(UserError) as error:
        READERS[reader](path)
    assert "the key name is there twice, in lines 1 and 3" in "\n".join(error.value.lines())


@pytest.mark.parametrize("reader", READERS)
def test_no_reader_waits_for_a_pipe(tmp_path: Path, reader: str) -> None:
    path = tmp_path / "pipe.yaml"
    os.mkfifo(path)
    with pytest.raises(UserError, match="it is not an ordinary file"):
        READERS[reader](path)


@pytest.mark.parametrize("reader", READERS)
def test_no_reader_takes_a_file_without_end(tmp_path: Path, reader: str) -> None:
    path = tmp_path / "large.yaml"
    path.touch()
    os.truncate(path, definition_file.BYTES_MAX + 1)
    with pytest.raises(UserError, match="it is larger than 4,194,304 bytes"):
        READERS[reader](path)
