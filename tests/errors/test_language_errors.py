"""What a user reads when fees, terms and add-ons are wrong. To change a text on purpose see conftest.py."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.errors.conftest import Provoke

FILES = Path(__file__).parent / "files" / "tariffs"


def test_mistakes_in_what_holds_of_a_bill_as_a_whole(provoke: Provoke, tmp_path: Path) -> None:
    shutil.copy(FILES / "bill_terms.yaml", tmp_path)
    provoke(["tariffs", "check", tmp_path / "bill_terms.yaml"], status=1, golden="tariffs/bill_terms")


def test_mistakes_in_fees_terms_and_add_ons(provoke: Provoke, tmp_path: Path) -> None:
    shutil.copy(FILES / "fees_and_add_ons.yaml", tmp_path)
    provoke(["tariffs", "check", tmp_path / "fees_and_add_ons.yaml"], status=1, golden="tariffs/fees_and_add_ons")
