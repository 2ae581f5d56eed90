"""Damaged files through every decoder: `make fuzz-decoders CASES= SEED=`, or `python -m tests.mediation.fuzz`.

A case is a fixture (or two spliced) with bytes flipped, cut out, doubled, or replaced by what decoders are known to stumble over. It must
end in rows and rejects, or in an error for the user, and every byte must be accounted for. Now and then it is also read a few bytes at a
time, in parts, and its rejects once more as suspense does. The kernels check the bounds of their arrays. Stops at the first case that goes
wrong, hangs or takes too much memory, keeps its file, and ends with status 1. Interrupted, it says with which seed to go on.
"""

from __future__ import annotations

import os

os.environ.setdefault("NUMBA_BOUNDSCHECK", "1")  # before any kernel is imported

import argparse
import concurrent.futures
import faulthandler
import multiprocessing
import random
import signal
import sys
import tempfile
import time
import traceback
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from benchmarks.peak import peak_bytes
from mediation import decode
from mediation.formats import radius, registry
from mediation.records import csv_blocks, record_paths
from tests.mediation import accounting, fuzz_corpus
from tests.mediation.damage import damaged
from tests.mediation.fuzz_corpus import ARCHIVES, PACKED
from tests.mediation.trickling import check_trickling

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mediation.decoded import Decoded
    from mediation.sources.model import Source
    from tests.mediation.fuzz_corpus import Seed

CASES: Final = 1_000_000
FIRST_SEED: Final = 1_000_000  # those below are CI's
CASES_OF_A_JOB: Final = 500
PROCESSES: Final = 2
TELL_EVERY_S: Final = 5.0
HANGS_AFTER_S: Final = 60
MEMORY_BYTES_MAX: Final = 2 << 30
TRICKLES, IN_PARTS, REREADS = 0.2, 0.1, 0.1  # shares of the cases
REREAD_MAX: Final = 20
FOUND, INTERRUPTED = 1, 130
# Smaller than a decoder's own, which would cost a millisecond a case; and so records fill more than one block.
WINDOW_BYTES: Final = (1 << 20) + (1 << 16)
BLOCK_ROWS: Final = 16
SMALL: Final[tuple[tuple[Any, str, int], ...]] = (
    (decode, "WINDOW_BYTES", WINDOW_BYTES),
    (csv_blocks, "BLOCK_ROWS_MAX", BLOCK_ROWS),
    (radius, "BLOCK_ROWS_MAX", BLOCK_ROWS),
    (record_paths, "RECORDS_MAX", BLOCK_ROWS),
    (record_paths, "ROWS_MAX", 64 * BLOCK_ROWS),
)


class Failure(NamedTuple):
    """A case that went wrong: its number (with which it can be made again), and how."""

    case: int
    report: str


def main(words: Sequence[str]) -> int:
    """Run cases; the exit status."""
    parser = argparse.ArgumentParser(prog="fuzz", description="damage fixtures and decode them")
    parser.add_argument("--seed", type=int, default=FIRST_SEED, help="number of the first case")
    parser.add_argument("--cases", type=int, default=CASES, help="how many cases")
    parser.add_argument("--format", default="", help="only decoders whose format has this in its name; packed: only packed files")
    parser.add_argument("--processes", type=int, default=PROCESSES, help="how many work at once")
    given = parser.parse_args(words)
    seeds = fuzz_corpus.seeds(given.format)
    names = sorted({str(seed.source.format) for seed in seeds})
    print(f"cases {given.seed} to {given.seed + given.cases - 1}, {len(seeds)} files of {', '.join(names)}", flush=True)  # noqa: T201 - a program
    return _run(range(given.seed, given.seed + given.cases), given.format, given.processes)


def check(case: int, seeds: Sequence[Seed], folder: Path) -> None:
    """Make one case and decode it. Raises whatever is wrong."""
    rng = random.Random(case)
    seed = seeds[case % len(seeds)]
    data = damaged(rng, seed.data, [other.data for other in seeds if other.source.format == seed.source.format])
    path = folder / f"case{seed.suffix}"
    path.write_bytes(data)
    if seed.suffix in ARCHIVES | PACKED:
        accounting.decode_packed(path, seed.source)
    elif (decoded := accounting.decode_and_account(path, data, seed.source)) is not None:
        _check_further(rng, path, data, seed.source, decoded)
    used_bytes = peak_bytes()
    assert used_bytes < MEMORY_BYTES_MAX, f"took {used_bytes} bytes of memory"


def use_small_windows() -> None:
    """Let decoders work in small pieces, as they do in large files."""
    for module, name, value in SMALL:
        assert hasattr(module, name)
        setattr(module, name, value)


