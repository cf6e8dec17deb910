from django.apps import AppConfig


class RetrievalConfig(AppConfig):
    """Registers with audit what must act here when something changes there."""

    name = "retrieval"

    def ready(self) -> None:
        """Register once a process."""
        from audit.retention import follow_policies
        from audit.scope import register_scope_provider
        from retrieval import signals  # noqa: F401 - registers itself
        from retrieval.audit_scope import audit_scope
        from retrieval.dataset_stores import datasets_register
        from retrieval.journal import journal_watch
        from retrieval.services.access_request.notes import archive_notes_register
        from retrieval.services.erasing_notes import notes_register
        from retrieval.services.erasing_stores import stores_register
        from retrieval.services.retention import follow_policy

        follow_policies(follow_policy)
        register_scope_provider(audit_scope)
        stores_register()
        notes_register()
        archive_notes_register()
        journal_watch()
        datasets_register()
