"""From a file to models: what the design's example becomes, defaults, files and where they are."""

from __future__ import annotations

import gc
from datetime import date, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from pydantic import ValidationError

from digest.config.loader import MOST_BYTES, find, load, starter
from digest.config.models import (
    CatchUp,
    FolderChannel,
    OnUncertain,
    Security,
    SlackChannel,
    SmtpChannel,
    Window,
)
from digest.core.metrics import PLAIN_METRICS, STANDARD_BREAKDOWNS, Dimension, Metric
from digest.core.periods import BaselineKind, BaselineRule, PeriodKind
from digest.core.rules.limits import Line
from digest.core.rules.threshold import Threshold
from digest.errors import ConfigError
from tests.support.configs import ENV, SMALL, changed, config_of

if TYPE_CHECKING:
    from digest.config.models import Config

DESIGN = """\
timezone: Europe/Berlin
locale: en
state: sqlite:///./digest.db
apps:
  shop: {title: Acme Shop, app_id: "482913750261048", api_key: "${PHASE_SHOP_KEY}",
         base_url: https://api.phase.sh/public-api/v1}
channels:
  mail:  {type: smtp, host: smtp.example.com, port: 587, security: starttls, username: u,
          password: "${SMTP_PASSWORD}", from: "Acme Analytics <digest@example.com>"}
  slack: {type: slack, token: "${SLACK_BOT_TOKEN}"}
  files: {type: folder, path: ./out}
digests:
  monday-email: {app: shop, period: week, schedule: "mon 08:00",
    to: {mail: [ceo@example.com, "Ana <ana@example.com>"], slack: ["#growth"]}}
  daily-slack:  {app: shop, period: day, schedule: "mon-fri 09:00", to: {slack: [C0123456789]}}
alerts:
  bounce-rate-spike: {app: shop, metric: bounce_rate, schedule: "every 15m", window: today,
    when: {above: 60}, clear: {below: 50}, min_sessions: 30,
    to: {slack: ["#alerts"], mail: [oncall@example.com]}}
ops: {slack: ["#ops"]}
delivery: {on_uncertain: hold, deadline: 12h, retention: 400d}
"""


def test_the_design_s_example_becomes_models(tmp_path: Path) -> None:
    config = config_of(DESIGN, base_dir=tmp_path)

    assert (config.timezone, config.locale) == ("Europe/Berlin", "en")
    app = config.apps["shop"]
    assert (app.name, app.title, app.app_id) == ("shop", "Acme Shop", "482913750261048")
    assert app.api_key.get_secret_value() == ENV["PHASE_SHOP_KEY"]
    mail, slack, files = (config.channels[name] for name in ("mail", "slack", "files"))
    assert isinstance(mail, SmtpChannel)
    assert (mail.name, mail.host, mail.port, mail.security) == (
        "mail", "smtp.example.com", 587, Security.STARTTLS,
    )  # fmt: skip
    assert mail.sender == "Acme Analytics <digest@example.com>"
    assert mail.password is not None
    assert mail.password.get_secret_value() == ENV["SMTP_PASSWORD"]
    assert isinstance(slack, SlackChannel)
    assert slack.base_url == "https://slack.com/api/"
    assert isinstance(files, FolderChannel)
    assert files.path == tmp_path / "out"
    assert config.ops == {"slack": ("#ops",)}
    assert config.delivery.on_uncertain is OnUncertain.HOLD
    assert config.delivery.deadline == timedelta(hours=12)
    assert config.delivery.retention == timedelta(days=400)
    assert config.state is not None
    assert config.state.get_secret_value() == f"sqlite:///{tmp_path / 'digest.db'}"


def test_the_design_s_jobs_become_models() -> None:
    config = config_of(DESIGN)

    monday, daily = config.digests["monday-email"], config.digests["daily-slack"]
    assert (monday.name, monday.app, monday.period) == ("monday-email", "shop", PeriodKind.WEEK)
    assert (monday.schedule.expr, monday.timezone) == ("0 8 * * mon", "Europe/Berlin")
    assert monday.to == {"mail": ("ceo@example.com", "Ana <ana@example.com>"),
                         "slack": ("#growth",)}  # fmt: skip
    assert daily.schedule.expr == "0 9 * * mon-fri"
    alert = config.alerts["bounce-rate-spike"]
    assert (alert.name, alert.metric, alert.window) == (
        "bounce-rate-spike", Metric.BOUNCE_RATE, Window.TODAY,
    )  # fmt: skip
    assert alert.rule == Threshold(
        metric=Metric.BOUNCE_RATE, line=Line(up=True, limit=60, clear=50)
    )
    assert (alert.min_sessions, alert.to["mail"]) == (30, ("oncall@example.com",))


