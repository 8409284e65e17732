#!/usr/bin/python3
"""Measures xgrad beside libtorch and writes a table and build/release/bench.json.

Both sides do the same work (works.hpp), one process for each work and side, in turns: each round
times one side and then the other, so that what else the machine does hits both. The ratio is that of
the medians over the rounds; its spread is half the distance between the quartiles of the rounds' own
ratios.

libtorch runs twice: as Debian ships it, and tuned (OpenBLAS's OpenMP build, freed memory kept by
malloc). Tuned is what counts.
"""

import argparse
import gzip
import json
import os
import pathlib
import re
import shutil
import statistics
import subprocess
import sys
import time

OPENBLAS = pathlib.Path("/usr/lib/x86_64-linux-gnu")
TUNED = {
    "LD_LIBRARY_PATH": str(OPENBLAS / "openblas-openmp"),
    "MALLOC_MMAP_THRESHOLD_": str(1 << 32),
    "MALLOC_TRIM_THRESHOLD_": str(1 << 32),
    "MALLOC_TOP_PAD_": str(1 << 28),
}


class Side:
    """One program, ready for one work; asked for samples by a line each."""

    def __init__(self, command, threads, environment):
        # OPENBLAS_CORETYPE, for one, would take libtorch's fastest products away.
        clean = {key: value for key, value in os.environ.items()
                 if not key.startswith(("OMP_", "OPENBLAS_", "GOMP_"))}
        clean["OMP_NUM_THREADS"] = str(threads)
        self.process = subprocess.Popen(
            command + [str(threads)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
            env=clean | environment)
        self.check = float(self.answer())

    def answer(self):
        line = self.process.stdout.readline()
        if not line:
            sys.exit(f"{self.process.args} ended with {self.process.wait()}")
        return line

    def seconds(self, count):
        """Of one repetition, over `count` of them."""
        self.process.stdin.write(f"{count}\n")
        self.process.stdin.flush()
        return float(self.answer()) / count

    def repetitions(self, sample):
        """How many take about `sample` seconds. A single one is no measure: while the other side's
        threads still spin it can take ten times as long."""
        count, spent = 1, self.seconds(1)
        while spent < sample / 2:
            count *= 2
            spent = count * self.seconds(count)
        return max(1, round(count * sample / spent))

    def close(self):
        """Ends the program; its highest resident memory in MB."""
        self.process.stdin.close()
        _, _, usage = os.wait4(self.process.pid, 0)
        self.process.returncode = 0
        return usage.ru_maxrss / 1024


def quartiles(values):
    return statistics.quantiles(values, n=4) if len(values) > 1 else [values[0]] * 3


def row_of(name, unit, ours, peer):
    """A row from samples taken in turns."""
    ratios = [p / o for o, p in zip(ours, peer)]
    low, _, high = quartiles(ratios)
    mine, other = statistics.median(ours), statistics.median(peer)
    return {"name": name, f"ours_{unit}": mine, f"peer_{unit}": other, "ratio": other / mine,
            "spread": (high - low) / 2}


def measure_work(name, build, options, threads):
    sides = {
        "ours": Side([build / "bench_xgrad", name], threads, {}),
        "peer": Side([build / "bench_libtorch", name], threads, TUNED),
    }
    if threads == options.threads:
        sides["shipped"] = Side([build / "bench_libtorch", name], threads, {})
    checks = {side: s.check for side, s in sides.items()}
    if abs(checks["ours"] - checks["peer"]) > 5e-3 * max(1e-3, abs(checks["peer"])):
        sys.exit(f"{name}: the two sides compute different things: {checks}")
    count = {side: s.repetitions(options.sample) for side, s in sides.items()}
    samples = {side: [] for side in sides}
    for _ in range(options.rounds):
        for side, s in sides.items():
            samples[side].append(1e3 * s.seconds(count[side]))
    memory = {side: s.close() for side, s in sides.items()}
    row = row_of(name, "ms", samples["ours"], samples["peer"])
    if "shipped" in sides:
        row["shipped_ms"] = statistics.median(samples["shipped"])
    row["threads"] = threads
    row["ours_mb"], row["peer_mb"] = memory["ours"], memory["peer"]
    return row


def timed(command, environment=None):
    """Seconds and highest resident MB of a command."""
    start = time.perf_counter()
    process = subprocess.Popen(command, env=os.environ | (environment or {}),
                               stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    if status != 0:
        sys.exit(f"{command} failed")
    return time.perf_counter() - start, usage.ru_maxrss / 1024


def shipped(program):
    """Number and MB of the shared libraries that a program loads."""
    lines = subprocess.run(["ldd", program], check=True, capture_output=True, text=True).stdout
    files = {os.path.realpath(path) for path in re.findall(r"(/\S+) \(0x", lines)}
    return len(files), (sum(map(os.path.getsize, files)) + os.path.getsize(program)) / 2**20


def unpacked_mnist(build):
    """The folder of MNIST unpacked, as libtorch reads it; None where the data is not there."""
    packed = pathlib.Path(os.environ.get("XGRAD_DATA", "~/.cache/xgrad")).expanduser() / "mnist"
    if not packed.is_dir():
        return None
    folder = build / "mnist"
    folder.mkdir(exist_ok=True)
    for file in packed.glob("*.gz"):
        target = folder / file.stem
        if not target.exists():
            with gzip.open(file) as source, open(target, "wb") as out:
                shutil.copyfileobj(source, out)
    return folder


def measure_script(root, preset_build, build, rounds):
    """Compiling, starting and shipping the README's script."""
    scripts = {"ours": "script_xgrad", "peer": "script_libtorch"}
    rows = []
    compiled = {side: [] for side in scripts}
    for _ in range(max(1, rounds // 4)):
        for side, name in scripts.items():
            (root / "benchmarks" / f"{name}.cpp").touch()
            compiled[side].append(timed(["cmake", "--build", preset_build, "--target", name])[0])
    rows.append(row_of("script, compile and link", "s", compiled["ours"], compiled["peer"]))

    mnist = unpacked_mnist(build)
    if mnist is None:
        print("without MNIST in $XGRAD_DATA the script cannot be started")
    else:
        started = {side: [] for side in scripts}
        memory = {side: [] for side in scripts}
        for i in range(rounds + 1):
            for side, name in scripts.items():
                seconds, mb = timed([build / name], TUNED | {"XGRAD_MNIST": str(mnist),
                                                             "XGRAD_DATA": str(mnist.parent)})
                if i > 0:  # the first round reads from the disk
                    started[side].append(seconds)
                    memory[side].append(mb)
        rows.append(row_of("script, to its first step", "s", started["ours"], started["peer"]))
        rows.append(row_of("script, resident memory", "mb", memory["ours"], memory["peer"]))
    for i, what in ((0, "count"), (1, "mb")):
        ours, peer = (shipped(build / name)[i] for name in scripts.values())
        rows.append(row_of(f"script, shared libraries, {what}", what, [ours], [peer]))
    return rows


def shown(row):
    unit = next(key[5:] for key in row if key.startswith("ours_"))
    shipped_ms = f"{row['shipped_ms']:12.4g}" if "shipped_ms" in row else " " * 12
    memory = f"{row['ours_mb']:8.0f}{row['peer_mb']:8.0f}" if "shipped_ms" in row else ""
    name = row["name"] + ("" if row.get("threads", 2) > 1 else ", one thread")
    return (f"{name:40}{row[f'ours_{unit}']:12.4g}{row[f'peer_{unit}']:12.4g}{shipped_ms}"
            f"{row['ratio']:8.2f} ±{row['spread']:5.2f}  {unit:6}{memory}")


def processor():
    for line in open("/proc/cpuinfo"):
        if line.startswith("model name"):
            return line.split(":", 1)[1].strip()
    return "unknown"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--build", default="build/release", help="build folder")
    parser.add_argument("--only", default="", help="works whose name matches this expression")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--one-thread", action="store_true", help="measure one thread as well")
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--sample", type=float, default=0.1, help="seconds of one sample")
    options = parser.parse_args()
    root = pathlib.Path(__file__).resolve().parent.parent
    build = pathlib.Path(options.build).resolve() / "benchmarks"
    if not (build / "bench_libtorch").exists():
        sys.exit(f"no {build}/bench_libtorch: install packages-bench.txt and run make bench")

    names = subprocess.run([build / "bench_xgrad", "list"], check=True, capture_output=True,
                           text=True).stdout.splitlines()
    print(f"{'':40}{'xgrad':>12}{'libtorch':>12}{'as shipped':>12}{'ratio':>8}{'':16}"
          f"{'MB':>8}{'MB':>8}")
    rows = []

    def add(row):
        rows.append(row)
        print(shown(row), flush=True)

    counts = [options.threads] + ([1] if options.one_thread else [])
    for threads in counts:
        for name in names:
            if re.search(options.only, name):
                add(measure_work(name, build, options, threads))
    if re.search(options.only, "script"):
        for row in measure_script(root, options.build, build, options.rounds):
            add(row)
    result = pathlib.Path(options.build) / "bench.json"
    result.write_text(json.dumps({"cpu": processor(), "threads": options.threads, "rows": rows},
                                 indent=1) + "\n")
    print(f"written to {result}")


if __name__ == "__main__":
    main()
