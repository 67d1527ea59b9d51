"""The Phase API: asking within limits, answers as typed models, one clear error for anything off.

`client` is the door; `models` holds what comes through it. Nothing is imported here, so that the
name of the package costs nothing.
"""
