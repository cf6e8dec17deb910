"""Literal matching: words, numbers and names of things as they are written."""
