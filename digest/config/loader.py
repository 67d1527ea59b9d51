"""From a file to a `Config`, or to a ConfigError that has every problem with its place.

The tree is read twice only when there is something to explain: line and column are of no use to
a config that is right.
"""

from __future__ import annotations

import codecs
import gc
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from pydantic import ValidationError

from digest.config.explain import Complaint, complaints
from digest.config.models import Config
from digest.config.problems import path_text
from digest.config.secrets import Filler
from digest.config.surroundings import surroundings_of
from digest.config.tree import TreeReader, UnreadableError
from digest.errors import ConfigError, Problem

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from digest.config import problems
    from digest.config.secrets import Cover

MOST_BYTES: Final = 16 * 1024 * 1024
MOST_PROBLEMS: Final = 1000

_BOMS: Final = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_EXAMPLE: Final = "config.example.yaml"


def find(explicit: Path | None, env: Mapping[str, str]) -> Path:
    """The config file to use: the named one, or the first that is there.

    Looks at $DIGEST_CONFIG, ./config.yaml, ~/.config/digest/config.yaml (or $XDG_CONFIG_HOME)
    and /etc/digest/config.yaml. Raises ConfigError when there is none.
    """
    if explicit is not None:
        return explicit
    if named := env.get("DIGEST_CONFIG"):
        return Path(named)
    places = _places(env)
    for place in places:
        if place.exists():
            return place
    looked = ", ".join(str(place) for place in places)
    message = (
        f"there is no config file (looked for $DIGEST_CONFIG, {looked}); name one with -c, or "
        "write a starter with: digest init"
    )
    raise ConfigError([Problem(source="digest", message=message)])


def _places(env: Mapping[str, str]) -> tuple[Path, ...]:
    home, settings = env.get("HOME"), env.get("XDG_CONFIG_HOME")
    own = Path(settings) if settings else Path(home) / ".config" if home else None
    return (
        Path("config.yaml"),
        *((own / "digest" / "config.yaml",) if own else ()),
        Path("/etc/digest/config.yaml"),
    )


def load(path: Path, env: Mapping[str, str]) -> Config:
    """Read and validate a file. Raises ConfigError with every problem."""
    source = str(path)
    return load_text(_read(path, source), source, env, path.absolute().parent)


def load_text(text: str, source: str, env: Mapping[str, str], base_dir: Path) -> Config:
    """Validate a text; `base_dir` is where its relative paths start. Raises ConfigError."""
    with _no_garbage_collection():
        found = _validated(text, env, base_dir)
    if isinstance(found, Config):
        return found
    raise ConfigError(_placed(found, text, source))


def starter() -> str:
    """The commented config that `digest init` writes."""
    package = Path(__file__).parent.parent
    for folder in (package, package.parent):  # in a wheel, in an editable install
        example = folder / _EXAMPLE
        if example.is_file():
            return example.read_text(encoding="utf-8")
    raise ConfigError([Problem(source=_EXAMPLE, message="is missing from this installation")])


def _validated(text: str, env: Mapping[str, str], base_dir: Path) -> Config | list[Complaint]:
    """The config, or what is wrong with it apart from its YAML."""
    reader = TreeReader(text)
    try:
        tree = reader.read()
    except UnreadableError:
        return []
    if not isinstance(tree, dict) or not tree:
        return []
    filled = Filler(env, base_dir).fill(tree)
    said = [Complaint(path, message) for path, message in filled.faults]
    context = surroundings_of(filled.data, base_dir, env.get("HOME"))
    try:
        config = Config.model_validate(filled.data, context=context)
    except ValidationError as error:
        known = {complaint.path for complaint in said}
        said += (c for c in complaints(error, filled.covers, MOST_PROBLEMS) if c.path not in known)
    else:
        if not said and not reader.faults:
            config.take_literal_secrets(_literal_secrets(config, filled.covers))
            return config
    return said


def _placed(said: list[Complaint], text: str, source: str) -> list[Problem]:
    """The problems of the YAML itself and the complaints, each with its line and column."""
    reader = TreeReader(text, marked=True)
    try:
        tree = reader.read()
    except UnreadableError as error:
        faults = sorted({*reader.faults, (error.mark or (1, 1), error.message)})
        return [_problem(source, mark, "", message) for mark, message in faults]
    if not said and not reader.faults:
        return [Problem(source=source, message=_not_a_config(tree))]
    placed = [(mark, "", message) for mark, message in reader.faults]
    for complaint in said:
        key, value = reader.spot.find(complaint.path) if reader.spot else ((1, 1), (1, 1))
        mark = key if complaint.on_key else value
        placed.append((mark, path_text(complaint.path), complaint.message))
    return [_problem(source, *each) for each in sorted(set(placed))]


def _problem(source: str, mark: tuple[int, int], path: str, message: str) -> Problem:
    return Problem(source=source, message=message, path=path, line=mark[0], column=mark[1])


def _not_a_config(tree: Any) -> str:
    if tree is None or tree == {}:
        return "is empty; digest init writes a starter"
    return "must be a mapping (apps: …, channels: …, digests: …); digest init writes a starter"


def _literal_secrets(config: Config, covers: Mapping[problems.Path, Cover]) -> tuple[str, ...]:
    places: list[problems.Path] = [("apps", name, "api_key") for name in config.apps]
    places += (
        ("channels", name, field)
        for name, channel in config.channels.items()
        for field in ("password", "token")
        if getattr(channel, field, None) is not None
    )
    if config.state is not None and "@" in config.state.get_secret_value():
        places.append(("state",))
    if config.web.token is not None:
        places.append(("web", "token"))
    return tuple(
        path_text(place) for place in places if place not in covers or covers[place].literal
    )


def _read(path: Path, source: str) -> str:
    """The text of a config file: UTF-8 or, with its mark at the start, UTF-16."""

    def problem(message: str) -> ConfigError:
        return ConfigError([Problem(source=source, message=message)])

    try:
        with path.open("rb") as file:
            raw = file.read(MOST_BYTES + 1)
    except FileNotFoundError:
        raise problem("there is no such file; digest init writes a starter") from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "not a path"
        raise problem(f"can't be read: {reason}") from None
    if len(raw) > MOST_BYTES:
        raise problem(f"is larger than {MOST_BYTES // 1024 // 1024} MiB, which no config is")
    mark, encoding = next((bom for bom in _BOMS if raw.startswith(bom[0])), (b"", "utf-8"))
    try:
        return raw[len(mark) :].decode(encoding)
    except UnicodeDecodeError as error:
        line = raw[: error.start].count(b"\n") + 1
        raise problem(f"is not {encoding.upper()} text (line {line})") from None


@contextmanager
def _no_garbage_collection() -> Iterator[None]:
    """Nothing that loading makes is garbage, and looking for it grows faster than the config."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()
