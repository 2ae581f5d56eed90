"""Reads a tariff sheet back as a customer does: from what is to be seen, without the words that wrote it.

Three readers (text, HTML, PDF) find the lines of the price tables and the ways of counting; one grammar a language understands them; and a
few lines of arithmetic price a use with what was understood. Nothing here is shared with `tariffs.sheets` or with rating.
Units: amounts in micro-units, durations in milliseconds, volumes in bytes.
"""

# ruff: noqa: RUF001 - Chinese sentences have Chinese punctuation
from __future__ import annotations

import re
from fractions import Fraction
from html.parser import HTMLParser
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence

USAGE = {"en": "Prices of usage", "zh": "套餐外资费"}
WAYS = {"en": "How usage is counted", "zh": "计费规则"}
_UNITS = {
    "minute": 60_000,
    "second": 1_000,
    "hour": 3_600_000,
    "millisecond": 1,
    "message": 1,
    "purchase": 1,
    "分钟": 60_000,
    "秒": 1_000,
    "小时": 3_600_000,
    "毫秒": 1,
    "条": 1,
    "次": 1,
    "TB": 10**12,
    "GiB": 2**30,
    "GB": 10**9,
    "MiB": 2**20,
    "MB": 10**6,
    "KiB": 2**10,
    "KB": 10**3,
    "B": 1,
}
_BYTES = "TB|GiB|GB|MiB|MB|KiB|KB|B"
_FIGURE = r"[\d,]+(?:\.\d+)?"
_USES = {"en": "call|sending|session|transaction", "zh": "次通话|次发送|次会话|笔交易"}
_MONEY = {"en": rf"[A-Z]{{3}} ({_FIGURE})", "zh": rf"({_FIGURE}) ?(?:[A-Z]{{3}}|[元港欧美日英镑]+)"}
_QUANTITY = {
    "en": rf"[\d,]+ (?:minutes?|seconds?|milliseconds?|messages?|purchases?|{_BYTES})\b(?: \d+ seconds?)?",
    "zh": rf"[\d,]+ ?(?:分钟|秒|毫秒|条|次|{_BYTES})(?: ?\d+ ?秒)?",
}
_PER = {
    "en": rf"(?:minute|second|hour|message|purchase|{_BYTES})\b|{_QUANTITY['en']}",
    "zh": rf"分钟|秒|小时|条|次(?!通话|发送|会话)|(?:{_BYTES})(?![A-Za-z])|{_QUANTITY['zh']}",
}
# Where the figures of a clause stand: the first and the next group
_CLAUSES = {
    "en": {
        "step": rf"beyond ({_QUANTITY['en']}): {_MONEY['en']} per ({_PER['en']})(?:, in steps of ({_QUANTITY['en']}))?",
        "connect": rf"plus {_MONEY['en']} per (?:{_USES['en']})",
        "flat": rf"{_MONEY['en']} flat per (?:{_USES['en']})",
        "share": rf"({_FIGURE}) % of the provider's price",
        "minimum": rf"at least {_MONEY['en']}",
        "maximum": rf"at most {_MONEY['en']}",
        "rate": rf"{_MONEY['en']} per ({_PER['en']})",
    },
    "zh": {
        "step": rf"超出 ?({_QUANTITY['zh']}) ?的部分： ?{_MONEY['zh']}/ ?({_PER['zh']})(?:， ?以 ?({_QUANTITY['zh']}) ?为一个计费单位)?",
        "connect": rf"另加 ?{_MONEY['zh']}/ ?(?:{_USES['zh']})",
        "flat": rf"{_MONEY['zh']}/ ?(?:{_USES['zh']}) ?（不限用量）",
        "share": rf"信息费的 ?({_FIGURE})%",
        "minimum": rf"最低收费 ?{_MONEY['zh']}",
        "maximum": rf"最高收费 ?{_MONEY['zh']}",
        "rate": rf"{_MONEY['zh']}/ ?({_PER['zh']})",
    },
}
_FREE = {"en": "free", "zh": "免费"}
_NOT_SOLD = {"en": "not available", "zh": "不提供"}
_WHOLE = {"en": rf"counted in steps of ({_QUANTITY['en']});", "zh": rf"^以 ?({_QUANTITY['zh']}) ?为一个计费单位，"}
_FIRST = {
    "en": rf"first step (?:of a call |of a data session )?is ({_QUANTITY['en']}), each further one ({_QUANTITY['en']});",
    "zh": rf"首个计费单位为 ?({_QUANTITY['zh']})，其后每 ?({_QUANTITY['zh']}) ?为一个计费单位",
}
_EACH = {"en": r"Each \w+ counts\.", "zh": r"按[条次]计费。"}
_LEAST = {"en": rf"counts as ({_QUANTITY['en']}) at least", "zh": rf"至少按 ?({_QUANTITY['zh']}) ?计"}
_ZERO = {"en": "A use of no length is charged too.", "zh": "没有用量时也收费。"}
_ROUNDED = {
    "en": {
        "half_up": rf"to the nearest {_MONEY['en']}; a half goes up",
        "half_even": rf"to the nearest {_MONEY['en']}; a half goes to the even neighbour",
        "up": rf"up to the next {_MONEY['en']}\.",
        "down": rf"down to the last {_MONEY['en']}\.",
    },
    "zh": {
        "half_up": rf"四舍五入到 ?{_MONEY['zh']}",
        "half_even": rf"四舍六入五成双到 ?{_MONEY['zh']}",
        "up": rf"向上进位到 ?{_MONEY['zh']}",
        "down": rf"向下舍去到 ?{_MONEY['zh']}",
    },
}
_PAID = {"en": rf"ou pay {_MONEY['en']}\.", "zh": rf"应付 ?{_MONEY['zh']}。"}
_CHINESE_GAP = re.compile(r"(?<=[\u3000-\u303f\u4e00-\u9fff\uff00-\uffef])\s+(?=[\u3000-\u303f\u4e00-\u9fff\uff00-\uffef])")


