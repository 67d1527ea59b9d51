"""What the sample shop is made of: places, platforms, names, and how often each comes up."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import accumulate
from typing import Generic, TypeVar

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Weights(Generic[T]):
    """Values with their running sums of weights."""

    values: tuple[T, ...]
    sums: tuple[float, ...]


def _weigh(*pairs: tuple[T, float]) -> Weights[T]:
    return Weights(
        tuple(value for value, _ in pairs), tuple(accumulate(weight for _, weight in pairs))
    )


Place = tuple[str | None, str | None]

PLACES: Weights[Place] = _weigh(
    (("US", "New York"), 9.0),
    (("US", "San Francisco"), 7.0),
    (("US", None), 8.0),
    (("DE", "Berlin"), 8.0),
    (("DE", "München"), 5.0),
    (("GB", "London"), 9.0),
    (("FR", "Paris"), 8.0),
    (("BR", "São Paulo"), 6.0),
    (("JP", "東京"), 5.0),
    (("NL", "Amsterdam"), 4.0),
    (("IN", "Mumbai"), 4.0),
    (("ES", "Madrid"), 4.0),
    (("SE", None), 3.0),
    (("PL", "Kraków"), 3.0),
    (("CA", "Toronto"), 3.0),
    (("AU", "Sydney"), 2.5),
    (("MX", None), 2.0),
    (("IT", "Milano"), 2.0),
    (("PT", None), 1.5),
    (("CH", "Zürich"), 1.5),
    ((None, None), 4.5),
)
PLATFORMS: Weights[str | None] = _weigh(("ios", 56.0), ("android", 39.0), (None, 5.0))

EVENTS: Weights[str] = _weigh(
    ("app_open", 30.0),
    ("product_view", 18.0),
    ("search", 14.0),
    ("add_to_cart", 9.0),
    ("login", 6.0),
    ("checkout_started", 5.0),
    ("coupon_applied", 5.0),
    ("push_opened", 4.5),
    ("purchase_completed", 3.0),
    ("filter_applied", 2.5),
    ("share", 2.0),
    ("sign_up", 1.5),
)
SCREENS: Weights[str] = _weigh(
    ("/home", 30.0),
    ("/product/:id", 19.0),
    ("/search", 14.0),
    ("/cart", 10.0),
    ("/profile", 6.0),
    ("/checkout", 5.0),
    ("/orders", 4.0),
    ("/settings", 2.0),
)

HOURS: Weights[int] = _weigh(
    *enumerate(
        (
            *(1.2, 0.8, 0.6, 0.5, 0.6, 1.0, 2.0, 3.4, 4.4, 4.8, 4.9, 5.0),
            *(5.4, 5.2, 4.9, 4.8, 5.0, 5.6, 6.2, 6.6, 6.4, 5.4, 3.6, 2.2),
        )
    )
)
"""UTC hours of the day."""

WEEKDAYS = (1.08, 1.12, 1.14, 1.1, 1.04, 0.78, 0.72)
"""Monday to Sunday, around 1."""

PLACE_MOVERS: dict[str | None, float] = {"BR": 2.6, "FR": 0.45, "JP": 1.5}
"""How much more or less often users of a country come once things have moved."""

EVENT_MOVERS: dict[str, tuple[float, float]] = {
    "coupon_applied": (0.25, 1.0),
    "push_opened": (1.0, 0.4),
}
"""The share of picks that a name keeps before and after the move."""
