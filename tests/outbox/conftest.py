"""Ledgers in both databases."""

from __future__ import annotations

from tests.store.databases import clock, ledger_place, ledgers, store

__all__ = ["clock", "ledger_place", "ledgers", "store"]
