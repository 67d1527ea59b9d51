"""The bytes of a picture: size, palette, sameness, and that nothing touches the edge."""

from __future__ import annotations

import io
import itertools
import logging
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from digest.charts import MOST_CHARTS, draw
from digest.charts.png import encode
from digest.core.charts_spec import Bar, ChartSpec, Mark, NoChart, Tick
from digest.core.content import Picture
from tests.support.chart_parts import HOSTILE_NAMES, bars, line, named, pixels

ACCENT = (0x1F, 0x5F, 0xBF)
LONG = "1,234,567,890,123 · 100.0 %"
MONTH = line(
    tuple(30.0 + n * 37 % 23 for n in range(31)),
    days=tuple(str(n) for n in range(1, 32)),
    baseline=(*(30.0 + n * 31 % 23 for n in range(30)), None),
)
HOSTILE: dict[str, ChartSpec] = {
    "week": line(),
    "month": MONTH,
    "long ticks": line(axis=(Tick(at=0, text="0"), Tick(at=75, text="1,234,567,890,123,456,789"))),
    "absurd ticks": line(axis=(Tick(at=0, text="0"), Tick(at=75, text="9" * 400))),
    "long marks": line(marks=(Mark(position=0, text=LONG), Mark(position=6, text=LONG))),
    "absurd marks": line(marks=(Mark(position=3, text="9" * 400), Mark(position=5, text=LONG))),
    "long names of periods": line(
        label="28 de diciembre de 2026 – 3 de enero de 2027",
        baseline_label="the mean of the 52 weeks before, and a long word: " + "W" * 90,
    ),
    "long title": line(title="Sessions per daily active user, " * 9),
    "long days": line(days=tuple(f"Mittwoch, {n}. September" for n in range(7))),
    "bars": bars(),
    "long bar words": bars(
        *(Bar(name="a", value=v, text=LONG, baseline=99.0) for v in (99.0, 1.0))
    ),
    "absurd bar words": bars(Bar(name="a", value=9.0, text="9" * 400)),
    "zero bars": bars(Bar(name="a", value=0.0, text="0"), Bar(name="b", value=0.0, text="0")),
    "eleven bars": named(*"abcdefghijk"),
    **{f"name: {key}": named(name) for key, name in HOSTILE_NAMES.items()},
    **{f"title: {key}": line(title=HOSTILE_NAMES[key]) for key in ("maths", "cjk", "rtl", "emoji")},
}


def drawn(spec: ChartSpec) -> Picture:
    (picture,) = draw([spec])
    assert isinstance(picture, Picture), picture
    return picture


@pytest.mark.parametrize("spec", HOSTILE.values(), ids=HOSTILE.keys())
def test_whatever_the_words_the_edge_of_the_sheet_stays_empty(spec: ChartSpec) -> None:
    shown = pixels(drawn(spec))
    edges = (shown[:, :8], shown[:, -8:], shown[:8], shown[-8:])
    assert all((edge == 255).all() for edge in edges)
    assert (shown != 255).any()


@pytest.mark.parametrize(
    ("spec", "size"),
    [
        (line(), (600, 260)),
        (MONTH, (600, 260)),
        (bars(), (600, 182)),
        (named(*"abcdefghijk"), (600, 454)),
    ],
    ids=["week", "month", "three bars", "most bars"],
)
def test_a_picture_has_two_device_pixels_for_each_css_pixel(
    spec: ChartSpec, size: tuple[int, int]
) -> None:
    picture = drawn(spec)
    image = Image.open(io.BytesIO(picture.png))
    assert (picture.width, picture.height) == size
    assert image.size == (2 * size[0], 2 * size[1])
    assert image.size[1] <= 1200
    assert image.mode == "P"
    assert "transparency" not in image.info


def test_a_picture_carries_the_words_of_its_spec() -> None:
    picture = drawn(line())
    assert (picture.name, picture.title, picture.alt) == ("sessions", "Sessions", "Sessions by day")


@pytest.mark.parametrize(
    ("values", "most"),
    [((52.0, 61.0, 55.0, 70.0, 64.0, 30.0, 33.0), 12_000), ((70.0, 1.0) * 3 + (70.0,), 15_000)],
    ids=["usual", "zigzag"],
)
def test_a_week_is_a_small_file(values: tuple[float, ...], most: int) -> None:
    assert len(drawn(line(values)).png) <= most


def test_the_same_spec_gives_the_same_bytes_in_eight_threads() -> None:
    specs: list[ChartSpec] = [line(), bars(), MONTH, named(*list(HOSTILE_NAMES.values())[:11])] * 4
    alone = [drawn(spec).png for spec in specs]
    with ThreadPoolExecutor(8) as threads:
        together = list(threads.map(lambda spec: drawn(spec).png, specs))
    assert together == alone


def test_other_numbers_give_other_bytes() -> None:
    assert drawn(line()).png != drawn(line((52.0, 61.0, 55.0, 70.0, 64.0, 30.0, 34.0))).png


