"""The four switches of the demo: how each writes its rows, byte for byte.

`edge-a`   FreeSWITCH with a template that adds true microseconds; stamps in Berlin time. People.
`edge-b`   FreeSWITCH with its usual fifteen columns; stamps in Berlin time, durations in whole seconds. Companies, by account code.
`asterisk` Asterisk's Master.csv of 21 columns in UTC. Everybody.
`branch`   Asterisk's Master.csv of 18 columns, in Berlin time, compressed. People.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import calls as calls_module
import numpy as np
import numpy.typing as npt
import rowtext
from population import Ints
from rowplan import LONGER_US, Role
from rowtext import Bytes

if TYPE_CHECKING:
    from calls import Calls
    from population import Population

US = calls_module.US
SUMMER_S, WINTER_S = 7200, 3600  # Berlin, east of UTC
SECOND_LEG_SHORTER_US = 3 * US
ASTERISK_WORDS = ["ANSWERED", "NO ANSWER", "BUSY", "FAILED"]
FREESWITCH_WORDS = ["NORMAL_CLEARING", "NO_ANSWER", "USER_BUSY", "NORMAL_TEMPORARY_FAILURE", "LOSE_RACE"]
LOSE_RACE = 4
NAMES = ["Anna Weber", "Jürgen Müller", "李 明", "O'Neill", "", "Reception"]
MONTH_AT = 5  # of a stamp
DIGITS_MAX = 15


class Switch(NamedTuple):
    """What distinguishes one switch from another."""

    name: str
    format: str
    share: float  # of all rows
    callers: str  # people | companies | all
    is_local: bool  # stamps in Berlin time, not UTC
    is_exact: bool  # durations in microseconds
    is_packed: bool
    definition: str  # the source definition for Ratewright; empty for a built-in source


FREESWITCH_COLUMNS = (
    "caller_id_name", "caller_id_number", "destination_number", "context", "start_stamp", "answer_stamp", "end_stamp", "duration",
    "billsec", "hangup_cause", "uuid", "bleg_uuid", "accountcode", "read_codec", "write_codec",
)  # fmt: skip
EXACT_COLUMNS = ("start_uepoch", "answer_uepoch", "billusec")
TEMPLATE = ",".join(f'"${{{column}}}"' for column in (*FREESWITCH_COLUMNS, *EXACT_COLUMNS))
NUMBERING = 'numbering: {country_code: "49", trunk_prefix: "0"}\n'
BERLIN = "timezone: Europe/Berlin\n"

SWITCHES = (
    Switch(
        "edge-a",
        "freeswitch",
        0.55,
        "people",
        True,
        True,
        False,
        f"name: edge-a\nformat: freeswitch\ntemplate: '{TEMPLATE}'\n{BERLIN}{NUMBERING}",
    ),
    Switch("edge-b", "freeswitch", 0.10, "companies", True, False, False, f"name: edge-b\nformat: freeswitch\n{BERLIN}{NUMBERING}"),
    Switch("asterisk", "asterisk", 0.25, "all", False, False, False, ""),
    Switch("branch", "asterisk", 0.10, "people", True, False, True, f"name: branch\nformat: asterisk\n{BERLIN}{NUMBERING}"),
)


class Rows(NamedTuple):
    """The columns that both kinds of switch write, one row a row of a file."""

    at: Ints  # position of the call
    role: npt.NDArray[np.int8]
    caller: Bytes
    callee: Bytes
    account: Bytes
    name: Bytes
    start: Bytes
    answer: Bytes
    end: Bytes
    duration: Bytes
    billsec: Bytes
    answered: npt.NDArray[np.bool_]


def shown_us(switch: Switch, calls: Calls, at: Ints, role: npt.NDArray[np.int8]) -> Ints:
    """The billable time that each row shows, in microseconds."""
    talk_us = _talk_us(calls, at, role)
    if switch.is_exact:
        return talk_us
    answer_us = calls.answer_us[at]
    return ((answer_us + talk_us) // US - answer_us // US) * US


def chargeable_us(switch: Switch, calls: Calls, at: Ints) -> Ints:
    """The answer of each row's call as its stamp shows it, microseconds UTC."""
    return calls.answer_us[at] if switch.is_exact else calls.answer_us[at] // US * US


