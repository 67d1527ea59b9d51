"""What Prometheus is told, and that docs/metrics.md says the same."""

from __future__ import annotations

import re
import threading
import tracemalloc
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families

from digest.channels.slack.answers import _ADVICE
from digest.core.alert_model import HushKind, Phase, Seen, VerdictKind
from digest.core.content import DeliveryState
from digest.phase.transport import Document, Fault, FaultKind, Nonsense, Refusal
from digest.service.ledger_metrics import LedgerReading
from digest.service.metrics import Metrics, Step
from digest.service.reasons import ApiOutcome, api_outcome, reason_of

if TYPE_CHECKING:
    from collections.abc import Callable

PAGE = (Path(__file__).parents[2] / "docs" / "metrics.md").read_text(encoding="utf-8")
NOW = datetime(2026, 11, 23, 7, tzinfo=UTC)
READING = LedgerReading(
    deliveries={"sent": 12, "held": 1},
    due_periods={"waiting": 3},
    queue_age=timedelta(minutes=2),
    needs_person=1,
    alerts={"firing": 2, "ok": 5},
)


def metrics(read: Callable[[], LedgerReading] = lambda: READING) -> Metrics:
    return Metrics(
        version="1.2.3",
        read_ledger=read,
        budget=lambda: {"shop": 0.25},
        log_lines_dropped=lambda: 7,
    )


def samples(of: Metrics) -> dict[str, float]:
    """Every sample as Prometheus reads it: `name{label="value"}` → value."""
    text = of.exposition()[0].decode()
    found = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            labels = ",".join(f'{key}="{held}"' for key, held in sorted(sample.labels.items()))
            found[f"{sample.name}{{{labels}}}" if labels else sample.name] = sample.value
    return found


def told() -> Metrics:
    """One of everything."""
    all_of_it = metrics()
    all_of_it.run_ended("weekly", "sent")
    all_of_it.succeeded("weekly", NOW)
    all_of_it.delivery_ended("mail", DeliveryState.SENT)
    all_of_it.late(timedelta(seconds=3), Step.PLANNED)
    all_of_it.built(timedelta(seconds=4))
    all_of_it.api_request("shop", ApiOutcome.OK)
    all_of_it.alert_look(Seen.TOO_FEW)
    all_of_it.alert_look(None)
    all_of_it.alert_message(VerdictKind.DATA_AGAIN)
    all_of_it.alert_held_back(HushKind.QUIET_HOURS)
    all_of_it.next_due(NOW)
    all_of_it.config_reloaded(ok=True)
    all_of_it.troubles({"missed_period": 2})
    all_of_it.clock_drift(timedelta(seconds=-1.5))
    all_of_it.ticked(NOW)
    return all_of_it


def families(of: Metrics) -> dict[str, tuple[str, str]]:
    """Name → type and help, as they stand in the exposition."""
    text = of.exposition()[0].decode()
    helps = dict(re.findall(r"^# HELP (\S+) (.+)$", text, re.MULTILINE))
    types = dict(re.findall(r"^# TYPE (\S+) (.+)$", text, re.MULTILINE))
    assert helps.keys() == types.keys()
    return {name: (types[name], helps[name]) for name in types}


def rows() -> dict[str, tuple[str, set[str]]]:
    """Name → type and labels, as the table has them."""
    table = re.findall(r"^\| `(digest_\w+)` \| (\w+) \| ([^|]*)\| .+ \|$", PAGE, re.MULTILINE)
    return {name: (kind, set(re.findall(r"`(\w+)`", labels))) for name, kind, labels in table}


def test_the_page_s_table_has_every_metric_and_no_other() -> None:
    assert {name: kind for name, (kind, _) in rows().items()} == {
        name: kind for name, (kind, _) in families(told()).items()
    }


def test_the_page_s_table_has_every_label() -> None:
    shown: dict[str, set[str]] = {}
    for family in text_string_to_metric_families(told().exposition()[0].decode()):
        for sample in family.samples:
            name = re.sub(r"_(bucket|sum|count)$", "", sample.name)
            shown[name] = set(sample.labels) - {"le"} | shown.get(name, set())
    assert {name: labels for name, (_, labels) in rows().items()} == shown


