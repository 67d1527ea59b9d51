"""What the Slack channel needs to know. All times are in seconds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from digest.channels import Secret


@dataclass(frozen=True, slots=True, kw_only=True)
class SlackSettings:
    """One bot in one workspace.

    `timeout` bounds one call as a whole. `max_wait` is the longest that a call waits in all when
    Slack asks for patience (429); beyond it the message is put off. `file_wait` is the longest
    wait for uploaded charts to be ready; beyond it the message goes out without them.
    """

    token: Secret
    base_url: str = "https://slack.com/api/"
    timeout: float = 30.0
    max_wait: float = 60.0
    file_wait: float = 30.0
