"""The ways of ``manage.py evaluate``: each takes the command's options and gives a result."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.core.management.base import CommandError
from django.db import DatabaseError

from retrieval.evaluation.datasets import Dataset, dataset_open
from retrieval.evaluation.leakage import leakage_in_words
from retrieval.evaluation.questions import Question, questions_read

Options = Mapping[str, Any]
_REF = re.compile(r"[\w-]{1,64}@\d+")  # a version of a dataset
Progress = Callable[[int, int], None]
Result = dict[str, Any]
Said = tuple[Result, list[str]]  # the result, and lines for a person beside it


def local(options: Options, progress: Progress) -> Said:
    """A bundle's folder on a dataset, in this process; kept where a database knows the bundle."""
    os.environ["HF_HUB_OFFLINE"] = "1"
    from retrieval.encoders.registry import load_bundle
    from retrieval.evaluation.run import evaluate
    from retrieval.evaluation.words import result_in_words

    dataset = dataset_of(options)
    bundle = load_bundle(options["bundle"])
    made = evaluate(bundle, options["bundle"], dataset, home=_home(options), progress=progress)
    lines = result_in_words(made.result)
    try:
        from retrieval.services.evaluation_keep import local_result_keep

        run = local_result_keep(
            folder=options["bundle"],
            result=made.result,
            records=made.records,
            own_data=not options["public"],
        )
    except (DatabaseError, ImproperlyConfigured):
        run = None
    return ({"evaluation": str(run.pk)} if run else {}) | made.result, lines


def between(options: Options, progress: Progress) -> Said:
    """The things of one dataset looked for by those of another."""
    os.environ["HF_HUB_OFFLINE"] = "1"
    from retrieval.encoders.registry import load_bundle
    from retrieval.evaluation.across import WORDS, across, words_read

    bundle = load_bundle(options["bundle"])
    result = across(
        bundle,
        dataset_of(options),
        dataset_open(path_of(options["targets"])),
        words=words_read(options["words"] or WORDS),
        progress=progress,
    )
    return result, []


def served(options: Options, progress: Progress) -> Said:
    """An installed version through the running servers, beside the one in use; kept."""
    from retrieval.services.evaluation import collection_evaluate, dataset_evaluate

    if options["collection"]:
        made = collection_evaluate(
            collection_id=options["collection"],
            ref=options["model"] or _in_use(),
            questions=questions_of(options["queries"]),
            titles=options["titles"],
            against=options["against"],
            progress=progress,
        )
    else:
        made = dataset_evaluate(
            dataset=dataset_of(options),
            ref=options["model"],
            against=options["against"],
            home=_home(options),
            own_data=not options["public"],
            progress=progress,
        )
    return _kept(made.candidate)


def live(options: Options, progress: Progress) -> Said:
    """The search itself on a collection's labelled queries, under a person's rights; kept."""
    from retrieval.services.evaluation_live import live_evaluate

    if not options["as"]:
        raise CommandError("--live needs --as USERNAME: whose rights the searches have.")
    run = live_evaluate(
        collection_id=options["collection"],
        username=options["as"],
        questions=questions_of(options["queries"]),
        progress=progress,
    )
    return _kept(run)


def leakage(options: Options, progress: Progress) -> Said:
    """What vectors tell about people, before and after redaction; kept."""
    from retrieval.services.leakage import leakage_evaluate

    ref = options["model"] or _in_use()
    run = leakage_evaluate(ref=ref, profile=options["profile"], progress=progress)
    lines = [leakage_in_words(found) for found in run.result["leakage"].values()]
    return {"evaluation": str(run.pk), **run.result}, lines


def _kept(run: Any) -> Said:
    from retrieval.evaluation.words import comparison_in_words, result_in_words
    from retrieval.selectors.evaluation_tasks import verdicts_of

    tasks = [verdict.to_json() for verdict in verdicts_of(run)]
    result = {"evaluation": str(run.pk), **run.result} | ({"tasks": tasks} if tasks else {})
    return result, [*result_in_words(result), *comparison_in_words(result)]


def _in_use() -> str:
    from retrieval.selectors.models import active_models

    reads = [model.ref for model in active_models() if "text" in model.modalities]
    if not reads:
        raise CommandError("No model in use reads text; name one with --model.")
    return reads[0]


def _home(options: Options) -> Dataset | None:
    return dataset_open(path_of(options["home"])) if options["home"] else None


def dataset_of(options: Options) -> Dataset:
    """The dataset named, with the rows asked for.

    Raises:
        DatasetError: it cannot be read. CommandError: it is not there.
    """
    try:
        where = dict(pair.split("=", 1) for pair in options["where"])
    except ValueError as error:
        raise CommandError("--where is COLUMN=VALUE") from error
    if options["fold"]:
        where["fold"] = options["fold"]
    if _REF.fullmatch(options["dataset"]) and not Path(options["dataset"]).exists():
        from retrieval.services.dataset_files import dataset_version_open

        return dataset_version_open(options["dataset"])
    return dataset_open(path_of(options["dataset"]), where=where)


def path_of(given: str) -> Path:
    """A directory or tar: as given, or by its name in the folder datasets of the data directory."""
    path = Path(given)
    if not path.exists():
        named = settings.PATHS.data / "datasets" / given
        path = next((p for p in (named, Path(f"{named}.tar")) if p.exists()), path)
    if not path.exists():
        raise CommandError(f"There is no dataset at {given}.")
    return path


def questions_of(path: Path | None) -> list[Question] | None:
    """The questions of a CSV; None without one."""
    if path is None:
        return None
    try:
        return questions_read(path.read_text(encoding="utf-8-sig"))
    except (OSError, UnicodeDecodeError) as error:
        raise CommandError(f"{path} cannot be read as text.") from error
