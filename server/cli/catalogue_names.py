"""Names of catalogues on a command line: a path, or a name such as mobile@2 among published versions and drafts of the home folder."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from rating.errors import NotFoundError

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
    from billing import catalogue as store
    from billing.store.home import Home

    identity, _, version = text.partition("@")
    with Home.open(home) as opened:
        published = [each for each in store.published(opened) if each.identity == identity]
        drafted = {each.catalogue.version: each.catalogue for each in store.drafts(opened, identity)}
    known = {**drafted, **{each.version: each for each in published}}
    if version.isascii() and version.isdecimal() and int(version) in known:
        return known[int(version)]
    if not version and published:
        return max(published, key=lambda each: (each.effective_from_us, each.version))
    if not version and drafted:
        return drafted[max(drafted)]
    names = ", ".join(f"{identity}@{number}" for number in sorted(known))
    raise NotFoundError(
        f'"{text}" is neither a file or folder nor a version of the home folder {home}',
        f"it has {names}"
        if names
        else "write the path of a tariff file or folder, or the name of a published version or a draft, such as mobile@2",
    )
