"""The process that holds the models: the only one that imports torch."""
