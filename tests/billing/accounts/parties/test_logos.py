"""The logo of an issuer: stored once by its hash, a dated fact beside the other fields of the style."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import pytest

from billing.accounts.parties import kinds, logos, recording, stored
from billing.accounts.parties.recording import Named
from billing.accounts.parties.stored import NewFact, Subject
from billing.accounts.parties.view import Party
from rating.errors import UserError
from server.cli import app
from tests.billing.accounts.operator_home import ASKED, DRY, day, make
from tests.billing.accounts.parties.test_pictures import png

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from billing.store.home import Home

pytestmark = pytest.mark.slow
NORTH = Named(entity="north")
DIGEST = hashlib.sha256(png()).hexdigest()


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Home]:
    """Issuer north is there."""
    with make(tmp_path) as opened:
        yield opened


def style(home: Home, date: str) -> kinds.Style | None:
    """The style of north on a day."""
    with home.connect() as connection:
        return Party(day(date), stored.of_subject(connection, Subject(None, "north"))).only(kinds.Style)


def test_a_logo_keeps_the_other_fields_of_the_style(home: Home) -> None:
    recording.record(home, ASKED, NORTH, NewFact("style", "", day("2026-01-01"), None, kinds.Style(colour="#004488")))
    done = logos.record(home, ASKED, NORTH, png(), (day("2026-02-01"), None))
    assert done.said == (
        f"style of issuer north from 2026-02-01: logo {DIGEST}, colour #004488",
        f"picture {DIGEST[:12]}... is stored: image/png, {len(png())} bytes",
    )
    assert style(home, "2026-01-31") == kinds.Style(colour="#004488")
    assert style(home, "2026-02-01") == kinds.Style(DIGEST, "#004488")
    with home.connect() as connection:
        assert logos.find(connection, DIGEST) == ("image/png", png())
        assert logos.find(connection, "0" * 64) is None


def test_the_same_again_changes_nothing(home: Home) -> None:
    logos.record(home, ASKED, NORTH, png(), (day("2026-02-01"), None))
    again = logos.record(home, ASKED, NORTH, png(), (day("2026-02-01"), None))
    assert (again.existed, again.said) == (True, ("issuer north has this style already",))
    other = logos.record(home, ASKED, Named(entity=""), png(), (day("2026-02-01"), None))
    assert len(other.said) == 1, "the picture is there already"


def test_nothing_is_stored(home: Home) -> None:
    logos.record(home, DRY, NORTH, png(), (day("2026-02-01"), None))
    with pytest.raises(UserError, match="neither PNG nor SVG"):
        logos.record(home, ASKED, NORTH, b"GIF89a", (day("2026-02-01"), None))
    with pytest.raises(UserError, match="no legal entity is called 'south'"):
        logos.record(home, ASKED, Named(entity="south"), png(), (day("2026-02-01"), None))
    assert style(home, "2026-02-01") is None
    with home.connect() as connection:
        assert logos.find(connection, DIGEST) is None


def test_the_command(home: Home, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "logo.png"
    file.write_bytes(png())
    words = ["entity", "logo", "north", str(file), "--from", "2026-02-01", "--to", "2026-02-28", "--home", str(home.path)]
    assert app.main([*words, "--dry-run"]) == 0
    assert capsys.readouterr().out.splitlines()[:2] == [
        "nothing is stored; this would happen:",
        f"  style of issuer north from 2026-02-01 to 2026-02-28: logo {DIGEST}",
    ]
    assert app.main(words) == 0
    assert [style(home, date) for date in ("2026-02-28", "2026-03-01")] == [kinds.Style(DIGEST), None]
    capsys.readouterr()
    words[3] = str(tmp_path / "none.png")
    assert app.main(words) == 2
    assert capsys.readouterr().err.startswith(f"error: {tmp_path}/none.png cannot be read: No such file or directory\n")
