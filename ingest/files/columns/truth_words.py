"""Yes and no as tools and languages write them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

PAIRS: tuple[tuple[frozenset[str], frozenset[str]], ...] = tuple(
    (frozenset(yes.split("/")), frozenset(no.split("/")))
    for yes, no in (
        pair.split()
        for pair in (
            "true false",
            "t f",
            "yes no",
            "y n",
            "on off",
            "ja nein",
            "j n",
            "wahr falsch",
            "oui non",
            "o n",
            "vrai faux",
            "sí/si no",
            "s n",
            "verdadero falso",
            "sì/si no",
            "vero falso",
            "sim não/nao",
            "verdadeiro falso",
            "ja nee",
            "waar onwaar",
            "ja nej",
            "ja nei",
            "sant usant",
            "sand falsk",
            "sant falskt",
            "kyllä ei",
            "tosi epätosi",
            "tak nie",
            "prawda fałsz",
            "ano ne",
            "pravda nepravda",
            "igen nem",
            "igaz hamis",
            "da nu",
            "da ne",
            "evet hayır",
            "doğru yanlış",
            "да нет",
            "истина ложь",
            "так ні",
            "はい いいえ",
            "是 否",
            "真 假",
            "예 아니요/아니오",
            "ya tidak",
        )
    )
)


def truth_values(words: Iterable[str]) -> Mapping[str, float]:
    """1 and 0 for each word when one language has all of them (in any case); else nothing."""
    folded = {word: word.casefold() for word in words}
    for yes, no in PAIRS:
        if folded and set(folded.values()) <= yes | no:
            return {word: float(plain in yes) for word, plain in folded.items()}
    return {}


def is_truth_word(word: str) -> bool:
    """Whether some language says yes or no by this word."""
    return any(word.casefold() in yes | no for yes, no in PAIRS)
