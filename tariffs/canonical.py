"""The canonical form of a catalogue: JSON with sorted keys, no space and no field that has its default value; and its SHA-256.

Two files that say the same, in any order of fields and any layout, give the same bytes and the same hash. A published version is
kept as these bytes. An earlier edition of the software wrote defaults too. The hash is therefore always that of the bytes kept, and two
versions are compared in their decoded form.
"""

from __future__ import annotations

import hashlib
from typing import Any

import msgspec

from rating.model import UNIT_OF_SERVICE, Catalogue, Service


def encode(catalogue: Catalogue) -> bytes:
    """The canonical bytes of `catalogue`, without its hash."""
    return msgspec.json.encode(msgspec.structs.replace(catalogue, content_hash=b""), order="sorted")


def decode(document: bytes) -> Catalogue:
    """The catalogue of canonical bytes, its hash filled in. Raises msgspec.ValidationError or DecodeError for other bytes."""
    try:
        catalogue = msgspec.json.decode(document, type=Catalogue)
    except msgspec.ValidationError:
        catalogue = msgspec.convert(_of_first_edition(msgspec.json.decode(document)), Catalogue)
    return msgspec.structs.replace(catalogue, content_hash=digest(document))


def digest(document: bytes) -> bytes:
    """The content hash (32 bytes) of canonical bytes."""
    return hashlib.sha256(document).digest()


def sealed(catalogue: Catalogue) -> Catalogue:
    """`catalogue` with its content hash filled in."""
    return msgspec.structs.replace(catalogue, content_hash=digest(encode(catalogue)))


def _of_first_edition(fields: Any) -> Any:  # noqa: ANN401 - plain objects of JSON, judged by the conversion that follows
    """Fields that the first edition wrote, in today's words: an allowance had one `service`, which gave its unit."""
    try:
        for plan in fields["plans"]:
            for allowance in plan["allowances"]:
                service = Service(allowance.pop("service"))
                allowance |= {"services": [service.value], "unit": UNIT_OF_SERVICE[service].value}
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise msgspec.ValidationError("not a catalogue") from error
    return fields
