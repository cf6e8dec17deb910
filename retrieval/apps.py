from django.apps import AppConfig


class RetrievalConfig(AppConfig):
    name = "retrieval"

    def ready(self) -> None:
        from audit.retention import follow_policies
        from retrieval.services.retention import follow_policy

        follow_policies(follow_policy)
