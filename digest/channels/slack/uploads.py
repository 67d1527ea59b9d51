"""Charts as Slack files: uploaded once, without a channel, and waited for until they show.

A file that was uploaded in vain is seen by nobody; a digest without its charts is still a digest.
So nothing here raises: what did not work is a remark.
"""

from __future__ import annotations

import hashlib
import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from digest.channels.slack.answers import RefusedError, SlackError, UnknownOutcomeError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from digest.channels.slack.client import Client
    from digest.channels.slack.document import Chart
    from digest.channels.slack.pace import Pace

_FIRST_PAUSE, _LONGEST_PAUSE = 0.5, 4.0  # seconds between two looks at a file
_VAIN_IN_A_ROW = 2  # uploads, after which no other is tried

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Uploaded:
    """File ids by the name of the chart, and a sentence for each chart that has none."""

    files: Mapping[str, str]
    missing: Mapping[str, str]

    @property
    def remarks(self) -> tuple[str, ...]:
        """What the reader does not see, and why."""
        return tuple(f'chart "{name}" left out: {why}' for name, why in self.missing.items())


class Uploads:
    """The files of one `deliver` call: the same chart goes up once, whoever gets it."""

    def __init__(
        self, client: Client, pace: Pace, *, sleep: Callable[[float], None], file_wait: float
    ) -> None:
        self._client = client
        self._pace = pace
        self._sleep = sleep
        self._file_wait = file_wait
        self._done: dict[tuple[str, str], str | SlackError] = {}
        self._vain = 0

    def of(self, charts: Iterable[Chart], *, small: bool = False) -> Uploaded:
        """Upload the charts, and wait until they are ready to be shown; none if `small`."""
        files: dict[str, str] = {}
        missing: dict[str, str] = {}
        fresh: list[str] = []
        for chart in charts:
            if small:
                missing[chart.name] = "the message was to be small"
                continue
            key = (chart.name, hashlib.sha256(chart.png).hexdigest())
            if key not in self._done:
                fresh.append(chart.name)
                self._done[key] = self._try(chart)
            result = self._done[key]
            if isinstance(result, SlackError):
                missing[chart.name] = str(result)
            else:
                files[chart.name] = result
        late = self._wait_for({name: files[name] for name in fresh if name in files})
        for name in late:
            del files[name]
            missing[name] = f"Slack did not have it ready within {self._file_wait:.0f} s"
        return Uploaded(files=files, missing=missing)

    def _try(self, chart: Chart) -> str | SlackError:
        if self._vain >= _VAIN_IN_A_ROW:
            return UnknownOutcomeError("Slack took no file before it either")
        try:
            file_id = self._pace.patiently(lambda: self._upload(chart))
        except SlackError as error:
            logger.warning("upload failed", extra={"action": "slack_upload_failed"})
            self._vain += 1
            return error
        self._vain = 0
        return file_id

    def _upload(self, chart: Chart) -> str:
        begun = self._client.files_getUploadURLExternal(
            filename=chart.filename, length=len(chart.png), alt_txt=chart.alt[:1000]
        )
        file_id, url = begun.get("file_id"), begun.get("upload_url")
        if not isinstance(file_id, str) or not isinstance(url, str):
            raise UnknownOutcomeError("Slack gave no address for the file")
        self._client.upload(url, chart.png)
        self._client.files_completeUploadExternal(
            files=[{"id": file_id, "title": chart.title or chart.name}]
        )
        return file_id

    def _wait_for(self, files: Mapping[str, str]) -> tuple[str, ...]:
        """Look until each file is ready or the time is up; gives those that are not."""
        pending, pause, waited = dict(files), _FIRST_PAUSE, 0.0
        while True:
            pending = {name: key for name, key in pending.items() if not self._is_ready(key)}
            if not pending or waited >= self._file_wait:
                return tuple(pending)
            pause = min(pause, self._file_wait - waited)
            self._sleep(pause)
            waited += pause
            pause = min(pause * 2, _LONGEST_PAUSE)

    def _is_ready(self, file_id: str) -> bool:
        """Whether Slack has looked at the file; its type is not known before that."""
        try:
            told = self._pace.patiently(lambda: self._client.files_info(file=file_id))
        except RefusedError as error:
            # Without the scope files:read we can't look. The post itself will tell.
            return error.code != "file_not_found"
        except SlackError:
            return True
        file: Any = told.get("file")
        return isinstance(file, dict) and bool(file.get("mimetype"))
