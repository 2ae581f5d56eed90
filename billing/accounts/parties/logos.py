"""The logo of an issuer: a picture under the hash of its bytes, and the dated fact `style` that names it.

Other fields of the style that holds on the first day stay as they are. The same picture is stored once, also for several issuers, and
never removed.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, NamedTuple

import msgspec
import sqlalchemy as sa

from billing.accounts.parties import kinds, pictures, recording, stored
from billing.accounts.parties.stored import NewFact
from billing.accounts.parties.view import Party
from billing.accounts.recording import change
from billing.store import tables

if TYPE_CHECKING:
    import datetime as dt

    from billing.accounts.parties.recording import Named
    from billing.accounts.recording import Asked, Done, Recorder
    from billing.store.home import Home


class Picture(NamedTuple):
    """A picture as it is stored."""

    media_type: str
    content: bytes


def record(home: Home, asked: Asked, issuer: Named, content: bytes, span: tuple[dt.date, dt.date | None]) -> Done:
    """Store a picture, and record it as the logo of an issuer for a half-open span.

    Raises UserError for an unknown issuer, and for bytes that are no picture.
    """
    assert issuer.entity is not None
    media_type = pictures.media_type(content)
    digest = hashlib.sha256(content).hexdigest()

    def work(recorder: Recorder) -> None:
        subject = recording.subject_of(recorder.connection, issuer)
        on_day = Party(span[0], stored.of_subject(recorder.connection, subject))
        if (held := on_day.facts.get(("style", kinds.UNNAMED))) is not None:
            recording.require_readable(held, issuer)
        style = on_day.only(kinds.Style) or kinds.Style()
        fact = NewFact("style", kinds.UNNAMED, *span, msgspec.structs.replace(style, logo=digest))
        recording.put(recorder, issuer, subject, recording.checked(subject, fact))
        if find(recorder.connection, digest) is None:
            values = {"content_sha256": digest, "media_type": media_type, "content": content}
            acted = {"by_name": recorder.asked.by.name, "by_uid": recorder.asked.by.uid, "commit_seq": recorder.seq()}
            recorder.connection.execute(tables.pictures.insert().values(**values, **acted))
            recorder.say(f"picture {digest[:12]}... is stored: {media_type}, {len(content):,} bytes")

    return change(home, asked, work)


def find(connection: sa.Connection, digest: str) -> Picture | None:
    """The picture with this hash; None where there is none."""
    row = tables.pictures.c
    query = sa.select(row.media_type, row.content).where(row.content_sha256 == digest)
    found = connection.execute(query).one_or_none()
    if found is None:
        return None
    picture = Picture(found.media_type, bytes(found.content))
    assert hashlib.sha256(picture.content).hexdigest() == digest, digest
    return picture
