"""What is known of searches afterwards: lists for stewards, an export for a SIEM, and anomalies."""
