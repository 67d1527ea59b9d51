"""Schedule phrases → five-field cron lines: `mon 08:00`, `every 15m`, `1st 07:30`, `@weekly`."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Final, NoReturn

from cronsim import CronSim, CronSimError

from digest.config.problems import bad, did_you_mean

LONGEST: Final = 200
EXAMPLES: Final = (
    'write it like "mon 08:00", "mon-fri 09:00", "every day 07:30", "every 15m", "1st 07:30", '
    '"last day 07:30" or "0 8 * * mon"'
)

_DAYS: Final = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
_FULL: Final = ("sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday")
_GROUPS: Final = {
    "day": "*", "daily": "*", "weekday": "mon-fri", "weekdays": "mon-fri", "weekend": "sat,sun",
    "weekends": "sat,sun",
}  # fmt: skip
_NICKNAMES: Final = {
    "@hourly": "0 * * * *", "@daily": "0 0 * * *", "@midnight": "0 0 * * *",
    "@weekly": "0 0 * * 0", "@monthly": "0 0 1 * *", "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
}  # fmt: skip
_FIELDS: Final = 5
_SAFE_DAY: Final = 28
_LAST_DAY: Final = 31
_HOURS: Final = 24
_MINUTES: Final = 60

_INTERVAL = re.compile(
    r"every (\d{1,4}) ?(m|mins?|minutes?|h|hours?)|every (minute|hour)", re.ASCII
)
_CLOCK = re.compile(r"(\d{1,2}):(\d{2})", re.ASCII)
_NTH = re.compile(r"(\d{1,2})(?:st|nd|rd|th)", re.ASCII)


def to_cron(phrase: str) -> str:
    """The cron line that a phrase stands for. Raises BadValueError with what to write."""
    text = re.sub(r"\s*,\s*", ",", " ".join(phrase.lower().split()))
    if not text:
        raise bad(f"is empty; {EXAMPLES}")
    if len(text) > LONGEST:
        raise bad(f"is too long for a schedule; {EXAMPLES}")
    words = text.split(" ")
    if text.startswith("@"):
        return _nickname(text)
    if len(words) == _FIELDS:
        return _cron_line(text)
    if text[0] in "*0123456789" and len(words) in {_FIELDS - 1, _FIELDS + 1}:
        raise bad(f"a cron line has five fields, not {len(words)}")
    if match := _INTERVAL.fullmatch(text):
        return _interval(match)
    return _days_and_time(words[1:] if words[0] == "every" else words, text)


def _nickname(text: str) -> str:
    if text not in _NICKNAMES:
        raise bad(
            "{value} is not a schedule{hint}", value=text, hint=did_you_mean(text, _NICKNAMES)
        )
    return _NICKNAMES[text]


def _cron_line(text: str) -> str:
    try:
        next(CronSim(text, datetime(2026, 1, 1)))  # noqa: DTZ001 — wall-clock time on purpose
    except CronSimError as error:
        field = str(error).removeprefix("Bad ")
        raise bad(f"the {field} field of the cron line {{value}} is wrong", value=text) from None
    except (ValueError, IndexError, AssertionError):
        raise bad("{value} is not a cron line", value=text) from None
    except StopIteration:
        raise bad("the cron line {value} never comes true", value=text) from None
    return text


def _interval(match: re.Match[str]) -> str:
    number, unit = int(match[1] or 1), (match[2] or match[3])[0]
    minutes = number * _MINUTES if unit == "h" else number
    if 0 < minutes < _MINUTES and _MINUTES % minutes == 0:
        return f"*/{minutes} * * * *" if minutes > 1 else "* * * * *"
    hours, rest = divmod(minutes, _MINUTES)
    if not rest and 0 < hours <= _HOURS and _HOURS % hours == 0:
        hour = "*" if hours == 1 else f"*/{hours}" if hours < _HOURS else "0"
        return f"0 {hour} * * *"
    raise bad("an interval must divide an hour or a day evenly, such as 5m, 15m, 30m, 1h, 2h or 6h")


def _days_and_time(words: list[str], text: str) -> str:
    *days, clock = words
    match = _CLOCK.fullmatch(clock)
    if match is None:
        _no_time(words, text)
    hour, minute = int(match[1]), int(match[2])
    if hour >= _HOURS or minute >= _MINUTES:
        raise bad("{value} is not a time of day; it goes from 00:00 to 23:59", value=clock)
    if not days:
        raise bad("{value} says no day; {hint}", value=text, hint=f'write "every day {clock}"')
    if days == ["last", "day"]:
        return f"{minute} {hour} L * *"
    if len(days) > 1:
        raise bad("can't read the schedule {value}; " + EXAMPLES, value=text)
    if all(_NTH.fullmatch(day) for day in days[0].split(",")):
        return f"{minute} {hour} {_days_of_month(days[0])} * *"
    return f"{minute} {hour} * * {_days_of_week(days[0])}"


def _no_time(words: list[str], text: str) -> NoReturn:
    if any(_CLOCK.fullmatch(word) for word in words[:-1]):
        raise bad(
            "can't read the schedule {value}; the time comes last, as in mon 08:00", value=text
        )
    if words[-1].endswith(("am", "pm")) or words[-1].replace(".", "").isdigit():
        raise bad("{value} is not a time of day; write it like 08:00 or 17:30", value=words[-1])
    raise bad("can't read the schedule {value}; " + EXAMPLES, value=text)


def _days_of_month(text: str) -> str:
    days = [int(day[:-2]) for day in text.split(",")]
    for day in days:
        if _SAFE_DAY < day <= _LAST_DAY:
            raise bad(
                "not every month has the day {value}; use the last day, or a cron line if short "
                "months are to be left out",
                value=str(day),
            )
        if not 1 <= day <= _SAFE_DAY:
            raise bad("{value} is not a day of the month", value=str(day))
    return ",".join(map(str, sorted(set(days))))


def _days_of_week(text: str) -> str:
    if text in _GROUPS:
        return _GROUPS[text]
    found: list[str] = []
    for piece in text.split(","):
        first, dash, last = piece.partition("-")
        start = _day(first)
        length = (_day(last) - start) % len(_DAYS) if dash else 0
        found += [_DAYS[(start + step) % len(_DAYS)] for step in range(length + 1)]
    numbers = sorted({_DAYS.index(day) for day in found}, key=lambda number: (number - 1) % 7)
    run = [numbers[0] + step for step in range(len(numbers))]
    if len(numbers) > 2 and numbers == run:  # noqa: PLR2004 — two days are a list, more a range
        return f"{_DAYS[numbers[0]]}-{_DAYS[numbers[-1]]}"
    return "*" if len(numbers) == len(_DAYS) else ",".join(_DAYS[number] for number in numbers)


def _day(word: str) -> int:
    for names in (_DAYS, _FULL):
        if word in names:
            return names.index(word)
        if word.removesuffix("s") in names and names is _FULL:
            return names.index(word.removesuffix("s"))
    known = (*_DAYS, *_FULL, *_GROUPS)
    raise bad("{value} is not a day{hint}", value=word, hint=did_you_mean(word, known))
