"""Names the kind of every file under /input with Magika's neural network (ONNX, on the CPU)."""

import json
import pathlib

from magika import Magika

magika = Magika()
labels = {}
for path in sorted(p for p in pathlib.Path("/input").rglob("*") if p.is_file()):
    answer = magika.identify_path(path)
    # The label and no score: the last digits of floats differ between processors.
    labels[path.name] = {"label": answer.output.label, "mime_type": answer.output.mime_type}
    print(f"{path.name}: {answer.output.label}")
pathlib.Path("/output/labels.json").write_text(json.dumps(labels, indent=2, sort_keys=True) + "\n")
