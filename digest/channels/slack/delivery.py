"""One `deliver` call: each parcel's charts go up, its risk is made durable, then it is posted.

An outcome is about the headline: once that is posted the digest is `sent`, and a reply or a chart
that did not get there is a remark. Sending again would post the headline twice.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from digest.channels.slack.answers import (
    NotSentError,
    RateLimitedError,
    RefusedError,
    SlackError,
)
from digest.channels.slack.document import Unpacker
from digest.channels.slack.outcomes import Road, defect, outcome_of
from digest.channels.slack.posting import files_in, not_taken
from digest.core.content import DeliveryState, Outcome
from digest.core.steps import Step, reached
from digest.errors import NotArmedError

if TYPE_CHECKING:
    from collections.abc import Mapping

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
        try:
            self._passage.begin(parcel)
            outcome = self._carry(parcel, permit)
        except NotArmedError as error:
            return Outcome(state=DeliveryState.RETRY_WAIT, detail=str(error))
        except SlackError as error:
            outcome = outcome_of(parcel.key.recipient, error)
        except Exception as error:
            logger.exception("posting broke", extra={"action": "slack_defect"})
            return _broken(error, permit)
        self._road.note(outcome)
        return outcome

    def _carry(self, parcel: Parcel, permit: _Permit) -> Outcome:
        document = self._documents.unpack(parcel.document)
        uploaded = self._uploads.of(document.charts, small=parcel.small)
        reached(Step.SLACK_UPLOADED)
        first, refused = self._headline(parcel, document.messages[0], uploaded.files, permit)
        others = dict(enumerate(document.messages[1:], start=1))
        lacking = self._poster.follow(parcel.key, others, uploaded.files, first)
        logger.info("posted", extra={"action": "slack_sent", "key": parcel.key.digest})
        return Outcome(
            state=DeliveryState.SENT,
            remarks=(*uploaded.remarks, *refused, *lacking),
            reference=first.ts,
            place=first.channel,
        )

    def _headline(
        self,
        parcel: Parcel,
        message: SlackMessage,
        files: Mapping[str, str],
        permit: _Permit,
    ) -> tuple[Posted, tuple[str, ...]]:
        """Post it, without its charts when Slack does not take them; where it is, and remarks.

        All waiting is done before the risk is taken, so that it is fresh when the post leaves.
        """
        patience = self._pace.patience()
        shown = files_in(message, files)
        remarks: tuple[str, ...] = ()
        while True:
            self._pace.turn(parcel.key.recipient)
            permit.take()
            try:
                return self._post(parcel, message, shown), remarks
            except RateLimitedError as error:
                patience.wait(error)
                permit.drop()
            except RefusedError as error:
                if not shown or not error.about_blocks:
                    raise
                remarks, shown = not_taken(shown), {}

    def _post(self, parcel: Parcel, message: SlackMessage, files: Mapping[str, str]) -> Posted:
        try:
            posted = self._poster.post(parcel.key, message, files, part=0)
        except NotSentError:
            raise
        except SlackError:
            reached(Step.SLACK_POSTED)
            raise
        reached(Step.SLACK_POSTED)
        reached(Step.SLACK_REPLIED)
        return posted


def _broken(error: Exception, permit: _Permit) -> Outcome:
    """What a defect leaves behind: once the risk was taken nobody knows."""
    state = DeliveryState.UNCERTAIN if permit.given else DeliveryState.RETRY_WAIT
    return Outcome(state=state, detail=defect(error))
