"""The tariff plan folder of examples/cgrates, to be changed a row at a time, and its usage rated by twin and kernel."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from rating.model import Service
from rating.outcome import Event
from rating.status import REFUSALS_FROM, Status
from tariffs.cgrates.profiles import Key
from tariffs.cgrates.reading import read
from tariffs.cgrates.translation import Settings, Translated, translate
from tariffs.cgrates.writing import write
from tests.rating.shop import instant_us
from tests.vectors.verdicts import by_kernel, by_twin

if TYPE_CHECKING:
    from rating.model import Catalogue

EXAMPLE = Path(__file__).parents[3] / "examples" / "cgrates"
FILES = {path.stem: path.read_text(encoding="utf-8") for path in sorted(EXAMPLE.glob("*.csv"))}
MONDAY = "2026-03-02T12:00:00Z"
CATEGORIES = {Service.VOICE: "call", Service.SMS: "sms"}
SETTINGS = Settings("EUR", "UTC")
Made = tuple[Translated, "list[Catalogue]"]


def folder(place: Path, file: str = "", old: str = "", new: str = "") -> Path:
    """The folder, one piece of a file put another way."""
    place.mkdir()
    for name, text in FILES.items():
        assert name != file or old in text, old
        (place / f"{name}.csv").write_text(text.replace(old, new, 1) if name == file else text, encoding="utf-8")
    return place


def imported(place: Path, settings: Settings = SETTINGS) -> Made:
    """The folder `place`, translated, written beside it and loaded back."""
    translated = translate(read(place), settings)
    return translated, write(translated, place.parent / "imported")


def costs(  # noqa: PLR0913 - who, whereto, how much and when
    made: Made, subject: str, to: str, amount: int, at: str = MONDAY, *, service: Service = Service.VOICE
) -> int | Status:
    """What usage costs in micro-units, or why not: twin and kernel say the same. `amount`: seconds, or messages."""
    translated, catalogues = made
    name = translated.plans.get(Key("cgrates.org", CATEGORIES[service], subject))
    plan = None if name is None else f"{catalogues[0].identity}/{name}"
    quantity = amount * 1_000_000 if service is Service.VOICE else amount
    event = Event(event_key=bytes(16), start_us=instant_us(at), quantity=quantity, service=service, plan=plan, destination=to)
    (twin,), (kernel,) = by_twin(catalogues, [event]), by_kernel(catalogues, [event])
    assert (twin.status, twin.charge_micros) == (kernel.status, kernel.charge_micros)
    return Status(twin.status) if twin.status >= REFUSALS_FROM else twin.charge_micros