class Step(NamedTuple):
    """So much for so much, beyond a quantity."""

    begin: int
    amount: int
    per: int
    increment: int  # 0: as the way of counting says


class Read(NamedTuple):
    """A line of a price table, understood."""

    sold: bool
    steps: tuple[Step, ...]
    once: int  # connect fee or flat price
    share: Fraction
    minimum: int
    maximum: int | None
    way: str


class Way(NamedTuple):
    """A way of counting, understood."""

    first: int
    further: int
    least: int
    zero_is_charged: bool
    mode: str  # "": nothing to round
    to: int


class Found(NamedTuple):
    """What a reader sees: the text of each line of the price tables by its number, and of each way of counting by its letter."""

    lines: dict[int, str]
    ways: dict[str, str]


# Readers


def in_text(lines: Sequence[str], language: str) -> Found:
    """What stands in a sheet as plain text."""
    heads = [position for position, line in enumerate(lines) if line.startswith("===")]
    parts: dict[str, list[str]] = {}
    for here, there in zip(heads, [*(head - 1 for head in heads[1:]), len(lines)], strict=True):
        parts[lines[here - 1].split(". ", 1)[1]] = list(lines[here + 1 : there])
    prices = [match for line in parts[USAGE[language]] if (match := re.match(r"(\d+) {2,}(.*)", line))]
    return Found({int(each[1]): each[2] for each in prices}, _lettered(parts.get(WAYS[language], [])))


def in_html(page: str, language: str) -> Found:
    """What stands in a sheet as HTML."""
    reader = _Html()
    reader.feed(page)
    found = Found({}, {})
    for heading, cells in reader.rows:
        if USAGE[language] in heading:
            found.lines[int(cells[0])] = "  ".join(cells[1:])
        elif WAYS[language] in heading:
            found.ways[cells[0]] = "  ".join(cells[1:])
    return found


