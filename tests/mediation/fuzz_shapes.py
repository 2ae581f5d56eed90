"""Files of a format's shape with contents of any kind, for hypothesis: what random damage to a sound file hardly ever makes.

Words are those of the format's sound files and those that decoders stumble over, put together by the rules of the format: rows of any
number of fields, quoted or not; trees of objects or elements; records of attributes. Hypothesis shrinks what it finds to the least file.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from hypothesis import strategies as st

from mediation.sources.model import Format
from tests.mediation.damage import STUMBLING
from tests.mediation.fuzz_corpus import seeds

if TYPE_CHECKING:
    from hypothesis.strategies import SearchStrategy

    from mediation.sources.model import Source

_Files: TypeAlias = "SearchStrategy[bytes]"

LINE_ENDS: Final = (b"\n", b"\n", b"\n", b"\r\n", b"\r", b"\n\n", b"")
BLANKS: Final = (b"", b"", b" ", b"\n", b"\t", b"\r\n  ")
WORDS_MAX: Final = 300
FIELDS_MORE: Final = 3  # beyond the format's widest row
DEPTH_MAX: Final = 6
_TEXT_WORD: Final = re.compile(rb"[^\s,;|\"'<>{}\[\]=]+")
_KEY: Final = re.compile(rb'"([^"\\]+)"\s*:')
_TAG: Final = re.compile(rb"<([A-Za-z_][\w-]*)")


def files(source: Source) -> _Files:
    """Files that might be of a source."""
    words = _words(source)
    if source.format in {Format.FREESWITCH_JSON, Format.CHF_JSON}:
        return _json_files(source, words)
    if source.format is Format.FREESWITCH_XML:
        return _xml_files(source, words)
    if source.format is Format.RADIUS_DETAIL:
        return _attribute_files(source, words)
    if source.format is Format.FIXED_WIDTH:
        return _together(st.lists(words, max_size=12).map(b"".join) | words, LINE_ENDS)
    return _row_files(source, words)


def _words(source: Source) -> SearchStrategy[bytes]:
    """Words of sound files, words that trouble, and any bytes."""
    text = b" ".join(seed.data for seed in seeds() if seed.source.format == source.format and not seed.name.startswith("packed"))
    known = list(dict.fromkeys(_TEXT_WORD.findall(text)))[:WORDS_MAX]
    return st.sampled_from(known) | st.sampled_from(STUMBLING) | st.binary(max_size=12)


def _together(pieces: SearchStrategy[bytes], between: tuple[bytes, ...]) -> _Files:
    """Some pieces, each with something behind it."""
    pairs = st.tuples(pieces, st.sampled_from(between)).map(b"".join)
    return st.lists(pairs, max_size=8).map(b"".join)


def _row_files(source: Source, words: SearchStrategy[bytes]) -> _Files:
    delimiter, quote = source.dialect.delimiter.encode(), source.dialect.quote.encode()
    field = words | words.map(lambda word: quote + word + quote) | words.map(lambda word: b" " + word + b" ")
    widest = max(source.widths or (8,)) + FIELDS_MORE
    any_row = st.lists(field, max_size=widest).map(delimiter.join)
    sound_rows = [
        row
        for seed in seeds()
        if seed.source.format == source.format and not seed.name.startswith("packed")
        for row in seed.data.split(b"\n")[:6]
    ]
    header = st.sampled_from([row for row in sound_rows if row] or [b""])
    rows = _together(any_row | st.sampled_from(sound_rows), LINE_ENDS)
    return st.tuples(header, st.just(b"\n"), rows).map(b"".join) | rows


def _json_files(source: Source, words: SearchStrategy[bytes]) -> _Files:
    texts = [seed.data for seed in seeds() if seed.source.format == source.format]
    keys = st.sampled_from(sorted({key.decode("latin-1") for text in texts for key in _KEY.findall(text)}))
    scalars = words.map(lambda word: word.decode("latin-1")) | st.integers() | st.floats() | st.booleans() | st.none()
    trees: SearchStrategy[Any] = st.recursive(
        scalars, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(keys, inner, max_size=6), max_leaves=20
    )
    sound = [json.loads(text) for text in texts if _is_json(text)]
    records = st.dictionaries(keys, trees, max_size=8)
    changed = st.tuples(st.sampled_from(sound), records).map(lambda pair: {**pair[0], **pair[1]}) if sound else records
    indent = st.sampled_from([None, None, 1, 4])
    written = st.tuples(records | changed, indent).map(lambda pair: json.dumps(pair[0], indent=pair[1]).encode())
    lists = st.lists(written, max_size=4).map(lambda records: b"[" + b",\n".join(records) + b"]")
    return _together(written | lists | words, (b"\n", b"", b",", b"\r\n"))


def _is_json(text: bytes) -> bool:
    try:
        return isinstance(json.loads(text), dict)
    except ValueError:
        return False


def _xml_files(source: Source, words: SearchStrategy[bytes]) -> _Files:
    texts = [seed.data for seed in seeds() if seed.source.format == source.format]
    tags = st.sampled_from(sorted({tag for text in texts for tag in _TAG.findall(text)} | {b"cdr", b"cdrs", b"variables"}))
    elements = st.recursive(
        words,
        lambda inner: st.tuples(tags, st.sampled_from(BLANKS), st.lists(inner, max_size=4)).map(
            lambda parts: b"<%b%b>%b</%b>" % (parts[0], parts[1], b"".join(parts[2]), parts[0])
        ),
        max_leaves=20,
    )
    records = st.lists(elements, max_size=6).map(lambda inner: b"<cdr>" + b"".join(inner) + b"</cdr>")
    return _together(records | elements | st.sampled_from([b"<cdrs>", b"</cdrs>", b"<!-- x -->", b'<?xml version="1.0"?>']), BLANKS)


def _attribute_files(source: Source, words: SearchStrategy[bytes]) -> _Files:
    lines = sorted({line for seed in seeds() if seed.source.format == source.format for line in seed.data.split(b"\n") if line.strip()})
    names = st.sampled_from(sorted({line.split(b"=")[0].strip() for line in lines}))
    made = st.tuples(st.sampled_from([b"\t", b" ", b""]), names, st.sampled_from([b" = ", b"=", b" := "]), words).map(b"".join)
    records = st.lists(st.sampled_from(lines) | made | words, max_size=14).map(b"\n".join)
    return _together(records, (b"\n\n", b"\n\n", b"\n", b"\r\n\r\n", b""))
