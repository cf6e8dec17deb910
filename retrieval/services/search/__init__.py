"""Search: the one way to results, and no results without a record."""

from retrieval.services.search.run import search_run
from retrieval.services.search.types import SearchAnswer, SearchFilters, SearchRequest

__all__ = ["SearchAnswer", "SearchFilters", "SearchRequest", "search_run"]
