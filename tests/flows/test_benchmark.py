"""The benchmark flow: every method on every table of a folder, resumed, and one bad table among others."""

import csv
import json
import os
import shutil
from pathlib import Path

import pytest
from mlflow import MlflowClient

import flows.fold
from flows.commands import run_command_line
from schemas.backtest import FoldOrder, FoldScores
from schemas.errors import StoreUnreachableError
from tasks.tracking.store import find_tracking_uri
from tests.plant_tables import make_plant_table

pytestmark = pytest.mark.usefixtures("server")

SMALL = [
    "model.family=pca_t2",
    "evaluation.bootstrap_samples=100",
    "evaluation.fold_starts=[0.6,0.8]",
    "evaluation.fold_test_fraction=0.2",
]
METHODS = ["forewarn", "pca_q", "pca_raw", "pca", "zscore", "random"]
PLAN = """tables:
  - {name: pump, file: pump.csv, train_end: 2024-03-01 19:58}
  - {name: fan, file: fan.csv, protocol: rolling_origin, settings: {labels.rows_ahead: 3}}
"""


def write_tables(folder: Path, plan: str = PLAN) -> Path:
    folder.mkdir(exist_ok=True)
    for seed, name in enumerate(("pump", "fan")):
        make_plant_table(rows=1200, events=16, seed=seed).to_csv(folder / f"{name}.csv", index=False)
    if plan:
        (folder / "benchmark.yaml").write_text(plan, encoding="utf-8")
    return folder


def run(folder: Path, out: Path, *more: str, experiment: str = "benchmark-tests") -> int:
    settings = [part for name in [f"tracking.experiment={experiment}", *SMALL] for part in ("--set", name)]
    command = ["benchmark", "--data", str(folder), "--seeds", "1", "--json", str(out)]
    where = () if "--dask-address" in more else ("--workers", "1")
    return run_command_line([*command, *settings, *where, *more])


def list_figures(result: dict) -> list[tuple]:
    return [
        (table["name"], each["method"], each["figures"], each["intervals"])
        for table in result["tables"]
        for each in table["methods"]
    ]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_tables(tmp_path_factory.mktemp("tables"))


@pytest.fixture(scope="module")
def out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("out")


@pytest.fixture(scope="module")
def result(folder: Path, out: Path) -> dict:
    assert run(folder, out / "result.json", "--families", "pca_q", "--out", str(out)) == 0
    return json.loads((out / "result.json").read_text())


@pytest.fixture
def computed(monkeypatch: pytest.MonkeyPatch) -> list[FoldOrder]:
    """The folds that are computed, rather than read, from now on."""
    orders: list[FoldOrder] = []
    compute = flows.fold.compute_fold

    def record(order: FoldOrder) -> FoldScores:
        orders.append(order)
        return compute(order)

    monkeypatch.setattr(flows.fold, "compute_fold", record)
    return orders


def test_every_method_has_figures_on_every_table(result: dict) -> None:
    assert result["methods"] == METHODS
    pump, fan = result["tables"]
    assert [each["method"] for each in pump["methods"]] == METHODS
    assert (pump["train_end"], pump["test_events"], fan["rows_ahead"]) == ("2024-03-01T19:58:00", 8, 3)
    for each in pump["methods"]:
        assert each["figures"].keys() >= {
            *("roc_auc", "average_precision", "recall_at_1", "recall_at_5", "event_recall", "range_recall"),
            *("false_alarms_per_day", "lead_minutes_median", "affiliation_precision", "affiliation_recall"),
        }
        assert {"roc_auc", "event_recall"} <= each["intervals"].keys()
    assert pump["methods"][0]["figures"]["roc_auc"] > 0.7


def test_the_figures_are_those_of_a_backtest_of_the_same_fold(folder: Path, result: dict) -> None:
    from flows.fold import prepare_once, run_fold, stamp_settings
    from tasks.configuration.configure import configure
    from tasks.evaluation.backtest.folds import find_folds
    from tasks.evaluation.backtest.trial import measure_fold_area

    share = 593 / 1184
    settings = configure(
        settings=[
            *SMALL,
            f"evaluation.fold_starts=[{share}]",
            f"evaluation.fold_test_fraction={1 - share}",
        ]
    )
    source = str(folder / "pump.csv")
    table = prepare_once(source, stamp_settings(source, settings), flows.fold.describe_table(settings))
    assert find_folds(table.windows.rows, settings.evaluation)[0].test_stop == 1184
    scores = run_fold(FoldOrder("model", source, settings, 1, has_controls=True))
    expected = measure_fold_area(scores, table.labelled)
    assert result["tables"][0]["methods"][0]["figures"]["roc_auc"] == pytest.approx(expected, abs=0.01)


