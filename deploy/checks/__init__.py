"""deploy/test and deploy/lint: the appliance's services and settings in a temporary place."""