def test_a_digest_has_defaults() -> None:
    weekly = config_of(SMALL).digests["weekly"]

    assert weekly.metrics == PLAIN_METRICS
    assert weekly.breakdowns == STANDARD_BREAKDOWNS
    assert weekly.charts == (
        Metric.SESSIONS, Metric.BOUNCE_RATE, Dimension.SESSIONS_COUNTRY,
        Dimension.EVENTS_EVENT_NAME,
    )  # fmt: skip
    assert weekly.baseline == BaselineRule()
    assert weekly.settle == timedelta(hours=2)
    assert (weekly.enabled, weekly.title, weekly.tags, weekly.skip_dates) == (True, None, (), ())
    assert (weekly.catch_up, weekly.max_lateness) == (CatchUp.LAST, None)


def digest_with(keys: str) -> Config:
    return config_of(changed("to: {mail: ana", f"{keys}, to: {{mail: ana"))


def test_a_digest_takes_every_key() -> None:
    weekly = digest_with(
        "title: Our week, enabled: false, metrics: [events_per_session, sessions], "
        "breakdowns: sessions.city, charts: [sessions.city, sessions], baseline: {trailing: 4}, "
        "tags: [a, 2], settle: 90m, skip_dates: [2026-12-25, 2027-01-01], catch_up: none, "
        "max_lateness: 1d 12h"
    ).digests["weekly"]

    assert (weekly.title, weekly.enabled) == ("Our week", False)
    assert weekly.metrics == (Metric.EVENTS_PER_SESSION, Metric.SESSIONS)
    assert weekly.breakdowns == (Dimension.SESSIONS_CITY,)
    assert weekly.charts == (Dimension.SESSIONS_CITY, Metric.SESSIONS)
    assert weekly.baseline == BaselineRule(BaselineKind.TRAILING, 4)
    assert weekly.tags == ("a", "2")
    assert weekly.settle == timedelta(minutes=90)
    assert weekly.skip_dates == (date(2026, 12, 25), date(2027, 1, 1))
    assert weekly.catch_up is CatchUp.NONE
    assert weekly.max_lateness == timedelta(hours=36)


def test_usual_charts_are_only_of_what_is_shown() -> None:
    weekly = digest_with("metrics: [events, sessions], breakdowns: []").digests["weekly"]
    assert weekly.charts == (Metric.SESSIONS,)


@pytest.mark.parametrize(
    ("keys", "charts"),
    [("", ()), (", charts: sessions", (Metric.SESSIONS,)), (", charts: []", ())],
    ids=["none said", "one said", "none wanted"],
)
def test_a_day_is_not_drawn_unless_asked(keys: str, charts: tuple[Metric, ...]) -> None:
    text = changed("period: week", f"period: day{keys}")
    assert config_of(text).digests["weekly"].charts == charts


@pytest.mark.parametrize(
    ("security", "port"), [("", 587), ("security: tls, ", 465), ("security: none, ", 25)]
)
def test_the_port_follows_the_security(security: str, port: int) -> None:
    text = changed("host: smtp.example.com, ", f"host: 127.0.0.1, {security}")
    mail = config_of(text).channels["mail"]
    assert isinstance(mail, SmtpChannel)
    assert mail.port == port


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "127.9.9.9", "::1", "[::1]"])
def test_plain_mail_to_this_machine_needs_no_switch(host: str) -> None:
    text = changed("host: smtp.example.com, ", f"host: '{host}', security: none, ")
    mail = config_of(text).channels["mail"]
    assert isinstance(mail, SmtpChannel)
    assert mail.security is Security.NONE


def test_plain_mail_elsewhere_needs_the_switch() -> None:
    text = changed("host: smtp.example.com, ", "host: relay, security: none, allow_plain: true, ")
    mail = config_of(text).channels["mail"]
    assert isinstance(mail, SmtpChannel)
    assert mail.allow_plain


