"""``manage.py align``: train a tower of the starter bundle, put the bundle together, calibrate."""

from __future__ import annotations

import os
import tomllib
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

RECIPES = Path(__file__).resolve().parents[2] / "alignment" / "recipes"


class Command(BaseCommand):
    """Data come from folders, results go to ``--work``.

    The database is asked only where a recipe names a dataset (``NAME@NUMBER``) as a source.
    """

    help = "Train an image or audio tower by a recipe, or build the bundle from trained towers."
    requires_system_checks = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        """See ``--help``."""
        parser.add_argument(
            "--recipe", type=Path, help="a .toml file of retrieval/alignment/recipes"
        )
        parser.add_argument(
            "--data", type=Path, required=True, help="folder with the datasets and teachers"
        )
        parser.add_argument(
            "--work", type=Path, required=True, help="where targets and weights are kept"
        )
        parser.add_argument("--seconds", type=float, help="training budget; default: the recipe's")
        parser.add_argument(
            "--bundle",
            type=Path,
            metavar="OUT",
            help="build the bundle in OUT from the towers trained in --work",
        )
        parser.add_argument("--bundle-version", default="2")
        parser.add_argument(
            "--calibrate",
            type=Path,
            metavar="BUNDLE",
            help="fit the calibrations and the reference bank of a built bundle anew; its towers "
            "stay as they are",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        """Compute what is missing of the targets, then train; or build the bundle."""
        os.environ["HF_HUB_OFFLINE"] = "1"
        work: Path = options["work"]
        work.mkdir(parents=True, exist_ok=True)
        if sum(bool(options[what]) for what in ("recipe", "bundle", "calibrate")) != 1:
            raise CommandError("Give one of --recipe, --bundle and --calibrate.")
        if options["calibrate"]:
            self._calibrate(options["data"], options["calibrate"])
            return
        if options["bundle"]:
            self._build(options["data"], work, options["bundle"], options["bundle_version"])
            return
        from retrieval.alignment.recipe import RecipeError, recipe_run
        from retrieval.alignment.teachers import TeacherUnavailableError
        from retrieval.errors import RetrievalError
        from retrieval.services.dataset_training import training_place

        try:
            recipe = tomllib.loads(options["recipe"].read_text(encoding="utf-8"))
            with training_place(recipe, data=options["data"], work=work) as place:
                result = recipe_run(recipe, place.data, place.work, seconds=options["seconds"])
        except RetrievalError as error:
            raise CommandError(error.detail) from error
        except (OSError, tomllib.TOMLDecodeError, RecipeError, TeacherUnavailableError) as error:
            raise CommandError(str(error)) from error
        self.stdout.write(f"trained: {work / result.name}")

    def _calibrate(self, data: Path, bundle: Path) -> None:
        from retrieval.alignment.bundle_build import bundle_calibrate

        image, audio = _recipes()
        manifest = bundle_calibrate(bundle, image=image, audio=audio, data=data)
        self.stdout.write(f"calibrated: {manifest.ref}")

    def _build(self, data: Path, work: Path, out: Path, version: str) -> None:
        from retrieval.alignment.bundle_build import bundle_build

        image, audio = _recipes()
        manifest = bundle_build(
            image=image,
            audio=audio,
            work=work,
            data=data,
            out=out,
            version=version,
        )
        self.stdout.write(f"built: {manifest.ref}")


def _recipes() -> tuple[dict[str, Any], dict[str, Any]]:
    """Those of the image tower and of the audio tower."""
    image, audio = (
        tomllib.loads((RECIPES / f"{name}.toml").read_text(encoding="utf-8"))
        for name in ("image", "audio")
    )
    return image, audio
