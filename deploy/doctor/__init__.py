"""What is installed, reachable and permitted, and how to mend what is not."""
