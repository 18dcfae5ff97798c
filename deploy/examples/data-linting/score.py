"""Checks every line of a CSV against a JSON Schema, scores the data set, and lists what is wrong."""

import csv
import json
import pathlib

from jsonschema import Draft202012Validator

schema = json.loads(pathlib.Path("/input/schema.json").read_text())
validator = Draft202012Validator(schema)


def typed(row):
    """Numbers where the schema wants some and the text is one."""
    kinds = {name: rule.get("type") for name, rule in schema["properties"].items()}
    return {
        name: int(text) if kinds.get(name) == "integer" and text.lstrip("-").isdigit() else text
        for name, text in row.items()
        if text != ""
    }


faults = []
total = 0
with open("/input/people.csv", newline="") as file:
    for number, row in enumerate(csv.DictReader(file), start=2):
        total += 1
        for error in sorted(validator.iter_errors(typed(row)), key=lambda error: (list(error.path), error.message)):
            faults.append({"line": number, "field": "/".join(map(str, error.path)), "fault": error.message})

bad = len({fault["line"] for fault in faults})
# Integers alone: a fraction would have to be rounded somewhere.
report = {"rows": total, "bad_rows": bad, "score_percent": 100 * (total - bad) // total, "faults": faults}
pathlib.Path("/output/report.json").write_text(json.dumps(report, indent=2, sort_keys=True) + "\n")
print(f"{total - bad} of {total} rows are good: {report['score_percent']} %")
