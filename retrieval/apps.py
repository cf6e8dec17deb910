from django.apps import AppConfig


class RetrievalConfig(AppConfig):
    name = "retrieval"

    def ready(self) -> None:
        from audit.retention import follow_policies
        from audit.scope import register_scope_provider
        from retrieval.audit_scope import audit_scope
        from retrieval.services.retention import follow_policy

        follow_policies(follow_policy)
        register_scope_provider(audit_scope)
