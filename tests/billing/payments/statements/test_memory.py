"""Memory does not grow with a bank file: one of many entries, and one entry of many transactions."""

from __future__ import annotations

import io
import tracemalloc
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

import pytest

from billing.payments.statements import reading
from billing.payments.statements.records import Problems
from billing.payments.statements.totals import Summary

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

FILES = Path(__file__).parent / "files"
# A piece of 64 KiB of XML is 2 MiB of elements; the whole file would be more than 6 MiB.
PEAK_BYTES_MAX = {reading.Format.CAMT053: 3 << 20, reading.Format.MT940: 1 << 20}


class Stream(io.RawIOBase):
    """Pieces of a file, made as they are read."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        super().__init__()
        self._pieces = pieces
        self._rest = b""

    def readable(self) -> bool:
        """Return True: it can be read."""
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]  # a buffer of bytes is all that is given
        """Fill a buffer with what comes next."""
        while not self._rest:
            self._rest = next(self._pieces, b"")
            if not self._rest:
                return 0
        part = self._rest[: len(buffer)]
        buffer[: len(part)] = part
        self._rest = self._rest[len(part) :]
        return len(part)


def many_entries(times: int) -> Iterator[bytes]:
    """An entry of 12.50 many times: 1000.00 + 12.50 x times."""
    text = (FILES / "statement_02.xml").read_text()
    start = text.index("<Ntry>")
    second = text.index("<Ntry>", start + 1)
    entry = text[second : text.index("</Ntry>", second) + len("</Ntry>")].encode()
    head = text[:start].replace("1106.50", f"{1000 + 12.5 * times:.2f}")
    yield (head[: head.index("<TxsSummry>")] + head[head.index("</TxsSummry>") + len("</TxsSummry>") :]).encode()
    for _ in range(times):
        yield entry
    yield b"</Stmt></BkToCstmrStmt></Document>"


def one_batch(times: int) -> Iterator[bytes]:
    """One entry of many transactions of 12.50."""
    head = next(many_entries(times))
    total = f"{12.5 * times:.2f}".encode()
    yield (
        head + b'<Ntry><Amt Ccy="EUR">' + total + b"</Amt><CdtDbtInd>CRDT</CdtDbtInd><Sts>BOOK</Sts><BookgDt><Dt>2026-11-09</Dt></BookgDt>"
    )
    yield b"<NtryDtls>"
    for place in range(times):
        refs = f"<Refs><EndToEndId>E{place}</EndToEndId></Refs>"
        yield f'<TxDtls>{refs}<AmtDtls><TxAmt><Amt Ccy="EUR">12.5</Amt></TxAmt></AmtDtls></TxDtls>'.encode()
    yield b"</NtryDtls></Ntry></Stmt></BkToCstmrStmt></Document>"


def many_lines(times: int) -> Iterator[bytes]:
    """MT940 of as many entries."""
    yield b":20:A\n:25:DE89370400440532013000\n:28C:1/1\n:60F:C261109EUR1000,00\n"
    for place in range(times):
        yield f":61:2611091109C12,50NTRFE{place}\n:86:thank you\n".encode()
    yield f":62F:C261109EUR{1000 + 12.5 * times:.2f}\n".replace(".", ",").encode()


MADE: dict[str, tuple[Callable[[int], Iterator[bytes]], reading.Format]] = {
    "entries": (many_entries, reading.Format.CAMT053),
    "a batch": (one_batch, reading.Format.CAMT053),
    "MT940": (many_lines, reading.Format.MT940),
}


@pytest.mark.parametrize("name", MADE)
def test_memory_stays_within_its_bound(name: str) -> None:
    make, form = MADE[name]
    times = 3_000

    def opened() -> BinaryIO:
        return io.BufferedReader(Stream(make(times)))  # type: ignore[return-value]  # it reads as a file does

    problems = Problems("made")
    list(reading.read(reading.Source(Path("made"), lambda: io.BytesIO(b"".join(make(1)))), form, problems))  # caches of imports are full
    tracemalloc.start()
    try:
        ends = [each for each in reading.read(reading.Source(Path("made"), opened), form, problems) if isinstance(each, Summary)]
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert [(each.lines, each.credit_micros) for each in ends] == [(times, 12_500_000 * times)]
    assert not problems.found
    assert peak < PEAK_BYTES_MAX[form]
