"""The Slack channel: freezes, delivers, looks up and probes, as one bot of one workspace."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from digest.channels._phrases import shown
from digest.channels.slack.answers import SlackError
from digest.channels.slack.client import Client
from digest.channels.slack.delivery import Trip
from digest.channels.slack.document import Packer, undrawn
from digest.channels.slack.following import head_of
from digest.channels.slack.history import History
from digest.channels.slack.looking import Search
from digest.channels.slack.pace import Pace
from digest.channels.slack.posting import Poster
from digest.channels.slack.uploads import Uploads
from digest.core.content import Frozen
from digest.errors import DeliveryError

if TYPE_CHECKING:
    from digest.channels import Outside
    from digest.channels.slack.settings import SlackSettings
    from digest.core.content import Envelope, Look, Parcel, Passage

# An id, or a name in any script. Which of the two it is Slack sees for itself.
_RECIPIENT = re.compile(r"#?[\w.-]{1,80}")
_LACKS = (
    (("files:write",), "there are no charts"),
    (
        ("channels:history", "groups:history"),
        "a message whose answer got lost can't be looked up",
    ),
    (("channels:read", "groups:read"), "a channel can't be looked into by its name"),
)
"""What does not work when the bot has none of these scopes."""


class SlackChannel:
    """Posts as one bot of one workspace."""

    def __init__(self, name: str, settings: SlackSettings, outside: Outside) -> None:
        self.name = name
        self._settings = settings
        self._outside = outside
        self._client = Client(settings, outside)
        self._pace = Pace(outside, settings.max_wait)
        self._poster = Poster(self._client, self._pace)
        self._packer = Packer()

    def freeze(self, envelope: Envelope) -> Frozen:
        """The messages and charts as JSON, one bytes object for all readers of one content.

        The head says which earlier message this reader's one belongs to.
        """
        if _RECIPIENT.fullmatch(envelope.recipient) is None:
            name = shown(envelope.recipient)
            raise DeliveryError(f"{name} is not a Slack channel: use #name or an id such as C0…")
        content = envelope.content.slack
        if not content.messages:
            raise DeliveryError("there is nothing to post")
        document = self._packer.pack(content, test=envelope.test)
        return Frozen(document=document, head=head_of(envelope.follows), remarks=undrawn(content))

    def deliver(self, passage: Passage) -> None:
        """Post each parcel; trouble with Slack or the token settles all that is left."""
        trip = Trip(passage, self._poster, self._pace, self._uploads())
        while (parcel := passage.take()) is not None:
            passage.settle(parcel, trip.outcome(parcel))

    def look(self, parcel: Parcel) -> Look:
        """Read the channel's history for the parcel's key; complete its thread when it is there."""
        history = History(self._client, self._pace.patience())
        return Search(history, self._poster, self._uploads()).look(parcel)

    def probe(self) -> str:
        """Ask Slack who we are (`auth.test`), without posting."""
        try:
            told = self._pace.patiently(self._client.auth_test)
        except SlackError as error:
            raise DeliveryError(str(error)) from None
        scopes = {scope.strip() for scope in told.headers.get("x-oauth-scopes", "").split(",")}
        who, team = shown(str(told.get("user"))), shown(str(told.get("team")))
        return f"Slack knows the bot {who} of the workspace {team}{_lacking(scopes - {''})}"

    def _uploads(self) -> Uploads:
        return Uploads(
            self._client,
            self._pace,
            sleep=self._outside.sleep,
            file_wait=self._settings.file_wait,
        )


def _lacking(scopes: set[str]) -> str:
    """What does not work for want of scopes. Raises DeliveryError when nothing does."""
    if not scopes:
        return ""  # Slack did not say
    if "chat:write" not in scopes:
        raise DeliveryError("the Slack app lacks the scope chat:write; add it and reinstall")
    return "".join(
        f"; without the scope {usual} {consequence}"
        for (usual, *others), consequence in _LACKS
        if scopes.isdisjoint((usual, *others))
    )
