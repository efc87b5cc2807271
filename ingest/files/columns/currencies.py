"""Currency signs and codes as they stand before or behind an amount."""

from __future__ import annotations

import re
import unicodedata

# ISO 4217 codes in use, and how people abbreviate.
CODES = frozenset(
    re.findall(
        "...",
        "AEDAFNALLAMDANGAOAARSAUDAWGAZNBAMBBDBDTBGNBHDBIFBMDBNDBOBBRLBSDBTNBWPBYNBZDCADCDFCHFCLPCNY"
        "COPCRCCUPCVECZKDJFDKKDOPDZDEGPERNETBEURFJDFKPGBPGELGHSGIPGMDGNFGTQGYDHKDHNLHTGHUFIDRILSINR"
        "IQDIRRISKJMDJODJPYKESKGSKHRKMFKPWKRWKWDKYDKZTLAKLBPLKRLRDLSLLYDMADMDLMGAMKDMMKMNTMOPMRUMUR"
        "MVRMWKMXNMYRMZNNADNGNNIONOKNPRNZDOMRPABPENPGKPHPPKRPLNPYGQARRONRSDRUBRWFSARSBDSCRSDGSEKSGD"
        "SHPSLESOSSRDSSPSTNSVCSYPSZLTHBTJSTMTTNDTOPTRYTTDTWDTZSUAHUGXUSDUYUUZSVEDVESVNDVUVWSTXAFXCD"
        "XOFXPFYERZARZMWZWG",
    )
)
ABBREVIATIONS = frozenset(
    (
        *("r$", "us$", "a$", "ca$", "c$", "nz$", "hk$", "s$", "nt$", "mx$", "kr", "kr.", "fr"),
        *("fr.", "sfr", "sfr.", "kč", "zł", "ft", "lei", "лв", "лв.", "руб", "руб.", "грн", "rs"),
        *("rs.", "rp", "rm", "tl", "din", "din.", "円", "元", "원", "s/", "s/."),
    )
)


def currency_of(text: str) -> str | None:
    """The currency that a text stands for, None when it is none."""
    word = text.strip()
    if word.upper() in CODES:
        return word.upper()
    if word.casefold() in ABBREVIATIONS:
        return word.casefold()
    signs = bool(word) and all(unicodedata.category(letter) == "Sc" for letter in word)
    return word if signs and len(word) == 1 else None
