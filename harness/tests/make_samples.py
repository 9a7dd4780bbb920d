"""Write ``reports/report.schema.json`` and ``reports/samples/`` anew from the synthetic run."""

from __future__ import annotations

import json
import runpy
from pathlib import Path
from typing import Any

from part15 import content
from part15.report import statement_text, writer_of
from part15.report.build import to_text
from part15.report.schema import report_schema
from part15.report.statement import draft

SAMPLES = {
    "report.html": "html",
    "report.md": "markdown",
    "report.sarif": "sarif",
    "alerts.sarif": "sarif-alerts",
    "gitb.xml": "gitb",
    "junit.xml": "junit",
    "report.tap": "tap",
    "results.csv": "csv",
    "traceability.csv": "csv-traceability",
    "mds2.csv": "mds2",
    "summary.txt": "terminal",
    "in-toto.json": "in-toto",
    "annotations.txt": "github",
}


def main() -> None:
    """Write every sample."""
    folder = content.folder("reports")
    schema = json.dumps(report_schema(), indent=2, sort_keys=True) + "\n"
    (folder / "report.schema.json").write_text(schema, encoding="utf-8")
    samples = folder / "samples"
    samples.mkdir(exist_ok=True)
    document = runpy.run_path(str(Path(__file__).with_name("report_sample.py")))["sample"]()
    (samples / "report.json").write_text(to_text(document), encoding="utf-8")
    for name, kind in SAMPLES.items():
        writer_of(kind)(document, samples / name)
    for name, text in statements(document).items():
        (samples / name).write_text(text, encoding="utf-8")


def statements(document: dict[str, Any]) -> dict[str, str]:
    """Return the drafted statement of *document* in each form, by file name."""
    made = draft(document)
    return {
        "statement.md": statement_text.markdown(made),
        "statement.html": statement_text.html(made),
        "statement.json": statement_text.to_json(made),
    }


if __name__ == "__main__":
    main()
