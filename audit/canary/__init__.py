"""Searching what an appliance wrote for words that must not be there, and proving that it looked.

Pure: patterns, decoders and the order of a search. The stores themselves are in ``deploy.canary``.
"""
