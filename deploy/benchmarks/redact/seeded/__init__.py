"""Files of every supported type, seeded with identifiers that must not get past redaction."""
