"""What stops a start. Each message is one sentence a person can act on."""


class StartError(RuntimeError):
    """The appliance cannot start; the message says why and what to do."""


class StopRequestedError(Exception):
    """Ctrl-C or a TERM signal came while starting."""
