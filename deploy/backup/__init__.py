"""Backups and restores of a whole appliance."""
