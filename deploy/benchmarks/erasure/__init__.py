"""``deploy/bench erasure``: hundreds of people erased, and a search for what is left of them."""