@pytest.mark.parametrize(
    ("url", "kept"),
    [
        ("http://127.0.0.1:8080/public-api/v1/", "http://127.0.0.1:8080/public-api/v1"),
        ("http://localhost/x", "http://localhost/x"),
        ("http://[::1]:99", "http://[::1]:99"),
        ("https://phase.example.com", "https://phase.example.com"),
    ],
)
def test_urls_lose_their_final_slash(url: str, kept: str) -> None:
    text = changed("{app_id:", f"{{base_url: '{url}', app_id:")
    assert config_of(text).apps["shop"].base_url == kept


def test_a_slack_url_has_one_final_slash() -> None:
    for url in ("http://127.0.0.1:9/api", "http://127.0.0.1:9/api/"):
        slack = config_of(changed("type: slack, ", f"type: slack, base_url: '{url}', "))
        channel = slack.channels["slack"]
        assert isinstance(channel, SlackChannel)
        assert channel.base_url == "http://127.0.0.1:9/api/"


def test_an_app_without_a_title_goes_by_its_name() -> None:
    assert config_of(SMALL).apps["shop"].title == "shop"


def test_an_id_is_kept_digit_by_digit() -> None:
    for written in ('"0482"', "0482"):
        text = changed('"482913750261048"', written)
        assert config_of(text).apps["shop"].app_id == "0482"


def test_any_title_is_taken_as_it_is() -> None:
    title = r'"<b>{{7*7}}</b>\r\nBcc: x 😀 \u202e"'
    app = config_of(changed("{app_id:", f"{{title: {title}, app_id:")).apps["shop"]
    assert app.title == "<b>{{7*7}}</b>\r\nBcc: x 😀 \u202e"


def test_empty_keys_are_as_good_as_left_out() -> None:
    config = digest_with("title: , metrics: ~, settle: null")
    assert config.digests["weekly"].title is None
    assert config.digests["weekly"].metrics == PLAIN_METRICS


def test_a_folder_s_recipients_may_be_left_out() -> None:
    text = changed("{mail: ana@example.com}", "{files: }")
    assert config_of(text).digests["weekly"].to == {"files": (".",)}
    text = changed("{mail: ana@example.com}", "{files: [a/b, ./c/]}")
    assert config_of(text).digests["weekly"].to == {"files": ("a/b", "c")}


def test_limits_can_be_tiny() -> None:
    limits = config_of(
        SMALL + "limits: {connect: 0.05, read: 0.5, try: 1.0, call: 2, tries: 1, "
        "max_body: 1000, requests_per_minute: 7}\n"
    ).limits
    assert (limits.connect, limits.read, limits.try_, limits.call) == (0.05, 0.5, 1.0, 2.0)
    assert (limits.tries, limits.max_body, limits.requests_per_minute) == (1, 1000, 7)
    assert (limits.smtp_connect, limits.smtp_reply, limits.slack_call) == (0.05, 0.5, 0.5)


def test_limits_have_defaults() -> None:
    limits = config_of(SMALL).limits
    assert (limits.connect, limits.read, limits.try_, limits.call) == (5, 20, 60, 180)
    assert (limits.tries, limits.max_body, limits.requests_per_minute) == (4, 10 * 1024**2, 200)
    assert (limits.smtp_connect, limits.smtp_reply, limits.slack_call) == (30, 300, 30)


def test_models_can_t_be_changed() -> None:
    config = config_of(SMALL)
    for model, field in ((config, "locale"), (config.apps["shop"], "title"),
                         (config.digests["weekly"], "app")):  # fmt: skip
        with pytest.raises(ValidationError, match="frozen"):
            setattr(model, field, "x")


def test_loading_leaves_garbage_collection_as_it_was() -> None:
    assert gc.isenabled()
    config_of(SMALL)
    assert gc.isenabled()
    gc.disable()
    try:
        config_of(SMALL)
        assert not gc.isenabled()
    finally:
        gc.enable()


