"""``deploy/bench search``: the vectors, everything around them, and whether others can be felt."""
