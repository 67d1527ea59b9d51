"""Honest weekly and daily digests of Phase analytics, by e-mail and Slack."""

__version__ = "0.1.0"
