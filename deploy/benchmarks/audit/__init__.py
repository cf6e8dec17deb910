"""``deploy/bench audit``: what the ledger finds, what it costs, and what survives ``kill -9``."""
