"""Times in questions: from when to when, in UTC; calendar words mean whole calendar periods."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

NUMBERS = {
    "a": 1, "one": 1, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7,
    "eight": 8, "nine": 9, "ten": 10, "twelve": 12, "fourteen": 14, "thirty": 30, "couple of": 2,
}  # fmt: skip
COUNT = r"(?P<n>\d+|" + "|".join(NUMBERS) + r")"
UNIT = r"(?P<unit>hour|day|week|month|quarter|year|fortnight)"
LAST = r"(?:last|past|previous|preceding|trailing|most recent|latest)"
MONTHS = [
    "january",
    "february",
    "march",
    "april",
    "may",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
]
MONTH = r"(?:" + "|".join(f"{m}|{m[:3]}" for m in MONTHS) + r")"
DAY = r"\d{1,2}(?:st|nd|rd|th)?"
ORDINAL = r"(?:the )?\d{1,2}(?:st|nd|rd|th)\b"
DATE = (
    rf"(?:\d{{4}}-\d{{2}}-\d{{2}}|(?:the )?{DAY}(?: of)? {MONTH}\b\.?(?:,? \d{{4}})?"
    rf"|{MONTH}\b\.? (?:the )?{DAY}(?:,? \d{{4}})?)"
)
TO = r"(?:and|to|until|till|through|thru|-)"
A_DATE = rf"(?:{DATE}|{ORDINAL})"
WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
WEEKDAY = r"(?P<weekday>" + "|".join(WEEKDAYS) + r")"
UNITS_DAYS = {"hour": 1 / 24, "day": 1, "week": 7, "fortnight": 14}


@dataclass(frozen=True, slots=True, kw_only=True)
class TimeRange:
    """Half-open in UTC; ``words`` is what it was read from."""

    since: datetime | None
    until: datetime | None
    words: str


def find_time_range(text: str, now: datetime) -> tuple[TimeRange | None, str]:
    """The first range in a lower-case text, and the text without its words."""
    for pattern, read in _READERS:
        match = re.search(rf"\b(?:in |on |during |over |within |for |from )?{pattern}\b", text)
        if match is None:
            continue
        found = read(match, now.astimezone(UTC))
        if found is None:
            continue
        since, until = found
        rest = f"{text[: match.start()]} {text[match.end() :]}"
        return TimeRange(since=since, until=until, words=match.group().strip()), rest
    return None, text


def find_two_ranges(text: str, now: datetime) -> tuple[TimeRange, TimeRange, str] | None:
    """The two ranges of a text in the order in which they stand, and the text without them."""
    one, rest = find_time_range(text, now)
    if one is None:
        return None
    other, rest = find_time_range(rest, now)
    if other is None:
        return None
    if text.find(other.words) < text.find(one.words):
        one, other = other, one
    return one, other, rest


Range = tuple[datetime | None, datetime | None]


def _between(match: re.Match[str], now: datetime) -> Range | None:
    """Two dates of which one may leave its month to the other."""
    first, second = match["a"], match["b"]
    months = re.findall(rf"\b{MONTH}\b", f"{first} {second}")
    if len(months) == 1:
        first, second = (_of_month(one, months[0]) for one in (first, second))
    start, end = _date(first, now), _date(second, now)
    return (start, end + timedelta(days=1)) if start and end and start <= end else None


def _from_first(match: re.Match[str], now: datetime) -> Range | None:
    start, end = _date(f"1 {match['a']}", now), _date(f"{match['b']} {match['a']}", now)
    return (start, end + timedelta(days=1)) if start and end and start <= end else None


def _of_month(day: str, month: str) -> str:
    return day if month in day else f"{day.removeprefix('the ')} {month}"


def _since(match: re.Match[str], now: datetime) -> Range | None:
    start = _date(match["a"], now)
    return (start, None) if start else None


def _before(match: re.Match[str], now: datetime) -> Range | None:
    end = _date(match["a"], now)
    return (None, end) if end else None


def _on(match: re.Match[str], now: datetime) -> Range | None:
    day = _date(match["a"], now)
    return (day, day + timedelta(days=1)) if day else None


def _rolling(match: re.Match[str], now: datetime) -> Range | None:
    count = NUMBERS.get(match["n"]) or int(match["n"])
    return _back(now, count, match["unit"]), now


def _since_ago(match: re.Match[str], now: datetime) -> Range | None:
    count = NUMBERS.get(match["n"]) or int(match["n"])
    return _back(now, count, match["unit"]), None


def _calendar(match: re.Match[str], now: datetime) -> Range | None:
    start = _start(now, match["unit"])
    if match["which"] in ("this", "current", "the current"):
        return start, None
    if match["which"].endswith("past") or match["unit"] == "fortnight":
        return _back(now, 1, match["unit"]), now
    return _start(start - timedelta(hours=1), match["unit"]), start


def _named_day(match: re.Match[str], now: datetime) -> Range | None:
    today = _start(now, "day")
    if match["day"] == "today":
        return today, None
    back = 1 if match["day"] == "yesterday" else 2
    return today - timedelta(days=back), today - timedelta(days=back - 1)


def _since_weekday(match: re.Match[str], now: datetime) -> Range | None:
    return _weekday_meant(match, now), None


def _weekday(match: re.Match[str], now: datetime) -> Range | None:
    start = _weekday_meant(match, now)
    return start, min(start + timedelta(days=1), now)


def _weekday_meant(match: re.Match[str], now: datetime) -> datetime:
    """The latest day of that name; a "last" one is never today."""
    day = _last_weekday(match["weekday"], now)
    today = day == _start(now, "day")
    return day - timedelta(days=7) if today and "last " in match.group() else day


def _last_weekday(name: str, now: datetime) -> datetime:
    """The latest day of that name, today among them."""
    today = _start(now, "day")
    return today - timedelta(days=(today.weekday() - WEEKDAYS.index(name)) % 7)


def _days_ago(match: re.Match[str], now: datetime) -> Range | None:
    count = NUMBERS.get(match["n"]) or int(match["n"])
    day = _start(now, "day") - timedelta(days=count)
    return day, day + timedelta(days=1)


def _quarter(match: re.Match[str], now: datetime) -> Range | None:
    """A quarter or half; without a year, the latest that has begun."""
    length = 3 if match["part"] == "q" else 6
    month = 1 + length * (int(match["number"]) - 1)
    year = int(match["year"] or now.year - (month > now.month))
    start = datetime(year, month, 1, tzinfo=UTC)
    return start, (start + timedelta(days=31 * length)).replace(day=1)


def _week_of(match: re.Match[str], now: datetime) -> Range | None:
    day = _date(match["a"], now)
    start = _start(day, "week") if day else None
    return (start, start + timedelta(days=7)) if start else None


def _since_start(match: re.Match[str], now: datetime) -> Range | None:
    start = _start(now, match["unit"])
    if match["which"] in ("last", "previous"):
        start = _start(start - timedelta(hours=1), match["unit"])
    return start, None


def _to_date(match: re.Match[str], now: datetime) -> Range | None:
    said = match["short"]
    unit = {"w": "week", "m": "month", "q": "quarter", "y": "year"}[said[0]]
    return _start(now, unit), None


def _weekday_of_week(match: re.Match[str], now: datetime) -> Range | None:
    start = _start(now, "week")
    if match["which"] == "last":
        start -= timedelta(days=7)
    day = start + timedelta(days=WEEKDAYS.index(match["weekday"]))
    return (day, day + timedelta(days=1)) if day <= now else None


def _weekend(match: re.Match[str], now: datetime) -> Range | None:
    """Saturday and Sunday, the latest that are over."""
    monday = _start(now, "week")
    return monday - timedelta(days=2), monday


def _half_of_month(match: re.Match[str], now: datetime) -> Range | None:
    begin, end = _month(match, now) or (None, None)
    if begin is None or end is None:
        return None
    middle = begin + timedelta(days=(end - begin).days // 2)
    return (begin, middle) if match["half"] == "first" else (middle, end)


def _days_of_month(match: re.Match[str], now: datetime) -> Range | None:
    begin, end = _month(match, now) or (None, None)
    if begin is None or end is None:
        return None
    days = timedelta(days=NUMBERS.get(match["n"]) or int(match["n"]))
    return (begin, begin + days) if match["end"] == "first" else (end - days, end)


def _month(match: re.Match[str], now: datetime) -> Range | None:
    if match.group().strip() == "may":  # a verb, unless something says that it is a time
        return None
    number = 1 + next(i for i, m in enumerate(MONTHS) if m.startswith(match["month"][:3]))
    year = int(match["year"]) if match["year"] else now.year - (number > now.month)
    start = datetime(year, number, 1, tzinfo=UTC)
    return start, (start + timedelta(days=32)).replace(day=1)


def _back(now: datetime, count: int, unit: str) -> datetime:
    if unit in UNITS_DAYS:
        return now - timedelta(days=count * UNITS_DAYS[unit])
    months = count * {"month": 1, "quarter": 3, "year": 12}[unit]
    index = now.year * 12 + now.month - 1 - months
    day = min(now.day, 28)
    return now.replace(year=index // 12, month=index % 12 + 1, day=day)


def _start(moment: datetime, unit: str) -> datetime:
    day = moment.replace(hour=0, minute=0, second=0, microsecond=0)
    if unit == "hour":
        return moment.replace(minute=0, second=0, microsecond=0)
    if unit == "week":
        return day - timedelta(days=day.weekday())
    if unit == "month":
        return day.replace(day=1)
    if unit == "quarter":
        return day.replace(month=3 * ((day.month - 1) // 3) + 1, day=1)
    return day.replace(month=1, day=1) if unit == "year" else day


def _day_of_month(day: int, now: datetime) -> datetime | None:
    """The latest day of that number, today among them."""
    moment = _start(now, "month")
    for _ in range(3):
        try:
            found = moment.replace(day=day)
        except ValueError:
            found = None
        if found is not None and found <= now:
            return found
        moment = _start(moment - timedelta(hours=1), "month")
    return None


def _date(text: str, now: datetime) -> datetime | None:
    import dateparser

    bare = re.fullmatch(r"(?:the )?(\d{1,2})(?:st|nd|rd|th)", text.strip())
    if bare is not None:
        return _day_of_month(int(bare[1]), now)
    text = re.sub(r"\b(?:the|of)\b", " ", text)

    found = dateparser.parse(
        text,
        languages=["en"],
        settings={
            "TIMEZONE": "UTC",
            "RETURN_AS_TIMEZONE_AWARE": True,
            "PREFER_DATES_FROM": "past",
            "RELATIVE_BASE": now.replace(tzinfo=None),
        },
    )
    return _start(found.astimezone(UTC), "day") if found else None


_READERS = (
    (rf"(?:between |from )?(?P<a>{A_DATE}) {TO} (?P<b>{A_DATE})", _between),
    (rf"(?:between|from) (?P<a>{DAY}) {TO} (?P<b>{DATE})", _between),
    (rf"(?P<a>{MONTH} {DAY}) {TO} (?P<b>{DAY})\b(?! ?[%/])", _between),
    (
        rf"(?:the month of )?(?P<a>{MONTH}),? (?:until|till|up to|through|thru) (?:the )?"
        rf"(?P<b>{DAY})\b",
        _from_first,
    ),
    (rf"(?:the )?weeks? (?:of|commencing|beginning|starting|from) (?P<a>{A_DATE})", _week_of),
    (rf"(?:since|after|from|starting|as of) (?P<a>{A_DATE})(?: onwards?| on)?", _since),
    (rf"(?:before|until|till|up to) (?P<a>{A_DATE})", _before),
    (rf"(?P<a>{DATE})", _on),
    (rf"(?:on )(?P<a>{ORDINAL})", _on),
    (
        rf"(?:the )?(?P<end>first|last) {COUNT} days? of (?P<month>{MONTH})(?: (?P<year>\d{{4}}))?",
        _days_of_month,
    ),
    (
        rf"(?:the )?(?P<half>first|second) half of (?P<month>{MONTH})(?: (?P<year>\d{{4}}))?",
        _half_of_month,
    ),
    (
        r"(?:(?:since|from) )?the (?:start|beginning) of (?P<which>the|this|last|previous) "
        r"(?P<unit>week|month|quarter|year)",
        _since_start,
    ),
    (r"(?P<short>wtd|mtd|qtd|ytd|(?:week|month|quarter|year)[ -]to[ -]date)", _to_date),
    (r"(?P<part>q)(?P<number>[1-4])(?: (?:of )?(?P<year>\d{4}))?", _quarter),
    (r"(?P<part>h)(?P<number>[12])(?: (?:of )?(?P<year>\d{4}))?", _quarter),
    (rf"{WEEKDAY} (?:of )?(?P<which>last|this) week", _weekday_of_week),
    (rf"(?P<which>last|this) week(?:'s)?(?: on)? {WEEKDAY}", _weekday_of_week),
    (r"(?:(?:over|at) )?(?:the |last |this past |the last |past )weekend", _weekend),
    (rf"(?:since|from|starting|as of)(?: last| this)? {WEEKDAY}", _since_weekday),
    (rf"(?:last |this |this past )?{WEEKDAY}", _weekday),
    (rf"(?:the )?{LAST} {COUNT} {UNIT}s?", _rolling),
    (rf"{COUNT} {LAST} {UNIT}s", _rolling),
    (rf"(?:since|in the) {COUNT} {UNIT}s? ago", _since_ago),
    (rf"{COUNT} days? ago", _days_ago),
    (
        rf"(?P<which>last|previous|this|the current|current|the last|past|the past) {UNIT}",
        _calendar,
    ),
    (r"(?P<day>today|yesterday|the day before yesterday)", _named_day),
    (rf"(?:the month of )?(?P<month>{MONTH})(?: (?P<year>\d{{4}}))?", _month),
)
