"""Starts every process of the appliance in order, keeps them alive and stops them in order."""
