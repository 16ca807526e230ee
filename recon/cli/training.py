"""What all `recon train` commands have in common: progress, signals, and the result on the screen."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import click

from recon.cli.json_command import print_json
from recon.cli.train_options import data_of, losses_of, machine_of, plugin_settings
from recon.core.errors import ReconError

if TYPE_CHECKING:
    from recon.core.events import Observer
    from recon.core.registry import PluginRegistry
    from recon.learning.settings import TrainSettings
    from recon.training.request import TrainRequest

Work = Callable[["PluginRegistry", Sequence["Observer"], Callable[[], bool]], dict[str, Any]]


def refused(error: ReconError) -> dict[str, Any]:
    """Return the JSON of a training that never began."""
    return {"run": None, "state": "failed", "weights": None, "error": error.as_dict()}


def train_settings(values: dict[str, Any]) -> TrainSettings:
    """Return what the options say of the training itself."""
    from recon.learning.settings import TrainSettings

    names = (
        *("steps", "batch", "learning_rate", "warm_up", "averaging", "validation_every", "validation_pairs"),
        *("patience", "precision", "seed"),
    )
    return TrainSettings(**{name: values[name] for name in names})


def training_request(values: dict[str, Any], *, with_descriptors: bool) -> TrainRequest:
    """Return what the options of `recon train new` or `distill` ask for."""
    from recon.training.request import NetworkRequest, TrainRequest

    trainable = values["trainable"]
    return TrainRequest(
        values["output"],
        data_of(values, values["teacher"], with_descriptors=with_descriptors),
        NetworkRequest(trainable, plugin_settings(values, trainable), values["start"]),
        train_settings(values),
        losses_of(values),
        machine=machine_of(values),
        is_fresh=values["fresh"],
    )


def run_training(values: dict[str, Any], begin: Callable[[], Work]) -> int:
    """Carry out what `begin` makes of the options, show what came of it, and return the exit status."""
    from recon.cli.watching import watched
    from recon.core.registry import load_plugins
    from recon.learning.following import is_follower

    os.environ.setdefault("GLOG_minloglevel", "2")  # pycolmap's own log
    try:
        registry = load_plugins(values["plugins_dir"])
        work = begin()
        with watched() as (observer, should_stop):
            summary = work(registry, [observer], should_stop)
    except ReconError as error:
        if values["as_json"]:
            print_json({**refused(error), "run": str(values["output"])})
        raise
    if is_follower():
        return 0  # the process that began this one tells
    if values["as_json"]:
        print_json(summary)
    else:
        show_summary(summary)
    return 0


def show_summary(summary: dict[str, Any]) -> None:
    """Print how far a training came, how good it is, and where its weights are."""
    best, steps = summary["best"], summary["steps"]
    if summary["kind"] == "recipe":
        for stage in summary["stages"]:
            click.echo(f"stage     {stage['stage']}: {stage['state']}, step {stage['step']} of {stage['steps']}")
    elif summary["state"] == "paused":
        click.echo(f"paused    after step {summary['step']} of {steps}; the same command goes on")
    elif summary["stopped_early"]:
        click.echo(f"stopped   after step {summary['step']} of {steps}: the score no longer grew")
    else:
        click.echo(f"trained   {steps} steps in {summary['seconds'] / 60:.1f} min")
    if summary["passed_over"]:
        click.echo(f"skipped   {summary['passed_over']} steps whose loss was no number")
    if best:
        measures = [f"{name} {value:.3g}" for name, value in best.items() if "." in name]
        click.echo(f"best      score {best['score']:.4f} after step {best['step']}: {', '.join(measures)}")
    if summary["report"]:
        show_report(summary["report"], summary["kind"])
    if summary["kind"] != "recipe":
        click.echo(f"curve     {summary['run']}/curves.png")
    if summary["weights"]:
        click.echo(f"weights   {summary['weights']}")


def show_report(report: dict[str, Any], kind: str) -> None:
    """Print what a distillation or a tuning gained."""
    from recon.cli.tables import print_table

    if kind == "tune":
        names = ("matches", "right_1.5px", "share_1.5px", "right_3px", "share_3px")
        both = [
            (which, *(f"{report[key][name]:.3f}" if "share" in name else f"{report[key][name]:.1f}" for name in names))
            for which, key in (("as they were", "before"), ("tuned", "after"))
        ]
        headers = ("Weights", "Matches", "Right at 1.5 px", "Share", "Right at 3 px", "Share")
        print_table(headers, both)
        verdict = "the tuned weights are better" if report["is_better"] else "the weights stay as they were"
        click.echo(f"verdict   {verdict}: in {report['pairs']} held-out pairs {report['reason']}")
        return
    if not report["rows"]:
        return
    names_of_rows = ("Role", "Extractor", "Right matches", "Precision", "Within 0.5 px", "Error", "Time", "Weights")
    print_table(
        names_of_rows,
        [
            (
                each["role"],
                each["name"],
                f"{each['matches']:.1f}",
                f"{each['precision']:.3f}",
                f"{each['within_half_px']:.3f}",
                f"{each['error_px']:.2f} px",
                f"{each['ms']:.1f} ms",
                f"{each['bytes'] / 1e6:.2f} MB",
            )
            for each in report["rows"]
        ],
    )