def test_differences_and_ranks_are_over_all_tables(result: dict) -> None:
    differences = {(each["other"], each["figure"]): each for each in result["differences"]}
    assert {each["other"] for each in result["differences"]} == {"pca_raw", "zscore"}
    assert differences["pca_raw", "roc_auc"]["tables"] == 2
    ranking = next(each for each in result["rankings"] if each["figure"] == "roc_auc")
    assert (ranking["tables"], set(ranking["mean_ranks"])) == (2, set(METHODS))


def test_the_report_the_plots_and_the_figures_are_written(out: Path, result: dict) -> None:
    with (out / "benchmark.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 12
    first = result["tables"][0]["methods"][0]["figures"]
    assert float(rows[0]["roc_auc"]) == first["roc_auc"]
    assert (out / "plots" / "critical_difference.png").read_bytes()[:4] == b"\x89PNG"
    page = (out / "report" / "report.html").read_text(encoding="utf-8")
    assert result["run_id"] in page
    assert result["run_id"] in Path(result["report"]).read_text(encoding="utf-8")


def test_every_table_is_a_nested_run_with_its_figures(home: Path, result: dict) -> None:
    client = MlflowClient(find_tracking_uri(home))
    parent = client.get_run(result["run_id"])
    nested = client.search_runs(
        [parent.info.experiment_id], f"tags.`mlflow.parentRunId` = '{result['run_id']}'"
    )
    assert sorted(each.info.run_name for each in nested) == ["fan", "pump"]
    assert all({"forewarn_roc_auc", "pca_raw_roc_auc"} <= each.data.metrics.keys() for each in nested)
    artifacts = {item.path for item in client.list_artifacts(result["run_id"])}
    assert {"benchmark.csv", "benchmark.json", "benchmark.yaml", "plots", "report"} <= artifacts


def test_the_summary_fits_a_terminal_of_100_columns(result: dict) -> None:
    from schemas.benchmark import BenchmarkResult
    from tasks.reports.benchmark_text import list_table_lines

    lines = list_table_lines(BenchmarkResult.model_validate(result))
    assert max(map(len, lines)) <= 100
    assert any(line.startswith("  forewarn") for line in lines)


def test_what_is_finished_is_not_computed_again(
    folder: Path, tmp_path: Path, result: dict, computed: list[FoldOrder]
) -> None:
    assert run(folder, tmp_path / "again.json", "--families", "pca_q") == 0
    assert computed == []
    assert list_figures(json.loads((tmp_path / "again.json").read_text())) == list_figures(result)


def test_other_settings_of_one_table_leave_the_other_one_as_it_is(
    tmp_path: Path, result: dict, computed: list[FoldOrder]
) -> None:
    changed = write_tables(tmp_path / "tables", PLAN.replace("rows_ahead: 3", "rows_ahead: 4"))
    assert run(changed, tmp_path / "changed.json", "--families", "pca_q") == 0
    assert {Path(order.source).name for order in computed} == {"fan.csv"}


def test_a_benchmark_that_was_stopped_is_resumed_in_its_run(
    tmp_path: Path, computed: list[FoldOrder], monkeypatch: pytest.MonkeyPatch
) -> None:
    tables = write_tables(tmp_path / "tables", PLAN.replace("rows_ahead: 3", "rows_ahead: 5"))
    before, families = flows.fold.compute_fold, ("--families", "pca_q")

    def stop(order: FoldOrder) -> FoldScores:
        if order.entrant == "pca_q":
            raise StoreUnreachableError("The network went away.")
        return before(order)

    with monkeypatch.context() as patch:
        patch.setattr(flows.fold, "compute_fold", stop)
        assert run(tables, tmp_path / "none.json", *families, experiment="stopped") == 4
    finished = {(order.source, order.entrant, order.fold) for order in computed}
    computed.clear()
    assert run(tables, tmp_path / "resumed.json", *families, experiment="stopped") == 0
    resumed = {(order.source, order.entrant, order.fold) for order in computed}
    assert "pca_q" in {entrant for _, entrant, _ in resumed}
    assert resumed.isdisjoint(finished)
    result = json.loads((tmp_path / "resumed.json").read_text())
    run_of = MlflowClient().get_run(result["run_id"])
    assert run_of.data.tags["forewarn.resumed"] == "1"


def test_a_bad_table_is_reported_and_the_others_are_done(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    plan = "tables:\n  - {name: bad, file: bad.csv, train_end: 0.5}\n" + PLAN.split("\n", 1)[1]
    tables = write_tables(tmp_path / "tables", plan)
    (tables / "bad.csv").write_text("garbage\n")
    assert run(tables, tmp_path / "result.json") == 2
    said = capsys.readouterr()
    assert "NOT DONE  bad (bad.csv): Expected a header line" in said.out
    assert "bad cannot be used" in said.err
    bad, *others = json.loads((tmp_path / "result.json").read_text())["tables"]
    assert bad["problem"].startswith("Expected a header line")
    assert [table["problem"] for table in others] == [None, None]


def test_a_folder_without_a_plan_is_read_and_described(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    tables = write_tables(tmp_path / "tables", "")
    assert run(tables, tmp_path / "none.json", "--write-config", str(tmp_path / "benchmark.yaml")) == 0
    assert not (tmp_path / "none.json").exists()
    assert run(tables, tmp_path / "result.json") == 0
    assert "the folder has no benchmark.yaml" in capsys.readouterr().out
    names = [table["name"] for table in json.loads((tmp_path / "result.json").read_text())["tables"]]
    assert names == ["fan", "pump"]


def test_passwords_of_databases_are_not_recorded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from flows.benchmark import find_plan
    from tasks.sources.addresses import PASSWORD_VARIABLE

    monkeypatch.setenv(PASSWORD_VARIABLE, "")
    address = "postgresql://reader:secret@plant/mill"
    plan = f"tables: [{{name: mill, file: '{address}', train_end: 0.5}}]"
    (tmp_path / "benchmark.yaml").write_text(plan, encoding="utf-8")
    assert "secret" not in str(find_plan(tmp_path)[0])
    assert os.environ[PASSWORD_VARIABLE] == "secret"


@pytest.mark.parametrize("name", ["gone", "pump.csv"])
def test_what_is_no_folder_is_refused(folder: Path, name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run_command_line(["benchmark", "--data", str(folder / name)]) == 2
    assert "`--data` must name a folder of tables" in capsys.readouterr().err


def test_without_any_sound_table_nothing_is_finished(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    tables = write_tables(tmp_path / "tables", "tables: [{name: bad, file: bad.csv, train_end: 0.5}]")
    assert run(tables, tmp_path / "result.json") == 2
    assert "at least one table that can be used" in capsys.readouterr().err
    assert not (tmp_path / "result.json").exists()


def test_two_workers_come_to_the_same_figures(home: Path, folder: Path, tmp_path: Path, result: dict) -> None:
    shutil.rmtree(home / "mlruns" / "benchmarks")
    assert run(folder, tmp_path / "two.json", "--families", "pca_q", "--workers", "2") == 0
    assert list_figures(json.loads((tmp_path / "two.json").read_text())) == list_figures(result)


@pytest.mark.slow
def test_a_dask_cluster_comes_to_the_same_figures(home: Path, tmp_path: Path, dask_cluster: str) -> None:
    tables = write_tables(tmp_path / "tables")
    shutil.rmtree(home / "mlruns" / "benchmarks", ignore_errors=True)
    assert run(tables, tmp_path / "there.json", "--dask-address", dask_cluster) == 0
    # the workers keep their scores in the same folder
    shutil.rmtree(home / "mlruns" / "benchmarks")
    assert run(tables, tmp_path / "here.json") == 0
    here, there = (json.loads((tmp_path / f"{name}.json").read_text()) for name in ("here", "there"))
    assert list_figures(there) == list_figures(here)
