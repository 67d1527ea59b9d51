"""Which renderer a config asks for: ours in this process, a user's templates in a child."""

from __future__ import annotations

from typing import TYPE_CHECKING

from digest.render import ChildRenderer, Renderer

if TYPE_CHECKING:
    from digest.config.models import Config


def renderer_of(config: Config) -> Renderer | ChildRenderer:
    """The renderer of a config; what users write can be stopped and can do no harm here."""
    return Renderer(None) if config.templates is None else ChildRenderer(config.templates)


def fallback_of(config: Config) -> Renderer | None:
    """What renders when a user's template fails; None where there are only ours."""
    return None if config.templates is None else Renderer(None)
