"""YAML files and texts read as documents, within bounds."""

from __future__ import annotations

import codecs
from typing import TYPE_CHECKING, Final

from tariffs.documents import limits
from tariffs.documents.document import Parsed, failed, line_at

if TYPE_CHECKING:
    from pathlib import Path

_UTF_16: Final = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


def parse(path: Path, bytes_max: int = limits.YAML_BYTES_MAX, nodes_max: int = limits.YAML_NODES_MAX) -> Parsed:
    """Read the YAML file `path`, no more of it than `bytes_max`. OSError is the caller's to explain."""
    with path.open("rb") as file:
        data = file.read(bytes_max + 1)
    if len(data) > bytes_max:
        most = f"{limits.YAML_BYTES_MAX // limits.MIB} MiB a file, {limits.FOLDER_YAML_BYTES_MAX // limits.MIB} MiB a folder"
        return failed(f"more YAML than a catalogue may have ({most})", "put prefixes and rates into CSV files, and name these")
    if data.startswith(_UTF_16):
        return failed("the file is UTF-16 text", "save it as UTF-8", 1)
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        return failed("the file is not UTF-8 text", "save it as UTF-8", line_at(error.object, error.start))
    return parse_text(text, nodes_max)._replace(bytes_read=len(data))


def parse_text(text: str, nodes_max: int = limits.YAML_NODES_MAX) -> Parsed:
    """Read YAML text of at most so many values and names of fields."""
    from tariffs.documents import yaml_nodes  # noqa: PLC0415 -- with its reader; most who import this read no YAML

    return yaml_nodes.parsed(text, nodes_max)
