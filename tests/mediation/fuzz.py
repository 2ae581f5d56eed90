"""Damaged files through every decoder: `make fuzz-decoders CASES= SEED=`, or `python -m tests.mediation.fuzz`.

A case is a fixture (or two spliced) with bytes flipped, cut out, doubled, or replaced by what decoders are known to stumble over. It must
end in rows and rejects, or in an error for the user, and every byte must be accounted for. The kernels check the bounds of their arrays.
Stops at the first case that does not, keeps its file, and ends with status 1. Interrupted, it says with which seed to go on.
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
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

from mediation import decode
from tests.mediation import accounting, fuzz_corpus

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.mediation.fuzz_corpus import Seed

CASES: Final = 1_000_000
FIRST_SEED: Final = 1_000_000  # those below are CI's
CASES_OF_A_JOB: Final = 500
PROCESSES: Final = 2
TELL_EVERY_S: Final = 5.0
HANGS_AFTER_S: Final = 60
WINDOW_BYTES: Final = 2 << 20  # smaller than a decoder's own, which would cost a millisecond a case
FOUND, INTERRUPTED = 1, 130
_STUMBLING: Final = (
    b'"', b'""', b",", b";", b"\n", b"\r\n", b"\r", b"\0", b"\xff\xfe", b"\xef\xbb\xbf", b"\xc3", b"{", b"}", b"[", b"]", b"\\", b"\\u0000",
    b"\\ud800", b"<", b">", b"</cdr>", b"<cdr>", b"&amp;", b"&#0;", b"%00",
    b"%", b"=", b"\t", b" ", b"-", b"-1", b"0", b"1e308", b"1e-9",
    b"NaN", b"null", b"true", b"99999999999999999999", b"9223372036854775807", b"18446744073709551615", b"4294967295", b"0x10", b"1970-01-01",
    b"2026-02-29 23:59:60",
    b"2099-12-31 23:59:59", b"0000-00-00 00:00:00", b"\n\n", b"/*", b"<!--", b"<![CDATA[",
)  # fmt: skip


class Failure(NamedTuple):
    """A case that went wrong: its number (with which it can be made again), and how."""

    case: int
    report: str


def main(words: Sequence[str]) -> int:
    """Run cases; the exit status."""
    parser = argparse.ArgumentParser(prog="fuzz", description="damage fixtures and decode them")
    parser.add_argument("--seed", type=int, default=FIRST_SEED, help="number of the first case")
    parser.add_argument("--cases", type=int, default=CASES, help="how many cases")
    parser.add_argument("--format", default="", help="only decoders whose format has this in its name")
    given = parser.parse_args(words)
    seeds = fuzz_corpus.seeds(given.format)
    names = sorted({str(seed.source.format) for seed in seeds})
    print(f"cases {given.seed} to {given.seed + given.cases - 1}, {len(seeds)} files of {', '.join(names)}", flush=True)  # noqa: T201 - a program
    return _run(range(given.seed, given.seed + given.cases), given.format)


def check(case: int, seeds: Sequence[Seed], folder: Path) -> None:
    """Make one case and decode it. Raises whatever is wrong."""
    rng = random.Random(case)
    seed = seeds[case % len(seeds)]
    data = _damaged(rng, seed.data, [other.data for other in seeds if other.source.format == seed.source.format])
    path = folder / f"case{Path(seed.name).suffix}"
    path.write_bytes(data)
    accounting.decode_and_account(path, data, seed.source)


def _damaged(rng: random.Random, data: bytes, others: Sequence[bytes]) -> bytes:
    out = bytearray(data)
    if rng.random() < 0.1:
        other = rng.choice(list(others))
        out = out[: rng.randrange(len(out) + 1)] + other[rng.randrange(len(other) + 1) :]
    for _ in range(rng.choice((0, 1, 1, 2, 4, 16))):
        _damage(rng, out)
    return bytes(out)


def _damage(rng: random.Random, out: bytearray) -> None:
    """One change in place."""
    at = rng.randrange(len(out) + 1)
    length = rng.choice((1, 1, 2, 8, 64, 500))
    kind = rng.randrange(7)
    if kind == 0 and out:
        out[min(at, len(out) - 1)] ^= 1 << rng.randrange(8)
    elif kind == 1 and out:
        out[min(at, len(out) - 1)] = rng.randrange(256)
    elif kind == 2:
        del out[at : at + length]
    elif kind == 3:
        out[at:at] = out[at : at + length]
    elif kind == 4:
        out[at:at] = rng.choice(_STUMBLING) * rng.choice((1, 1, 2, 40))
    elif kind == 5:
        out[at : at + length] = rng.choice(_STUMBLING)
    else:
        del out[at:]


def _job(numbers: range, format_: str) -> Failure | None:
    """Some cases, in a process of their own."""
    seeds = fuzz_corpus.seeds(format_)
    setattr(decode, "WINDOW_BYTES", WINDOW_BYTES)  # noqa: B010 - a constant, but for us
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
    kept = Path(tempfile.gettempdir()) / f"fuzz-{seed.source.format}-{case}{Path(seed.name).suffix}"
    kept.write_bytes((folder / f"case{Path(seed.name).suffix}").read_bytes())
    return f"made of {seed.name}, source {seed.source.name}, kept as {kept}\n{traceback.format_exc()}"


def _run(cases: range, format_: str) -> int:
    started_s = told_s = time.monotonic()
    jobs = [cases[begin : begin + CASES_OF_A_JOB] for begin in range(0, len(cases), CASES_OF_A_JOB)]
    if failure := _job(jobs[0], format_):  # compiles the kernels, so that the others only load them
        return _tell(failure)
    done = len(jobs[0])
    context = multiprocessing.get_context("spawn")
    with concurrent.futures.ProcessPoolExecutor(PROCESSES, context, signal.signal, (signal.SIGINT, signal.SIG_IGN)) as pool:
        try:
            for job, failure in zip(jobs[1:], pool.map(_job, jobs[1:], [format_] * len(jobs[1:])), strict=True):
                if failure:
                    pool.shutdown(wait=False, cancel_futures=True)
                    return _tell(failure)
                done += len(job)
                if time.monotonic() - told_s > TELL_EVERY_S:
                    told_s = time.monotonic()
                    rate = done / (told_s - started_s)
                    left_s = (len(cases) - done) / rate
                    print(f"{done:,} of {len(cases):,} cases, {rate:.0f} cases/s, {left_s:.0f} s left", flush=True)  # noqa: T201 - a program
        except KeyboardInterrupt:
            print(f"interrupted after {done:,} cases; go on with --seed {cases[0] + done}", flush=True)  # noqa: T201 - a program
            pool.shutdown(wait=False, cancel_futures=True)
            return INTERRUPTED
    print(f"{done:,} cases, none went wrong", flush=True)  # noqa: T201 - a program
    return 0


def _tell(failure: Failure) -> int:
    print(f"case {failure.case} went wrong: {failure.report}", flush=True)  # noqa: T201 - a program
    return FOUND


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
