"""Short ways of the kernels against the plain meaning of text: amounts, times and copies read a word at a time."""

from __future__ import annotations

import datetime as dt
import itertools
import random
from decimal import Decimal

import numpy as np
import pytest

from mediation.records import fields

SLACK = [b"", b"12345678901234567890"]  # what lies behind the last field: nothing, or digits that are no part of it


def laid_out(texts: list[bytes], slack: bytes) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    limits = np.cumsum([0, *map(len, texts)]).astype(np.int32)
    return np.frombuffer(b"".join(texts) + slack, np.uint8), limits[:-1].copy(), limits[1:].copy()


@pytest.mark.parametrize("slack", SLACK)
@pytest.mark.parametrize("scale", [1, 1000, 1_000_000])
def test_amounts_of_every_length(slack: bytes, scale: int) -> None:
    generator = random.Random(7)
    texts = []
    for _ in range(3000):
        whole = "".join(generator.choice("0123456789") for _ in range(generator.randrange(1, 9)))
        places = "".join(generator.choice("0123456789") for _ in range(generator.choice([0, 1, 2, 3, 6, 7])))
        texts.append((whole + ("." + places if places else "")).encode())
    out, kind = np.zeros(len(texts), np.int64), np.zeros(len(texts), np.int8)
    fields.read_amounts(*laid_out(texts, slack), scale, out, kind)
    assert (kind == fields.READ).all()
    assert out.tolist() == [int(Decimal(text.decode()) * 1_000_000 // 1) // (1_000_000 // scale) for text in texts]


@pytest.mark.parametrize("slack", SLACK)
@pytest.mark.parametrize(
    "text", [b".5", b"5.", b".", b"1..2", b"1.2.3", b"12a", b"a12", b"1 2", b"1:2", b"/1", b"1,5", b"\xb1\xb2", b"12\x00"]
)
def test_what_is_no_amount(slack: bytes, text: bytes) -> None:
    out, kind = np.zeros(3, np.int64), np.zeros(3, np.int8)
    fields.read_amounts(*laid_out([b"7", text, b"8"], slack), 1_000_000, out, kind)
    assert kind.tolist() == [fields.READ, fields.UNREADABLE, fields.READ]
    assert out.tolist() == [7_000_000, 0, 8_000_000]


@pytest.mark.parametrize("slack", SLACK)
def test_days_are_those_of_each_row(slack: bytes) -> None:
    """Rows of one day follow each other, and rows of other days, and rows that are no days."""
    generator, texts, expected = random.Random(11), [], []
    day = dt.datetime(1970, 1, 1)  # noqa: DTZ001 - local times
    for _ in range(3000):
        if generator.random() < 0.3:
            day = dt.datetime(1970, 1, 1) + dt.timedelta(days=generator.randrange(47_000))  # noqa: DTZ001 - as above
        moment = day + dt.timedelta(seconds=generator.randrange(86_400))
        text = f"{moment:%Y-%m-%d %H:%M:%S}".encode()
        value = int((moment - dt.datetime(1970, 1, 1)).total_seconds()) * 1_000_000  # noqa: DTZ001 - as above
        if generator.random() < 0.1:
            at = generator.randrange(len(text))
            text, value = text[:at] + b"x" + text[at + 1 :], -1
        texts.append(text)
        expected.append(value)
    out, kind = np.zeros(len(texts), np.int64), np.zeros(len(texts), np.int8)
    fields.read_times(*laid_out(texts, slack), out, kind, np.zeros(len(texts), np.int32), np.zeros(len(texts), np.int8))
    assert np.where(kind == fields.UNREADABLE, -1, out).tolist() == expected


@pytest.mark.parametrize(
    "text", [b"2026-02-29 10:00:00", b"2026-13-01 10:00:00", b"2026-01-01 24:00:00", b"2026-01-01 10:60:00", b"2026-00-10 10:00:00"]
)
def test_no_such_time(text: bytes) -> None:
    out, kind = np.zeros(2, np.int64), np.zeros(2, np.int8)
    fields.read_times(*laid_out([text, text], b""), out, kind, np.zeros(2, np.int32), np.zeros(2, np.int8))
    assert kind.tolist() == [fields.UNREADABLE] * 2


@pytest.mark.parametrize("slack", SLACK)
def test_texts_and_numbers_are_copied_end_to_end(slack: bytes) -> None:
    generator = random.Random(13)
    texts = [bytes(generator.choice(b'ab"c\xc3\xa9') for _ in range(generator.randrange(20))) for _ in range(500)]
    numbers = [generator.randrange(10 ** generator.randrange(1, 16)) for _ in texts]
    texts = [b"%d" % number if generator.random() < 0.2 else text for text, number in zip(texts, numbers, strict=True)]
    digits = [len(str(number)) if generator.random() < 0.4 else 0 for number in numbers]
    expected = [str(number).encode() if count else text for text, number, count in zip(texts, numbers, digits, strict=True)]
    data, begin, end = laid_out(texts, slack)
    size = sum(map(len, expected))
    out, limits = np.zeros(size, np.uint8), np.zeros(len(texts) + 1, np.int32)
    unquoted = data.tobytes().replace(b'"', b"'")  # a quote before a field would make it a quoted one
    rows = np.arange(len(texts))
    columns = (np.array(numbers), np.array(digits, np.int8), rows)
    assert fields.copy_text(np.frombuffer(unquoted, np.uint8), begin, end, *columns, out, limits) == 1
    assert [out[low:high].tobytes() for low, high in itertools.pairwise(limits)] == [text.replace(b'"', b"'") for text in expected]


def test_only_what_is_copied_is_foreign() -> None:
    data, begin, end = laid_out([b"abc", b"\xe9\xe9"], b"")
    out, limits, none = np.zeros(3, np.uint8), np.zeros(2, np.int32), np.zeros(2, np.int64)
    assert fields.copy_text(data, begin, end, none, none.astype(np.int8), np.array([0]), out, limits) == 0