def text(  # noqa: PLR0913, PLR0917 - the columns of the rows
    switch: Switch, people: Population, calls: Calls, at: Ints, role: npt.NDArray[np.int8], is_local_call: npt.NDArray[np.bool_]
) -> bytes:
    """The rows of one file. `is_local_call`: calls whose second leg is the half of an Asterisk Local channel."""
    rows = _rows(switch, people, calls, at, role)
    if switch.format == "freeswitch":
        return _freeswitch(switch, calls, rows)
    return _asterisk(calls, rows, is_local_call[at], has_new_columns=switch.name == "asterisk")


def record_id(switch: Switch, calls: Calls, at: int) -> str:
    """How the switch names a call: uuid or unique id."""
    if switch.format == "freeswitch":
        return bytes(rowtext.uuid(calls.raw_id[at : at + 1])[0]).decode()
    return f"{calls.start_us[at] // US}.{at}"


def _talk_us(calls: Calls, at: Ints, role: npt.NDArray[np.int8]) -> Ints:
    talk_us = (
        calls.talk_us[at] + np.where(role == Role.CONFLICT, LONGER_US, 0) - np.where(role == Role.SECOND_LEG, SECOND_LEG_SHORTER_US, 0)
    )
    return np.where(role == Role.RING_OTHER, 0, talk_us)


