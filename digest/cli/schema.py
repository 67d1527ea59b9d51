"""`digest schema`: the JSON Schema of the config, for editors."""

from __future__ import annotations

import click

EXAMPLES = """\b
Example:
  digest schema > digest.schema.json
  # then, as the first line of config.yaml:
  # yaml-language-server: $schema=./digest.schema.json
"""


@click.command("schema", epilog=EXAMPLES)
def command() -> None:
    """Print the JSON Schema of the config, for editors."""
    import json  # noqa: PLC0415 — `--help` does without

    from digest.config.schema import json_schema  # noqa: PLC0415 — pydantic is slow to import

    click.echo(json.dumps(json_schema(), indent=2, ensure_ascii=False))
