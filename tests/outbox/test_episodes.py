"""Messages of one episode, through the ledger and real channels: what follows stays together."""

from __future__ import annotations

from email import message_from_bytes
from email.policy import default
from typing import TYPE_CHECKING

from digest.core.content import Content, DeliveryKind, Follows, Frozen
from digest.outbox.planning import Mailing, frozen
from digest.sandbox.slack import Answer, SlackSandbox
from digest.store.reading import Scope
from tests.support import mailing as mails
from tests.support import slacking
from tests.support.deliveries import details, email, headline, slack
from tests.support.ledgers import NOW, Clock, new_run, scope, sender, states
from tests.support.smtp_server import SmtpServer

if TYPE_CHECKING:
    from digest.core.content import Channel
    from digest.store.opened import Store
    from digest.store.rows import Run

READERS = {"mail": ("ana@example.com",), "slack": ("#growth",)}
ALL_SENT = {"ana@example.com": "sent", "#growth": "sent"}
Found = dict[tuple[str, str], Follows]


def planned(store: Store, channels: dict[str, Channel], period: str, follows: Found) -> Run:
    made = Mailing(
        install=store.ledger.install,
        job="bounce",
        kind=DeliveryKind.ALERT,
        period=period,
        generation=0,
        content=Content(email=email(), slack=slack(headline(period), details(f"{period}, more"))),
        date=NOW,
        to=READERS,
        follows=follows,
    )
    made_for = list(frozen(made, channels.__getitem__))
    batch = [(key, one) for key, one in made_for if isinstance(one, Frozen)]
    assert len(batch) == len(made_for)
    run = store.ledger.plan(new_run(job="bounce", kind=DeliveryKind.ALERT, period=period), batch)
    assert run is not None
    return run


def earlier(store: Store, run: Run, *, edits: bool) -> Found:
    """What a later message follows, as the ledger has it."""
    return {
        (held.key.channel, held.key.recipient): Follows(
            key=held.key, reference=held.reference, place=held.place, edits=edits
        )
        for held in store.ledger.deliveries(Scope(runs=(run.row,)))
    }


def test_an_episode_is_one_thread_of_mails_and_one_slack_message_that_is_changed_in_the_end(
    store: Store, clock: Clock
) -> None:
    lost = slacking.updates(Answer(act=True, hang_up=True))
    with SmtpServer() as server, SlackSandbox(script=lost) as sandbox:
        channels = {"mail": mails.channel(server), "slack": slacking.channel(sandbox)}
        sending = sender(store, clock, channels.values())
        first = planned(store, channels, "e3-firing", {})
        sending.send(scope(first))
        second = planned(store, channels, "e3-repeat-2", earlier(store, first, edits=False))
        sending.send(scope(second))
        third = planned(store, channels, "e3-resolved", earlier(store, first, edits=True))
        sending.send(scope(third))
        assert states(store, third) == {**ALL_SENT, "#growth": "retry_wait"}
        clock.go(minutes=1.1)
        sending.send(scope(third))
        assert [states(store, run) for run in (first, second, third)] == [ALL_SENT] * 3
        references = {key: one.reference for key, one in earlier(store, third, edits=True).items()}
    root, *_ = sandbox.posts
    assert [(post.text, post.thread_ts) for post in sandbox.posts] == [
        ("e3-resolved", None),
        ("e3-firing, more", root.ts),
        ("e3-repeat-2", root.ts),
        ("e3-repeat-2, more", root.ts),
        ("e3-resolved, more", root.ts),
    ]
    assert references["slack", "#growth"] == root.ts
    one, *others = [message_from_bytes(got.data, policy=default) for got in server.accepted]
    assert one["In-Reply-To"] is None
    assert [mail["In-Reply-To"] for mail in others] == [one["Message-ID"]] * 2
    assert [mail["References"] for mail in others] == [one["Message-ID"]] * 2
