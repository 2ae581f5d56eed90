"""JSON and XML records in raw bytes: which bytes are a record, which are refused, what the fields say; against Python's own parsers."""

from __future__ import annotations

import json
import string
from typing import TYPE_CHECKING, Any, Final
from xml.sax.saxutils import escape

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mediation.bytes.memory_window import MemoryWindow
from mediation.reasons import REASONS
from mediation.records import record_kernel
from mediation.records.record_paths import Paths, compile_paths, scan_window

if TYPE_CHECKING:
    import random
    from collections.abc import Callable

    from numpy.typing import NDArray

FIELDS: Final = {"id": "%v.id", "n": "v.n", "first": "list[0].x", "deep": "list[0].y.z"}
JSON, XML = compile_paths(FIELDS), compile_paths(FIELDS, "cdr")
BETWEEN_JSON, BETWEEN_XML = b" \t\r\n,[]", b" \t\r\n"


class GrowingWindow:
    """Bytes of which a few more come in sight each time: as the worst reader would have it."""

    name = "a file that grows"
    may_be_cut = True

    def __init__(self, data: bytes, step: int) -> None:
        self.data: NDArray[np.uint8] = np.frombuffer(data, np.uint8)
        self._step = step
        self.begin = self.offset = 0
        self.end = min(step, self.data.size)
        self.is_last = self.end == self.data.size

    def go_on(self, position: int) -> None:
        """A few more bytes."""
        self.begin = position
        self.is_last = self.end == self.data.size
        self.end = min(self.data.size, self.end + self._step)


def records(window: MemoryWindow | GrowingWindow, paths: Paths) -> list[tuple[int, int, str | None, tuple[str, ...]]]:
    """Begin, end, reason and fields of each record."""
    made = []
    for found in scan_window(window, paths):
        spans = [found.field(name) for name in paths.names]
        text = found.text.tobytes()
        for row in range(found.begin.size):
            fields = tuple(text[span.begin[row] : span.end[row]].decode() for span in spans)
            made.append((int(found.begin[row]), int(found.end[row]), REASONS[found.fault[row]], fields))
    return made


def read(data: bytes, paths: Paths = JSON) -> list[tuple[str, str | None, str]]:
    """The bytes of each record, its reason and its id."""
    return [(data[begin:end].decode(), reason, fields[0]) for begin, end, reason, fields in records(MemoryWindow(data), paths)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('{"v":{"id":"a"}}', ["a"]),
        ('{"v":{"id":"a"}}{"v":{"id":"b"}}', ["a", "b"]),  # nothing between
        ('{"v":{"id":"a"}}\r\n\r\n{"v":{"id":"b"}}\n', ["a", "b"]),  # a line each
        ('[{"v":{"id":"a"}},\n  {"v":{"id":"b"}}]\n', ["a", "b"]),  # a list
        ('{\n  "v": {\n    "id": "a"\n  }\n}\n', ["a"]),  # indented
        ("[]", []),
        ("", []),
        (" \n\t\r\n", []),
        ('{"v":{"id":"%2B86%20x%"}}', ["+86 x%"]),  # URL-encoded; a lone % stays
        (r'{"v":{"id":"\u00e9\n\"\\\/\ud83d\ude00\ud83d\u0000"}}', ['\u00e9\n"\\/\U0001f600\ufffd\ufffd']),  # escapes; half a pair, NUL
        (r'{"\u0076":{"i\u0064":"a"}}', ["a"]),  # escapes in names
        ('{"v":{"id":null}}', [""]),
        ('{"v":{"id":true}}', ["true"]),
        ('{"v":{"id":-12.5e+3}}', ["-12.5e+3"]),
        ('{"v":{"id":{"id":"b"}}}', [""]),  # no text, but an object
        ('{"w":{"id":"b"},"v":{"x":{"id":"c"}},"id":"d"}', [""]),  # other paths
        ('{"v":{"id":"a","id":"a"}}', ["a"]),  # twice the same
    ],
)
def test_json_records(text: str, expected: list[str]) -> None:
    found = read(text.encode())
    assert [(reason, id_) for _, reason, id_ in found] == [(None, id_) for id_ in expected]


