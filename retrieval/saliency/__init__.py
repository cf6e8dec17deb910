"""Which part of a hit carries the match: similarity maps of pictures, sounds and texts.

``README.md`` says how the two methods were compared. Pure: no Django, and torch only in
``gradient``.
"""
