"""Names, places, organisations and addresses in running text, by a small spaCy pipeline."""
