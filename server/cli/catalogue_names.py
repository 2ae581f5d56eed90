"""Names of catalogues on a command line: a path, or a name such as mobile@2 among published versions and drafts of the home folder."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rating.model import Catalogue

_ENDINGS = (".yaml", ".yml")


def find(text: str, home: Path) -> Catalogue:
    """The catalogue that `text` means: a file or folder, else `mobile@2`, else `mobile` for the newest published version (else draft).

    Raises UserError for mistakes in the files, and NotFoundError where the home folder has no such version.
    """
    if is_path(text):
        from tariffs.reading.load import load

        return load(Path(text))
    return _of_store(text, home)


def is_path(text: str) -> bool:
    """Return whether `text` names a file or folder: it is there, or it looks like nothing else."""
    return Path(text).exists() or "/" in text or text.endswith(_ENDINGS)


def _of_store(text: str, home: Path) -> Catalogue:
    from billing.store.home import Home
    from rating.errors import NotFoundError
    from server.actions import catalogues

    with Home.open(home) as opened:
        try:
            return catalogues.named(opened, text)
        except NotFoundError as error:
            message = f'"{text}" is neither a file or folder nor a version of the home folder {home}'
            raise NotFoundError(
                message, error.remedy.replace("write the name", "write the path of a tariff file or folder, or the name")
            ) from error
