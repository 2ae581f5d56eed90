"""What a real Kamailio writes, and where a bill goes wrong with it: each row is of a call whose true length its peers logged."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from mediation import trial
from mediation.decode import decode
from mediation.definitions.named import find
from mediation.sources.model import Format, Layout, Source
from mediation.sources.rules import Dialect
from rating.schema import UsageFlag
from tests.mediation.test_kamailio import put_together

if TYPE_CHECKING:
    from pathlib import Path

BARS = Dialect(delimiter="|", quote="")
CDR_COLUMNS = ("start_time", "end_time", "duration", "callid", "from_tag", "to_tag", "src_user", "dst_user", "sip_code")
ACC_COLUMNS = (
    "method",
    "from_tag",
    "to_tag",
    "callid",
    "sip_code",
    "sip_reason",
    "time",
    "time_attr",
    "time_exten",
    "src_user",
    "dst_user",
)


def cdrs(*more: str, confirmed: bool = True) -> Source:
    return Source("sbc", Format.KAMAILIO_CDRS, (Layout((*CDR_COLUMNS, *more)),), dialect=BARS, start_on_confirmed=confirmed)


ACC = Source("acc", Format.KAMAILIO_ACC, (Layout(ACC_COLUMNS),), dialect=BARS, services=find("kamailio-acc").services)
ENDS: list[tuple[str, Source, int | str]] = [  # start|end|duration, further columns; microseconds, or why not
    ("1795975400|1795975400|0.544000|200|1795975400.321513", cdrs("answer_time"), 544_000),  # answered within the second of its end
    ("1795975685|1795975686|0.918000|200|1795975686.133490", cdrs("answer_time"), 918_000),
    ("1795975685|1795975686|0.918000|200|1795975687.133490", cdrs("answer_time"), "end_before_start"),
    ("1795975400.25|1795975400.75|0.500000|200|1795975400.321513", cdrs("answer_time"), 500_000),
    ("1795975400.25|1795975400.75|0.500000|200|1795975400.761000", cdrs("answer_time"), "end_before_start"),
    ("2026-11-29 18:43:20|2026-11-29 18:43:20|0.544000|200|2026-11-29 18:43:20.321513", cdrs("answer_time"), 544_000),
    ("1795975399|1795975402|3.100000|200|1795975400.321513", cdrs("answer_time", confirmed=False), 1_678_487),  # the true end is cut off
    ("1795975399|1795975400|1.100000|200|1795975400.321513", cdrs("answer_time", confirmed=False), 0),
    ("1795975399|1795975399|1.100000|200|1795975400.000000", cdrs("answer_time", confirmed=False), "end_before_start"),
    ("1795975700|1795975702|1.644000|8|", cdrs("answer_time"), "answer_in_doubt"),
    ("1795975700|1795975760|60.500000|481|", cdrs("answer_time"), "answer_in_doubt"),
    ("1795975700|1795975760|0.000000|487|", cdrs("answer_time"), 0),
]


@pytest.mark.parametrize(("row", "source", "expected"), ENDS)
def test_ends_as_finely_as_they_are_written(tmp_path: Path, row: str, source: Source, expected: int | str) -> None:
    start, end, duration, code, answer = row.split("|")
    path = tmp_path / "cdrs.psv"
    path.write_text(f"{start}|{end}|{duration}|c1@h|f|t|8613900000001|8613700000001|{code}|{answer}\n")
    decoded = decode(path, source)
    if decoded.rejects:
        assert [reject.reason for reject in decoded.rejects] == [expected]
    else:
        assert decoded.usage.column("duration_us").to_pylist() == [expected]


def acc_rows(*times: str) -> str:
    """INVITE and BYE of a call each: `seconds microseconds` of both."""
    made = []
    for number, text in enumerate(times):
        words = text.split()
        for method, second, micro in (("INVITE", *words[:2]), ("BYE", *words[2:])):
            made.append(f"{method}|a{number}|b{number}|x{number}@h|200|OK|{second}|{second}|{micro}|8613900000001|861012345678\n")
    return "".join(made)


def test_time_exten_is_the_fraction_of_time_attr(tmp_path: Path) -> None:
    path = tmp_path / "acc.psv"
    path.write_text(acc_rows("1795975400 900000 1795975402 100000", "1795975400 010000 1795975400 910000"))
    made, _ = put_together(decode(path, ACC).usage)
    assert sorted(made.events.column("duration_us").to_pylist()) == [900_000, 1_200_000]


def test_a_fraction_counts_once(tmp_path: Path) -> None:
    """`time_attr` with milliseconds (time_mode 2) has its own."""
    path = tmp_path / "acc.psv"
    path.write_text(acc_rows("1795975400.900 0 1795975402.100 0"))
    made, _ = put_together(decode(path, ACC).usage)
    assert made.events.column("duration_us").to_pylist() == [1_200_000]


def test_keys_of_records_without_id_do_not_move_with_the_fraction(tmp_path: Path) -> None:
    path, keys = tmp_path / "acc.psv", []
    for micro in ("900000", "100000", ""):
        path.write_text(f"INVITE|a|b|x@h|200|OK|1795975400|1795975400|{micro}|8613900000001|861012345678\n")
        keys += decode(path, ACC).usage.column("event_key").to_pylist()
    assert len(set(keys)) == 1


def notes_of(folder: Path, source: Source, *rows: str) -> str:
    path = folder / "rows.psv"
    path.write_text("".join(f"{row}\n" for row in rows))
    return "\n".join(trial.attempt(path, source, 0).notes)


def _row(times: str, code: str = "200", parties: str = "8613900000001|8613700000001", more: str = "") -> str:
    return f"{times}|c{hash((times, parties)) % 10**6}@h|f|t|{parties}|{code}{more}"


DOUBTS: list[tuple[Source, list[str], str]] = [
    (cdrs("answer_time", confirmed=False), [_row("1795975399|1795975402|3.1", more="|1795975400.321513")], "1 calls last from an answer"),
    (cdrs("answer_time"), [_row("1795975399|1795975405|6.1", more="|1795975402.321513")], "1 of 1 calls began before their answer"),
    (cdrs(), [_row("1795975399|1795975405|6.1")], "no column says when calls were answered"),
    (
        cdrs("answer_time"),
        [
            *(_row(f"17959754{n}0|17959754{n}0|0.0", "486", "8613900000001|8613700000001", "|") for n in range(3)),
            *(_row(f"17959755{n}0|17959755{n}3|3.0", "200", f"864000000{n:03d}|8613900000001", f"|17959755{n}0.1") for n in range(3)),
        ],
        "3 answered calls run from a number that never calls otherwise",
    ),
    (ACC, ["INVITE|a|b|x@h|200|OK|1795975400|1795975400||8613900000001|861012345678"], "1 times are whole seconds"),
]


@pytest.mark.parametrize(("source", "rows", "expected"), DOUBTS)
def test_a_trial_doubts_what_no_row_can_show(tmp_path: Path, source: Source, rows: list[str], expected: str) -> None:
    assert expected in notes_of(tmp_path, source, *rows)


def test_a_trial_has_no_doubts_where_the_rows_prove_it_right(tmp_path: Path) -> None:
    fine = [_row(f"17959755{n}0|17959755{n}3|3.0", parties="8613900000001|8613700000001", more=f"|17959755{n}0.9") for n in range(4)]
    failed = [_row(f"17959754{n}0|17959754{n}0|0.0", "486", "8613900000002|8613700000001", "|") for n in range(4)]
    assert notes_of(tmp_path, cdrs("answer_time"), *fine, *failed) == ""
    exact = msgspec.structs.replace(ACC, name="exact")
    assert notes_of(tmp_path, exact, *acc_rows("1795975400 900000 1795975402 100000").splitlines()).count("whole seconds") == 0


FREESWITCH = ("caller_id_number", "destination_number", "start_stamp", "answer_stamp", "billsec", "uuid")
OTHERS: list[tuple[Source, str]] = [
    (Source("a", Format.ASTERISK, (Layout(("src", "dst", "start", "answer", "end", "billsec", "disposition", "uniqueid")),)),
     "1,2,2026-03-02 10:00:00,,2026-03-02 10:01:00,55,NO ANSWER,u1"),
    (Source("f", Format.FREESWITCH, (Layout(FREESWITCH),)),
     "1,2,2026-03-02 10:00:00,,55,u1"),
]  # fmt: skip


@pytest.mark.parametrize(("source", "row"), OTHERS)
def test_a_billable_time_without_an_answer_waits_in_every_format(tmp_path: Path, source: Source, row: str) -> None:
    path = tmp_path / "rows.csv"
    path.write_text(f"{row}\n{row.replace('55', '0').replace('u1', 'u2')}\n")
    decoded = decode(path, source)
    assert [reject.reason for reject in decoded.rejects] == ["answer_in_doubt"]
    assert decoded.usage.column("flags").to_pylist() == [UsageFlag.UNANSWERED]


def test_a_duration_without_a_connect_time_waits(fixtures: Path, tmp_path: Path) -> None:
    lines = (fixtures / "cisco-cucm" / "legs.csv").read_text().splitlines()
    names = [name.strip('"') for name in lines[0].split(",")]
    values = lines[2].split(",")
    values[names.index("dateTimeConnect")], values[names.index("duration")] = "0", "12"
    path = tmp_path / "cucm.csv"
    path.write_text("\n".join([*lines[:2], ",".join(values), ""]))
    assert [reject.reason for reject in decode(path, find("cisco-cucm")).rejects] == ["answer_in_doubt"]


def test_freeswitch_ends_in_the_second_of_its_answer(tmp_path: Path) -> None:
    """No duration, an exact answer, and an end in whole seconds: the fineness of what is written decides."""
    columns = ("caller_id_number", "destination_number", "answer_uepoch", "end_epoch", "uuid")
    source = Source("f", Format.FREESWITCH, (Layout(columns),))
    path = tmp_path / "rows.csv"
    path.write_text("1,2,1795975400321513,1795975400,u1\n1,2,1795975400321513,1795975402,u2\n1,2,1795975400321513,1795975399,u3\n")
    decoded = decode(path, source)
    assert decoded.usage.column("duration_us").to_pylist() == [0, 1_678_487]
    assert [reject.reason for reject in decoded.rejects] == ["end_before_start"]


def test_fineness_of_every_way_to_write_a_time(tmp_path: Path) -> None:
    """An end is refused where it lies before the answer by more than what its own writing cuts off."""
    source: Any = cdrs("answer_time", confirmed=False)
    path = tmp_path / "cdrs.psv"
    for end, is_taken in {"1795975400.3": True, "1795975400.32": True, "1795975400.321": True, "1795975400.2": False,
                          "1795975400.31": False, "1795975400.320": False, "2026-11-29 18:03:20.3": True,
                          "2026-11-29 18:03:20.2": False, "2026-11-29 18:03": True}.items():  # fmt: skip
        path.write_text(f"1795975400|{end}|1|c@h|f|t|8613900000001|8613700000001|200|1795975400.321513\n")
        assert (decode(path, source).rejects == []) is is_taken, end
