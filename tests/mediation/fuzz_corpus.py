"""What fuzzing starts from: every fixture of every decoder under sources that read it, examples, files of the made-up day, packed files.

A folder of tests/mediation/fixtures that is named by a format gives its files, each under the definitions that lie beside it, or under the
built-in source. Nothing here depends on a clock or on chance.
"""

from __future__ import annotations

import functools
import gzip
import io
import os
import random
import tarfile
import zipfile
from pathlib import Path
from typing import Final, NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq

from mediation.definitions import named
from mediation.sources.model import Format, Source
from tests.day import asterisk, charging, cucm, freeswitch, kamailio, messages, radius
from tests.day.truth import Truth

_HERE: Final = Path(__file__).parent
_REPOSITORY: Final = _HERE.parent.parent
_DAY_SOURCES: Final = _REPOSITORY / "tests" / "day" / "sources"
_EXAMPLES: Final = _REPOSITORY / "examples" / "sources"
_DATA_MAX: Final = 20_000
_FURTHER: Final = {  # more definitions for the fixtures of a format
    Format.ASTERISK: ("pbx_shanghai",),
    Format.CISCO_CUCM: ("cucm_legs",),
    Format.FREESWITCH_JSON: ("freeswitch_json",),
    Format.CHF_JSON: ("core_5g",),
}
ARCHIVES: Final = frozenset((".zip", ".tar", ".tgz", ".tzst"))
PACKED: Final = frozenset((".gz", ".zst"))


class Seed(NamedTuple):
    """A file to damage."""

    name: str
    data: bytes
    source: Source

    @property
    def suffix(self) -> str:
        """What tells how it is packed."""
        return Path(self.name).suffix


@functools.cache
def seeds(format_: str = "") -> tuple[Seed, ...]:
    """All seeds whose format has `format_` in its name; `packed` for those that are packed."""
    found = [*_fixtures(), *_of_the_examples(), *_of_the_day(), *_canonical(), *_samples()]
    packed = _packed(next(seed for seed in found if seed.name.startswith("fixtures/widths")))
    if format_ == "packed":
        return tuple(packed)
    return tuple(seed for seed in [*found, *packed] if format_ in str(seed.source.format))


def _fixtures() -> list[Seed]:
    found = []
    for place in sorted((_HERE / "fixtures").iterdir()):
        if place.name == "__pycache__":
            continue
        if place.is_dir():
            own = [named.find(str(path)) for path in sorted(place.glob("*.yaml"))] or [named.find(place.name)]
            own += [_example(name) for name in _FURTHER.get(Format(place.name), ())]
            files = [path for path in sorted(place.iterdir()) if path.is_file() and path.suffix not in {".yaml", ".py"}]
            found += [_seed(path, source) for path in files for source in own]
        elif place.suffix == ".csv" and place.stem.startswith("freeswitch"):
            found.append(_seed(place, named.find("freeswitch")))
        elif place.suffix == ".csv":
            found += [_seed(place, source) for source in (named.find("asterisk"), _example("pbx_shanghai"))]
    return found


def _of_the_examples() -> list[Seed]:
    """Examples of definitions that have a file beside them."""
    files = [path for path in sorted(_EXAMPLES.iterdir()) if path.suffix != ".yaml" and path.with_suffix(".yaml").is_file()]
    return [_seed(path, _example(path.stem)) for path in files]


def _of_the_day() -> list[Seed]:
    """A few records of each source of the made-up day, as one file."""
    rng, truth = random.Random(7), Truth()
    made = {
        asterisk.NAME: b"\n".join(asterisk.records(rng, 12, truth)),
        freeswitch.NAME: b"\n".join(freeswitch.records(rng, 6, truth)),
        kamailio.NAME: b"\n".join(kamailio.records(rng, 16, truth)),
        cucm.NAME: b"\n".join([cucm.HEADER, *cucm.records(rng, 12, truth)]),
        radius.NAME: b"\n\n".join(radius.records(rng, 4, truth)) + b"\n\n",
        charging.NAME: b"\n".join(charging.records(rng, 5, truth)),
        messages.NAME: b"\n".join([b"H;1", *messages.records(rng, 12, truth), b"T;20"]),
    }
    return [Seed(f"day/{name}", data + b"\n", named.find(str(_DAY_SOURCES / f"{name}.yaml"))) for name, data in made.items()]