@pytest.mark.parametrize(
    "raw",
    [
        SMALL.encode(),
        b"\xef\xbb\xbf" + SMALL.encode(),
        SMALL.encode("utf-16"),
        b"\xfe\xff" + SMALL.encode("utf-16-be"),
        SMALL.replace("\n", "\r\n").encode(),
        SMALL.replace("\n", "\r").encode(),
    ],
    ids=["utf-8", "utf-8 with a mark", "utf-16", "utf-16 big endian", "CRLF", "CR"],
)
def test_encodings_and_line_ends_make_no_difference(raw: bytes, tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    path.write_bytes(raw)
    assert load(path, ENV) == config_of(SMALL, base_dir=tmp_path)


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        (b"a: 1\nb: \xff\xfe\n", "is not UTF-8 text (line 2)"),
        (b"\x7fELF\x02\x01\x01\xc3\x28", "is not UTF-8 text (line 1)"),
        (b"\xff\xfea", "is not UTF-16-LE text (line 1)"),
        (b"", "is empty; digest init writes a starter"),
        (b" " * (MOST_BYTES + 1), "is larger than 16 MiB, which no config is"),
    ],
    ids=["latin-1", "binary", "half a character", "nothing", "huge"],
)
def test_files_that_are_no_config_are_one_problem(raw: bytes, message: str, tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    path.write_bytes(raw)
    with pytest.raises(ConfigError) as caught:
        load(path, ENV)
    assert str(caught.value) == f"{path}: {message}"


def test_a_bom_does_not_move_columns(tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    path.write_bytes(b"\xef\xbb\xbfzone: x\n")
    with pytest.raises(ConfigError, match=r"yaml:1:1: zone: unknown key"):
        load(path, ENV)


def test_files_that_can_t_be_read_are_one_problem(tmp_path: Path) -> None:
    for path, reason in (
        (tmp_path / "none.yaml", "there is no such file; digest init writes a starter"),
        (tmp_path, "can't be read: Is a directory"),
        (Path("\0"), "can't be read: not a path"),
    ):
        with pytest.raises(ConfigError) as caught:
            load(path, ENV)
        assert caught.value.problems[0].message == reason


def test_relative_paths_start_at_the_config(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "conf" / "mine").mkdir(parents=True)
    (tmp_path / "conf" / "config.yaml").write_text(SMALL + "templates: mine\n")
    monkeypatch.chdir(tmp_path)

    config = load(Path("conf/config.yaml"), ENV)

    assert config.templates == tmp_path / "conf" / "mine"


def test_a_tilde_is_home(tmp_path: Path) -> None:
    text = changed("path: out", "path: ~/out")
    files = config_of(text, {**ENV, "HOME": str(tmp_path)}).channels["files"]
    assert isinstance(files, FolderChannel)
    assert files.path == tmp_path / "out"


class TestFind:
    def test_what_is_named_is_used_even_if_it_is_not_there(self, tmp_path: Path) -> None:
        assert find(tmp_path / "x.yaml", {"DIGEST_CONFIG": "y"}) == tmp_path / "x.yaml"
        assert find(None, {"DIGEST_CONFIG": "/y.yaml"}) == Path("/y.yaml")

    def test_the_first_place_with_a_file_wins(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.chdir(tmp_path)
        own = tmp_path / "home" / ".config" / "digest" / "config.yaml"
        own.parent.mkdir(parents=True)
        own.touch()
        settings = tmp_path / "settings" / "digest" / "config.yaml"
        settings.parent.mkdir(parents=True)
        settings.touch()
        env = {"HOME": str(tmp_path / "home")}

        assert find(None, env) == own
        assert find(None, {**env, "XDG_CONFIG_HOME": str(tmp_path / "settings")}) == settings
        (tmp_path / "config.yaml").touch()
        assert find(None, env) == Path("config.yaml")

    @pytest.mark.skipif(
        Path("/etc/digest/config.yaml").exists(), reason="this machine has a config"
    )
    def test_none_at_all_says_where_it_looked_and_what_to_do(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.chdir(tmp_path)
        for env in ({}, {"HOME": "/nowhere", "DIGEST_CONFIG": ""}):
            with pytest.raises(
                ConfigError, match=r"/etc/digest/config\.yaml.*digest init"
            ) as caught:
                find(None, env)
            assert int(caught.value.exit_code) == 78


def test_the_starter_is_the_example() -> None:
    example = Path(__file__).parents[2] / "config.example.yaml"
    assert starter() == example.read_text(encoding="utf-8")