def _rows(switch: Switch, people: Population, calls: Calls, at: Ints, role: npt.NDArray[np.int8]) -> Rows:
    line = calls.line[at]
    answered = calls.answered[at] & (role != Role.RING_OTHER)
    start_us, answer_us = calls.start_us[at], calls.answer_us[at]
    end_us = answer_us + _talk_us(calls, at, role)
    start, answer, end = (_stamp(switch, instant_us, role) for instant_us in (start_us, answer_us, end_us))
    codes = sorted(set(people.account_code))
    code_of_line = np.searchsorted(codes, people.account_code)
    return Rows(
        at=at,
        role=role,
        caller=_dialled(calls.caller[at], calls.raw_id[at, 0] % 2 * (calls.caller[at] > 10**6), is_national=False),
        callee=_dialled(calls.callee[at], calls.raw_id[at, 1] % 4, is_national=switch.definition != ""),
        account=rowtext.words(codes, np.where(line < 0, codes.index(""), code_of_line[line])),
        name=rowtext.words(NAMES, calls.raw_id[at, 2] % len(NAMES)),
        start=start,
        answer=rowtext.blank_where(answer, ~answered),
        end=end,
        duration=rowtext.number(end_us // US - start_us // US, 6),
        billsec=rowtext.number(np.where(answered, end_us // US - answer_us // US, 0), 6),
        answered=answered,
    )


def _stamp(switch: Switch, instant_us: Ints, role: npt.NDArray[np.int8]) -> Bytes:
    """Wall-clock text; a month of 13 in the rows with wrong times."""
    seconds = instant_us // US
    if switch.is_local:
        seconds = seconds + np.where(instant_us < calls_module.CHANGE_US, SUMMER_S, WINTER_S)
    out = rowtext.stamp(seconds)
    out[role == Role.WRONG_TIME, MONTH_AT : MONTH_AT + 2] = np.frombuffer(b"13", dtype=np.uint8)
    return out


def _dialled(value: Ints, form: npt.NDArray[np.integer], *, is_national: bool) -> Bytes:
    """A number as people dial it: 0 plain, 1 with +, 2 with 00, 3 in the national form where the switch takes one."""
    form = form.astype(np.int64)
    home = (value // 10 ** (np.floor(np.log10(value)).astype(np.int64) - 1)) == 49  # noqa: PLR2004 - Germany
    national = (form == 3) & home & is_national  # noqa: PLR2004 - as said above
    short = value % 10 ** np.maximum(np.floor(np.log10(value)).astype(np.int64) - 1, 1)
    mark = rowtext.words(["", "+", "00", "0"], np.where((form == 3) & ~national, 0, form))  # noqa: PLR2004 - as said above
    return np.concatenate([mark, rowtext.number(np.where(national, short, value), DIGITS_MAX)], axis=1)


def _freeswitch(switch: Switch, calls: Calls, rows: Rows) -> bytes:
    own = calls.raw_id[rows.at]
    other = own ^ np.uint8(0x5A)
    ring = own ^ np.uint8(0xC3)
    is_leg, is_ring = rows.role == Role.SECOND_LEG, rows.role == Role.RING_OTHER
    uuid = rowtext.uuid(np.where(is_leg[:, None], other, np.where(is_ring[:, None], ring, own)))
    b_leg = rowtext.blank_where(rowtext.uuid(other), is_leg | is_ring | ~rows.answered)
    cause = rowtext.words(FREESWITCH_WORDS, np.where(is_ring, LOSE_RACE, calls.cause[rows.at]))
    codec = rowtext.words(["", "PCMA", "opus"], np.where(rows.answered, 1 + own[:, 3] % 2, 0))
    last: tuple[Bytes | str, ...] = ('"\n',)
    if switch.is_exact:
        last = _exact_columns(calls, rows)
    head = ('"', rows.name, '","', rows.caller, '","', rows.callee, '","public","', rows.start, '","', rows.answer, '","', rows.end, '","')
    middle = (rows.duration, '","', rows.billsec, '","', cause, '","', uuid, '","', b_leg, '","', rows.account, '","', codec, '","', codec)
    return rowtext.rows(*head, *middle, *last)


def _exact_columns(calls: Calls, rows: Rows) -> tuple[Bytes | str, ...]:
    start = rowtext.number(calls.start_us[rows.at], 16)
    start[rows.role == Role.WRONG_TIME, 0] = ord("x")
    answer = rowtext.number(np.where(rows.answered, calls.answer_us[rows.at], 0), 16)
    talk = rowtext.number(np.where(rows.answered, _talk_us(calls, rows.at, rows.role), 0), 12)
    return ('","', start, '","', answer, '","', talk, '"\n')


def _asterisk(calls: Calls, rows: Rows, is_local_call: npt.NDArray[np.bool_], *, has_new_columns: bool) -> bytes:
    own = calls.raw_id[rows.at]
    is_leg, is_ring = rows.role == Role.SECOND_LEG, rows.role == Role.RING_OTHER
    is_half = is_leg & is_local_call
    caller_channel = _channel("PJSIP/", rows.caller, own[:, 4:8])
    local = ("Local/", rows.callee, "@forward-", rowtext.hexadecimal(own[:, 8:12]))
    local_first, local_second = rowtext.beside(*local, ";1"), rowtext.beside(*local, ";2")
    callee_channel = rowtext.beside(
        "PJSIP/carrier-", rowtext.hexadecimal(np.where((is_leg | is_ring)[:, None], own[:, 12:] ^ 0x5A, own[:, 12:]))
    )
    channel = rowtext.either(is_half, local_second, caller_channel)
    called = rowtext.either(is_local_call & ~is_leg & ~is_ring, local_first, callee_channel)
    start_s = rowtext.number(calls.start_us[rows.at] // US, 10)
    first_id = rowtext.beside(start_s, ".", rowtext.number(rows.at, 9))
    unique_id = rowtext.either(is_half, rowtext.beside(start_s, ".9", rowtext.digits(rows.at, 9)), first_id)
    word = rowtext.words(ASTERISK_WORDS, np.where(is_ring, calls_module.NO_ANSWER, calls.cause[rows.at]))
    last: tuple[Bytes | str, ...] = ('",""\n',)
    if has_new_columns:
        sequence = rowtext.number(rows.at * 3 + np.where(is_leg, 1, np.where(is_ring, 2, 0)), 9)
        last = ('","","","', first_id, '",', sequence, "\n")
    head = (
        '"',
        rows.account,
        '","',
        rows.caller,
        '","',
        rows.callee,
        '","from-internal","""',
        rows.name,
        '"" <',
        rows.caller,
        '>","',
        channel,
    )
    dial = ('","', called, '","Dial","PJSIP/', rows.callee, '@carrier,60,tT","', rows.start, '","', rows.answer, '","', rows.end, '",')
    ending = (rows.duration, ",", rows.billsec, ',"', word, '","DOCUMENTATION","', unique_id)
    return rowtext.rows(*head, *dial, *ending, *last)


def _channel(kind: str, name: Bytes, raw: Bytes) -> Bytes:
    return rowtext.beside(kind, name, "-", rowtext.hexadecimal(raw))
