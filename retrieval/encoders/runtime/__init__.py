"""What is fastest on a machine for a bundle's towers: measured once, kept, applied at loading."""
