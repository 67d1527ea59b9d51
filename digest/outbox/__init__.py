"""From content to recipients by way of the ledger: plan, send, look, tell the operator.

planning   content → frozen deliveries, in one transaction
sending    what waits → the channels, each move durable
unsure     what may have arrived → sent, sent again, or held
trouble    what ended badly → one notice to `ops`
"""

from __future__ import annotations
