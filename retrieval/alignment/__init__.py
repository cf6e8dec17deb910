"""Training of the starter bundle's towers: teachers, targets, students, recipes."""
