"""Counts with their nouns, as people read them."""


def counted(number: int, noun: str, plural: str = "") -> str:
    """`1 prefix`, `1,203 prefixes`. `plural`: where it is not the noun with an s."""
    return f"{number:,} {noun if number == 1 else plural or noun + 's'}"
