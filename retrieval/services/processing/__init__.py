"""Records of processing activities and inputs to an impact assessment, from what is configured.

Everything in them is read from this appliance at the moment of asking, or was said by a governor
(``audit.processing``). What neither says is listed as missing.
"""

from retrieval.services.processing.documents import (
    KINDS,
    as_html,
    processing_describe,
    processing_document,
)

__all__ = ["KINDS", "as_html", "processing_describe", "processing_document"]
