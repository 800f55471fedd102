"""Times the Python package plspm on the data and model of the benchmark.

usage: plspm_times.py ITEMS.csv BOOTSTRAPS

ITEMS.csv has a column for each item, named CONSTRUCT_NUMBER. Prints one JSON object: seconds of
one fit, seconds of the given number of bootstraps, and the path coefficients of the fit.
"""

import json
import sys
import time

import pandas
from plspm.config import Config, MV, Structure
from plspm.mode import Mode
from plspm.plspm import Plspm
from plspm.scheme import Scheme

PATHS = [
    ("expectations", "quality"),
    ("expectations", "value"),
    ("expectations", "satisfaction"),
    ("quality", "value"),
    ("quality", "satisfaction"),
    ("value", "satisfaction"),
    ("satisfaction", "complaints"),
    ("satisfaction", "loyalty"),
    ("complaints", "loyalty"),
]


def config(items):
    structure = Structure()
    for source, target in PATHS:
        structure.add_path([source], [target])
    made = Config(structure.path(), scaled=False)
    constructs = dict.fromkeys(name for path in PATHS for name in path)
    for construct in constructs:
        columns = [c for c in items.columns if c.rsplit("_", 1)[0] == construct]
        made.add_lv(construct, Mode.A, *[MV(column) for column in columns])
    return made


def main():
    path, bootstraps = sys.argv[1], int(sys.argv[2])
    items = pandas.read_csv(path)
    items = (items - items.mean()) / items.std()
    began = time.perf_counter()
    fit = Plspm(items, config(items), Scheme.PATH)
    one_s = time.perf_counter() - began
    began = time.perf_counter()
    Plspm(
        items,
        config(items),
        Scheme.PATH,
        bootstrap=True,
        bootstrap_iterations=bootstraps,
        processes=2,
    )
    boot_s = time.perf_counter() - began - one_s
    coefficients = fit.path_coefficients()
    paths = {f"{a}>{b}": float(coefficients.loc[b, a]) for a, b in PATHS}
    print(json.dumps({"fit_s": one_s, "bootstrap_s": boot_s, "paths": paths}))


if __name__ == "__main__":
    main()
