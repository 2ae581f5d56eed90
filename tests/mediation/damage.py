"""Makes damaged files of sound ones, from a random generator alone: the same generator gives the same file."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    import random
    from collections.abc import Sequence

STUMBLING: Final = (  # what decoders are known to stumble over
    b'"', b'""', b'"\n', b",", b";", b"|", b"\n", b"\r\n", b"\r", b"\0", b"\xff\xfe", b"\xef\xbb\xbf", b"\xc3", b"\xed\xa0\x80",
    b"{", b"}", b"[", b"]", b"\\", b"\\u0000", b"\\ud800", b'":', b"{}", b"[]", b"null",
    b"<", b">", b"</cdr>", b"<cdr>", b"<cdr/>", b"<cdrs>", b"&amp;", b"&#0;", b"&#x110000;", b"&lol;", b"<!--", b"-->",
    b"<![CDATA[", b"]]>", b"<?", b"<!DOCTYPE x>", b"%00", b"%", b"=", b"\t", b" ",
    b"-", b"-1", b"0", b"1e308", b"1e-9", b"0.0000000001", b"NaN", b"inf",
    b"true", b"99999999999999999999", b"9223372036854775807", b"-9223372036854775808", b"18446744073709551615", b"4294967295", b"0x10",
    b"140737488355328", b"1970-01-01", b"2026-02-29 23:59:60", b"2099-12-31 23:59:59", b"0000-00-00 00:00:00", b"2026-03-29 02:30:00",
    b"2026-03-01T10:00:00+99:99", b"\n\n", b"/*", b"#", b"H;1", b"T;20", b"\nTimestamp = 0\n", b"Acct-Status-Type = Accounting-On\n",
)  # fmt: skip
LENGTHS: Final = (1, 1, 2, 8, 64, 500)
TIMES: Final = (1, 1, 2, 40)
CHANGES: Final = (0, 1, 1, 2, 4, 16)
SPLICED: Final = 0.1


def damaged(rng: random.Random, data: bytes, others: Sequence[bytes]) -> bytes:
    """`data`, now and then spliced with one of the `others`, with some changes."""
    out = bytearray(data)
    if rng.random() < SPLICED:
        other = rng.choice(others)
        out = out[: rng.randrange(len(out) + 1)] + other[rng.randrange(len(other) + 1) :]
    for _ in range(rng.choice(CHANGES)):
        _change(rng, out)
    return bytes(out)


def _change(rng: random.Random, out: bytearray) -> None:
    """One change in place."""
    at = rng.randrange(len(out) + 1)
    length = rng.choice(LENGTHS)
    kind = rng.randrange(8)
    if kind == 0 and out:
        out[min(at, len(out) - 1)] ^= 1 << rng.randrange(8)
    elif kind == 1 and out:
        out[min(at, len(out) - 1)] = rng.randrange(256)
    elif kind == 2:
        del out[at : at + length]
    elif kind == 3:
        out[at:at] = out[at : at + length]
    elif kind == 4:
        out[at:at] = rng.choice(STUMBLING) * rng.choice(TIMES)
    elif kind == 5:
        out[at : at + length] = rng.choice(STUMBLING)
    elif kind == 6:
        _exchange(rng, out)
    else:
        del out[at:]


def _exchange(rng: random.Random, out: bytearray) -> None:
    """Two lines change places, or one replaces the other: whole records out of order, twice, or lost."""
    lines = out.split(b"\n")
    one, other = rng.randrange(len(lines)), rng.randrange(len(lines))
    lines[one], lines[other] = lines[other], lines[one] if rng.random() < 0.5 else lines[other]
    out[:] = b"\n".join(lines)
