"""Case 64 of the fault matrix: every number is the same in text, HTML, Slack, charts and JSON.

Random series are served over HTTP, fetched by the real client and rendered by the real renderer.
What each form shows is read back out of it, entry by entry, and held against `report.json`.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from datetime import date, timedelta
from html.parser import HTMLParser
from typing import TYPE_CHECKING, Any

from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from digest import charts, report
from digest.charts import theme
from digest.charts.drawing import lay_out
from digest.charts.shapes import Words
from digest.core.charting import chart_name, chart_specs
from digest.core.charts_spec import BarChart, LineChart, NoChart
from digest.core.content import Picture
from digest.core.deltas import Delta, DeltaKind, Sense
from digest.core.metrics import CATALOGUE, Dimension, Metric, Unit
from digest.core.periods import BaselineKind, BaselineRule, parse_period
from digest.core.wording import Wording
from digest.render import Renderer
from tests.support.hostile_http import HostileServer, Seen, Wire, json_answer
from tests.support.phase_answers import META
from tests.support.phase_clients import NOW, scaled_client
from tests.support.report_parts import EVERY_DAY, silent, spec

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from digest.core.content import Content
    from digest.core.report_model import Report

    Json = dict[str, Any]
    Row = tuple[str, ...]

DIMENSIONS = (
    Dimension.EVENTS_EVENT_NAME,
    Dimension.SESSIONS_COUNTRY,
    Dimension.USERS_PLATFORM,
)
ALL_CHARTS = (*Metric, *DIMENSIONS)
RENDERER = Renderer(None)
DAY = timedelta(days=1)
FIRST = date(2026, 1, 1)


# A Phase of random numbers -----------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class World:
    """Per metric a few values that repeat day after day (None: the day is missing), and lists."""

    days: Mapping[str, Sequence[float | None]]
    lists: Mapping[str, Sequence[Sequence[tuple[str, int]]]]

    def act(self, wire: Wire, seen: Seen) -> None:
        """Answer one question."""
        kind, _, name = seen.path.partition("/reports/")[2].partition("/")
        if name == "breakdown":
            rows = self._rows(kind, seen.query)
            body: Json = {"dimension": seen.query["dimension"], "rows": rows, "meta": META}
        else:
            metric = seen.query.get("metric", "eventCount")
            body = {"data": list(self._days(metric, seen.query)), "meta": META}
        json_answer(body)(wire, seen)

    def _days(self, metric: str, query: Mapping[str, str]) -> Iterator[Json]:
        first, last = (date.fromisoformat(query[name][:10]) for name in ("startDate", "endDate"))
        values = self.days[metric]
        for n in range((last - first).days + 1):
            day = first + DAY * n
            value = values[(day - FIRST).days % len(values)]
            if value is not None:
                yield {"date": str(day), metric: value}

    def _rows(self, kind: str, query: Mapping[str, str]) -> list[Json]:
        found = self.lists[kind]
        which = date.fromisoformat(query.get("startDate", str(FIRST))[:10]).toordinal()
        rows = found[which % len(found)][: int(query["limit"])]
        return [{"value": value, "count": count} for value, count in rows]


# Up to more than anybody counts. Beside a bar there is room for 13 digits and a share.
COUNTS = st.integers(0, 40) | st.integers(0, 10**6) | st.integers(0, 10**11)
RATES = st.floats(0, 100) | st.integers(0, 100) | st.sampled_from([0.05, 0.15, 33.35, 99.95])
LENGTHS = st.floats(0, 90) | st.floats(0, 5 * 10**5) | st.sampled_from([9.95, 59.5, 3599.5])
VALUES = {"bounceRate": RATES, "avgSessionDuration": LENGTHS}
# Plain ones: what odd names do is shown elsewhere.
NAMES = st.sampled_from([f"{letter}{n}" for letter in "abcdef" for n in range(10)])


def lists() -> st.SearchStrategy[list[list[tuple[str, int]]]]:
    rows = st.lists(st.tuples(NAMES, COUNTS), max_size=15, unique_by=lambda row: row[0])
    return st.lists(rows, min_size=1, max_size=3)


WORLDS = st.builds(
    World,
    days=st.fixed_dictionaries(
        {
            # a missing day now and then; not of the sessions, which may be the only day there is
            name: st.lists(
                VALUES.get(name, COUNTS) | (st.nothing() if name == "sessionCount" else st.none()),
                min_size=1,
                max_size=10,
            )
            for name in EVERY_DAY
        }
    ),
    lists=st.fixed_dictionaries({kind: lists() for kind in ("events", "sessions", "users")}),
)
RULES = st.sampled_from(
    [BaselineRule(), BaselineRule(BaselineKind.TRAILING, 4), BaselineRule(BaselineKind.YEAR)]
)


@dataclass(frozen=True, kw_only=True)
class Made:
    """One digest in all its forms. `found` is `report.json` as a program reads it."""

    report: Report
    specs: tuple[LineChart | BarChart | NoChart, ...]
    content: Content
    found: Json
    words: Wording

    @property
    def before(self) -> str:
        return self.words.baseline(self.report.baseline)


def made_of(world: World, period: str, rule: BaselineRule, locale: str, drawn: set[str]) -> Made:
    wanted = parse_period(period)
    digest = spec(
        wanted.kind, metrics=tuple(Metric), breakdowns=DIMENSIONS, baseline=rule, locale=locale
    )
    plan = report.plan(digest, wanted, NOW)
    with HostileServer(world.act) as server, scaled_client(server.url) as client:
        built = report.assemble(plan, report.fetch(plan, client, silent))
    specs = chart_specs(built, ALL_CHARTS)
    pictures = tuple(charts.draw([one])[0] if one.name in drawn else undrawn(one) for one in specs)
    text = json.dumps(report.to_json(built), allow_nan=False, ensure_ascii=False)
    return Made(
        report=built,
        specs=specs,
        content=RENDERER.content(built, pictures),
        found=json.loads(text),
        words=Wording(locale),
    )


def undrawn(chart: LineChart | BarChart | NoChart) -> Picture | NoChart:
    """As if drawn, but for the pixels."""
    if isinstance(chart, NoChart):
        return chart
    return Picture(name=chart.name, png=b"", alt=chart.alt, width=1, height=1, title=chart.title)


# What `report.json` says, in words ---------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Shown:
    """One headline number as a reader sees it: value, delta with its arrow and sense, baseline."""

    title: str
    value: str
    delta: str
    was: str = ""


def numbers_in_json(made: Made) -> list[Shown]:
    found = []
    for name, one in made.found["metrics"].items():
        unit = CATALOGUE[Metric(name)].unit
        delta = delta_in_json(one)
        sense = made.words.sense(delta) if delta.kind is DeltaKind.CHANGED else ""
        parts = (made.words.arrow(delta), made.words.delta(unit, delta), sense)
        known = one["baseline"] is not None and delta.kind is not DeltaKind.PARTIAL
        found.append(
            Shown(
                title=one["title"],
                value=flat(made.words.value(unit, one["value"])),
                delta=flat(" ".join(parts)),
                was=flat(made.words.value(unit, one["baseline"])) if known else "",
            )
        )
    return found


def delta_in_json(one: Json) -> Delta:
    return Delta(
        kind=DeltaKind(one["delta"]),
        change=one["change"],
        percent=one["percent"],
        sense=Sense(one["sense"]),
    )


@dataclass(frozen=True, slots=True)
class Line:
    """One row of a list as a reader sees it, without any spaces."""

    name: str
    count: str
    share: str
    change: str


def rows_in_json(made: Made, dimension: str) -> list[Line]:
    return [
        Line(
            name="Other" if row.get("other") else row["value"],
            count=squeezed(made.words.value(Unit.COUNT, row["count"])),
            share="" if row["share"] is None else squeezed(made.words.percent(row["share"])),
            change=squeezed(change_in_json(row, made.words)),
        )
        for row in made.found["breakdowns"][dimension]
    ]


def change_in_json(row: Json, words: Wording) -> str:
    told = {"new": "new", "gone": "gone", "entered the top": "entered the top"}
    if row["count"] is None or row["baseline"] is None:
        return told.get(row["movement"], "–")
    change = row["count"] - row["baseline"]
    if change == 0:
        return "= no change"
    return f"{'▲' if change > 0 else '▼'} {words.change(Unit.COUNT, change)}"


def compares(rows: Sequence[Line]) -> bool:
    return any(row.change != "–" for row in rows)


# What the other forms say ------------------------------------------------------------------------


def flat(text: str) -> str:
    return " ".join(text.split())


def squeezed(text: str) -> str:
    return "".join(text.split())


def numbers_in_text(made: Made) -> list[Shown]:
    """The table above the first underlined heading."""
    titles = {one["title"] for one in made.found["metrics"].values()}
    found = []
    for line in made.content.email.text.partition("\n--")[0].splitlines():
        title, rest = line[:30].strip(), line[30:].strip(" ")
        if title in titles and rest:
            value, delta, *was = re.split(" {2,}", rest)
            found.append(Shown(title, flat(value), flat(delta), *(flat(w[4:]) for w in was)))
    return found


def rows_in_text(made: Made, heading: str) -> list[str]:
    """The rows under a heading, each without its rank's place and without spaces."""
    lines = made.content.email.text.splitlines()
    at = lines.index(heading)
    assert set(lines[at + 1]) == {"-"}
    row = re.compile(r" ?\d{1,2} [a-f]\d |   Other ")
    return [
        squeezed(line)
        for line in lines[at + 3 :][: _until_blank(lines[at + 3 :])]
        if row.match(line)
    ]


