"""What is held on one person, handed over as an archive: GDPR Art. 15.

The archive is made while it is sent and is kept nowhere: a copy at rest would be one more store to
protect, to expire and to erase from. Whoever needs it again makes it again; each time is recorded.
"""

from retrieval.services.access_request.archive import Archive, archive_begin, archive_stream

__all__ = ["Archive", "archive_begin", "archive_stream"]