def in_pdf(pages: Sequence[str], language: str, footer: str) -> Found:
    """What stands in a sheet as PDF, given the text of its pages in the order in which it was drawn."""
    lines = [line.strip() for page in pages for line in page.splitlines() if not line.startswith(footer)]
    heads = {match[1]: position for position, line in enumerate(lines) if (match := re.fullmatch(r"\d+\. (.+)", line))}
    ends = [*sorted(heads.values()), len(lines)]
    usage = _section(lines, heads, ends, USAGE[language])
    ways = _section(lines, heads, ends, WAYS[language])
    return Found(_numbered(usage), _lettered(ways))


class _Html(HTMLParser):
    """Rows of tables, each with the heading above it."""

    def __init__(self) -> None:
        super().__init__()
        self.rows: list[tuple[str, list[str]]] = []
        self._heading = ""
        self._inside = ""

    def handle_starttag(self, tag: str, attrs: object) -> None:  # noqa: ARG002 - the signature is html.parser's
        if tag == "h2":
            self._heading = ""
        if tag == "tr":
            self.rows.append((self._heading, []))
        if tag == "td":
            self.rows[-1][1].append("")
        if tag in {"h2", "td", "th", "caption", "p"}:
            self._inside = tag

    def handle_endtag(self, tag: str) -> None:
        if tag in {"h2", "td", "th", "caption", "p"}:
            self._inside = ""
        if tag == "tr" and not self.rows[-1][1]:
            self.rows.pop()  # heads

    def handle_data(self, data: str) -> None:
        if self._inside == "h2":
            self._heading += data
        if self._inside == "td":
            cells = self.rows[-1][1]
            cells[-1] = f"{cells[-1]} {data}".strip()


def _section(lines: Sequence[str], heads: dict[str, int], ends: Sequence[int], title: str) -> list[str]:
    if title not in heads:
        return []
    start = heads[title]
    return list(lines[start + 1 : min(end for end in ends if end > start)])


def _numbered(lines: Sequence[str]) -> dict[int, str]:
    """Lines that follow 1, 2, 3, ... at the beginning of one."""
    found: dict[int, str] = {}
    for line in lines:
        number, _, rest = line.partition(" ")
        if number == str(len(found) + 1):
            found[len(found) + 1] = rest
        elif found:
            found[len(found)] += f"\n{line}"
    return found


def _lettered(lines: Sequence[str]) -> dict[str, str]:
    found: dict[str, str] = {}
    letter = ""
    for line in lines:
        first, _, rest = line.partition(" ")
        if re.fullmatch(r"[A-Z]{1,2}", first) and first == _next_letter(letter):
            letter, found[first] = first, rest
        elif letter:
            found[letter] += f"\n{line}"
    return found


def _next_letter(letter: str) -> str:
    if not letter.rstrip("Z"):
        return "A" * (len(letter) + 1)
    kept = letter.rstrip("Z")
    return kept[:-1] + chr(ord(kept[-1]) + 1) + "A" * (len(letter) - len(kept))


# The grammar


def read_line(text: str, language: str) -> Read:
    """What a line of a price table says."""
    told = _plain(text)
    pattern = "|".join(f"(?P<{name}>{clause})" for name, clause in _CLAUSES[language].items())
    found = list(re.finditer(pattern, told))
    clauses = [(each.lastgroup or _which(each), each[0]) for each in found]
    figures = [(name, re.fullmatch(_CLAUSES[language][name], clause)) for name, clause in clauses]
    one = {name: match for name, match in figures if match is not None}
    rest = told[found[-1].end() :] if found else told
    letter = re.search(r"(?<!\S)([A-Z]{1,2})(?!\S)", rest)
    if not found:
        assert (_FREE[language] in told) != (_NOT_SOLD[language] in told), told
    once = one.get("connect") or one.get("flat")
    return Read(
        bool(found) or _FREE[language] in told,
        tuple(_step(name, match) for name, match in figures if match is not None and name in {"rate", "step"}),
        0 if once is None else _amount(once[1]),
        Fraction(one["share"][1]) / 100 if "share" in one else Fraction(0),
        _amount(one["minimum"][1]) if "minimum" in one else 0,
        _amount(one["maximum"][1]) if "maximum" in one else None,
        letter[1] if found and letter is not None else "",
    )


