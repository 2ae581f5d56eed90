"""What fuzzing starts from: every fixture of every decoder under a source that reads it, and files of the made-up day."""

from __future__ import annotations

import functools
import os
import random
from pathlib import Path
from typing import Final, NamedTuple

from mediation import sources
from mediation.sources import Source
from tests.day import asterisk, charging, cucm, freeswitch, kamailio, messages, radius
from tests.day.truth import Truth

_HERE: Final = Path(__file__).parent
_REPOSITORY: Final = _HERE.parent.parent
_DAY_SOURCES: Final = _REPOSITORY / "tests" / "day" / "sources"
_DATA_MAX: Final = 20_000


class Seed(NamedTuple):
    """A file to damage."""

    name: str
    data: bytes
    source: Source


@functools.cache
def seeds(format_: str = "") -> tuple[Seed, ...]:
    """All seeds whose format has `format_` in its name."""
    found = [*_fixtures(), *_of_the_day(), *_samples()]
    return tuple(seed for seed in found if format_ in str(seed.source.format))


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
    return [Seed(name, data + b"\n", sources.find(str(_DAY_SOURCES / f"{name}.yaml"))) for name, data in made.items()]


def _fixtures() -> list[Seed]:
    """Fixtures in folders that are named by their format, each under the definitions that lie beside it, else under the built-in source."""
    found = []
    for folder in sorted((_HERE / "fixtures").iterdir()):
        if folder.is_dir():
            own = [sources.find(str(path)) for path in sorted(folder.glob("*.yaml"))] or [sources.find(folder.name)]
            files = [path for path in sorted(folder.iterdir()) if path.is_file() and path.suffix not in {".yaml", ".py"}]
            found += [_seed(path, source) for path in files for source in own]
        elif folder.suffix == ".csv":
            found.append(_seed(folder, sources.find("freeswitch" if folder.stem.startswith("freeswitch") else "asterisk")))
    return found


def _samples() -> list[Seed]:
    """Files of real switches, where they lie beside the project."""
    folder = Path(os.environ.get("RATEWRIGHT_SAMPLES", _REPOSITORY.parent / "shared" / "samples"))
    custom = sources.find(str(_REPOSITORY / "examples" / "sources" / "asterisk_custom.yaml"))
    wanted = {
        folder / "asterisk" / "cdr_custom_19col.csv": custom,
        folder / "freeswitch" / "Master_cdr_csv.csv": sources.find("freeswitch"),
        folder / "freeswitch" / "json_cdr_1.json": sources.find("freeswitch-json"),
    }
    return [_seed(path, source) for path, source in wanted.items() if path.is_file()]


def _seed(path: Path, source: Source) -> Seed:
    return Seed(f"{path.parent.name}/{path.name}", path.read_bytes()[:_DATA_MAX], source)