def _samples() -> list[Seed]:
    """Files of real switches, where they lie beside the project."""
    folder = Path(os.environ.get("RATEWRIGHT_SAMPLES", _REPOSITORY.parent / "shared" / "samples"))
    wanted = {
        folder / "asterisk" / "cdr_custom_19col.csv": _example("asterisk_custom"),
        folder / "freeswitch" / "Master_cdr_csv.csv": named.find("freeswitch"),
        folder / "freeswitch" / "json_cdr_1.json": named.find("freeswitch-json"),
    }
    return [_seed(path, source) for path, source in wanted.items() if path.is_file()]


def _canonical() -> list[Seed]:
    """A small table as Parquet, as an Arrow file and as an Arrow stream."""
    second_us, day_us = 1_000_000, 1_772_366_400_000_000
    table = pa.table(
        {
            "record_id": [f"r{number}" for number in range(8)],
            "service": pa.array([1, 2, 4, 1, 5, 9, 1, 1], pa.int8()),
            "served_id": ["8613900000001", "8613900000002", "acme", "8613900000001", "x", "y", "", "8613900000003"],
            "served_kind": pa.array([1, 1, 2, None, 2, 2, 1, 1], pa.int8()),
            "start_us": pa.array([day_us + number * second_us for number in range(8)]).cast(pa.timestamp("us", "UTC")),
            "duration_us": [60_000_001, None, 1, -1, 0, 0, 5, 1 << 50],
            "bytes_up": pa.array([None, None, 1 << 33, 0, None, None, None, 1], pa.int64()),
            "units": [None, 1, None, None, 2, 3, None, None],
            "other_raw": ["+442071234567", "10086", None, "anonymous", None, "", "0044", "1390000****"],
            "call_ref": pa.array([None, "a", "a", "b", "b", None, "c", "c"]).dictionary_encode(),
        }
    )
    parquet, arrow, stream = io.BytesIO(), io.BytesIO(), io.BytesIO()
    pq.write_table(table, parquet)
    for made, new in ((arrow, pa.ipc.new_file), (stream, pa.ipc.new_stream)):
        with new(made, table.schema) as writer:
            writer.write_table(table, max_chunksize=5)
    source = named.find("canonical")
    forms = {"usage.parquet": parquet, "usage.arrow": arrow, "usage.arrows": stream}
    return [Seed(f"canonical/{name}", made.getvalue(), source) for name, made in forms.items()]


def _packed(seed: Seed) -> list[Seed]:
    """A file of delimited text, packed in every form that is opened."""
    members = {"a.csv": seed.data, "day/b.csv": seed.data[:600], "empty.csv": b"", "c.csv.gz": gzip.compress(seed.data, mtime=0)}
    zipped, tarred = io.BytesIO(), io.BytesIO()
    with zipfile.ZipFile(zipped, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            archive.writestr(zipfile.ZipInfo(name), data, zipfile.ZIP_DEFLATED)
    with tarfile.open(fileobj=tarred, mode="w") as tar:
        for name, data in members.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(data)
            tar.addfile(entry, io.BytesIO(data))
    forms = {
        "day.zip": zipped.getvalue(),
        "day.tar": tarred.getvalue(),
        "day.tgz": gzip.compress(tarred.getvalue(), mtime=0),
        "day.tzst": _zstd(tarred.getvalue()),
        "day.csv.gz": gzip.compress(seed.data, mtime=0),
        "day.csv.zst": _zstd(seed.data),
    }
    return [Seed(f"packed/{name}", data, seed.source) for name, data in forms.items()]


def _zstd(data: bytes) -> bytes:
    packed: bytes = pa.Codec("zstd").compress(data, asbytes=True)
    return packed


def _example(name: str) -> Source:
    return named.find(str(_EXAMPLES / f"{name}.yaml"))


def _seed(path: Path, source: Source) -> Seed:
    return Seed(f"{path.parent.name}/{path.name}", path.read_bytes()[:_DATA_MAX], source)
