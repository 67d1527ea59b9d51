"""Limits, what is usual and breaches on the sheet: at their heights, their words clear."""

from __future__ import annotations

import io
import itertools
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from digest.charts import draw, theme
from digest.charts.canvas import measure
from digest.charts.drawing import lay_out
from digest.charts.labels import Box
from digest.charts.shapes import Anchor, Block, Dot, Stroke, Words
from digest.core.chart_text import chart_text
from digest.core.charts_spec import Band, Limit, LineChart, Mark, NoChart
from digest.core.content import Picture
from tests.support.chart_parts import HOSTILE_NAMES, line, pixels

if TYPE_CHECKING:
    from collections.abc import Sequence

STRONG = Limit(at=60.0, text="limit 60 %", strong=True)
WEAK = Limit(at=50.0, text="clears below 50 %", strong=False)
USUAL = Band(low=14.0, high=22.0, text="usual 14–22 %")
ALARM, ACCENT = (0xB3, 0x26, 0x1E), (0x1F, 0x5F, 0xBF)


def alerted(
    values: Sequence[float | None] = (18, 20, 15, 21, 17, 19, 64), /, **changes: object
) -> LineChart:
    """Days whose last one is beyond the limit."""
    known = [(v, n) for n, v in enumerate(values) if v is not None]
    ends = {max(known), min(known), known[-1]} if known else set()
    usual: dict[str, object] = {
        "values": tuple(values),
        "baseline": (),
        "limits": (STRONG, WEAK),
        "usual": USUAL,
        "breaches": (len(values) - 1,),
        "breach_label": "beyond the limit",
        "days": tuple(f"Mon {n % 31}" for n in range(len(values))),
        "marks": tuple(Mark(position=n, text=f"{v:g} %") for v, n in ends),
    }
    return line(**(usual | changes))


def words(spec: LineChart) -> list[Words]:
    return [shape for shape in lay_out(spec).shapes if isinstance(shape, Words)]


def beside(spec: LineChart) -> list[Words]:
    """The words of limits and of what is usual, highest first."""
    edge = max(s.points[-1][0] for s in strokes(spec, theme.GRID))
    found = [w for w in words(spec) if w.x > edge and w.anchor is Anchor.START]
    return sorted((w for w in found if w.y > 66), key=lambda w: w.y)


def strokes(spec: LineChart, colour: str) -> list[Stroke]:
    shapes = (shape for shape in lay_out(spec).shapes if isinstance(shape, Stroke))
    return [s for s in shapes if s.colour == colour and s.points[0][1] > 60]


def dots(spec: LineChart, colour: str) -> list[Dot]:
    """Those in the plot."""
    shapes = (shape for shape in lay_out(spec).shapes if isinstance(shape, Dot))
    return [dot for dot in shapes if dot.colour == colour and dot.y > 60]


def box(shown: Words) -> Box:
    width = measure(shown.text, shown.size, bold=shown.bold)
    left = shown.x - {Anchor.START: 0, Anchor.MIDDLE: width / 2, Anchor.END: width}[shown.anchor]
    return Box(left, shown.y - 0.75 * shown.size, left + width, shown.y + 0.2 * shown.size)


def drawn(spec: LineChart) -> Picture:
    (picture,) = draw([spec])
    assert isinstance(picture, Picture), picture
    return picture


def test_limits_lie_at_their_heights_and_end_in_their_words() -> None:
    spec = alerted()
    grid = sorted(stroke.points[0][1] for stroke in strokes(spec, theme.GRID))
    top, step = grid[0], (grid[-1] - grid[0]) / 75
    (strong,) = strokes(spec, theme.ALARM)
    (weak,) = strokes(spec, theme.MUTED)
    assert strong.points[0][1] == strong.points[1][1] == pytest.approx(top + 15 * step)
    assert weak.points[0][1] == pytest.approx(top + 25 * step)
    assert (strong.dash, weak.dash) == (None, theme.DOTS)
    assert [w.text for w in beside(spec)] == ["limit 60 %", "clears below 50 %", "usual 14–22 %"]
    for shown, y in zip(beside(spec), (strong.points[1][1], weak.points[1][1]), strict=False):
        assert shown.x > strong.points[1][0]
        assert box(shown).top < y < box(shown).bottom


def test_what_is_usual_is_a_band_under_everything_else() -> None:
    shapes = lay_out(alerted()).shapes
    (band,) = (s for s in shapes if isinstance(s, Block) and s.colour == theme.USUAL)
    grid = sorted(stroke.points[0][1] for stroke in strokes(alerted(), theme.GRID))
    step = (grid[-1] - grid[0]) / 75
    assert (band.y, band.height) == pytest.approx((grid[-1] - 22 * step, 8 * step))
    assert shapes.index(band) < min(
        n for n, s in enumerate(shapes) if s in strokes(alerted(), theme.GRID)
    )


