"""Writes deck.csv: a made-up rate deck of a few hundred prefixes that has the shape of a real one.

A country has a fixed and a mobile row; some have cities at a lower rate, and some an expensive block of 10 or 11 digits inside a
cheap one. Rates follow from the digits of the prefix, so that every run writes the same file. Run: `python make_deck.py`.
"""

# ruff: noqa: INP001 - a script beside its data, no package
from __future__ import annotations

import csv
from pathlib import Path

# code, name, rate of a fixed line in ten-thousandths of a euro a minute, mobile prefixes, city prefixes
COUNTRIES = (
    ("1", "north-america", 42, "1907 1808", "1212 1312 1415 1416 1604"),
    ("20", "egypt", 890, "2010 2011 2012 2015", "202 203"),
    ("27", "south-africa", 310, "276 277 278 279", "2711 2721 2731"),
    ("30", "greece", 95, "3069", "3021 302310"),
    ("31", "netherlands", 55, "316", "3120 3110"),
    ("32", "belgium", 78, "3246 3247 3248 3249", "322 323"),
    ("33", "france", 49, "336 337", "331 3342 3347"),
    ("34", "spain", 47, "346 347", "3491 3493"),
    ("351", "portugal", 62, "3519", "35121 35122"),
    ("352", "luxembourg", 140, "3526", "3522"),
    ("353", "ireland", 68, "3538", "3531 35321"),
    ("354", "iceland", 88, "3546 3547 3548", "3545"),
    ("358", "finland", 210, "3584 35850", "3589"),
    ("359", "bulgaria", 230, "35987 35988 35989", "3592"),
    ("36", "hungary", 73, "3620 3630 3670", "361"),
    ("370", "lithuania", 390, "3706", "3705"),
    ("371", "latvia", 410, "3712", "3716"),
    ("372", "estonia", 380, "3725", "3726"),
    ("380", "ukraine", 990, "38050 38063 38067 38093", "38044"),
    ("381", "serbia", 1_200, "38160 38163 38164", "38111"),
    ("385", "croatia", 310, "38591 38595 38598", "3851"),
    ("386", "slovenia", 290, "38631 38640 38641", "3861"),
    ("39", "italy", 51, "393", "3902 3906 39011"),
    ("40", "romania", 64, "407", "4021 4031"),
    ("41", "switzerland", 87, "4176 4177 4178 4179", "4122 4143 4144"),
    ("420", "czechia", 92, "42060 42072 42073 42077", "4202"),
    ("421", "slovakia", 99, "42190 42191 42194", "4212"),
    ("43", "austria", 81, "43650 43660 43664 43676 43699", "431 43732 43662"),
    ("44", "united-kingdom", 44, "447", "4420 44121 44131 44161"),
    ("45", "denmark", 58, "452 453 454 455", "4533 4535"),
    ("46", "sweden", 52, "467", "468 4631 4640"),
    ("47", "norway", 66, "474 479", "472 4755"),
    ("48", "poland", 59, "4850 4851 4853 4860 4866 4869 4872 4878 4879 4888", "4822 4812 4861"),
    ("49", "germany", 39, "4915 4916 4917", "4930 4940 4989 4969 49221 49711"),
    ("52", "mexico", 180, "5215", "5255 5233"),
    ("55", "brazil", 240, "55119 55219 55319", "5511 5521 5531"),
    ("60", "malaysia", 150, "601", "603 604"),
    ("61", "australia", 120, "614", "612 613 617"),
    ("62", "indonesia", 620, "628", "6221 6231"),
    ("63", "philippines", 1_400, "639", "632"),
    ("65", "singapore", 75, "658 659", "656"),
    ("66", "thailand", 160, "666 668 669", "662"),
    ("7", "russia", 480, "79", "7495 7499 7812"),
    ("81", "japan", 190, "8170 8180 8190", "813 816"),
    ("82", "south-korea", 140, "8210", "822 8251"),
    ("84", "vietnam", 880, "843 845 847 848 849", "8424 8428"),
    ("852", "hong-kong", 130, "8525 8526 8529", "8522 8523"),
    ("853", "macao", 420, "8536", "8532"),
    ("86", "china", 90, "8613 8615 8617 8618 8619", "8610 8621 8620 86755"),
    ("886", "taiwan", 170, "8869", "8862 8864 8867"),
    ("90", "turkey", 330, "9050 9053 9054 9055", "90212 90216 90312"),
    ("91", "india", 210, "917 918 919", "9111 9122 9144 9180"),
    ("92", "pakistan", 1_100, "923", "9221 9242"),
    ("94", "sri-lanka", 1_650, "947", "9411"),
    ("966", "saudi-arabia", 1_050, "9665", "96611 96612"),
    ("971", "united-arab-emirates", 1_480, "9715", "9712 9714"),
    ("972", "israel", 110, "9725", "9722 9723"),
)
# Blocks of 10 and 11 digits inside a cheaper prefix, sold at thirty times their parent: they are what a short table gets wrong.
BLOCKS = (
    ("germany-information", "4918055501 49180555021", "1/1"),
    ("austria-value-added", "4390010101 43900101022", "60/60"),
    ("united-kingdom-personal", "4470055501 44700555022", "60/60"),
    ("latvia-value-added", "3718050501 37180505022", "60/1"),
    ("china-value-added", "8695013001 86950130022", "60/60"),
    ("north-america-caribbean", "1876555010 18765550122", "6/6"),
)
MOBILE_FACTOR = 6
CITY_PERCENT = 80
BLOCK_FACTOR = 30
DEAR_RATE = 300  # mobile destinations of dearer countries charge a whole first minute


def main() -> None:
    """Write the file beside this script."""
    with Path(__file__).with_name("deck.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(("zone_id", "zone", "prefixes", "rate", "increments", "connect_fee"))
        writer.writerows(rows())


def rows() -> list[tuple[int, str, str, str, str, str]]:
    """One row a destination: zone id, name, prefixes, rate a minute, increments, connect fee."""
    found = []
    for number, (code, name, rate, mobile, cities) in enumerate(COUNTRIES, start=1):
        increments = {"52": "60/60", "1": "6/6"}.get(code, "1/1")
        found += [
            (number * 10, name, code, _decimal(rate), increments, ""),
            (number * 10 + 1, f"{name}-mobile", mobile, _decimal(rate * MOBILE_FACTOR), "60/1" if rate > DEAR_RATE else increments, ""),
            (number * 10 + 2, f"{name}-cities", cities, _decimal(rate * CITY_PERCENT // 100), increments, ""),
        ]
    for number, (name, prefixes, increments) in enumerate(BLOCKS, start=1):
        found.append((900 + number, name, prefixes, _decimal(100 * BLOCK_FACTOR + number), increments, "0.05"))
    return found


def _decimal(rate: int) -> str:
    """Decimal text of a rate in ten-thousandths."""
    return f"{rate // 10_000}.{rate % 10_000:04d}"


if __name__ == "__main__":
    main()