def _until_blank(lines: Sequence[str]) -> int:
    return next((n for n, line in enumerate(lines) if not line.strip()), len(lines))


@dataclass
class Page(HTMLParser):
    """The cards, the lists and the pictures of the mail's page."""

    html: str
    cards: list[dict[str, list[str]]] = field(default_factory=list)
    lists: dict[str, list[list[str]]] = field(default_factory=dict)
    alts: list[str] = field(default_factory=list)
    headings: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self._into: list[str] | None = None
        self._ends = ""
        self._rows: list[list[str]] = []
        self.feed(self.html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        first = (given.get("class") or "").split(" ")[0]
        match tag, first:
            case "table", "list":
                self._rows = self.lists.setdefault(given["aria-label"], [])
            case "table", name if name != "track":  # but a bar beside a row
                self._rows = []
            case "h1", _:
                self._collect(self.headings, tag)
            case "h3", _:
                self.cards.append({})
                self._collect(self.cards[-1].setdefault("title", []), tag)
            case "p", "value" | "delta" | "against":
                self._collect(self.cards[-1].setdefault(first, []), tag)
            case "th", "name":
                self._rows.append([])
                self._collect(self._rows[-1], tag)
            case "td", "" if self._rows:
                self._collect(self._rows[-1], tag)
            case "img", _:
                self.alts.append(flat(given["alt"]))
            case _:
                pass

    def _collect(self, into: list[str], tag: str) -> None:
        if self._into is None:
            into.append("")
            self._into, self._ends = into, tag

    def handle_endtag(self, tag: str) -> None:
        if tag == self._ends:
            self._into, self._ends = None, ""

    def handle_data(self, data: str) -> None:
        if self._into is not None:
            self._into[-1] += data


def numbers_in_html(page: Page, before: str) -> list[Shown]:
    found = []
    for card in page.cards:
        (title,), (value,), (delta,) = card["title"], card["value"], card["delta"]
        against = [flat(text) for text in card.get("against", [])]
        was = [text.removesuffix(f" {before}") for text in against if text.endswith(f" {before}")]
        found.append(Shown(flat(title), flat(value), flat(delta), *was[:1]))
    return found


def as_read(text: str) -> str:
    """A Slack text as its readers see it."""
    for entity, char in (("&lt;", "<"), ("&gt;", ">"), ("&amp;", "&")):
        text = text.replace(entity, char)
    return text.replace("\u2060", "")


def blocks_of(made: Made, kind: str) -> list[Json]:
    messages = made.content.slack.messages
    return [block for message in messages for block in message.blocks if block["type"] == kind]


def numbers_in_slack(made: Made) -> list[Shown]:
    found = []
    for section in blocks_of(made, "section"):
        for entry in section["fields"]:
            title, numbers, *was = as_read(entry["text"]).split("\n")
            value, _, delta = numbers.partition("  ")
            found.append(
                Shown(title.strip("*"), flat(value), flat(delta), *(flat(w[4:]) for w in was))
            )
    return found


def rows_in_slack(made: Made, heading: str) -> list[str]:
    """The rows of a list, and its rest, without spaces."""
    for block in blocks_of(made, "rich_text"):
        first, *parts = block["elements"]
        if as_read(first["elements"][0]["text"]) != heading:
            continue
        listed = [
            squeezed(as_read("".join(run["text"] for run in item["elements"])))
            for part in parts
            if part["type"] == "rich_text_list"
            for item in part["elements"]
        ]
        rest = [
            squeezed(as_read(part["elements"][0]["text"]))
            for part in parts
            if part["type"] == "rich_text_section"
        ]
        return listed + [text for text in rest if text.startswith("Other:")]
    return []


# The comparison ----------------------------------------------------------------------------------


def assert_headlines_alike(made: Made, page: Page) -> None:
    expected = numbers_in_json(made)
    assert len(expected) == len(Metric)
    assert numbers_in_text(made) == expected
    assert numbers_in_html(page, made.before) == expected
    assert numbers_in_slack(made) == expected
    told = as_read(made.content.slack.messages[0].text)
    for name, one in made.found["metrics"].items():
        unit = CATALOGUE[Metric(name)].unit
        value = made.words.value(unit, one["value"])
        assert f"{one['title']} {value} ({made.words.delta(unit, delta_in_json(one))})" in told


def assert_verdicts_alike(made: Made, page: Page) -> None:
    verdict = flat(made.found["verdict"])
    assert [flat(text) for text in page.headings] == [verdict]
    assert verdict in flat(made.content.email.text)
    opening = blocks_of(made, "rich_text")[0]["elements"][0]["elements"][0]
    assert flat(as_read(opening["text"])) == verdict
    first = numbers_in_json(made)[0]
    if not made.found["quiet"] and made.found["metrics"]["sessions"]["delta"] != "no data":
        assert first.value in flat(made.content.email.subject)


def assert_lists_alike(made: Made, page: Page) -> None:
    for dimension in DIMENSIONS:
        rows = rows_in_json(made, dimension)
        shares, changes = any(row.share for row in rows), compares(rows)
        in_text = [
            f"{'' if row.name == 'Other' else rank}{row.name}{row.count}{row.share}"
            f"{row.change if changes else ''}"
            for rank, row in enumerate(rows, start=1)
        ]
        in_html = [
            [
                row.name,
                row.count,
                *([row.share] if shares else []),
                *([row.change] if changes else []),
            ]
            for row in rows
        ]
        assert rows_in_text(made, dimension.heading) == in_text
        shown = page.lists.get(dimension.heading, [])
        assert [[squeezed(cell) for cell in row] for row in shown] == in_html
        assert_slack_list(made, dimension, rows)


def assert_slack_list(made: Made, dimension: Dimension, rows: Sequence[Line]) -> None:
    """A day's message has only the first list, and of that five rows."""
    short = made.report.period.length == 1
    if short and dimension is not DIMENSIONS[0]:
        return
    most = 5 if short else 10
    listed = [row for row in rows if row.name != "Other"]
    expected = [
        f"{row.name}{row.count}" + (f"·{row.share}" if row.share else "")
        + (f"·{row.change}" if compares(rows) else "")
        for row in listed[:most]
    ]  # fmt: skip
    if len(rows) <= most + 1:
        expected += [
            f"Other:{row.count}" + (f"·{row.share}" if row.share else "")
            for row in rows
            if row.name == "Other"
        ]
    assert rows_in_slack(made, dimension.heading) == expected


def assert_charts_alike(made: Made, page: Page) -> None:
    by_name = {chart.name: chart for chart in made.specs}
    for metric in Metric:
        chart = by_name[chart_name(metric)]
        if isinstance(chart, LineChart):
            assert_line(made, metric, chart)
    for dimension in DIMENSIONS:
        chart = by_name[chart_name(dimension)]
        if isinstance(chart, BarChart):
            assert_bars(made, dimension, chart)
        else:
            assert not any(row["count"] for row in made.found["breakdowns"][dimension])
    drawn = [flat(chart.alt) for chart in made.specs if not isinstance(chart, NoChart)]
    assert sorted(page.alts) == sorted(drawn)
    in_text = squeezed(made.content.email.text)
    for chart in made.specs:
        if isinstance(chart, LineChart):
            assert squeezed(chart.alt) in in_text
    in_slack = [flat(as_read(block["alt_text"])) for block in blocks_of(made, "image")]
    assert set(in_slack) <= set(drawn)
    if made.report.period.length > 1:
        assert sorted(in_slack) == sorted(drawn)


def assert_line(made: Made, metric: Metric, line: LineChart) -> None:
    """Its points are JSON's days, its words JSON's values, and it says the headline number."""
    one = made.found["metrics"][metric]
    unit = CATALOGUE[metric].unit
    days = one["recent"] or one["daily"]
    values = [day["value"] for day in days]
    assert list(line.values) == values
    known = [value for value in values if value is not None]
    assert line.axis[0].at <= min(known) <= max(known) <= line.axis[-1].at
    texts = [made.words.value(unit, values[mark.position]) for mark in line.marks]
    assert [mark.text for mark in line.marks] == texts
    ends = [made.words.value(unit, end(known)) for end in (max, min)]
    assert set(ends) <= set(texts)
    assert made.words.value(unit, one["value"]) in line.alt
    assert made.words.delta(unit, delta_in_json(one)) in line.alt
    # of what is printed in bold on the plot, all are such words (one without room is left out)
    printed = [
        shape.text
        for shape in lay_out(line).shapes
        if isinstance(shape, Words) and shape.bold and shape.colour == theme.INK and shape.y > 60
    ]
    assert printed
    assert set(printed) <= set(texts)


def assert_bars(made: Made, dimension: Dimension, bars: BarChart) -> None:
    rows = [row for row in made.found["breakdowns"][dimension] if row["count"]]
    texts = [
        made.words.count(row["count"])
        + ("" if row["share"] is None else f" · {made.words.percent(row['share'])}")
        for row in rows
    ]
    names = ["Other" if row.get("other") else row["value"] for row in rows]
    assert [(bar.name, bar.value, bar.text) for bar in bars.bars] == [
        (name, row["count"], text) for name, row, text in zip(names, rows, texts, strict=True)
    ]
    printed = {shape.text for shape in lay_out(bars).shapes if isinstance(shape, Words)}
    assert printed >= {*names, *texts}
    for name, text in zip(names, texts, strict=True):
        assert f"{name} {text}" in bars.alt


def assert_alike(made: Made) -> None:
    assert "Left out to keep" not in made.content.email.text
    page = Page(made.content.email.html)
    assert_headlines_alike(made, page)
    assert_verdicts_alike(made, page)
    assert_lists_alike(made, page)
    assert_charts_alike(made, page)


@settings(
    max_examples=20,
    deadline=None,
    derandomize=True,
    phases=[Phase.generate, Phase.shrink],
)
@given(
    world=WORLDS,
    period=st.sampled_from(["2026-W47", "2026-10", "2026-11-22"]),
    rule=RULES,
    locale=st.sampled_from(["en", "de", "fr", "pt_BR", "hi", "ja"]),
    drawn=st.sets(st.sampled_from(["sessions", "events", "sessions-country"]), max_size=1),
)
def test_case_64_random_numbers_are_the_same_in_text_html_slack_charts_and_json(
    world: World, period: str, rule: BaselineRule, locale: str, drawn: set[str]
) -> None:
    assert_alike(made_of(world, period, rule, locale, drawn))
