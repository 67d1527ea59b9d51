"""Where things stand: words inside the sheet, labels clear of each other, shapes at values."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from digest.charts import theme
from digest.charts.canvas import measure
from digest.charts.drawing import lay_out
from digest.charts.fitting import fitted, size_for
from digest.charts.glyphs import drawable, is_plain, words_drawable
from digest.charts.labels import Box, Label, places
from digest.charts.shapes import Anchor, Block, Dot, Stroke, Words
from digest.core.charts_spec import Bar, ChartSpec, Mark
from tests.support.chart_parts import HOSTILE_NAMES, bars, line, named

INSIDE = Box(theme.MARGIN - 1, 8.0, theme.WIDTH - theme.MARGIN + 1, 1000.0)


def words(spec: ChartSpec) -> list[Words]:
    return [shape for shape in lay_out(spec).shapes if isinstance(shape, Words)]


def strokes(spec: ChartSpec, colour: str) -> list[Stroke]:
    """Lines of the plot: without the grid and the samples beside the names."""
    shapes = (shape for shape in lay_out(spec).shapes if isinstance(shape, Stroke))
    return [s for s in shapes if s.colour == colour and s.points[0][1] > 60]


def box(shown: Words) -> Box:
    width = measure(shown.text, shown.size, bold=shown.bold)
    left = shown.x - {Anchor.START: 0, Anchor.MIDDLE: width / 2, Anchor.END: width}[shown.anchor]
    return Box(left, shown.y - 0.75 * shown.size, left + width, shown.y + 0.2 * shown.size)


def marked(values: list[float]) -> ChartSpec:
    ends = {values.index(max(values)), values.index(min(values)), 6}
    return line(values, marks=tuple(Mark(position=n, text=f"{values[n]:.1f} %") for n in ends))


@pytest.mark.parametrize(
    "spec",
    [
        line(),
        line(marks=tuple(Mark(position=n, text="12 h 34 m") for n in (0, 3, 6))),
        line(label="28 dic 2026 – 3 ene 2027", baseline_label="the mean of the 52 weeks before"),
        bars(*(Bar(name="x", value=v, text="1,234,567 · 100.0 %") for v in (9.0, 1.0))),
        named(*list(HOSTILE_NAMES.values())[:11]),
    ],
    ids=["week", "long marks", "long names", "long bar words", "hostile names"],
)
def test_all_words_lie_between_the_margins(spec: ChartSpec) -> None:
    height = lay_out(spec).height
    for shown in words(spec):
        there = box(shown)
        assert there.left >= INSIDE.left, shown
        assert there.right <= INSIDE.right, shown
        assert there.top >= INSIDE.top, shown
        assert there.bottom <= height - 4, shown


def test_numbers_shrink_before_anything_is_cut() -> None:
    text = "1,234,567,890,123 · 100.0 %"
    shown = next(s for s in words(bars(Bar(name="a", value=1.0, text=text))) if s.text == text)
    assert theme.SMALLEST <= shown.size <= theme.TEXT_SIZE


def test_names_of_periods_that_are_too_long_are_shortened_beside_each_other() -> None:
    spec = line(label="28 December 2026 – 3 January 2027", baseline_label="w" * 80)
    first, second = words(spec)[1:3]
    assert first.text == "28 December 2026 – 3 January 2027"
    assert "…" in second.text
    assert box(first).right < box(second).left


def test_a_line_lies_at_its_values() -> None:
    (path,) = strokes(line((0.0, 75.0, 0.0, 0.0, 0.0, 0.0, 0.0)), theme.ACCENT)
    grid = sorted(stroke.points[0][1] for stroke in strokes(line(), theme.GRID))
    assert [y for _, y in path.points[:3]] == pytest.approx([grid[-1], grid[0], grid[-1]])
    steps = [b[0] - a[0] for a, b in itertools.pairwise(path.points)]
    assert steps == pytest.approx([steps[0]] * 6)


def test_missing_days_break_the_line_and_single_ones_are_dots() -> None:
    spec = line((1.0, 2.0, None, 3.0, None, 4.0, 5.0), marks=())
    assert [len(stroke.points) for stroke in strokes(spec, theme.ACCENT)] == [2, 2]
    dots = [s for s in lay_out(spec).shapes if isinstance(s, Dot) and s.colour == theme.ACCENT]
    assert len(dots) == 1


def test_a_baseline_of_gaps_at_the_end_just_ends() -> None:
    spec = line(baseline=(48.0, 50.0, 51.0, 52.0, None, None, None))
    assert [len(stroke.points) for stroke in strokes(spec, theme.BASELINE)] == [4]


def test_without_a_baseline_it_is_not_named() -> None:
    assert "the week before" not in {shown.text for shown in words(line(baseline=()))}
    assert "the week before" in {shown.text for shown in words(line())}


def test_bars_are_as_long_as_their_values() -> None:
    blocks = [s for s in lay_out(bars()).shapes if isinstance(s, Block) and s.height == 20]
    assert [block.width / blocks[0].width for block in blocks] == pytest.approx(
        [1, 120 / 310, 70 / 310]
    )
    assert [block.colour for block in blocks] == [theme.ACCENT, theme.ACCENT, theme.REST]


def test_a_mark_of_the_baseline_stands_at_its_value() -> None:
    blocks = [s for s in lay_out(bars()).shapes if isinstance(s, Block)]
    bar = next(block for block in blocks if block.height == 20)
    marks = [b.x + b.width / 2 for b in blocks if b.height == 26 and b.colour == theme.MUTED]
    scale = bar.width / 310
    assert marks == pytest.approx([bar.x + 280 * scale, bar.x + 160 * scale])


@pytest.mark.parametrize(
    ("count", "length"), [(7, "Mon 16"), (14, "Mo. 16"), (31, "31"), (31, "Mon 16")]
)
def test_day_labels_stay_apart_and_the_last_is_always_there(count: int, length: str) -> None:
    days = tuple(f"{length[:-2]}{n:02d}" for n in range(count))
    spec = line((1.0,) * count, days=days, baseline=(), marks=())
    shown = sorted((box(w) for w in words(spec) if w.anchor is Anchor.MIDDLE), key=lambda b: b.left)
    assert len(shown) >= 4
    assert days[-1] in {w.text for w in words(spec)}
    assert all(a.right + 5 <= b.left for a, b in itertools.pairwise(shown))


@settings(deadline=None)  # the first text of a process loads fonts
@given(st.lists(st.floats(0, 75), min_size=7, max_size=7))
def test_worded_values_never_cover_each_other(values: list[float]) -> None:
    labels = [
        box(w) for w in words(marked(values)) if w.colour == theme.INK and w.text != "Sessions"
    ]
    assert labels
    assert not any(a.meets(b) for a, b in itertools.combinations(labels, 2))


@settings(deadline=None)
@given(st.lists(st.floats(0, 75), min_size=7, max_size=7))
def test_the_highest_value_is_always_worded(values: list[float]) -> None:
    assert f"{max(values):.1f} %" in {shown.text for shown in words(marked(values))}


def test_a_label_steps_aside_for_the_line() -> None:
    room, steep = Box(0, 0, 200, 200), [((100.0, 100.0), (110.0, 20.0))]
    (free,) = places([Label(at=(100, 100), width=40, height=15)], room, [], [])
    (beside,) = places([Label(at=(100, 100), width=40, height=15)], room, steep, [])
    assert free is not None
    assert beside is not None
    assert free.left == pytest.approx(80)
    assert beside.right < 110 or beside.top > 100


def test_a_label_without_any_place_is_left_out() -> None:
    tiny = Box(0, 0, 40, 15)
    labels = [Label(at=(20, 7), width=40, height=15)] * 2
    assert [place is None for place in places(labels, tiny, [], [])] == [False, True]


def test_a_text_that_fits_is_left_alone() -> None:
    assert fitted("Germany", 200, measure, 15) == "Germany"
    assert size_for([("Germany", False)], 200, measure) == theme.TEXT_SIZE


@settings(deadline=None)
@given(st.text(min_size=1, max_size=60), st.floats(20, 300))
def test_a_shortened_text_fits_and_keeps_its_ends(text: str, room: float) -> None:
    shown = fitted(text, room, measure, 15.0)
    assert shown == text or "…" in shown
    assert measure(shown, 15.0) <= max(room, measure("…", 15.0))


def test_a_mark_goes_with_its_letter_when_a_text_is_shortened() -> None:
    text = "a" * 9 + "x\u0301" * 9
    shown = {fitted(text, float(room), measure, 15.0) for room in range(20, 150)}
    tails = [one.partition("…")[2] for one in shown if "…" in one]
    assert len(tails) > 5
    assert not any(tail.startswith("\u0301") for tail in tails)


def test_what_no_font_can_draw_is_a_box() -> None:
    assert drawable("a\U000130b8b") == "a□b"
    assert drawable("a\x07b") == "a□b"
    assert drawable("Grüße – 3\u20095 \u202f%") == "Grüße – 3 5  %"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Mon 16", "Mon 16"),
        ("\U000130b8\U000130b9 16", "16"),
        ("16 \U000130b8.", "16"),
        ("\U000130b8", "\U000130b8"),
        ("2026\U000130b811", "2026\U000130b811"),
    ],
    ids=["known", "before", "after", "nothing left", "one word"],
)
def test_words_that_no_font_can_draw_are_left_out_whole(text: str, shown: str) -> None:
    assert words_drawable(text) == shown


def test_a_weekday_that_no_font_can_draw_leaves_the_number_of_the_day() -> None:
    days = tuple(f"\U000130b8\U000130b9 {n}" for n in range(16, 23))
    shown = [w.text for w in words(line(days=days)) if w.anchor is Anchor.MIDDLE]
    assert sorted(shown) == [str(n) for n in range(16, 23)]


def test_latin_needs_one_font_only() -> None:
    assert is_plain("Grüße – 22 Nov")
    assert not is_plain("\U000130b8")