BAD, CUT, REPEATED, LONG = "malformed_record", "truncated_record", "repeated_field", "row_too_long"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('{"v":{"id":"a"', [('{"v":{"id":"a"', CUT)]),
        ('{"v":{"id":"a\n{"v":{"id":"b"}}', [('{"v":{"id":"a', BAD), ('{"v":{"id":"b"}}', None)]),  # cut within a text
        ('{"v":{"id":\n{"v":{"id":"b"}}\n', [('{"v":{"id":', CUT), ('{"v":{"id":"b"}}', None)]),  # the next line is no part of it
        ('{"v":[\n{"v":{"id":"b"}}', [('{"v":[', CUT), ('{"v":{"id":"b"}}', None)]),
        ('[\n  {"v":{"id":tru},"w":{}},\n  {"v":{"id":"b"}}\n]', [('{"v":{"id":tru},"w":{}}', BAD), ('{"v":{"id":"b"}}', None)]),
        ('[{"v":{"id":01}},{"v":{"id":"b"}}]', [('{"v":{"id":01}}', BAD), ('{"v":{"id":"b"}}', None)]),
        ('{"v":{"id":"a","id":"b"}}', [('{"v":{"id":"a","id":"b"}}', REPEATED)]),
        ('{"v":{"id":"a"},}', [('{"v":{"id":"a"},}', BAD)]),
        ('{"v":{"id":"\\x"}}', [('{"v":{"id":"\\x"}}', BAD)]),
        ("{'v':{}}", [("{'v':{}}", BAD)]),
        ('{"v" {}}', [('{"v" {}}', BAD)]),
        ('{"v":{}]}', [('{"v":{}]', BAD), ("}", BAD)]),
        ('rubbish {"v":{"id":"b"}} 7\nxyz', [("rubbish ", BAD), ('{"v":{"id":"b"}}', None), ("7", BAD), ("xyz", BAD)]),
        ('[{"v":{"id":"a"}}, \n', [('{"v":{"id":"a"}}', None), ("", CUT)]),  # a list that is never closed: there may have been more
        ('[{"v":{"id":"a"', [('{"v":{"id":"a"', CUT)]),
        ("\0\0", [("\0\0", BAD)]),
        ("{" * 40, [("{" * 40, BAD)]),
        ('{"a":' + "[" * 40 + "]" * 40 + "}", [('{"a":' + "[" * 40 + "]" * 40 + "}", BAD)]),  # nested too deeply
    ],
)
def test_json_faults(text: str, expected: list[tuple[str, str | None]]) -> None:
    assert [(raw, reason) for raw, reason, _ in read(text.encode())] == expected


CDR = "<cdr><v><id>{}</id></v></cdr>"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (CDR.format("a"), ["a"]),
        (f"<?xml version='1.0'?>\n<!-- c -->\n<cdrs>{CDR.format('a')}\n{CDR.format('b')}</cdrs>\n", ["a", "b"]),
        ("<cdr a='>' b=\"'\"\n>\n<v c='d'><id\n>a</id ></v></cdr\n>", ["a"]),
        ("<cdr/><cdr></cdr>", ["", ""]),
        ("<cdr><v><id/></v></cdr>", [""]),
        (CDR.format("&lt;&gt;&amp;&quot;&apos;&#65;&#x42;&#x1F600;&#0;"), ["<>&\"'AB\U0001f600\ufffd"]),
        (CDR.format("%3c&#37;41"), ["<A"]),  # URL-encoded inside
        (CDR.format("a<!-- <id>x</id> -->b<![CDATA[<c>]]>]]<?x y?>"), ["ab<c>]]"]),
        (CDR.format("a<b>c</b>d"), ["ad"]),
        ("<cdr><v><w><id>a</id></w></v><v><id>b</id></v></cdr>", ["b"]),
        ("", []),
    ],
)
def test_xml_records(text: str, expected: list[str]) -> None:
    found = read(text.encode(), XML)
    assert [(reason, id_) for _, reason, id_ in found] == [(None, id_) for id_ in expected]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("<cdr><v></w></cdr>", [("<cdr><v></w></cdr>", BAD)]),
        (f"<cdr><v>{CDR.format('b')}", [("<cdr><v>", CUT), (CDR.format("b"), None)]),
        (f"{CDR.format('&nbsp;')}{CDR.format('b')}", [(CDR.format("&nbsp;"), BAD), (CDR.format("b"), None)]),
        (f"<!DOCTYPE cdr [<!ENTITY e 'x'>]>{CDR.format('b')}", [("<!DOCTYPE cdr [<!ENTITY e 'x'>]>", BAD), (CDR.format("b"), None)]),
        (f"<other/>{CDR.format('b')} x", [("<other/>", BAD), (CDR.format("b"), None), ("x", BAD)]),
        ("<cdr><v><id>a</id><id>b</id></v></cdr>", [("<cdr><v><id>a</id><id>b</id></v></cdr>", REPEATED)]),
        ("<cdr a=b></cdr>", [("<cdr a=b></cdr>", BAD)]),
        ("<cdr a='<'></cdr>", [("<cdr a='<'></cdr>", BAD)]),
        ("<cdr><!-- a", [("<cdr><!-- a", CUT)]),
        ("<cdrs><cdr/>\n", [("<cdr/>", None), ("", CUT)]),
        ("<cdrx></cdrx>", [("<cdrx></cdrx>", BAD)]),
        ("<cdr>\0</cdr>", [("<cdr>\0</cdr>", BAD)]),
    ],
)
def test_xml_faults(text: str, expected: list[tuple[str, str | None]]) -> None:
    assert [(raw, reason) for raw, reason, _ in read(text.encode(), XML)] == expected


