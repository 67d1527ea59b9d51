"""What `digest check` finds in templates before any of them is needed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from jinja2 import nodes

from digest.core.content import Picture
from digest.errors import Problem, TemplateError
from digest.render.alert_view import notice_view
from digest.render.loader import shipped_root
from digest.render.sample import samples
from digest.render.sample_alerts import sample_notices
from digest.render.templates import ENTRIES, FAULTS, Kind
from digest.render.view import view_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from digest.render.forms import Forms
    from digest.render.templates import Templates


def check(forms: Forms) -> list[Problem]:
    """Parses the user's templates, then renders samples of all messages with theirs and ours.

    Without a folder of the user's there is nothing to find that our own tests have not: then only
    a broken installation is looked for, which costs next to nothing.
    """
    templates = forms.templates
    user = templates.loader.user
    if user is None:
        return _installed(templates)
    if not user.is_dir():
        return [Problem(source=str(user), message="the template folder does not exist")]
    found = [
        problem
        for name in templates.loader.own_names()
        if not name.startswith(_PAGES)
        for problem in _parsed(templates, name, _known(name))
    ]
    return found or list(dict.fromkeys(_rendered(forms)))


def _installed(templates: Templates) -> list[Problem]:
    try:
        missing = [name for name in ENTRIES if templates.loader.find(name) is None]
    except TemplateError as error:
        return [problem_of(str(error))]
    root = str(shipped_root())
    return [Problem(source=root, message=f"{name} is missing; reinstall") for name in missing]


def _known(name: str) -> set[str]:
    """The values that a template sees: its kind's, or those of all kinds where it is a part."""
    views = {
        Kind.DIGEST: view_of(*samples()[0]),
        Kind.ALERT: notice_view(*sample_notices()["firing"]),
    }
    kinds = [kind for kind in Kind if name in kind.entries] or list(Kind)
    return {*_JINJA_NAMES, *(value for kind in kinds for value in views[kind])}


def _parsed(templates: Templates, name: str, known: set[str]) -> Iterator[Problem]:
    try:
        source = templates.loader.find(name)
        if source is None:
            return
        templates.began(str(source.file))
        tree = templates.environment.parse(source.text, name, str(source.file))
        templates.environment.get_template(name)
    except FAULTS as error:
        place, message = templates.placed(error, name)
        yield Problem(source=place.file, line=place.line, message=message)
        return
    except TemplateError as error:
        yield Problem(source=name, message=str(error))
        return
    yield from _unknown_values(tree, str(source.file), known)
    yield from _missing_parts(templates, tree, str(source.file))


def _unknown_values(tree: nodes.Template, file: str, known: set[str]) -> Iterator[Problem]:
    """Top-level names that no message has; those inside branches too."""
    known = known | {n.name for n in tree.find_all(nodes.Name) if n.ctx in {"store", "param"}}
    known |= {n.name for n in tree.find_all(nodes.Macro)}
    known |= {n.target for n in tree.find_all(nodes.Import)}
    known |= set(_imported_names(tree))
    for name in tree.find_all(nodes.Name):
        if name.ctx == "load" and name.name not in known:
            yield Problem(source=file, line=name.lineno, message=f"unknown value {name.name!r}")


def _imported_names(tree: nodes.Template) -> Iterator[str]:
    for statement in tree.find_all(nodes.FromImport):
        for name in statement.names:
            yield name if isinstance(name, str) else name[1]


def _missing_parts(templates: Templates, tree: nodes.Template, file: str) -> Iterator[Problem]:
    """Templates that are included, imported or extended by a fixed name and do not exist."""
    for part in tree.find_all((nodes.Include, nodes.Extends, nodes.Import, nodes.FromImport)):
        named = next(part.iter_child_nodes(only=["template"]), None)
        if not isinstance(named, nodes.Const) or getattr(part, "ignore_missing", False):
            continue
        name = str(named.value)
        try:
            missing = templates.loader.find(name) is None
        except TemplateError as error:
            yield Problem(source=file, line=part.lineno, message=str(error))
            continue
        if missing:
            message = f"there is no template {name!r}"
            yield Problem(source=file, line=part.lineno, message=message)


def _rendered(forms: Forms) -> Iterator[Problem]:
    views = [(Kind.DIGEST, view_of(*sample), sample[1]) for sample in samples()]
    views += [(Kind.ALERT, notice_view(*sample), sample[1]) for sample in sample_notices().values()]
    for kind, view, pictures in views:
        try:
            forms.mail(view, kind)
            forms.slack(view, [one.name for one in pictures if isinstance(one, Picture)], kind)
        except TemplateError as error:
            yield problem_of(str(error))


def problem_of(sentence: str) -> Problem:
    """What a TemplateError says, `FILE:LINE: message`, taken apart again."""
    place, _, rest = sentence.partition(": ")
    file, _, line = place.rpartition(":")
    if file and line.isdigit():
        return Problem(source=file, line=int(line), message=rest)
    return Problem(source=place, message=rest)


# Pages for previews are not sent, see other values, and are always ours.
_PAGES = "page/"
_JINJA_NAMES = frozenset(
    ("loop", "range", "self", "super", "caller", "varargs", "kwargs", "true", "false", "none")
)