def test_a_gap_has_no_line_in_it() -> None:
    level = (50.0, 50.0, 50.0, None, 50.0, 50.0, 50.0)
    shown = pixels(drawn(line(level, baseline=(), marks=())))[170:440]
    inked = (shown == ACCENT).all(axis=2).any(axis=0)
    runs = [(key, len(list(run))) for key, run in itertools.groupby(inked)]
    lines = [length for key, length in runs if key]
    assert len(lines) == 2
    between = runs[[key for key, _ in runs].index(np.True_) + 1][1]
    assert between == pytest.approx(sum(lines) / 2, rel=0.1)  # two days each


def test_a_value_between_two_gaps_is_a_dot() -> None:
    lonely = (50.0, None, None, 50.0, None, None, 50.0)
    shown = pixels(drawn(line(lonely, baseline=(), marks=())))[170:440]
    inked = (shown == ACCENT).all(axis=2)
    runs = [len(list(run)) for key, run in itertools.groupby(inked.any(axis=0)) if key]
    tall = int(inked.any(axis=1).sum())
    assert len(runs) == 3
    assert all(abs(run - tall) <= 2 for run in runs)


@pytest.mark.parametrize("name", HOSTILE_NAMES.values(), ids=HOSTILE_NAMES.keys())
def test_a_name_never_runs_into_its_bar(name: str) -> None:
    shown = pixels(drawn(named(name)))[2 * 66 :]
    assert (shown[:, 2 * 196 : 2 * 202] == 255).all()
    assert (shown[:, : 2 * 196] != 255).any()


@pytest.mark.parametrize(
    "spec",
    [
        line(axis=(Tick(at=0.0, text="0"), Tick(at=float("inf"), text="∞"))),
        line(axis=(Tick(at=5.0, text="5"), Tick(at=5.0, text="5"))),
        line(axis=(Tick(at=-1.7e308, text=""), Tick(at=1.7e308, text=""))),
        line(axis=()),
        line(baseline=(1.0, 2.0)),
        line(baseline=(float("nan"),) * 7),
        line(marks=(Mark(position=7, text="9"),)),
        replace(line(), days=("Mon",), values=(1.0,), baseline=(), marks=()),
        bars(Bar(name="a", value=float("inf"), text="∞")),
        bars(Bar(name="a", value=-1.0, text="-1")),
        replace(bars(), bars=()),
        replace(bars(), bars=(Bar(name="a", value=1.0, text="1"),) * 16),
    ],
    ids=[
        "axis without end", "flat axis", "axis too long", "no axis", "short baseline",
        "not a number", "mark off the line", "one day", "bar without end", "negative bar",
        "no bars", "too high",
    ],
)  # fmt: skip
def test_a_chart_that_cannot_be_drawn_becomes_a_sentence(
    spec: ChartSpec, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        failed, fine = draw([spec, line()])
    assert isinstance(failed, NoChart)
    assert failed.name == spec.name
    assert failed.sentence == f"{spec.title}: the chart can't be drawn."
    assert isinstance(fine, Picture)
    assert [record.message for record in caplog.records] == ["chart not drawn"]


def test_a_sentence_stays_a_sentence() -> None:
    nothing = NoChart(name="sessions", title="Sessions", sentence="Sessions: no day has a value.")
    assert draw([nothing]) == (nothing,)


def test_a_digest_has_at_most_twelve_charts() -> None:
    specs = [line(name=f"n{n}", title=f"T{n}") for n in range(MOST_CHARTS + 2)]
    found = draw(specs)
    assert [isinstance(one, Picture) for one in found] == [True] * 12 + [False] * 2
    assert [one.name for one in found] == [spec.name for spec in specs]
    last = found[-1]
    assert isinstance(last, NoChart)
    assert last.sentence == "T13: left out, a digest has at most 12 charts."


@settings(max_examples=25, deadline=None)
@given(
    st.lists(st.none() | st.floats(0, 75), min_size=7, max_size=7),
    st.lists(st.none() | st.floats(0, 75), min_size=7, max_size=7),
)
def test_any_values_draw_inside_the_sheet(
    values: list[float | None], baseline: list[float | None]
) -> None:
    marks = tuple(
        Mark(position=n, text=f"{v:.1f} %") for n, v in enumerate(values) if v is not None
    )
    shown = pixels(
        drawn(replace(line(), values=tuple(values), baseline=tuple(baseline), marks=marks))
    )
    assert all((edge == 255).all() for edge in (shown[:, :8], shown[:, -8:], shown[:8], shown[-8:]))


def test_every_ink_keeps_its_colour_in_the_palette() -> None:
    inks = [(255, 255, 255), (0x1B, 0x23, 0x33), ACCENT, (0x7D, 0x89, 0x9B), (0xB4, 0xBD, 0xCA)]
    given_pixels = np.array([[(*ink, 255) for ink in inks]], dtype=np.uint8)
    image = Image.open(io.BytesIO(encode(given_pixels))).convert("RGB")
    assert [image.getpixel((n, 0)) for n in range(len(inks))] == inks