def test_the_first_of_a_list_counts() -> None:
    text = '{"list":[{"y":{"z":1}},{"x":2}],"v":{"n":3}} {"list":{"x":4},"list":{"x":5}} {"list":[]} {"list":7}'
    assert [fields for _, _, _, fields in records(MemoryWindow(text.encode()), JSON)] == [
        ("", "3", "", "1"),
        ("", "", "4", ""),  # no list, and the name twice: as older switches write it
        ("", "", "", ""),
        ("", "", "", ""),
    ]


def test_each_element_of_a_list_is_a_row() -> None:
    paths = compile_paths({"id": "id", "group": "g[].n", "used": "g[].u[].t", "why": "g[].u[].w[].y"})
    text = (
        '{"g":[{"u":[{"t":1},{"t":2,"w":[{"y":"A"},{"y":"B"}]}],"n":10},{"n":20}],"id":"a"} '
        '{"id":"b"} {"g":[{"u":{"t":3,"w":{"y":"B"}}}],"id":"c"}'
    )
    (found,) = scan_window(MemoryWindow(text.encode()), paths)
    rows = found.rows("g[].u[]")
    spans = [*(found.row_field(name, rows) for name in ("id", "group", "used")), found.first_of("why", b"B", rows)]
    made = [[found.text[span.begin[row] : span.end[row]].tobytes().decode() for span in spans] for row in range(rows.record.size)]
    assert made == [["a", "10", "1", ""], ["a", "10", "2", "B"], ["b", "", "", ""], ["c", "", "3", "B"]]


def test_a_record_longer_than_a_mebibyte_is_refused_in_pieces() -> None:
    long = b'{"v":{"id":"' + b"x" * (3 << 20) + b'"}}\n{"v":{"id":"b"}}'
    found = records(MemoryWindow(long), JSON)
    assert [reason for _, _, reason, _ in found] == [LONG, LONG, LONG, LONG, None]
    assert max(end - begin for begin, end, _, _ in found) <= record_kernel.RECORD_BYTES_MAX + 1
    assert_accounted(long, found, BETWEEN_JSON)
    xml = b"<cdr>" + b"x" * (2 << 20) + b"</cdr><cdr/>"
    found = records(MemoryWindow(xml), XML)
    assert [reason for _, _, reason, _ in found] == [LONG, LONG, LONG, None]
    assert_accounted(xml, found, BETWEEN_XML)


def test_more_elements_than_there_is_room_for_are_refused() -> None:
    paths = compile_paths({"t": "g[].t"})
    text = b'{"g":[' + b"{}," * 100_000 + b'{}]} {"g":[{"t":1}]}'
    found = [(found.fault.tolist(), found.owner[1].size) for found in scan_window(MemoryWindow(text), paths)]
    assert found == [([CODE_BAD, 0], 1)]


CODE_BAD: Final = REASONS.index("malformed_record")


def assert_accounted(data: bytes, found: list[tuple[int, int, str | None, tuple[str, ...]]], between: bytes) -> None:
    """Every byte is of one record, or stands between two."""
    at = 0
    for begin, end, _, _ in found:
        assert at <= begin <= end <= len(data)
        assert not data[at:begin].strip(between)
        at = end
    assert not data[at:].strip(between)


SCALARS: Final = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False, allow_infinity=False), st.text(max_size=8))
NAMES: Final = st.sampled_from(["v", "id", "n", "list", "x", "y", "z", "other"])
VALUES: Final = st.recursive(SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=4), max_leaves=12)
OBJECTS: Final = st.dictionaries(NAMES, VALUES, max_size=5)
LAYOUTS: Final[list[Callable[[list[Any]], str]]] = [
    lambda made: "\n".join(json.dumps(one) for one in made),
    lambda made: "".join(json.dumps(one, ensure_ascii=False, indent=2) for one in made),
    lambda made: json.dumps(made, indent=1),
    json.dumps,
]


