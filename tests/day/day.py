"""A day of files from seven sources, and what is true of them.

Besides whole files there are a packed one, archives with two files each, a file sent again under another name, a file whose trailer counts
a record too many (and later the right one), a truncated one, an empty one, and a number that is missing in a source's sequence.
"""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Final, NamedTuple

from tests.day import asterisk, charging, cucm, freeswitch, kamailio, messages, radius
from tests.day.files import Written, packed_gz, packed_tar, packed_zip, parted
from tests.day.truth import Truth

if TYPE_CHECKING:
    from collections.abc import Sequence

RECORDS: Final = 400  # calls or sessions a source
SOURCES: Final = (asterisk.NAME, freeswitch.NAME, kamailio.NAME, cucm.NAME, radius.NAME, charging.NAME, messages.NAME)


class Day(NamedTuple):
    """The files in the order of their arrival, those that will be refused by name, those sent again, and the truth."""

    files: list[Written]
    refused: tuple[str, ...]
    resent: tuple[str, ...]
    missing: dict[str, list[int]]  # source -> numbers of files that never came
    truth: Truth


def make(seed: int, records: int = RECORDS) -> Day:
    """The day of a seed."""
    rng, truth = random.Random(seed), Truth()
    pbx = _lines("pbx-a", parted(asterisk.records(rng, records, truth), 6), "csv")
    pbx[2] = Written(f"{pbx[2].name}.gz", packed_gz(pbx[2].data))
    switch = _lines("fs-b", parted(freeswitch.records(rng, records, truth), 4), "json")
    proxy = _lines("sbc-c", parted(kamailio.records(rng, records, truth), 3), "csv")
    cluster = _lines("cucm-d", parted(cucm.records(rng, records, truth), 3), "csv", before=cucm.HEADER)
    access = [
        Written(f"nas-e-{n:04d}.detail", b"\n\n".join(part) + b"\n\n")
        for n, part in enumerate(parted(radius.records(rng, records // 4, truth), 4), 1)
    ]
    core = _lines("chf-f", parted(charging.records(rng, records // 4, truth), 4), "json")
    centre = _messages(rng, records, truth)
    again = Written("sbc-c-0004.csv", proxy[0].data)
    broken = Written("pbx-a-0007.csv.gz", pbx[2].data[: len(pbx[2].data) // 2])
    wrong = Written(centre[1].name, centre[1].data.replace(b"\nT;", b"\nT;9"))
    files = [
        *pbx, broken, Written("switches.zip", packed_zip(switch[:2])), *switch[2:], *proxy, again, *cluster,
        Written("access.tar.gz", packed_tar(access[:2])), *access[2:], *core, centre[0], wrong, *centre[2:], centre[1],
    ]  # fmt: skip
    return Day(files, (broken.name, wrong.name), (again.name,), {"smsc-g": [3]}, truth)


def _lines(source: str, parts: Sequence[Sequence[bytes]], suffix: str, *, before: bytes = b"") -> list[Written]:
    head = [before] if before else []
    return [Written(f"{source}-{number:04d}.{suffix}", b"\n".join([*head, *part]) + b"\n") for number, part in enumerate(parts, 1)]


def _messages(rng: random.Random, records: int, truth: Truth) -> list[Written]:
    """Files 1, 2, 4 and 5: there is no third one."""
    parts = parted(messages.records(rng, records, truth), 4)
    numbers = (1, 2, 4, 5)
    return [
        Written(f"smsc-g-{number:04d}.txt", b"\n".join([f"H;{number}".encode(), *part, messages.trailer(part)]) + b"\n")
        for number, part in zip(numbers, parts, strict=True)
    ]