def _check_further(rng: random.Random, path: Path, data: bytes, source: Source, decoded: Decoded) -> None:
    """Other ways to read the same bytes must say the same."""
    if registry.is_columnar(source.format):
        return
    if rng.random() < TRICKLES:
        check_trickling(decoded, data, source, rng.randrange(1, 400), rng.choice((b'"', b"\n", b"{", b"<", b"\xff", b"0")))
    if rng.random() < IN_PARTS:
        parts = decode.joined(list(decode.decode_parts(path, source)))
        assert parts.rejects == decoded.rejects
        assert parts.usage.combine_chunks().equals(decoded.usage.combine_chunks())
    if rng.random() < REREADS and decoded.rejects:
        _reread(path, source, decoded)


def _reread(path: Path, source: Source, decoded: Decoded) -> None:
    """Rejects once more, as suspense does; none may vanish."""
    chosen = [reject for reject in decoded.rejects if reject.length == len(reject.raw) > 0][:REREAD_MAX]
    again = decode.decode_rows([reject.raw for reject in chosen], source, header=decode.header_of(path, source))
    accounting.check_rows(again)
    indexes = [*again.usage.column("raw_offset").to_pylist(), *(reject.offset for reject in again.rejects)]
    assert set(indexes) <= set(range(len(chosen)))


def _job(numbers: range, format_: str) -> Failure | None:
    """Some cases, in a process of their own."""
    seeds = fuzz_corpus.seeds(format_)
    use_small_windows()
    with tempfile.TemporaryDirectory(dir=_memory_folder()) as folder:
        for case in numbers:
            faulthandler.dump_traceback_later(HANGS_AFTER_S, exit=True)
            try:
                check(case, seeds, Path(folder))
            except Exception:  # noqa: BLE001 - whatever it is, it is what we look for
                return Failure(case, _kept(case, seeds, Path(folder)))
            finally:
                faulthandler.cancel_dump_traceback_later()
    return None


def _memory_folder() -> str | None:
    """A folder in memory, where the system has one: files come and go by the thousand."""
    return "/dev/shm" if os.access("/dev/shm", os.W_OK) else None  # noqa: S108 - a folder of our own is made in it


def _kept(case: int, seeds: Sequence[Seed], folder: Path) -> str:
    """The traceback, and where the file of the case is kept."""
    seed = seeds[case % len(seeds)]
    kept = Path(tempfile.gettempdir()) / f"fuzz-{seed.source.format}-{case}{seed.suffix}"
    kept.write_bytes((folder / f"case{seed.suffix}").read_bytes())
    return f"made of {seed.name}, source {seed.source.name}, kept as {kept}\n{traceback.format_exc()}"


def _run(cases: range, format_: str, processes: int) -> int:
    jobs = [cases[begin : begin + CASES_OF_A_JOB] for begin in range(0, len(cases), CASES_OF_A_JOB)]
    if failure := _job(jobs[0], format_):  # compiles the kernels, so that the others only load them
        return _tell(failure)
    progress = _Progress(len(cases), len(jobs[0]))
    context = multiprocessing.get_context("spawn")
    with concurrent.futures.ProcessPoolExecutor(processes, context, signal.signal, (signal.SIGINT, signal.SIG_IGN)) as pool:
        try:
            for job, failure in zip(jobs[1:], pool.map(_job, jobs[1:], [format_] * len(jobs[1:])), strict=True):
                if failure:
                    pool.shutdown(wait=False, cancel_futures=True)
                    return _tell(failure)
                progress.add(len(job))
        except BrokenProcessPool:
            begin = cases[0] + progress.done
            return _tell(Failure(begin, f"a process ended, at one of this case and the next {processes * CASES_OF_A_JOB}; see above"))
        except KeyboardInterrupt:
            print(f"interrupted after {progress.done:,} cases; go on with --seed {cases[0] + progress.done}", flush=True)  # noqa: T201 - a program
            pool.shutdown(wait=False, cancel_futures=True)
            return INTERRUPTED
    print(f"{progress.done:,} cases, none went wrong; {progress.rate:.0f} cases/s", flush=True)  # noqa: T201 - a program
    return 0


class _Progress:
    """Tells now and then how far it is."""

    def __init__(self, cases: int, done: int) -> None:
        self.done = self._before = done
        self._cases = cases
        self._started_s = self._told_s = time.monotonic()

    @property
    def rate(self) -> float:
        """Cases a second, without those that compiled the kernels."""
        return (self.done - self._before) / max(time.monotonic() - self._started_s, 1e-9)

    def add(self, cases: int) -> None:
        self.done += cases
        if time.monotonic() - self._told_s > TELL_EVERY_S:
            self._told_s = time.monotonic()
            left_s = (self._cases - self.done) / self.rate
            print(f"{self.done:,} of {self._cases:,} cases, {self.rate:.0f} cases/s, {left_s:.0f} s left", flush=True)  # noqa: T201 - a program


def _tell(failure: Failure) -> int:
    print(f"case {failure.case} went wrong: {failure.report}", flush=True)  # noqa: T201 - a program
    return FOUND


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
