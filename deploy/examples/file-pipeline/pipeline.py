"""Sales as CSV become a Parquet table, sums by product, and a chart."""

import matplotlib
import matplotlib.pyplot as plt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.parquet as pq

# One thread, or the order in which groups are first met would be the scheduler's.
pa.set_cpu_count(1)
table = pa.csv.read_csv("/input/sales.csv", read_options=pa.csv.ReadOptions(use_threads=False))
pq.write_table(table, "/output/sales.parquet", compression="zstd")

cents = pc.multiply(table["units"], table["price_cents"])
sums = (
    table.append_column("revenue_cents", cents)
    .group_by("product", use_threads=False)
    .aggregate([("units", "sum"), ("revenue_cents", "sum")])
    .sort_by("product")
)
pa.csv.write_csv(sums, "/output/revenue.csv")

# Identifiers inside an SVG are random and its date is now, unless both are said.
matplotlib.rcParams["svg.hashsalt"] = "parity"
figure, axes = plt.subplots(figsize=(6, 3))
axes.bar(sums["product"].to_pylist(), [value // 100 for value in sums["revenue_cents_sum"].to_pylist()])
axes.set_ylabel("revenue")
figure.savefig("/output/revenue.svg", metadata={"Date": None, "Creator": None})
print(f"{table.num_rows} rows, {sums.num_rows} products")