def test_the_page_s_rules_use_metrics_that_there_are() -> None:
    (rules,) = (
        each for each in re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL) if "expr" in each
    )
    expressions = [rule["expr"] for rule in yaml.safe_load(rules)["groups"][0]["rules"]]
    named = set(re.findall(r"digest_\w+", " ".join(expressions)))
    assert len(expressions) == 3
    assert named <= families(told()).keys()
    assert named >= {"digest_needs_person", "digest_loop_tick_timestamp_seconds"}


def test_every_metric_has_our_prefix_and_a_help_text_that_is_a_sentence() -> None:
    for name, (kind, text) in families(told()).items():
        assert name.startswith("digest_")
        assert text.endswith(".")
        assert name.endswith("_total") is (kind == "counter")


def test_the_exposition_is_prometheus_s_text_format() -> None:
    body, kind = told().exposition()
    assert kind == "text/plain; version=0.0.4; charset=utf-8"
    assert body.endswith(b"\n")


def test_what_the_loop_tells_is_shown() -> None:
    shown = samples(told())
    expected = {
        'digest_runs_total{job="weekly",state="sent"}': 1,
        'digest_last_success_timestamp_seconds{job="weekly"}': NOW.timestamp(),
        'digest_deliveries_total{channel="mail",reason="",state="sent"}': 1,
        'digest_run_lateness_seconds_bucket{le="1",step="planned"}': 0,
        'digest_run_lateness_seconds_bucket{le="5",step="planned"}': 1,
        'digest_run_lateness_seconds_bucket{le="+Inf",step="planned"}': 1,
        'digest_run_lateness_seconds_sum{step="planned"}': 3,
        'digest_run_lateness_seconds_count{step="planned"}': 1,
        "digest_build_seconds_count": 1,
        'digest_api_requests_total{app="shop",outcome="ok"}': 1,
        'digest_alert_looks_total{outcome="too_few"}': 1,
        'digest_alert_looks_total{outcome="failed"}': 1,
        'digest_alert_messages_total{kind="data_again"}': 1,
        'digest_alerts_held_back_total{why="quiet_hours"}': 1,
        "digest_next_due_timestamp_seconds": NOW.timestamp(),
        'digest_config_reloads_total{result="ok"}': 1,
        "digest_config_last_reload_success": 1,
        'digest_troubles{kind="missed_period"}': 2,
        "digest_clock_drift_seconds": -1.5,
        "digest_loop_tick_timestamp_seconds": NOW.timestamp(),
        'digest_build_info{version="1.2.3"}': 1,
        'digest_api_budget_used_ratio{app="shop"}': 0.25,
        "digest_log_lines_dropped_total": 7,
    }
    assert {name: shown.get(name) for name in expected} == expected


def test_what_the_ledger_knows_is_read_at_each_exposition() -> None:
    reads = iter([READING, LedgerReading(
        deliveries={}, due_periods={}, queue_age=timedelta(), needs_person=0)])  # fmt: skip
    asked = metrics(lambda: next(reads))

    first, second = samples(asked), samples(asked)

    assert first['digest_deliveries{state="sent"}'] == 12
    assert first['digest_due_periods{state="waiting"}'] == 3
    assert (first["digest_queue_age_seconds"], first["digest_needs_person"]) == (120, 1)
    assert (second["digest_queue_age_seconds"], second["digest_needs_person"]) == (0, 0)
    assert first['digest_alerts{state="firing"}'] == 2
    assert {second[f'digest_alerts{{state="{phase}"}}'] for phase in Phase} == {0}
    for state in DeliveryState:  # a rule about a state that nothing is in works all the same
        assert second[f'digest_deliveries{{state="{state}"}}'] == 0


def test_a_ledger_that_can_t_be_read_hides_nothing_else() -> None:
    def read() -> LedgerReading:
        raise OSError("no")

    shown = samples(metrics(read))

    assert shown["digest_ledger_up"] == 0
    assert "digest_needs_person" not in shown
    assert shown["digest_build_seconds_count"] == 0


def test_before_anything_happened_nothing_is_claimed() -> None:
    shown = samples(metrics())
    for name in (
        "clock_drift_seconds",
        "next_due_timestamp_seconds",
        "loop_tick_timestamp_seconds",
    ):
        assert f"digest_{name}" not in shown
    assert not [name for name in shown if "last_success" in name]