def looked_up(record: object, *names: str) -> str:
    """What a plain program would read: the text at a path, empty for what is none."""
    value: Any = record
    for name in names:
        if name == "0":
            value = value[0] if isinstance(value, list) and value else None if isinstance(value, list) else value
        else:
            value = value.get(name) if isinstance(value, dict) else None
    if value is None or isinstance(value, dict | list):
        return ""
    return value if isinstance(value, str) else json.dumps(value)


@settings(max_examples=150, deadline=None)
@given(st.lists(OBJECTS, max_size=4), st.sampled_from(LAYOUTS), st.integers(1, 9))
def test_json_is_read_as_python_reads_it(made: list[Any], layout: Callable[[list[Any]], str], step: int) -> None:
    data = layout(made).encode(errors="surrogatepass")
    found = records(MemoryWindow(data), JSON)
    assert [reason for _, _, reason, _ in found] == [None] * len(made)
    assert [json.loads(data[begin:end]) for begin, end, _, _ in found] == made
    expected = [(looked_up(one, "v", "n"), looked_up(one, "list", "0", "x"), looked_up(one, "list", "0", "y", "z")) for one in made]
    assert [fields[1:] for _, _, _, fields in found] == [tuple(text.replace("\0", "\ufffd") for text in one) for one in expected]
    assert records(GrowingWindow(data, step), JSON) == found


@settings(max_examples=300, deadline=None)
@given(st.lists(OBJECTS, min_size=1, max_size=3), st.sampled_from(LAYOUTS), st.randoms(use_true_random=False), st.integers(1, 40))
def test_mangled_json_is_accounted_for(made: list[Any], layout: Callable[[list[Any]], str], chance: random.Random, step: int) -> None:
    data = mangled(layout(made).encode(errors="surrogatepass"), b'{}[]",:\\\n \0a1\xff', chance)
    found = [(begin, end, reason, ()) for begin, end, reason, _ in records_of_any_bytes(MemoryWindow(data), JSON)]
    assert_accounted(data, found, BETWEEN_JSON)
    for begin, end, reason, _ in found:
        if reason is None:
            json.loads(data[begin:end].decode("latin-1"))
    assert [(begin, end, reason, ()) for begin, end, reason, _ in records_of_any_bytes(GrowingWindow(data, step), JSON)] == found


@settings(max_examples=300, deadline=None)
@given(
    st.lists(st.text(alphabet=string.ascii_letters + "<>&\u00e9", max_size=6), min_size=1, max_size=3), st.randoms(use_true_random=False)
)
def test_mangled_xml_is_accounted_for(ids: list[str], chance: random.Random) -> None:
    whole = f"<cdrs>{''.join(CDR.format(escape(id_)) for id_ in ids)}\n<!-- c --><cdr><v><n><![CDATA[x]]></n></v></cdr></cdrs>"
    data = mangled(whole.encode(), b"<>/!-[]?&;=\"'cdrs\n \0\xff", chance)
    found = [(begin, end, reason, ()) for begin, end, reason, _ in records_of_any_bytes(MemoryWindow(data), XML)]
    for begin, end, _, _ in found:
        assert 0 <= begin <= end <= len(data)
    between = b"".join(
        data[last:begin] for last, begin in zip([0, *(end for _, end, _, _ in found)], [*(b for b, *_ in found), len(data)], strict=True)
    )
    assert not between.replace(b"<cdrs>", b"").replace(b"</cdrs>", b"").strip(BETWEEN_XML) or b"<!--" in between or b"<?" in between
    step = chance.randint(1, 40)
    assert [(begin, end, reason, ()) for begin, end, reason, _ in records_of_any_bytes(GrowingWindow(data, step), XML)] == found


def mangled(data: bytes, alphabet: bytes, chance: random.Random) -> bytes:
    """The bytes with a few changed, put in, taken out or cut off."""
    made = bytearray(data)
    for _ in range(chance.randint(1, 4)):
        place = chance.randrange(len(made) + 1)
        kind = chance.randrange(4)
        if kind == 0:
            made[place:place] = bytes([chance.choice(alphabet)])
        elif kind == 1 and place < len(made):
            made[place] = chance.choice(alphabet)
        elif kind == 2:
            del made[place : place + chance.randint(1, 4)]
        elif chance.random() < 0.3:
            del made[place:]
    return bytes(made)


def records_of_any_bytes(window: MemoryWindow | GrowingWindow, paths: Paths) -> list[tuple[int, int, str | None, None]]:
    """Begin, end and reason of each record, whatever its fields are."""
    return [
        (begin, end, REASONS[fault], None)
        for found in scan_window(window, paths)
        for begin, end, fault in zip(found.begin.tolist(), found.end.tolist(), found.fault.tolist(), strict=True)
    ]
