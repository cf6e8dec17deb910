"""``deploy/bench redact``: what redaction finds, what it misses, what it costs."""
