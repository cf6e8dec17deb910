"""What stops a backup or a restore. Each message is one sentence an operator can act on."""


class BackupError(RuntimeError):
    """It cannot be done, and nothing half done is left that looks whole."""
