"""ChartSpec → PNG. Nothing heavy is imported until a chart is drawn."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from digest.core.charts_spec import NoChart

if TYPE_CHECKING:
    from collections.abc import Iterable

    from digest.core.charts_spec import ChartSpec
    from digest.core.content import Picture

MOST_CHARTS = 12

logger = logging.getLogger(__name__)


def draw(specs: Iterable[ChartSpec | NoChart]) -> tuple[Picture | NoChart, ...]:
    """Draw each chart; one that can't be drawn becomes a sentence and never stops a digest.

    Memory that runs out counts as that. A crash inside the drawing libraries does not: it ends the
    process, as any crash.
    """
    wanted = list(specs)
    drawn = [_draw(spec) for spec in wanted[:MOST_CHARTS]]
    return (*drawn, *(_left_out(spec) for spec in wanted[MOST_CHARTS:]))


def _draw(spec: ChartSpec | NoChart) -> Picture | NoChart:
    if isinstance(spec, NoChart):
        return spec
    try:
        from digest.charts.drawing import picture  # noqa: PLC0415 — matplotlib takes half a second

        return picture(spec)
    except Exception as error:  # noqa: BLE001 — the numbers are worth sending without a picture
        # matplotlib, FreeType and Pillow have many ways to fail; memory that runs out is one.
        logger.warning(
            "chart not drawn",
            extra={"action": "chart_failed", "chart": spec.name, "error": type(error).__name__},
        )
        return NoChart(
            name=spec.name, title=spec.title, sentence=f"{spec.title}: the chart can't be drawn."
        )


def _left_out(spec: ChartSpec | NoChart) -> NoChart:
    return NoChart(
        name=spec.name,
        title=spec.title,
        sentence=f"{spec.title}: left out, a digest has at most {MOST_CHARTS} charts.",
    )
