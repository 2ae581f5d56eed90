"""Two homes with the catalogue of the example accounts, in July 2026."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tariffs.reading.load import load
from tests.billing.runs.world import World
from tests.server.cli.remote.persons import Persons, two_homes
from tests.server.grpc.accounts.conftest import NOW_US
from tests.server.grpc.finance.conftest import bill_two

if TYPE_CHECKING:
    from collections.abc import Iterator

NEW_YEAR_US = 1_767_225_600_000_000
ROOT = Path(__file__).parents[5]
EXAMPLES = ROOT / "examples" / "accounts"


@pytest.fixture
def empty(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Iterator[Persons]:
    """No account is there yet."""
    mobile = load(ROOT / "tariffs" / "catalogs" / "china-mobile")
    with two_homes(tmp_path, capsys, monkeypatch, World.catch_up, [mobile], NOW_US) as made:
        made.hides_commits = False
        yield made


@pytest.fixture
def both(empty: Persons) -> Persons:
    """With everything of examples/accounts."""
    empty.in_both_homes("accounts", "import", EXAMPLES)
    return empty


@pytest.fixture
def billed(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Iterator[Persons]:
    """Anna owes 11.55 since 15 November 2025, berta 10.60. It is 1 January 2026."""
    with two_homes(tmp_path, capsys, monkeypatch, bill_two, now_us=NEW_YEAR_US) as made:
        made.hides_commits = False
        yield made
