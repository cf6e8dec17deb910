"""The process that decodes and redacts: it owns the sandbox and the recognisers."""