def test_a_range_without_width_can_still_be_seen() -> None:
    spec = alerted(usual=replace(USUAL, high=14.0), marks=())
    assert ((pixels(drawn(spec)) == (0xED, 0xF3, 0xFB)).all(axis=2).sum(axis=0) >= 4).any()


def test_words_that_would_meet_are_led_apart_and_keep_their_order() -> None:
    near = tuple(Limit(at=at, text=f"limit {at}", strong=at > 60) for at in (61.0, 60.0, 59.0))
    shown = beside(alerted(limits=near, usual=None))
    assert [w.text for w in shown] == ["limit 61.0", "limit 60.0", "limit 59.0"]
    assert all(box(a).bottom <= box(b).top for a, b in itertools.pairwise(shown))
    leaders = [s for s in strokes(alerted(limits=near, usual=None), theme.MUTED) if s.dash is None]
    assert len(leaders) == 2


def test_long_words_take_two_lines_and_numbers_stay_whole() -> None:
    long = replace(STRONG, text="the limit is 2,000,000,000 sessions")
    shown = [w.text for w in beside(alerted(limits=(long, WEAK)))]
    assert shown[:2] == ["the limit is", "2,000,000,000 sessions"]


def test_a_chart_without_limits_has_the_whole_sheet_for_its_days() -> None:
    spec = alerted(limits=(), usual=None)
    assert max(s.points[-1][0] for s in strokes(spec, theme.GRID)) == theme.WIDTH - theme.MARGIN


def test_a_breach_is_a_ring_and_told_apart_without_colour() -> None:
    spec = alerted(marks=(Mark(position=3, text="21 %"),))
    (plain,) = dots(spec, theme.ACCENT)
    ring, core = dots(spec, theme.ALARM)
    assert (ring.x, ring.y) == (core.x, core.y)
    assert ring.radius > 2 * plain.radius > core.radius
    shown = lay_out(spec).shapes
    between = [s for s in shown[shown.index(ring) : shown.index(core)] if isinstance(s, Dot)]
    assert between[-1].colour == theme.PAPER
    assert core.radius < between[-1].radius < ring.radius


def test_rings_that_meet_run_together() -> None:
    spec = alerted((10,) * 28, breaches=(25, 26, 27), marks=())
    assert [d.radius for d in dots(spec, theme.ALARM)] == [7.5] * 3 + [3.2] * 3


def test_where_days_crowd_only_worded_breaches_have_rings() -> None:
    values = [10.0] * 80 + [70.0] * 10
    spec = alerted(values, breaches=tuple(range(80, 90)), marks=(Mark(position=89, text="70 %"),))
    radii = [d.radius for d in dots(spec, theme.ALARM)]
    assert len(radii) == 9 + 2
    assert radii.count(7.5) == 1


def test_a_breach_without_a_value_is_a_hollow_ring_at_the_foot() -> None:
    spec = alerted((18, 20, 15, 21, 17, 19, None), marks=(Mark(position=6, text="no data"),))
    (ring,) = dots(spec, theme.ALARM)
    assert ring.y == max(stroke.points[0][1] for stroke in strokes(spec, theme.GRID))
    assert "no data" in {w.text for w in words(spec)}


def test_a_mark_without_a_value_that_is_no_breach_is_left_out() -> None:
    spec = alerted((18, 20, 15, 21, 17, None, 64), marks=(Mark(position=5, text="no data"),))
    assert "no data" not in {w.text for w in words(spec)}


def test_the_way_to_a_day_that_is_not_over_is_dashed_and_its_dot_hollow() -> None:
    spec = alerted((18, 20, 15, 21, 17, 19, 12), breaches=(), open_end=True)
    over, dashed = strokes(spec, theme.ACCENT)
    assert (len(over.points), over.dash) == (6, None)
    assert (len(dashed.points), dashed.dash) == (2, theme.DASH)
    at = dashed.points[-1]
    inks = [s.colour for s in lay_out(spec).shapes if isinstance(s, Dot) and (s.x, s.y) == at]
    assert inks == [theme.ACCENT, theme.PAPER]


@pytest.mark.parametrize(
    ("values", "lines"),
    [((18, 20, 15, 21, 17, None, 12), 1), ((18, 20, 15, 21, 17, 19, None), 1), ((None, 5), 0)],
    ids=["no day before", "no value yet", "alone"],
)
def test_there_is_no_dashed_way_where_a_value_is_missing(
    values: tuple[float | None, ...], lines: int
) -> None:
    spec = alerted(values, breaches=(), open_end=True, marks=())
    assert [s.dash for s in strokes(spec, theme.ACCENT)] == [None] * lines


def test_the_key_names_the_rings_only_where_there_are_some() -> None:
    assert "beyond the limit" in {w.text for w in words(alerted())}
    assert "beyond the limit" not in {w.text for w in words(alerted(breaches=()))}


