"""Puts translated documents into folders that are checked and published as any other: `NAME-VERSION/{header,calendars,zones,...}.yaml`.

Zones of many prefixes have them in a CSV file beside it. `not-carried.csv` lists everything changed or left out, `plans.csv` whose plan
is called what. Everything is written beside the target first and then takes its place, so that nothing half done is left.
"""

from __future__ import annotations

import csv
import io
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Final

from rating.errors import ProblemsError, UserError
from tariffs.cgrates.carried import Listed
from tariffs.documents.yaml_text import dump
from tariffs.reading.load import load

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from rating.model import Catalogue
    from tariffs.cgrates.translation import Translated

NOT_CARRIED: Final = "not-carried.csv"
PLANS: Final = "plans.csv"
INLINE_PREFIXES: Final = 200
_SECTIONS: Final = ("calendars", "zones", "prices", "plans")


def write(translated: Translated, into: Path) -> list[Catalogue]:
    """Fills the folder `into`, which must be new or empty, and returns its catalogues as `load` reads them."""
    if into.exists() and (not into.is_dir() or any(into.iterdir())):
        raise UserError(f"{into}: is there already", "name a new folder: an import never writes over files")
    into.parent.mkdir(parents=True, exist_ok=True)
    made = Path(tempfile.mkdtemp(prefix=f".{into.name}-", dir=into.parent))
    try:
        for document in translated.documents:
            _write_document(document, made / f"{document['identity']}-{document['version']}")
        _write_csv(made / NOT_CARRIED, Listed._fields, translated.not_carried)
        rows = ((*key, name) for key, name in translated.plans.items())
        _write_csv(made / PLANS, ("tenant", "category", "subject", "plan"), rows)
        catalogues = [_loaded(made / f"{document['identity']}-{document['version']}") for document in translated.documents]
        made.chmod(0o755)
        made.replace(into)
    except BaseException:
        shutil.rmtree(made, ignore_errors=True)
        raise
    return catalogues


def _loaded(folder: Path) -> Catalogue:
    try:
        return load(folder)
    except ProblemsError as error:
        first = error.problems[0]
        raise UserError(f"the imported catalogue has a mistake: {first.path}: {first.message}", first.remedy) from error


def _write_document(document: Mapping[str, object], folder: Path) -> None:
    folder.mkdir()
    header = {name: value for name, value in document.items() if name not in _SECTIONS}
    (folder / "header.yaml").write_text(dump(header), encoding="utf-8")
    for section in _SECTIONS:
        entries = document[section]
        assert isinstance(entries, list), "sections are lists"
        if section == "zones":
            entries = [_with_file(entry, folder) for entry in entries]
        if entries:
            (folder / f"{section}.yaml").write_text(dump({section: entries}), encoding="utf-8")


def _with_file(zone: dict[str, object], folder: Path) -> dict[str, object]:
    """A zone as it is, or with its prefixes in a file of their own."""
    prefixes = zone["prefixes"]
    assert isinstance(prefixes, list), "prefixes are a list"
    if len(prefixes) <= INLINE_PREFIXES:
        return zone
    name = f"zone-{zone['id']}.csv"
    _write_csv(folder / name, ("prefix",), ([prefix] for prefix in prefixes))
    return {"id": zone["id"], "name": zone["name"], "prefixes_file": name}


def _write_csv(path: Path, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows(rows)
    path.write_text(text.getvalue(), encoding="utf-8", newline="\n")
