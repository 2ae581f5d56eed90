"""Two homes with October to bill, or with October billed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.server.cli.remote.persons import Persons, two_homes
from tests.server.grpc.bill_runs.client import october
from tests.server.grpc.finance.conftest import bill_two

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def unbilled(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Iterator[Persons]:
    """Anna owes 10.00 and 0.50, bob 10.00, both with 6 % of tax; no run has billed them."""
    with two_homes(tmp_path, capsys, monkeypatch, october) as made:
        yield made


@pytest.fixture
def billed(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Iterator[Persons]:
    """Anna owes 11.55, berta 10.60."""
    with two_homes(tmp_path, capsys, monkeypatch, bill_two) as made:
        yield made
