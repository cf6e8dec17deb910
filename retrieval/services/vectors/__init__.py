"""Large collections get shards and indexes of their own, and lose them again."""
