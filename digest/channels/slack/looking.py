"""Whether a delivery whose answer got lost is in its channel; and the rest of its thread."""

from __future__ import annotations

import logging
import re
from typing import TYPE_CHECKING

from digest.channels.slack.answers import SlackError
from digest.channels.slack.blocks import pictures_of
from digest.channels.slack.document import Unpacker, UnreadableError
from digest.channels.slack.history import NotReadError
from digest.channels.slack.outcomes import defect
from digest.channels.slack.posting import Posted
from digest.core.content import Look, Sighting

if TYPE_CHECKING:
    from digest.channels.slack.history import History, Traces
    from digest.channels.slack.posting import Poster
    from digest.channels.slack.uploads import Uploads
    from digest.core.content import Parcel, SlackMessage

_CHANNEL_ID = re.compile(r"[CGD][A-Z0-9]{6,}")
_PERSON_ID = re.compile(r"[UW][A-Z0-9]{6,}")
_SKEW = 600.0  # seconds that our clock may be ahead of Slack's

logger = logging.getLogger(__name__)


class Search:
    """One look."""

    def __init__(self, history: History, poster: Poster, uploads: Uploads) -> None:
        self._history = history
        self._poster = poster
        self._uploads = uploads
        self._documents = Unpacker()

    def look(self, parcel: Parcel) -> Look:
        """Find the headline; where it is, post what is missing of its thread. Never raises."""
        try:
            place = self._place(parcel)
            traces = self._traces(parcel, place)
        except SlackError as error:
            sentence = f"{parcel.key.recipient} can't be looked into: {error}"
            return Look(sighting=Sighting.UNKNOWN, detail=sentence)
        except Exception as error:
            logger.exception("looking broke", extra={"action": "slack_defect"})
            return Look(sighting=Sighting.UNKNOWN, detail=defect(error))
        if traces.headline is None:
            return Look(sighting=Sighting.ABSENT, place=place)
        return Look(
            sighting=Sighting.FOUND,
            remarks=self._complete(parcel, traces, place),
            reference=traces.headline,
            place=place,
        )

    def _place(self, parcel: Parcel) -> str:
        """The channel's id; history takes no name."""
        if parcel.place:
            return parcel.place
        recipient = parcel.key.recipient.removeprefix("#")
        if _CHANNEL_ID.fullmatch(recipient):
            return recipient
        if _PERSON_ID.fullmatch(recipient):
            raise NotReadError(
                "it is a person, whose direct messages have an id of their own (D…); give that one"
            )
        return self._history.channel_id(recipient)

    def _traces(self, parcel: Parcel, place: str) -> Traces:
        since = parcel.armed_at.timestamp() - _SKEW if parcel.armed_at else None
        try:
            others = self._others(parcel)
        except UnreadableError:
            others = {}
        wanted = {0, *(part for part, message in others.items() if not message.thread)}
        return self._history.messages(place, parcel.key.digest, since=since, wanted=wanted)

    def _complete(self, parcel: Parcel, traces: Traces, place: str) -> tuple[str, ...]:
        """Post the parts that are not there; gives remarks."""
        try:
            return self._post_missing(parcel, traces, place)
        except SlackError as error:
            return (f"its replies may be incomplete: {error}",)
        except Exception as error:
            logger.exception("completing a thread broke", extra={"action": "slack_defect"})
            return (f"its replies may be incomplete: {defect(error)}",)

    def _post_missing(self, parcel: Parcel, traces: Traces, place: str) -> tuple[str, ...]:
        others, there = self._others(parcel), traces.parts
        if traces.headline and any(message.thread for message in others.values()):
            there |= self._history.replies(place, traces.headline, parcel.key.digest)
        missing = {
            part: message
            for part, message in others.items()
            if part not in there and (message.thread or traces.whole)
        }
        asked = pictures_of(missing.values())
        charts = self._documents.unpack(parcel.document).charts
        uploaded = self._uploads.of(
            (chart for chart in charts if chart.name in asked), small=parcel.small
        )
        headline = Posted(channel=place, ts=traces.headline)
        return (
            *uploaded.remarks,
            *self._poster.follow(parcel.key, missing, uploaded.files, headline),
            *(
                f"part {part + 1} may be missing: not all of the channel could be read"
                for part in sorted(others.keys() - there - missing.keys())
            ),
        )

    def _others(self, parcel: Parcel) -> dict[int, SlackMessage]:
        """What comes after the headline, by part. Raises UnreadableError."""
        return dict(enumerate(self._documents.unpack(parcel.document).messages[1:], start=1))
