"""The canonical form of a catalogue: JSON with sorted keys and no space, and its SHA-256.

Two files that say the same, in whatever order of fields and layout, give the same bytes and the same hash. A published version is
kept as these bytes. A later edition of the software may know more fields; the hash is therefore always that of the bytes kept.
"""

from __future__ import annotations

import hashlib

import msgspec

from rating.model import Catalogue


def encode(catalogue: Catalogue) -> bytes:
    """The canonical bytes of `catalogue`, without its hash."""
    fields = msgspec.to_builtins(catalogue)
    del fields["content_hash"]
    return msgspec.json.encode(fields, order="sorted")


def decode(document: bytes) -> Catalogue:
    """The catalogue of canonical bytes, its hash filled in. Raises msgspec.ValidationError or DecodeError for other bytes."""
    catalogue = msgspec.json.decode(document, type=Catalogue)
    return msgspec.structs.replace(catalogue, content_hash=digest(document))


def digest(document: bytes) -> bytes:
    """The content hash (32 bytes) of canonical bytes."""
    return hashlib.sha256(document).digest()


def sealed(catalogue: Catalogue) -> Catalogue:
    """`catalogue` with its content hash filled in."""
    return msgspec.structs.replace(catalogue, content_hash=digest(encode(catalogue)))
