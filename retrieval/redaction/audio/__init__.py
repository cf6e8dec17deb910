"""Voices in sounds: where somebody speaks, what is said, and which stretches are taken out."""
