"""Every store of this appliance, as ``audit.canary`` searches it; ``manage.py canary``."""
