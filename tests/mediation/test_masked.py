"""Logs of all widths with masked numbers, and of unanswered calls: no wrong number, no lost row, the same figures at every width."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from mediation.decode import decode
from mediation.definitions.named import find
from mediation.inspect import inspect

if TYPE_CHECKING:
    from pathlib import Path

ASTERISK = find("asterisk")
MASKED = (
    "1390000****",
    "86139XXXX1234",
    "anonymous",
    "Unavailable",
    "+86139****0001",
    "139-xxxx-1234",
    "****",
    "<unknown>",
    "1390000....",
    "",
)
EXTRA = {
    16: (),
    17: ("uniqueid",),
    18: ("uniqueid", "userfield"),
    19: ("new",),
    20: ("uniqueid", "new"),
    21: ("uniqueid", "userfield", "new"),
}


def row(number: int, caller: str, callee: str, disposition: str, width: int) -> str:
    answered = disposition == "ANSWERED"
    answer, seconds = (f"2026-03-01 10:{number:02d}:07", 40) if answered else ("", 0)
    fields = [
        f'"{text}"'
        for text in ("", caller, callee, "ctx", f'""{caller}""', f"SIP/{caller}-{number:08x}", f"SIP/t-{number:08x}", "Dial", "x")
    ]
    fields += [f'"2026-03-01 10:{number:02d}:00"', f'"{answer}"', f'"2026-03-01 10:{number:02d}:47"']
    fields += ["47", str(seconds), f'"{disposition}"', '"DOCUMENTATION"']
    further = {
        "uniqueid": [f'"pbx-1772359200.{number}"'],
        "userfield": [f'"note {caller}"'],
        "new": ['""', f'"pbx-1772359200.{number}"', str(number)],
    }
    return ",".join([*fields, *(text for name in EXTRA[width] for text in further[name])])


def lines(width: int) -> list[str]:
    words = ("ANSWERED", "NO ANSWER", "BUSY", "FAILED", "CONGESTION")
    masked = [row(number, caller, MASKED[-number], words[number % 5], width) for number, caller in enumerate(MASKED)]
    return [*masked, row(30, "8613900000001", "1390000****", "ANSWERED", width), row(31, "86139****", "8613900000002", "ANSWERED", width)]


@pytest.mark.parametrize("width", EXTRA)
def test_masked_numbers_at_every_width(tmp_path: Path, width: int) -> None:
    path = tmp_path / "Master.csv"
    path.write_text("\n".join(lines(width)) + "\n")
    figures = inspect(path, ASTERISK)
    # Rows 0 and 5 of the masked ones were answered, and the last two: 4 calls of 40 seconds.
    assert (figures.rows, figures.accepted, figures.answered, figures.unanswered) == (12, 12, 4, 8)
    assert (figures.rejected, figures.duplicate, figures.conflicting, figures.absorbed) == ({}, 0, 0, 0)
    assert figures.answered_duration_us == 4 * 40_000_000
    usage = decode(path, ASTERISK).usage
    served = [row["served_id"] for row in usage.to_pylist() if row["served_kind"] == 1]
    assert served == ["8613900000001"]
    assert usage.column("other_e164").drop_null().to_pylist() == [8613900000002]
    assert usage.column("served_raw").to_pylist()[:10] == list(MASKED)  # as written


def test_all_widths_in_one_file(tmp_path: Path) -> None:
    path = tmp_path / "Master.csv"
    path.write_text("\n".join(line for width in EXTRA for line in lines(width)) + "\n")
    figures = inspect(path, ASTERISK)
    assert figures.rows == figures.accepted + figures.absorbed + figures.duplicate + figures.conflicting == 12 * len(EXTRA)
    assert not figures.rejected


@pytest.mark.parametrize("answer", ["", "0000-00-00 00:00:00", "1970-01-01 00:00:00"])
def test_unanswered_calls_however_the_answer_is_left_out(tmp_path: Path, answer: str) -> None:
    path = tmp_path / "Master.csv"
    text = row(3, "8613900000001", "8613900000002", "NO ANSWER", 18).replace(
        '"2026-03-01 10:03:00",""', f'"2026-03-01 10:03:00","{answer}"'
    )
    path.write_text(text + "\n")
    figures = inspect(path, ASTERISK)
    assert (figures.rows, figures.unanswered, figures.answered_duration_us) == (1, 1, 0)
    assert figures.first == "2026-03-01T10:03:00Z"
