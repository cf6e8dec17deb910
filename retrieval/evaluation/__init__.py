"""How good a bundle is on a labelled dataset."""
