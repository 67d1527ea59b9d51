"""The daemon: what `digest serve` does, for months."""
