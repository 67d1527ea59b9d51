"""One `deliver` call: each parcel's charts go up, its risk is made durable, then it is posted.

An outcome is about the headline: once that is posted the digest is `sent`, and a reply or a chart
that did not get there is a remark. Sending again would post the headline twice.

A headline that follows an earlier message goes into its thread, or takes its place. When Slack
refuses that, it is posted as a new message: a reader must not miss it for the want of an old one.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from digest.channels.slack.answers import (
    NotSentError,
    RateLimitedError,
    RefusedError,
    SlackError,
    UnknownOutcomeError,
)
from digest.channels.slack.document import Unpacker
from digest.channels.slack.following import as_replies, earlier_in
from digest.channels.slack.outcomes import Road, defect, outcome_of
from digest.channels.slack.posting import files_in, not_taken
from digest.core.content import DeliveryState, Outcome
from digest.core.steps import Step, reached
from digest.errors import NotArmedError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from digest.channels.slack.following import Earlier
    from digest.channels.slack.pace import Pace
    from digest.channels.slack.posting import Posted, Poster
    from digest.channels.slack.uploads import Uploads
    from digest.core.content import Parcel, Passage, SlackMessage

logger = logging.getLogger(__name__)


class _Permit:
    """The leave to post one parcel: a durable risk, taken a few seconds ago at most."""

    def __init__(self, passage: Passage, parcel: Parcel) -> None:
        self.given = False
        self._passage = passage
        self._parcel = parcel
        self._current = False

    def take(self) -> None:
        """Have it, anew where it got old. Raises NotArmedError: then nothing may be posted."""
        if self._current and self._passage.still_fresh(self._parcel):
            return
        self._passage.arm(self._parcel)
        self.given = self._current = True
        reached(Step.SLACK_ARMED)
        if not self._passage.still_fresh(self._parcel):
            raise NotArmedError("it took too long from recording the post to posting")

    def drop(self) -> None:
        """After a wait it has to be taken anew."""
        self._current = False


@dataclass(frozen=True, slots=True, kw_only=True)
class _Headline:
    """The first message as it got there, and what had to be done without. `under` is the thread."""

    at: Posted
    under: Posted | None
    remarks: tuple[str, ...]


class Trip:
    """Posts one parcel after the other and keeps what was learnt on the way."""

    def __init__(self, passage: Passage, poster: Poster, pace: Pace, uploads: Uploads) -> None:
        self._passage = passage
        self._poster = poster
        self._pace = pace
        self._uploads = uploads
        self._documents = Unpacker()
        self._road = Road()

    def outcome(self, parcel: Parcel) -> Outcome:
        """Post a parcel, or say why not; trouble with Slack or the bot settles all others too."""
        if self._road.closed is not None:
            return self._road.closed
        permit = _Permit(self._passage, parcel)
        unclear = False
        try:
            self._passage.begin(parcel)
            outcome = self._carry(parcel, permit)
        except NotArmedError as error:
            return Outcome(state=DeliveryState.RETRY_WAIT, detail=str(error))
        except SlackError as error:
            outcome = outcome_of(parcel.key.recipient, error)
            unclear = isinstance(error, UnknownOutcomeError)
        except Exception as error:
            logger.exception("posting broke", extra={"action": "slack_defect"})
            return _broken(error, permit)
        self._road.note(outcome, unclear=unclear)
        return outcome

    def _carry(self, parcel: Parcel, permit: _Permit) -> Outcome:
        document = self._documents.unpack(parcel.document)
        earlier = earlier_in(parcel.head)
        uploaded = self._uploads.of(document.charts, small=parcel.small)
        reached(Step.SLACK_UPLOADED)
        first, *rest = document.messages
        headline = self._headline(parcel, first, uploaded.files, permit, earlier)
        others = dict(enumerate(rest, start=1))
        lacking = self._poster.follow(
            parcel.key,
            as_replies(others) if headline.under else others,
            uploaded.files,
            headline.under or headline.at,
        )
        logger.info("posted", extra={"action": "slack_sent", "key": parcel.key.digest})
        return Outcome(
            state=DeliveryState.SENT,
            remarks=(*uploaded.remarks, *headline.remarks, *lacking),
            reference=headline.at.ts,
            place=headline.at.channel,
        )

    def _headline(
        self,
        parcel: Parcel,
        message: SlackMessage,
        files: Mapping[str, str],
        permit: _Permit,
        earlier: Earlier | None,
    ) -> _Headline:
        """Post it where it belongs; what Slack does not take is left out, and remarked on.

        All waiting is done before the risk is taken, so that it is fresh when the post leaves.
        """
        patience = self._pace.patience()
        shown = files_in(message, files)
        remarks: tuple[str, ...] = ()
        while True:
            self._pace.turn(parcel.key.recipient)
            permit.take()
            try:
                at = self._post(parcel, message, shown, earlier)
            except RateLimitedError as error:
                patience.wait(error)
                permit.drop()
            except RefusedError as error:
                if shown and error.about_blocks:
                    remarks, shown = (*remarks, *not_taken(shown)), {}
                elif earlier is not None and not (error.about_the_bot or error.passing):
                    remarks, earlier = (*remarks, earlier.instead(error.code)), None
                else:
                    raise
            else:
                under = None if earlier is None or earlier.edits else earlier.posted
                return _Headline(at=at, under=under, remarks=remarks)

    def _post(
        self,
        parcel: Parcel,
        message: SlackMessage,
        files: Mapping[str, str],
        earlier: Earlier | None,
    ) -> Posted:
        try:
            posted = self._say(parcel, message, files, earlier)
        except NotSentError:
            raise
        except SlackError:
            reached(Step.SLACK_POSTED)
            raise
        reached(Step.SLACK_POSTED)
        reached(Step.SLACK_REPLIED)
        return posted

    def _say(
        self,
        parcel: Parcel,
        message: SlackMessage,
        files: Mapping[str, str],
        earlier: Earlier | None,
    ) -> Posted:
        """The one call that the reader sees something of."""
        if earlier is None:
            return self._poster.post(parcel.key, message, files, part=0)
        if earlier.edits:
            return self._poster.change(
                parcel.key, message, files, channel=earlier.channel, ts=earlier.ts
            )
        reply = replace(message, thread=True)
        return self._poster.post(parcel.key, reply, files, part=0, under=earlier.posted)


def _broken(error: Exception, permit: _Permit) -> Outcome:
    """What a defect leaves behind: once the risk was taken nobody knows."""
    state = DeliveryState.UNCERTAIN if permit.given else DeliveryState.RETRY_WAIT
    return Outcome(state=state, detail=defect(error))
