"""Redaction: what is taken out before anything is stored, shown or embedded."""
