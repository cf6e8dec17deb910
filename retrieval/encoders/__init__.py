"""Encoders: what turns text, pictures and sounds into vectors of one space."""
