"""The example definitions with the small files beside them: figures counted by hand from the files."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from mediation.decode import decode
from mediation.definitions.named import find
from mediation.definitions.text import definition
from mediation.inspect import inspect

if TYPE_CHECKING:
    from pathlib import Path

# definition, its file, figures. Seconds: gateway 60.5 + 30 + 120 + 118 + 15; exchange 1:30 + 2:45; kamailio 60.25 + 120.5.
# Bytes: the session that is in one part, 12 KiB.
FIGURES: list[tuple[str, str, dict[str, int]]] = [
    ("gateway.yaml", "gateway.csv", {"rows": 6, "answered": 5, "unanswered": 1, "answered_duration_us": 343_500_000}),
    ("exchange.yaml", "exchange.txt", {"rows": 3, "answered": 2, "unanswered": 1, "answered_duration_us": 255_000_000}),
    ("messages.yaml", "messages.csv", {"rows": 5, "answered": 1, "waiting": 3, "duplicate": 1, "units": 1}),
    ("packets.yaml", "packets.csv", {"rows": 4, "answered": 1, "waiting": 3, "bytes": 12 * 1024}),
    ("kamailio_cdrs.yaml", "kamailio_cdrs.csv", {"rows": 3, "answered": 2, "unanswered": 1, "answered_duration_us": 180_750_000}),
    ("nas_sessions.yaml", "nas_sessions.detail", {"rows": 3, "answered": 0, "waiting": 3, "bytes": 0}),
]


@pytest.mark.parametrize(("name", "file", "expected"), FIGURES, ids=[case[0] for case in FIGURES])
def test_figures(examples: Path, name: str, file: str, expected: dict[str, int]) -> None:
    figures = inspect(examples / file, find(str(examples / name)))
    assert {key: getattr(figures, key) for key in expected} == expected
    assert not figures.rejected


def test_every_example_can_be_read_and_shown_again(examples: Path, tmp_path: Path) -> None:
    found = sorted(examples.glob("*.yaml"))
    assert len(found) >= len(FIGURES)
    for path in found:
        source = find(str(path))
        again = tmp_path / path.name
        again.write_bytes(msgspec.yaml.encode(definition(source)))
        assert find(str(again)) == source, path.name


def rows_of(examples: Path, name: str, file: str) -> list[dict[str, Any]]:
    return decode(examples / file, find(str(examples / name))).usage.to_pylist()


def test_types_of_number_and_short_codes(examples: Path) -> None:
    rows = rows_of(examples, "gateway.yaml", "gateway.csv")
    assert [row["other_e164"] for row in rows] == [491511000002, 33100000003, 493022000002, 491511000005, 491511000006, None]
    assert rows[-1]["other_raw"] == "112"
    assert rows[-1]["served_id"] == "+4915110000xx"  # masked: paid by whoever is known by this text, never by a number


def test_the_forwarder_pays_for_the_forwarded_leg(examples: Path) -> None:
    first, forwarded = rows_of(examples, "gateway.yaml", "gateway.csv")[3:5]
    assert (first["served_id"], first["third_e164"], first["leg_role"]) == ("491511000004", None, 1)
    assert (forwarded["served_id"], forwarded["third_e164"], forwarded["leg_role"]) == ("491511000005", 491511000005, 2)
    assert first["call_ref"] == forwarded["call_ref"]
    assert first["flags"] == forwarded["flags"] == 0  # two bills of one call: neither absorbs the other


def test_a_numbered_record_is_known_by_its_number(examples: Path) -> None:
    rows = rows_of(examples, "gateway.yaml", "gateway.csv")
    assert [(row["record_id"], row["source_seq"]) for row in rows][::5] == [("west-101", 101), ("east-101", 101)]
    assert len({row["event_key"] for row in rows}) == len(rows)


def test_lines_of_totals_are_no_rows(examples: Path) -> None:
    gateway = decode(examples / "gateway.csv", find(str(examples / "gateway.yaml")))
    assert gateway.control_lines == (b"TOTAL;6;343",)
    exchange = decode(examples / "exchange.txt", find(str(examples / "exchange.yaml")))
    assert exchange.control_lines == (b"HDR00017 EXCHANGE 1",)
