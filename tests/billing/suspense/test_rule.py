"""Rules that correct records: what they say, and every mistake of one at once."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any

import pytest

from billing.suspense.rule import Rule, read_rule, rule_of
from rating.errors import ProblemsError, UserError

if TYPE_CHECKING:
    from pathlib import Path

WHOLE = """
source: north-1
reasons: [UNKNOWN_SUBSCRIPTION]
from: 2026-03-01
before: 2026-03-08
zone: Asia/Shanghai
served: {begins: "1", digits: 11, add: "86"}
time: {shift: -1h30m}
service: sms
"""
DAY_US = 86_400_000_000
SHANGHAI_MIDNIGHT_US = int(dt.datetime(2026, 2, 28, 16, tzinfo=dt.UTC).timestamp()) * 1_000_000


def test_a_rule_says_what_its_file_says(tmp_path: Path) -> None:
    path = tmp_path / "rule.yaml"
    path.write_text(WHOLE)
    rule = read_rule(path)
    assert (rule.from_us, rule.before_us) == (SHANGHAI_MIDNIGHT_US, SHANGHAI_MIDNIGHT_US + 7 * DAY_US)
    assert rule.time is not None
    assert rule.time.shift_us == -5400 * 1_000_000
    assert rule.in_words() == (
        "source north-1; UNKNOWN_SUBSCRIPTION; from 2026-03-01; before 2026-03-08; served: begins 1, digits 11, add 86; "
        "time: shift -1h30m; service: sms"
    )


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("+08:00", 28_800), ("-0330", -12_600), ("+00:00", 0)],
)
def test_offsets(text: str, seconds: int) -> None:
    rule = rule_of({"source": "x", "time": {"offset": text}}, "options")
    assert rule.time is not None
    assert rule.time.offset_s == seconds


MISTAKES: list[tuple[dict[str, Any], set[str]]] = [
    ({}, {"source"}),
    ({"source": "x"}, {"rule"}),
    ({"source": "x", "prefix": "86"}, {"prefix"}),
    ({"source": "x", "service": "fax"}, {"service"}),
    ({"source": "x", "service": "sms", "zone": "Mars/Base"}, {"zone"}),
    ({"source": "x", "service": "sms", "before": "tomorrow", "from": "soon"}, {"before", "from"}),
    ({"source": "x", "service": "sms", "from": "2026-03-02", "before": "2026-03-02"}, {"before"}),
    ({"source": "x", "served": {}}, {"served"}),
    ({"source": "x", "served": {"add": 86}}, {"served.add"}),
    ({"source": "x", "served": {"add": "86", "set": "861"}, "other": {"add": " 8"}}, {"served.set", "other.add"}),
    ({"source": "x", "served": {"add": "86", "digits": -1}}, {"served.digits"}),
    ({"source": "x", "time": {}}, {"time"}),
    ({"source": "x", "time": {"zone": "UTC", "shift": "1h"}}, {"time"}),
    ({"source": "x", "time": {"zone": "Nowhere"}}, {"time.zone"}),
    ({"source": "x", "time": {"offset": "8"}}, {"time.offset"}),
    ({"source": "x", "time": {"offset": "+23:00"}}, {"time.offset"}),
    ({"source": "x", "time": {"shift": "an hour"}}, {"time.shift"}),
    ({"source": "x", "time": {"shift": "900d"}}, {"time.shift"}),
    ({"source": "x", "time": {"zone": "UTC", "doubtful": "maybe"}}, {"time.doubtful"}),
]


@pytest.mark.parametrize(("document", "places"), MISTAKES, ids=[str(document) for document, _ in MISTAKES])
def test_every_mistake_is_told_with_its_place(document: dict[str, Any], places: set[str]) -> None:
    with pytest.raises(ProblemsError) as caught:
        rule_of(document, "options")
    assert {problem.path for problem in caught.value.problems} == places
    assert all(problem.remedy for problem in caught.value.problems)


@pytest.mark.parametrize("content", ["- a\n- b\n", "a: [", "\udcff"])
def test_what_is_no_rule_is_refused(tmp_path: Path, content: str) -> None:
    path = tmp_path / "rule.yaml"
    path.write_bytes(content.encode(errors="surrogateescape"))
    with pytest.raises(ProblemsError):
        read_rule(path)
    with pytest.raises(UserError, match="cannot be read"):
        read_rule(tmp_path / "none.yaml")


def test_a_rule_without_dates_has_no_bounds() -> None:
    rule = Rule("x", service="sms")
    assert (rule.from_us, rule.before_us) == (None, None)
