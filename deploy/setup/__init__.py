"""Checks the machine and makes the virtual environment. Standard library only, Python 3.11 or 3.12."""
