"""What the user asked for: YAML → validated, frozen models, with every problem at once.

`loader` reads the file, `models` says what there is, `schedule` when it fires. Nothing here is
imported by `import digest.config` itself, because pydantic and yaml are slow to import.
"""