@pytest.mark.parametrize(
    "wrong",
    [
        {"limits": (replace(STRONG, at=float("nan")),)},
        {"limits": (replace(STRONG, at=80.0),)},
        {"limits": (STRONG,) * 4},
        {"usual": Band(low=-1.0, high=5.0, text="usual")},
        {"usual": Band(low=9.0, high=5.0, text="usual")},
        {"breaches": (7,)},
        {"breaches": (-1,)},
        {"baseline": (1.0,) * 7},
    ],
    ids=["not a number", "off the axis", "too many", "usual off the axis", "upside down",
         "no such day", "a day before the first", "two things to name"],
)  # fmt: skip
def test_limits_that_cannot_be_shown_become_a_sentence(wrong: dict[str, object]) -> None:
    (found,) = draw([alerted(**wrong)])
    assert isinstance(found, NoChart)


VALUES = st.lists(st.none() | st.floats(0, 75), min_size=2, max_size=31)
TEXTS = st.sampled_from(
    [
        "limit 60 %",
        "clears above 1,234,567",
        "limit 12 h 34 m",
        "W" * 40,
        "",
        *map(chart_text, HOSTILE_NAMES.values()),
    ]
)


@st.composite
def specs(draw_: st.DrawFn) -> LineChart:
    """Any chart of an alert whose axis holds its limits."""
    values = draw_(VALUES)
    limits = draw_(
        st.lists(
            st.builds(Limit, at=st.floats(0, 75), text=TEXTS, strong=st.booleans()), max_size=3
        )
    )
    low, high = sorted(draw_(st.tuples(st.floats(0, 75), st.floats(0, 75))))
    breaches = draw_(st.sets(st.integers(0, len(values) - 1), max_size=6))
    known = [n for n, value in enumerate(values) if value is not None]
    marked = sorted(breaches | set(known[-2:]))
    return alerted(
        values,
        limits=tuple(limits),
        usual=draw_(st.none() | st.builds(Band, low=st.just(low), high=st.just(high), text=TEXTS)),
        breaches=tuple(breaches),
        marks=tuple(Mark(position=n, text=f"{values[n] or 0:.1f} %") for n in marked),
        open_end=draw_(st.booleans()),
    )


@settings(deadline=None, max_examples=60)
@given(specs())
def test_no_words_overlap_and_all_lie_inside_the_sheet(spec: LineChart) -> None:
    found = words(spec)
    boxes = [box(w) for w in found if w.text.strip()]
    crowded = [(a, b) for a, b in itertools.combinations(boxes, 2) if a.meets(b)]
    assert not crowded
    edge = Box(theme.MARGIN - 1, 8.0, theme.WIDTH - theme.MARGIN + 1, theme.LINE_HEIGHT - 4)
    for there in boxes:
        assert there.left >= edge.left
        assert there.right <= edge.right
        assert there.top >= edge.top
        assert there.bottom <= edge.bottom


@settings(deadline=None, max_examples=60)
@given(specs())
def test_the_latest_breach_is_worded_if_none_else_is(spec: LineChart) -> None:
    marked = [mark for mark in spec.marks if mark.position in spec.breaches]
    shown = [w.text for w in words(spec) if w.bold and w.colour == theme.INK]
    assert not marked or marked[-1].text in shown


def test_a_breach_finds_room_before_higher_values_do() -> None:
    values = (70.0, 69.0, 68.0, 66.5, 67.0, 66.0, 65.0)
    long = tuple(Mark(position=n, text=f"{n}: 1,234,567,890,123 sessions") for n in range(7))
    plain, with_it = (alerted(values, breaches=b, marks=long) for b in ((), (3,)))
    shown = [
        [w.text[0] for w in words(one) if w.bold and ": " in w.text] for one in (plain, with_it)
    ]
    assert "3" not in shown[0]
    assert shown[1][0] == "3"


@settings(deadline=None, max_examples=20)
@given(specs())
def test_any_limits_draw_inside_the_sheet(spec: LineChart) -> None:
    shown = pixels(drawn(spec))
    assert all((edge == 255).all() for edge in (shown[:, :8], shown[:, -8:], shown[:8], shown[-8:]))


def test_the_alarm_keeps_its_colour_in_the_picture() -> None:
    shown = pixels(drawn(alerted()))
    assert (shown == ALARM).all(axis=2).sum() > 1000
    assert (shown == ACCENT).all(axis=2).sum() > 1000


def test_a_spike_is_a_small_file() -> None:
    values = [18.0 + n * 37 % 7 for n in range(27)] + [64.0]
    assert len(drawn(alerted(values)).png) <= 15_000


def test_a_chart_without_an_alert_keeps_the_palette_and_the_bytes_that_it_had() -> None:
    plain, with_it = drawn(line()), drawn(alerted())
    colours = [len(set(_palette(one))) for one in (plain, with_it)]
    inks = sum(steps for _, steps in theme.RAMPS)
    assert colours == [inks + 1, inks + 1 + sum(steps for _, steps in theme.ALERT_RAMPS)]


def _palette(picture: Picture) -> list[tuple[int, ...]]:
    flat = Image.open(io.BytesIO(picture.png)).getpalette() or []
    return [tuple(flat[n : n + 3]) for n in range(0, len(flat), 3)]
