#!/usr/bin/env python3
"""Trainings that are signalled, killed, and starved of memory and of disk, on small data of our own.

    trainings.py DIRECTORY_OF_THE_PROGRAMS [--runs N] [--seed S] [--only KIND] [--jobs J]

signals, kills: the training is stopped by INT, TERM or HUP, or killed, at a random time, until it has
ended by itself or was stopped five times; then it must have left the weights of one that nobody
disturbed, bit for bit. memory, disk: it gets a random share of the address space, or of the size of
files, that it needs, and must end well, or with one line that says why, and leave nothing half
written. Prints a line for each kind, and each run that went wrong with what it said.
"""

import argparse
import concurrent.futures
import os
import pathlib
import random
import resource
import signal
import struct
import subprocess
import sys
import tempfile
import time

ITERATIONS = 40
TIMEOUT = 300  # seconds, after which a run counts as hanging
STOPS = {"signals": (signal.SIGINT, signal.SIGTERM, signal.SIGHUP), "kills": (signal.SIGKILL,)}


def write_digits(directory):
    """Digits that differ by a bright row, in MNIST's format."""
    for name, count in (("train", 400), ("t10k", 500)):
        images, labels = bytearray(), bytearray()
        for i in range(count):
            for row in range(28):
                images += (b"\xff" if row // 2 == i % 10 else b"\x00") * 28
            labels.append(i % 10)
        header = struct.pack(">4I", 2051, count, 28, 28)
        (directory / f"{name}-images-idx3-ubyte").write_bytes(header + images)
        (directory / f"{name}-labels-idx1-ubyte").write_bytes(struct.pack(">2I", 2049, count) + labels)


class Wrong(Exception):
    """A run did what it must not."""


class Training:
    """mnist with one folder for all it leaves behind."""

    def __init__(self, program, data, folder):
        self.weights = folder / "weights.safetensors"
        self.folder = folder
        self.command = [program, "--data", data, "--iterations", str(ITERATIONS), "--threads", "1",
                        "--checkpoint", folder / "kept", "--checkpoint-every", "0",
                        "--save", self.weights, "--log", folder / "log.jsonl", "--report", folder / "page"]

    def start(self, limits=()):
        def limit():
            for which, most in limits:
                resource.setrlimit(which, (most, most))
        # Python's own children ignore SIGXFSZ, so that a file too large is an error of write().
        return subprocess.Popen(self.command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                stderr=subprocess.PIPE, text=True, preexec_fn=limit,
                                restore_signals=False)

    def end(self, process):
        """The exit code, and what was said on stderr."""
        try:
            _, said = process.communicate(timeout=TIMEOUT)
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()
            raise Wrong("it hangs") from None
        return process.returncode, said

    def finish(self):
        code, said = self.end(self.start())
        if code != 0:
            raise Wrong(f"resumed, it ended with {code}: {said}")

    def leftovers(self):
        return [str(path) for path in self.folder.rglob("*") if ".partial" in path.name]


def stopped(training, rng, whole, kind):
    """Stops it at random times; how often it was stopped."""
    count = 0
    for _ in range(5):
        process = training.start()
        time.sleep(rng.uniform(0, 1.1) * whole["seconds"])
        sent = rng.choice(STOPS[kind])
        process.send_signal(sent)
        code, said = training.end(process)
        if code == 0:
            break
        # Before it listens a signal ends it at once.
        if code not in (-sent, 128 + sent):
            raise Wrong(f"stopped by {sent.name}, it ended with {code}: {said}")
        count += 1
    training.finish()
    if training.weights.read_bytes() != whole["weights"]:
        raise Wrong("the weights are not those of an undisturbed training")
    return count


def starved(training, rng, whole, kind):
    """Gives it too little, or just enough; whether it complained."""
    if kind == "memory":
        limits = [(resource.RLIMIT_AS, int(rng.uniform(whole["least"], 1.02 * whole["address space"])))]
    else:
        limits = [(resource.RLIMIT_FSIZE, int(rng.uniform(0, 1.1) * whole["largest file"]))]
    code, said = training.end(training.start(limits))
    if code not in (0, 1):
        raise Wrong(f"with {limits[0][1]} bytes it ended with {code}: {said}")
    if code != 0 and not said.strip():
        raise Wrong(f"with {limits[0][1]} bytes it ended with {code} and said nothing")
    if left := training.leftovers():
        raise Wrong(f"with {limits[0][1]} bytes it left {left}")
    training.finish()
    if training.weights.read_bytes() != whole["weights"]:
        raise Wrong("after it, the weights are not those of an undisturbed training")
    return code != 0


def one(arguments):
    kind, number, seed, program, data, whole = arguments
    rng = random.Random(f"{seed} {kind} {number}")
    with tempfile.TemporaryDirectory(prefix="xgrad-stress-") as folder:
        training = Training(program, data, pathlib.Path(folder))
        try:
            return (stopped if kind in STOPS else starved)(training, rng, whole, kind), None
        except Wrong as wrong:
            return 0, f"{kind} {number}: {wrong}"


def least_address_space(program):
    """With which the program starts at all: below it the system's loader gives up, and above that,
    OpenBLAS tries for ever to allocate while it is loaded."""
    def starts(most):
        def limit():
            resource.setrlimit(resource.RLIMIT_AS, (most, most))
            resource.setrlimit(resource.RLIMIT_CPU, (2, 2))
        return subprocess.run([program, "--help"], preexec_fn=limit, stdout=subprocess.DEVNULL,
                              stderr=subprocess.DEVNULL, check=False).returncode == 0
    low, high = 0, 1 << 32
    while high - low > 1 << 20:
        middle = (low + high) // 2
        low, high = (low, middle) if starts(middle) else (middle, high)
    return high


def undisturbed(program, data):
    """What a training leaves behind that nothing happens to."""
    with tempfile.TemporaryDirectory(prefix="xgrad-stress-") as folder:
        training = Training(program, data, pathlib.Path(folder))
        before = time.monotonic()
        process = training.start()
        most = 0
        while process.poll() is None:
            try:
                words = pathlib.Path(f"/proc/{process.pid}/status").read_text()
                most = max(most, *(int(line.split()[1]) * 1024 for line in words.splitlines()
                                   if line.startswith("VmPeak")), 0)
            except OSError:
                pass
            time.sleep(0.005)
        code, said = training.end(process)
        if code != 0:
            sys.exit(f"undisturbed, it ended with {code}: {said}")
        return {"seconds": time.monotonic() - before, "weights": training.weights.read_bytes(),
                "address space": most, "least": least_address_space(program),
                "largest file": max(path.stat().st_size for path in training.folder.rglob("*")
                                    if path.is_file())}


def main():
    kinds = ["signals", "kills", "memory", "disk"]
    parser = argparse.ArgumentParser()
    parser.add_argument("programs", type=pathlib.Path)
    parser.add_argument("--runs", type=int, default=2 * int(os.environ.get("XGRAD_STRESS", 1)),
                        help="of each kind; 2 times XGRAD_STRESS if not given")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", choices=kinds, action="append")
    parser.add_argument("--jobs", type=int, default=1, help="trainings at once")
    options = parser.parse_args()
    program = (options.programs / "mnist").resolve()
    failures = []
    with tempfile.TemporaryDirectory(prefix="xgrad-stress-") as data:
        write_digits(pathlib.Path(data))
        whole = undisturbed(program, data)
        print(f"seed {options.seed}; undisturbed: {whole['seconds']:.2f} s, "
              f"{whole['least'] >> 20} to {whole['address space'] >> 20} MiB, "
              f"files of up to {whole['largest file']} bytes", flush=True)
        for kind in options.only or kinds:
            runs = [(kind, i, options.seed, program, data, whole) for i in range(options.runs)]
            with concurrent.futures.ThreadPoolExecutor(options.jobs) as pool:
                results = list(pool.map(one, runs))
            wrong = [what for _, what in results if what]
            failures += wrong
            count = sum(int(stops) for stops, what in results if not what)
            print(f"{kind:8} {options.runs} trainings, {count} {'stops' if kind in STOPS else 'refusals'}, "
                  f"{len(wrong)} wrong", flush=True)
    print("\n".join(failures))
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
