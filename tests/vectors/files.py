"""Files of vectors: found in a folder or named one by one, read with the digits that numbers are written with.

A file is one JSON list, an object that holds such a list, or a case a line; packed with gzip or not. Whether a case is of rating
or of billing is told by its keys where files are named, and by the name of the file in a folder. Raises UserError for what cannot be read.
"""

from __future__ import annotations

import gzip
import os
import zlib
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import msgspec

from rating.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Iterable

FOLDER_VARIABLE: Final = "RATEWRIGHT_VECTORS"
OWN_FOLDER: Final = Path(__file__).parent
RATING, BILLING = "rating", "billing"  # what names of files begin with
_ENDINGS: Final = (".json", ".json.gz", ".jsonl", ".jsonl.gz")
_FORM: Final = "give a list of cases in JSON, or a case a line"


def folder() -> Path:
    """The folder to run: what the environment names, else the project's own facts."""
    return Path(os.environ.get(FOLDER_VARIABLE) or OWN_FOLDER)


def kinds_in(place: Path) -> list[str]:
    """The kinds (RATING, BILLING) of which a folder has vectors. Refuses a folder without any."""
    found = [kind for kind in (RATING, BILLING) if _files(place, kind)]
    if not found:
        raise _nothing(place, f"{RATING}* and no {BILLING}*")
    return found


def read_raw(place: Path, kind: str = RATING) -> list[dict[str, Any]]:
    """Every case of every file of vectors of a kind in `place`, files in order of name, numbers as they are written."""
    files = _files(place, kind)
    if not files:
        raise _nothing(place, f"{kind}*")
    return [case for path in files for case in read_file(path)]


def read_places(places: Iterable[Path]) -> dict[str, list[Any]]:
    """Cases of folders and files by kind: in folders by name, in files that are named by what each case holds."""
    found: dict[str, list[Any]] = {}
    for place in places:
        if place.is_dir():
            for kind in kinds_in(place):
                found.setdefault(kind, []).extend(read_raw(place, kind))
        else:
            for case in read_file(place):
                found.setdefault(_kind_of(case), []).append(case)
    return found


def read_file(path: Path) -> list[Any]:
    """Every case of one file, numbers as they are written."""
    try:
        data = path.read_bytes()
        data = gzip.decompress(data) if path.suffix == ".gz" else data
        decoder = msgspec.json.Decoder(float_hook=Decimal)
        lines = path.name.endswith((".jsonl", ".jsonl.gz"))
        return decoder.decode_lines(data) if lines else _cases(path, decoder.decode(data))
    except (OSError, EOFError, zlib.error) as error:
        raise UserError(f"{path} cannot be read: {error}", _FORM) from error
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise UserError(f"{path} is no file of cases: {error}", _FORM) from error


def _cases(path: Path, value: Any) -> list[Any]:  # noqa: ANN401 -- any JSON
    """The list of cases in a file: the file itself, the one list in it, or a single case."""
    if isinstance(value, list):
        return value
    if isinstance(value, dict):
        lists = [each for each in value.values() if isinstance(each, list)]
        if value.keys() & {"given", "tariff", "operation"}:
            return [value]
        if len(lists) == 1:
            return lists[0]
    raise UserError(f"{path} holds no list of cases", _FORM)


def _kind_of(case: Any) -> str:  # noqa: ANN401 -- any JSON
    return RATING if isinstance(case, dict) and case.keys() & {"tariff", "usage", "operation"} else BILLING


def _files(place: Path, kind: str) -> list[Path]:
    return sorted(path for ending in _ENDINGS for path in place.glob(f"{kind}*{ending}"))


def _nothing(place: Path, names: str) -> UserError:
    return UserError(f"{place} holds no {names} that ends with {', '.join(_ENDINGS)}", f"name a folder of vectors in {FOLDER_VARIABLE}")
