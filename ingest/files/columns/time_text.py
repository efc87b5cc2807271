"""One text as a time: ISO 8601 and the other forms that say which part is which."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from zoneinfo import ZoneInfo

CLOCK = (
    r"(?P<hour>\d{1,2}):(?P<minute>\d{2})(?::(?P<second>\d{2})(?:[.,](?P<fraction>\d{1,9}))?)?"
    r"(?:\s*(?P<half>[AaPp])\.?[Mm]\.?)?"
)
ZONE = (
    r"(?:\s*(?P<zone>(?:UTC|GMT)?[+-]\d{2}(?::?\d{2})?|[A-Za-z]+(?:/[A-Za-z_]+)*))?"
    r"(?:\s*[\[(](?P<named>[^\])]+)[\])])?"
)
TIME = rf"(?:(?:[T ]|,\s*|\s+)\s*{CLOCK}{ZONE})?"
MONTH = r"(?P<name>[A-Za-z]{3,9})\.?"
WEEKDAY = r"(?:(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)[a-z]*\.?,?\s+)?"
YEAR_FIRST = re.compile(
    rf"(?P<year>\d{{4}})(?P<sign>[-/.])(?P<month>\d{{1,2}})(?P=sign)(?P<day>\d{{1,2}}){TIME}Z?"
)
BASIC = re.compile(
    r"(?P<year>(?:19|20)\d{2})(?P<month>\d{2})(?P<day>\d{2})"
    r"(?:[T ]?(?P<hour>\d{2})(?P<minute>\d{2})(?P<second>\d{2})?(?P<fraction>\Z)?"
    rf"(?P<half>\Z)?{ZONE})?"
)
YEAR_LAST = re.compile(
    rf"(?P<first>\d{{1,2}})(?P<sign>[-/.])(?P<second_part>\d{{1,2}})(?P=sign)(?P<year>\d{{4}}){TIME}"
)
NAMED = (
    re.compile(
        rf"{WEEKDAY}{MONTH}\s+(?P<day>\d{{1,2}})(?:st|nd|rd|th)?,?\s+(?P<year>\d{{4}}){TIME}"
    ),
    re.compile(rf"{WEEKDAY}(?P<day>\d{{1,2}})\.?[-\s/]{MONTH},?[-\s/](?P<year>\d{{4}}){TIME}"),
    re.compile(rf"{WEEKDAY}{MONTH}\s+(?P<day>\d{{1,2}})\s+{CLOCK}{ZONE}\s+(?P<year>\d{{4}})"),
    re.compile(rf"(?P<year>\d{{4}})[-\s]{MONTH}[-\s](?P<day>\d{{1,2}}){TIME}"),
)
MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
FULL_MONTHS = (
    *("january", "february", "march", "april", "may", "june", "july", "august"),
    *("september", "october", "november", "december", "sept"),
)
# Abbreviations that mean one offset wherever they are used, in minutes.
ZONES = {
    **dict.fromkeys(("z", "utc", "gmt", "ut"), 0),
    "wet": 0,
    "west": 60,
    "cet": 60,
    "cest": 120,
    "eet": 120,
    "eest": 180,
    "msk": 180,
    "jst": 540,
    "aest": 600,
    "aedt": 660,
    "nzst": 720,
    "nzdt": 780,
    "edt": -240,
    "cdt": -300,
    "mdt": -360,
    "pdt": -420,
    "akdt": -480,
}
# Browsers write a narrow no-break space before AM and PM.
BLANKS = {0xA0: " ", 0x202F: " ", 0x2009: " "}
OFFSET = re.compile(r"(?:UTC|GMT)?(?P<sign>[+-])(?P<hours>\d{2}):?(?P<minutes>\d{2})?")


def read_time(text: str, *, day_first: bool | None = None) -> datetime | None:
    """The UTC time that a text says, None where its form is not known; without a zone it is UTC.

    ``day_first`` says how ``3/4/2026`` is read; None leaves that unread. Raises ``ValueError`` for
    a form that is known and a date that is none (the 31st of April), or a zone that is not known.
    """
    text = text.translate(BLANKS)
    if not text.isascii():
        # Digits of other scripts are no numbers here.
        return None
    match = YEAR_FIRST.fullmatch(text) or BASIC.fullmatch(text)
    if match is not None:
        return _moment(match, int(match["month"]), int(match["day"]))
    if (match := YEAR_LAST.fullmatch(text)) is not None:
        if match["sign"] == "." and day_first is None:
            day_first = True
        if day_first is None:
            return None
        parts = int(match["first"]), int(match["second_part"])
        day, month = parts if day_first else parts[::-1]
        return _moment(match, month, day)
    for form in NAMED:
        if (match := form.fullmatch(text)) is not None and (month := _month(match["name"])):
            return _moment(match, month, int(match["day"]))
    return None


def day_and_month(text: str) -> tuple[int, int] | None:
    """The first two numbers of ``3/4/2026``, of which either may be the day; else None."""
    plain = text.translate(BLANKS)
    match = YEAR_LAST.fullmatch(plain) if plain.isascii() else None
    return None if match is None else (int(match["first"]), int(match["second_part"]))


def _month(name: str) -> int:
    plain = name.casefold()
    if plain not in MONTHS and plain not in FULL_MONTHS:
        return 0
    return MONTHS.index(plain[:3]) + 1


def _moment(match: re.Match[str], month: int, day: int) -> datetime:
    hour = int(match["hour"] or 0)
    if match["half"]:
        if not 1 <= hour <= 12:
            raise ValueError(f"{match.string!r} has no hour of twelve")
        hour = hour % 12 + (12 if match["half"] in "Pp" else 0)
    fraction = (match["fraction"] or "")[:6].ljust(6, "0")
    second = int(match["second"] or 0)
    zone = _zone(match["zone"], match["named"])
    moment = datetime(
        int(match["year"]),
        month,
        day,
        hour,
        int(match["minute"] or 0),
        59 if second == 60 else second,
        int(fraction),
        tzinfo=zone,
    )
    return moment.astimezone(UTC)


def _zone(zone: str | None, named: str | None) -> tzinfo:
    if named and "/" in named:
        return _place(named)
    zone = zone or named
    if not zone:
        return UTC
    if (match := OFFSET.fullmatch(zone)) is not None:
        minutes = int(match["hours"]) * 60 + int(match["minutes"] or 0)
        return timezone(timedelta(minutes=-minutes if match["sign"] == "-" else minutes))
    if zone.casefold() in ZONES:
        return timezone(timedelta(minutes=ZONES[zone.casefold()]))
    if "/" in zone:
        return _place(zone)
    raise ValueError(f"the zone {zone!r} means several offsets: write one, like +02:00")


def _place(name: str) -> tzinfo:
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError) as error:
        raise ValueError(f"the zone {name!r} is not known") from error
