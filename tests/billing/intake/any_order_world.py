"""Random usage of a made-up operator: what its switches write, and what of it counts once everything has come and was decided.

What counts is said here, entity by entity, as each is made up; nothing of it is asked of the code under test.
"""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    import random

NOW_S = int(dt.datetime(2026, 3, 20, tzinfo=dt.UTC).timestamp())
LATER_S = NOW_S + 60 * 86_400
FAR_S = NOW_S + 400 * 86_400  # nothing is so young that its copies need be known
FUTURE_S = NOW_S + 86_400
OLD_S = NOW_S - 300 * 86_400
FIRST_S = NOW_S - 5 * 86_400  # everything else begins in the days before now
CARRIER, COUNTER, PBX = "carrier", "counter", "pbx"
CARRIER_YAML = """\
name: carrier
format: delimited
columns: [kind, id, reference, part, closing, from, to, began, seconds, up, down, state]
retention: 190d
fields:
  service: {{ column: kind, words: {{ V: voice, D: data, S: sms }} }}
  record_id: id
  call_ref: reference
  segment: part
  last: {{ column: closing, words: {{ "1": yes, "0": no }} }}
  served: from
  other: to
  start: {{ column: began, unit: epoch_s }}
  duration: seconds
  bytes_up: up
  bytes_down: down
  answered: {{ column: state, words: {{ {words} }} }}
services:
  voice: {{ partials: join, timeout: 36h, first_segment: 1 }}
  data: {{ partials: each, cumulative: true, timeout: 36h }}
  sms: {{ messages: message, timeout: 24h }}
"""
WORDS = "ok: yes, lost: no"
MENDED_WORDS = "ok: yes, lost: no, done: yes"
COUNTER_YAML = """\
name: counter
format: delimited
columns: [node, number, from, to, began, seconds]
sequence: { column: number, per: [node] }
retention: 190d
fields:
  served: from
  other: to
  start: { column: began, unit: epoch_s }
  duration: seconds
"""
PBX_YAML = "name: pbx\nformat: asterisk\nretention: 190d\n"


class Counted(NamedTuple):
    """A row that counts. `record` is the call_ref of one that is made of segments."""

    source: str
    record: str
    start_s: int
    seconds: int | None
    up: int | None
    down: int | None
    units: int | None
    served: str


class Line(NamedTuple):
    """A row that a switch writes. `version` of `event`; `is_clear`: it can be read before the definition was mended."""

    source: str
    text: str
    event: str
    version: str
    is_clear: bool = True
    can_stream: bool = False


class Fate(NamedTuple):
    """What is to be decided about calls that stay incomplete: `keep` or `write_off`, by call_ref."""

    keep: frozenset[str]
    write_off: frozenset[str]


class MadeUp(NamedTuple):
    """Lines in no order, copies among them, and what counts in the end. `winners`: seconds of the version to keep, by event."""

    lines: list[Line]
    counts: list[Counted]
    winners: dict[str, int]
    fate: Fate


