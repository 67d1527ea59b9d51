"""Whether a delivery whose answer got lost is in its channel; and the rest of its thread."""

from __future__ import annotations

import logging
import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from digest.channels.slack.answers import RefusedError, SlackError
from digest.channels.slack.blocks import pictures_of
from digest.channels.slack.document import Unpacker, UnreadableError
from digest.channels.slack.following import CHANNEL_ID, as_replies, earlier_in
from digest.channels.slack.history import NotReadError, Traces
from digest.channels.slack.outcomes import defect
from digest.channels.slack.posting import Posted
from digest.core.content import Look, Sighting

if TYPE_CHECKING:
    from collections.abc import Mapping

    from digest.channels.slack.following import Earlier
    from digest.channels.slack.history import History
    from digest.channels.slack.posting import Poster
    from digest.channels.slack.uploads import Uploads
    from digest.core.content import Parcel, SlackMessage

_PERSON_ID = re.compile(r"[UW][A-Z0-9]{6,}")
_SKEW = 600.0  # seconds that our clock may be ahead of Slack's
_NO_THREAD = frozenset({"thread_not_found", "message_not_found"})

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Found:
    """What there is of a delivery in `place`. `under` is the thread that all of it is in."""

    place: str
    traces: Traces
    under: Posted | None = None


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
            found = self._find(parcel)
        except SlackError as error:
            sentence = f"{parcel.key.recipient} can't be looked into: {error}"
            return Look(sighting=Sighting.UNKNOWN, detail=sentence)
        except Exception as error:
            logger.exception("looking broke", extra={"action": "slack_defect"})
            return Look(sighting=Sighting.UNKNOWN, detail=defect(error))
        if found.traces.headline is None:
            return Look(sighting=Sighting.ABSENT, place=found.place)
        return Look(
            sighting=Sighting.FOUND,
            remarks=self._complete(parcel, found),
            reference=found.traces.headline,
            place=found.place,
        )

    def _find(self, parcel: Parcel) -> _Found:
        """Where it belongs; if it is not there, where it would have been posted instead."""
        earlier = earlier_in(parcel.head)
        if earlier is not None:
            found = self._in_place_of if earlier.edits else self._in_thread_of
            traces = found(parcel, earlier)
            if traces is not None:
                under = None if earlier.edits else earlier.posted
                return _Found(place=earlier.channel, traces=traces, under=under)
        place = self._place(parcel)
        return _Found(place=place, traces=self._traces(parcel, place, {0, *self._beside(parcel)}))

    def _place(self, parcel: Parcel) -> str:
        """The channel's id; history takes no name."""
        if parcel.place:
            return parcel.place
        recipient = parcel.key.recipient.removeprefix("#")
        if CHANNEL_ID.fullmatch(recipient):
            return recipient
        if _PERSON_ID.fullmatch(recipient):
            raise NotReadError(
                "it is a person, whose direct messages have an id of their own (D…); give that one"
            )
        return self._history.channel_id(recipient)

    def _traces(self, parcel: Parcel, place: str, wanted: set[int]) -> Traces:
        since = parcel.armed_at.timestamp() - _SKEW if parcel.armed_at else None
        return self._history.messages(place, parcel.key.digest, since=since, wanted=wanted)

    def _in_place_of(self, parcel: Parcel, earlier: Earlier) -> Traces | None:
        """The earlier message, if it was changed into this one, and what was posted beside it."""
        if not self._history.is_headline(earlier.channel, earlier.ts, parcel.key.digest):
            return None
        alone = Traces(headline=earlier.ts, parts=frozenset({0}), whole=True)
        beside = self._beside(parcel)
        if not beside:
            return alone
        try:
            traces = self._traces(parcel, earlier.channel, beside)
        except SlackError:
            return replace(alone, whole=False)
        return replace(traces, headline=earlier.ts)

    def _in_thread_of(self, parcel: Parcel, earlier: Earlier) -> Traces | None:
        """The replies to the earlier message that are this one's."""
        try:
            parts = self._history.replies(earlier.channel, earlier.ts, parcel.key.digest)
        except RefusedError as error:
            if error.code in _NO_THREAD:
                return None
            raise
        if 0 not in parts:
            return None
        return Traces(headline=parts[0], parts=frozenset(parts), whole=True)

    def _complete(self, parcel: Parcel, found: _Found) -> tuple[str, ...]:
        """Post the parts that are not there; gives remarks."""
        try:
            return self._post_missing(parcel, found)
        except SlackError as error:
            return (f"its replies may be incomplete: {error}",)
        except Exception as error:
            logger.exception("completing a thread broke", extra={"action": "slack_defect"})
            return (f"its replies may be incomplete: {defect(error)}",)

    def _post_missing(self, parcel: Parcel, found: _Found) -> tuple[str, ...]:
        others, there = self._others(parcel), found.traces.parts
        root = Posted(channel=found.place, ts=found.traces.headline)
        if found.under is not None:
            others, root = as_replies(others), found.under
        elif root.ts and any(message.thread for message in others.values()):
            there |= self._history.replies(found.place, root.ts, parcel.key.digest).keys()
        missing = {
            part: message
            for part, message in others.items()
            if part not in there and (message.thread or found.traces.whole)
        }
        asked = pictures_of(missing.values())
        charts = self._documents.unpack(parcel.document).charts
        uploaded = self._uploads.of(
            (chart for chart in charts if chart.name in asked), small=parcel.small
        )
        return (
            *uploaded.remarks,
            *self._poster.follow(parcel.key, missing, uploaded.files, root),
            *(
                f"part {part + 1} may be missing: not all of the channel could be read"
                for part in sorted(others.keys() - there - missing.keys())
            ),
        )

    def _beside(self, parcel: Parcel) -> set[int]:
        """The parts after the headline that are no replies; none of an unreadable document."""
        try:
            others = self._others(parcel)
        except UnreadableError:
            return set()
        return {part for part, message in others.items() if not message.thread}

    def _others(self, parcel: Parcel) -> Mapping[int, SlackMessage]:
        """What comes after the headline, by part. Raises UnreadableError."""
        return dict(enumerate(self._documents.unpack(parcel.document).messages[1:], start=1))
