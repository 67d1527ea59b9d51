"""Report → what is sent: e-mail and Slack content, made by templates that a user can replace."""

from digest.render.child_renderer import ChildRenderer
from digest.render.renderer import Renderer
from digest.render.slack_page import slack_page

__all__ = ["ChildRenderer", "Renderer", "slack_page"]
