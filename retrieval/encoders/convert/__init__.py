"""Bundles made from what people have: checkpoints and folders of the usual libraries."""