def test_a_reload_that_was_refused_shows_until_one_is_taken() -> None:
    asked = metrics()
    asked.config_reloaded(ok=False)
    assert samples(asked)["digest_config_last_reload_success"] == 0
    asked.config_reloaded(ok=True)
    assert samples(asked)["digest_config_last_reload_success"] == 1
    assert samples(asked)['digest_config_reloads_total{result="refused"}'] == 1


def test_removed_jobs_lose_their_series() -> None:
    asked = metrics()
    for job in ("stays", "goes"):
        asked.run_ended(job, "sent")
        asked.succeeded(job, NOW)
    asked.keep_jobs(["stays", "new"])
    jobs = {match[1] for name in samples(asked) if (match := re.search(r'job="(\w+)"', name))}
    assert jobs == {"stays"}


def test_troubles_that_are_over_and_a_due_instant_that_is_gone_are_not_shown() -> None:
    asked = told()
    asked.troubles({})
    asked.next_due(None)
    assert not [name for name in samples(asked) if "troubles" in name or "next_due" in name]


@pytest.mark.parametrize(
    ("state", "code", "reason"),
    [
        (DeliveryState.SENT, "250", ""),
        (DeliveryState.SKIPPED, "", ""),
        (DeliveryState.FAILED, "550", "smtp_550"),
        (DeliveryState.DEAD, "channel_not_found", "channel_not_found"),
        (DeliveryState.HELD, "", "other"),
    ],
)
def test_a_bad_end_has_a_reason(state: DeliveryState, code: str, reason: str) -> None:
    asked = metrics()
    asked.delivery_ended("mail", state, code)
    name = f'digest_deliveries_total{{channel="mail",reason="{reason}",state="{state}"}}'
    assert samples(asked)[name] == 1


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        ("421", "smtp_421"), ("459", "smtp_4xx"), ("599", "smtp_5xx"), ("250", "other"),
        ("http_404", "http_4xx"), ("http_302", "http_3xx"), ("missing_scope", "missing_scope"),
        ("ana@example.com", "other"), ("made_up_by_a_server", "other"), ("", "other"),
    ],
)  # fmt: skip
def test_reasons_are_words_of_a_fixed_list(code: str, reason: str) -> None:
    assert reason_of(code) == reason


def test_every_slack_code_that_we_have_advice_for_is_a_reason() -> None:
    assert [code for code in _ADVICE if reason_of(code) != code] == []


def test_whatever_servers_answer_the_reasons_stay_few() -> None:
    codes = [str(number) for number in range(1000)] + [f"http_{n}" for n in range(1000)]
    assert len({reason_of(code) for code in codes}) < 20


@pytest.mark.parametrize(
    ("answer", "outcome"),
    [
        (Document({}), ApiOutcome.OK),
        (Refusal(429, None, {}), ApiOutcome.LIMITED),
        (Refusal(401, None, {}), ApiOutcome.REFUSED),
        (Refusal(503, None, {}), ApiOutcome.FAILED),
        (Refusal(302, None, {}), ApiOutcome.FAILED),
        (Fault(FaultKind.TIMEOUT), ApiOutcome.TIMEOUT),
        (Fault(FaultKind.NAME), ApiOutcome.UNREACHABLE),
        (Nonsense("no JSON"), ApiOutcome.NONSENSE),
    ],
)
def test_each_answer_of_the_api_has_its_outcome(answer: Any, outcome: ApiOutcome) -> None:
    assert api_outcome(answer) is outcome


def test_threads_lose_no_count() -> None:
    asked = metrics()

    def count() -> None:
        for _ in range(2000):
            asked.run_ended("weekly", "sent")
            asked.built(timedelta(seconds=1))

    threads = [threading.Thread(target=count) for _ in range(4)]
    for thread in threads:
        thread.start()
    for _ in range(5):
        asked.exposition()
    for thread in threads:
        thread.join()
    shown = samples(asked)
    assert shown['digest_runs_total{job="weekly",state="sent"}'] == 8000
    assert shown["digest_build_seconds_count"] == shown["digest_build_seconds_sum"] == 8000


def test_ten_thousand_jobs_cost_little_memory() -> None:
    asked = metrics()
    names = [f"job-{number}" for number in range(10_000)]
    tracemalloc.start()
    for name in names:
        asked.run_ended(name, "sent")
        asked.succeeded(name, NOW)
    used, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert used < 1000 * len(names)
