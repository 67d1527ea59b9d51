"""The ledger: what is to be sent, what was sent, and how we know. SQLite, or PostgreSQL.

open_store(url, …) → Store      checked, migrated, locked for one sender
Store.ledger                    runs and deliveries, every move compare-and-swap
Store.snapshots                 what was fetched, for changes that the API can't give

SQLAlchemy is imported here and nowhere else; commands that need no ledger don't import this.
"""

from __future__ import annotations