class _Maker:
    def __init__(self, rng: random.Random) -> None:
        self.rng = rng
        self.lines: list[Line] = []
        self.counts: list[Counted] = []
        self.winners: dict[str, int] = {}
        self.keep: set[str] = set()
        self.write_off: set[str] = set()

    def served(self) -> str:
        return f"86138000000{self.rng.randrange(10, 99)}"

    def begin_s(self) -> int:
        return FIRST_S + self.rng.randrange(4 * 86_400)

    def put(self, line: Line) -> None:
        """The line, and now and then copies of it."""
        self.lines += [line] * self.rng.choice((1, 1, 1, 1, 2, 3))

    def state(self) -> tuple[str, bool]:
        return ("done", False) if self.rng.random() < 0.15 else ("ok", True)

    def versions(self, event: str, seconds: int, write: str) -> int:
        """Versions of one record in its own words; the seconds of the one that will be kept. `write` has {seconds} and {state}."""
        several = self.rng.choice((1, 1, 1, 1, 1, 2, 3))
        for more in range(several):
            state, is_clear = self.state()
            text = write.format(seconds=seconds + more, state=state)
            stream = not event.startswith(("future", "old", "d", "s"))
            self.put(Line(CARRIER, text, event, str(seconds + more), is_clear, stream))
        if several > 1:
            self.winners[event] = seconds + self.rng.randrange(several)
        return self.winners.get(event, seconds)

    def plain(self, name: str, begin_s: int) -> None:
        served = self.served()
        seconds = self.versions(name, self.rng.randrange(1, 900), f"V,{name},,,0,{served},8613900000001,{begin_s},{{seconds}},,,{{state}}")
        self.counts.append(Counted(CARRIER, name, begin_s, seconds, None, None, None, served))

    def unanswered(self, name: str) -> None:
        self.put(Line(CARRIER, f"V,{name},,,0,{self.served()},8613900000001,{self.begin_s()},0,,,lost", name, "0"))

    def hopeless(self, name: str) -> None:
        self.put(Line(CARRIER, f"V,{name},,,0,{self.served()},8613900000001,never,10,,,ok", name, "", is_clear=False))

    def call(self, name: str) -> None:
        """A call in segments; some lack one for ever."""
        served, begin_s = self.served(), self.begin_s()
        size = self.rng.randrange(2, 6)
        lacks = self.rng.randrange(1, size + 1) if self.rng.random() < 0.3 else 0
        at_s, total, first_s = begin_s, 0, None
        for number in range(1, size + 1):
            length = self.rng.randrange(60, 1800)
            if number != lacks:
                write = f"V,{name}.{number},{name},{number},{int(number == size)},{served},8613900000001,{at_s},{{seconds}},,,{{state}}"
                total += self.versions(f"c.{name}.{number}", length, write)
                first_s = at_s if first_s is None else first_s
            at_s += length + 10  # versions are a little longer
        if lacks:
            getattr(self, self.rng.choice(("keep", "write_off"))).add(name)
        if name not in self.write_off:
            self.counts.append(Counted(CARRIER, name, first_s or 0, total, None, None, None, served))

    def session(self, name: str) -> None:
        """Running totals, each rated; now and then the counters begin anew."""
        served, begin_s = self.served(), self.begin_s()
        seconds = up = down = 0
        for number in range(1, self.rng.randrange(3, 6)):
            before = (seconds, up, down)
            if number > 1 and self.rng.random() < 0.2:
                begin_s, before = begin_s + seconds + 3600, (0, 0, 0)
                seconds = up = down = 0
            seconds, up, down = (value + self.rng.randrange(120, 4000) for value in (seconds, up, down))
            text = f"D,{name}.{number},{name},{number},0,{served},,{begin_s},{seconds},{up},{down},ok"
            self.put(Line(CARRIER, text, f"d.{name}.{number}", "0"))
            added = (seconds - before[0], up - before[1], down - before[2])
            self.counts.append(Counted(CARRIER, name, begin_s + before[0], *added, None, served))

    def message(self, name: str) -> None:
        served, begin_s, parts = self.served(), self.begin_s(), self.rng.randrange(2, 4)
        for number in range(1, parts + 1):
            text = f"S,{name}.{number},{name},{number},{int(number == parts)},{served},8613900000001,{begin_s + number},,,,ok"
            self.put(Line(CARRIER, text, f"s.{name}.{number}", "0"))
        self.counts.append(Counted(CARRIER, name, begin_s + 1, None, None, None, 1, served))

    def numbered(self, number: int) -> None:
        served, begin_s, seconds, node = self.served(), self.begin_s(), self.rng.randrange(1, 900), self.rng.choice("ab")
        several = self.rng.choice((1, 1, 1, 1, 2))
        for more in range(several):
            text = f"{node},{number},{served},8613900000001,{begin_s},{seconds + more}"
            self.put(Line(COUNTER, text, f"{node}-{number}", str(seconds + more)))
        if several > 1:
            self.winners[f"{node}-{number}"] = seconds = seconds + self.rng.randrange(several)
        self.counts.append(Counted(COUNTER, f"{node}-{number}", begin_s, seconds, None, None, None, served))

    def legs(self, name: int) -> None:
        """A call that rang at several places: of the legs of one caller the longest bills. Of that one two versions may come."""
        served, begin_s = self.served(), self.begin_s()
        linked = f"{begin_s}.{name}"
        lengths = self.rng.sample(range(60, 900), self.rng.randrange(2, 4))
        longest = max(lengths)
        for place, seconds in enumerate(lengths):
            begin, end = (dt.datetime.fromtimestamp(at_s, dt.UTC).strftime("%Y-%m-%d %H:%M:%S") for at_s in (begin_s, begin_s + seconds))
            parties = f'"","{served}","8613900000001","ctx","x","SIP/a-{name}","SIP/b{place}-{name}","Dial","x"'
            times = f'"{begin}","{begin}","{end}",{seconds},{seconds}'
            text = f'{parties},{times},"ANSWERED","DOCUMENTATION","{linked}","","","{linked}",{name * 10 + place}'
            is_disputed = seconds == longest and self.rng.random() < 0.4
            self.put(Line(PBX, text, linked if is_disputed else f"{linked}/{place}", "0"))
            if is_disputed:
                self.put(Line(PBX, text.replace(f",{seconds},{seconds},", f",{seconds},{seconds + 1},"), linked, "1"))
                self.winners[linked] = seconds + self.rng.randrange(2)
        self.counts.append(Counted(PBX, linked, begin_s, self.winners.get(linked, longest), None, None, None, served))


def make_up(rng: random.Random) -> MadeUp:
    """A few of everything."""
    maker = _Maker(rng)
    for number in range(9):
        maker.plain(f"p{number}", maker.begin_s())
    for number in range(2):
        maker.plain(f"future{number}", FUTURE_S + number)
        maker.plain(f"old{number}", OLD_S + number)
        maker.unanswered(f"u{number}")
        maker.hopeless(f"h{number}")
    for number in range(4):
        maker.call(f"call{number}")
    for number in range(2):
        maker.session(f"data{number}")
        maker.message(f"text{number}")
        maker.legs(number + 1)
    for number in rng.sample(range(1, 40), 5):
        maker.numbered(number)
    rng.shuffle(maker.lines)
    fate = Fate(frozenset(maker.keep), frozenset(maker.write_off))
    return MadeUp(maker.lines, sorted(maker.counts, key=repr), maker.winners, fate)
