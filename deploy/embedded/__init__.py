"""The database and queue servers that come inside Python packages, run by us on private sockets."""
