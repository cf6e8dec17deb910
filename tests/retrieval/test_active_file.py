import pytest

from deploy.paths import Paths
from retrieval.encoders.active import NAME, active_read, active_write
from retrieval.models import ModelSet, ModelSetVersion, ModelVersion, Space
from retrieval.services.active_file import active_file_write


def test_what_was_written_is_read_and_written_once(tmp_path):
    folder = tmp_path / "models"
    assert active_read(folder) is None
    assert active_write(folder, ["b@1", "a@1", "a@1"])
    assert active_read(folder) == {"a@1", "b@1"}
    assert not active_write(folder, ["a@1", "b@1"])
    assert active_write(folder, [])
    assert active_read(folder) == frozenset()
    assert [path.name for path in folder.iterdir()] == [NAME]


@pytest.mark.parametrize("text", ["", "{", "[]", '{"active": "a@1"}', '{"active": [1]}', "{}"])
def test_what_cannot_be_read_is_as_if_nobody_had_written(tmp_path, text):
    (tmp_path / NAME).write_text(text)
    assert active_read(tmp_path) is None


@pytest.mark.django_db
def test_active_versions_and_those_of_model_sets_are_named(
    tmp_path, settings, django_capture_on_commit_callbacks
):
    settings.PATHS = Paths(tmp_path)
    space = Space.objects.create(name="s", dimension=4)
    status = ModelVersion.Status

    def version(number, **fields):
        return ModelVersion.objects.create(
            name="m", version=number, space=space, modalities=["text"], manifest={}, **fields
        )

    with django_capture_on_commit_callbacks(execute=True):
        version("1", status=status.ACTIVE)
        named = version("2", status=status.INSTALLED)
        version("3", status=status.RETIRED)
    assert active_read(tmp_path / "models") == {"m@1"}
    with django_capture_on_commit_callbacks(execute=True):
        ModelSetVersion.objects.create(
            model_set=ModelSet.objects.create(name="x"), space=space, version=named
        )
    assert active_read(tmp_path / "models") == {"m@1", "m@2"}
    ModelVersion.objects.filter(version="1").update(status=status.RETIRED)
    assert active_file_write(), "what an update did not tell, the sweep does"
    assert active_read(tmp_path / "models") == {"m@2"}
