"""Files of a catalogue that came in one message: checked by name, number and size, and read in a folder of their own that is then gone.

A name is a path below the folder of the catalogue, parted by slashes: no `..`, no absolute path, nothing hidden. Nothing outside of that
folder is read: what a document names lies in it too, or is a mistake of the document. Texts of mistakes name files as they were sent.
"""

from __future__ import annotations

import re
import tempfile
import unicodedata
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

from rating.errors import Problem, ProblemsError, UserError, quoted

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tariffs.documents.document import Finding
    from tariffs.reading.load import Located

FILES_MAX: Final = 200
BYTES_MAX: Final = 8 * 1024 * 1024  # of all files
PARTS_MAX: Final = 4  # of a name
NAME_BYTES_MAX: Final = 200
ORIGIN_NAMES: Final = 5
_PART: Final = re.compile(r"\w[\w .()+=@,-]*")


class File(NamedTuple):
    """One file of an upload."""

    name: str
    content: bytes


class UploadError(UserError):
    """An upload that is not read. `place` names what is wrong, such as `files[2].name`; `is_too_much`: it is beyond a bound."""

    def __init__(self, place: str, message: str, remedy: str, *, is_too_much: bool = False) -> None:
        super().__init__(f"{place}: {message}", remedy, exit_status=2)
        self.place, self.is_too_much = place, is_too_much


def check(files: Sequence[File]) -> None:
    """Raise UploadError for an upload that is not taken, before anything is written."""
    if not files:
        raise UploadError("files", "there is none", "send the YAML files of the catalogue, and the CSV files that they name")
    if len(files) > FILES_MAX:
        raise UploadError("files", f"{len(files):,} files", f"send at most {FILES_MAX}", is_too_much=True)
    size = sum(len(each.content) for each in files)
    if size > BYTES_MAX:
        remedy = f"send at most {BYTES_MAX:,}; a larger catalogue is drafted on the machine that holds the home: ratewright tariffs draft"
        raise UploadError("files", f"{size:,} bytes", remedy, is_too_much=True)
    named, folders = set[str](), set[str]()
    for place, each in enumerate(files):
        _check_name(f"files[{place}].name", each.name)
        path = _alike(each.name)
        above = {path.rsplit("/", depth)[0] for depth in range(1, path.count("/") + 1)}
        if path in named | folders or above & named:
            raise UploadError(f"files[{place}].name", f"{quoted(each.name)} is there twice", "give each file and folder its own name")
        named.add(path)
        folders |= above


def load(files: Sequence[File], within: Path) -> Located:
    """The checked catalogue of an upload. Its files lie in a folder below `within` meanwhile.

    Raises UploadError, and ProblemsError with every mistake in the files.
    """
    from tariffs.reading.load import load_located

    check(files)
    with tempfile.TemporaryDirectory(dir=within) as made:
        folder = Path(made).resolve()
        for each in files:
            path = folder / each.name
            assert path.is_relative_to(folder), each.name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(each.content)
        try:
            located = load_located(folder)
        except ProblemsError as error:
            raise ProblemsError([_named(each, folder) for each in error.problems]) from None
        except UserError as error:
            raise UploadError("files", _without(error.message, folder), _without(error.remedy, folder)) from None

    def locate(finding: Finding) -> Problem:
        return _named(located.locate(finding), folder)

    return located._replace(locate=locate)


def origin(files: Sequence[File]) -> str:
    """The origin that is kept with a draft: the names of its files."""
    names = sorted(each.name for each in files)
    more = f" and {len(names) - ORIGIN_NAMES} more" if len(names) > ORIGIN_NAMES else ""
    return f"upload of {', '.join(names[:ORIGIN_NAMES])}{more}"


def _check_name(place: str, name: str) -> None:
    parts = name.split("/")
    if len(parts) > PARTS_MAX or len(name.encode()) > NAME_BYTES_MAX:
        remedy = f"write at most {PARTS_MAX - 1} folders, and {NAME_BYTES_MAX} bytes"
        raise UploadError(place, f"{quoted(name)} is too long or too deep", remedy)
    if not all(_PART.fullmatch(unicodedata.normalize("NFC", each)) for each in parts):
        remedy = "write a path below the catalogue's folder, such as plans.yaml or decks/europe.csv: letters, digits, and - _ . inside"
        raise UploadError(place, f"{quoted(name)} is not the name of a file", remedy)


def _alike(name: str) -> str:
    """A name as a file system sees it that takes no notice of capitals and accents."""
    return unicodedata.normalize("NFKC", name).casefold()


def _named(problem: Problem, folder: Path) -> Problem:
    return Problem(*(_without(text, folder) for text in problem))


def _without(text: str, folder: Path) -> str:
    """A text that names files as they were sent."""
    return text.replace(f"{folder}/", "").replace(str(folder), "the upload")