def read_way(text: str, language: str) -> Way:
    """What a way of counting says."""
    told = _plain(text)
    whole, apart = re.search(_WHOLE[language], told), re.search(_FIRST[language], told)
    assert whole or apart or re.search(_EACH[language], told), told
    first = _quantity(apart[1] if apart else whole[1]) if apart or whole else 1
    further = _quantity(apart[2] if apart else whole[1]) if apart or whole else 1
    least = re.search(_LEAST[language], told)
    rounded = [(mode, match) for mode, pattern in _ROUNDED[language].items() if (match := re.search(pattern, told))]
    assert len(rounded) <= 1, told
    mode, to = (rounded[0][0], _amount(rounded[0][1][1])) if rounded else ("", 1)
    return Way(first, further, _quantity(least[1]) if least else 0, _ZERO[language] in told, mode, to)


def paid(text: str, language: str) -> int:
    """What a worked example says that is paid."""
    found = re.findall(_PAID[language], _plain(text))
    assert len(found) == 1, text
    return _amount(found[0])


def _which(match: re.Match[str]) -> str:
    return next(name for name, text in match.groupdict().items() if text is not None)


def _plain(text: str) -> str:
    """Text in one line; where Chinese was broken, nothing stands between."""
    return re.sub(r"\s+", " ", _CHINESE_GAP.sub("", text)).strip()


def _step(name: str, match: re.Match[str]) -> Step:
    groups = match.groups()
    if name == "rate":
        return Step(0, _amount(groups[0]), _quantity(groups[1]), 0)
    return Step(_quantity(groups[0]), _amount(groups[1]), _quantity(groups[2]), _quantity(groups[3]) if groups[3] else 0)


def _amount(text: str) -> int:
    value = Fraction(text.replace(",", "")) * 10**6
    assert value.denominator == 1, text
    return value.numerator


def _quantity(text: str) -> int:
    """In the base unit; a unit without a number is one."""
    total = 0
    for number, unit in re.findall(
        rf"([\d,]*) ?(minute|second|hour|millisecond|message|purchase|分钟|秒|小时|毫秒|条|次|{_BYTES})s?", text
    ):
        total += int(number.replace(",", "") or 1) * _UNITS[unit]
    assert total, text
    return total


# The arithmetic


def charge(read: Read, way: Way | None, quantity: int, content: int) -> int:
    """What a use costs by the sheet, in micro-units. `quantity` in the unit of the price, fractions rounded up."""
    if way is None:
        return 0  # free
    if quantity == 0 and not way.zero_is_charged:
        return 0
    wanted = max(quantity, way.least) if quantity else 0
    exact, position = Fraction(read.once) + read.share * content, 0
    while position < wanted:
        step = next((each for each in reversed(read.steps) if each.begin <= position), Step(0, 0, 1, 0))
        length = way.first if position == 0 else step.increment or way.further
        beyond = [each.begin for each in read.steps if each.begin > position]
        until = position + 1 if position == 0 else min([wanted, *beyond])
        many = -(-(until - position) // length)  # all that begin in this step
        exact += Fraction(step.amount * length * many, step.per)
        position += length * many
    exact = max(exact, Fraction(read.minimum))
    if read.maximum is not None:
        exact = min(exact, Fraction(read.maximum))
    return _rounded(exact, way)


def _rounded(exact: Fraction, way: Way) -> int:
    steps = exact / way.to
    if not way.mode:
        assert steps.denominator == 1, "the sheet says of no rounding, and there is something to round"
    whole, rest = divmod(steps, 1)
    up = {
        "": False,
        "down": False,
        "up": rest > 0,
        "half_up": rest * 2 >= 1,
        "half_even": rest * 2 > 1 or (rest * 2 == 1 and whole % 2 == 1),
    }
    return (int(whole) + up[way.mode]) * way.to
