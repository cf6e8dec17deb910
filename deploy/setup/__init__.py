"""Checks the machine and makes the virtual environment, with the standard library alone."""
