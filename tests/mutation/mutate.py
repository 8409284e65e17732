#!/usr/bin/python3
"""Changes one place of the library at a time and says which test notices.

    mutate.py [--sample N] [--seed S] [--only PATH]... [--list] [--resume] [--jobs J]
    mutate.py --planted [NAME]...   the mistakes of planted.json
    mutate.py --table FILE          the table of what was tried, in Markdown

README.md in this folder says what is changed, what counts and how to read the table.
"""

import argparse
import collections
import concurrent.futures
import datetime
import hashlib
import json
import os
import pathlib
import random
import shutil
import subprocess
import sys
import threading
import time

import mutants
import table
import trial

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent


def configure(folder):
    """The build that mutants are built beside."""
    print(f"building {folder}", flush=True)
    if not (folder / "build.ninja").exists():
        subprocess.run(["cmake", "--preset", "release", "-B", folder, "-DBUILD_SHARED_LIBS=ON", "-DXGRAD_VISIBILITY=default",
                        "-DXGRAD_EXAMPLES=OFF", "-DXGRAD_BENCHMARKS=OFF"], cwd=ROOT, check=True,
                       stdout=subprocess.DEVNULL)
    subprocess.run(["ninja", "-C", folder, "--quiet", f"-j{os.environ.get('XB_JOBS', 2)}"], check=True)


def find_in(arguments):
    source, command, files = arguments
    return mutants.find(ROOT, ROOT / source, command, files)


def find_all(build, only, jobs):
    """Every mutant, in the order of their places. Headers are read with the first source that has
    them."""
    public = build.public_headers()
    rooms = trial.ROOMS if only else [r for r in trial.ROOMS if r != "report"]

    def counts(file):
        return (file.split("/")[0] in rooms and file not in public
                and (not only or any(file.startswith(o.rstrip("/")) for o in only)))
    sources = build.sources()
    of_source = {built: os.path.relpath(source, ROOT) for built, (_, source) in build.compile.items()}
    work = {}
    for file in sorted(filter(counts, build.users)):
        source = file if file in sources else next(
            (s for s in map(of_source.get, build.users[file]) if s in sources), None)
        if source is not None:
            work.setdefault(source, []).append(file)
    todo = [(source, sources[source], files) for source, files in work.items()]
    with concurrent.futures.ProcessPoolExecutor(jobs) as pool:
        found = list(pool.map(cached, todo, [build.folder] * len(todo)))
    return sorted((m for ms in found for m in ms), key=lambda m: (m.file, m.offset, m.operator, m.new))


def cached(work, folder):
    """Reading a source takes seconds."""
    text = b"".join((ROOT / f).read_bytes() for f in [work[0], *work[2]])
    text += (HERE / "mutants.py").read_bytes() + repr(work).encode()
    kept = folder / "mutants" / hashlib.sha256(text).hexdigest()
    if kept.exists():
        return [mutants.Mutant(**m) for m in json.loads(kept.read_text())]
    found = find_in(work)
    kept.parent.mkdir(exist_ok=True)
    kept.write_text(json.dumps([vars(m) for m in found]))
    return found


def draw(found, seed):
    """All places in a random order, one mutant of each: every place is as likely as any other."""
    places = collections.defaultdict(list)
    for mutant in found:
        places[mutant.place].append(mutant)
    rng = random.Random(seed)
    order = list(places.values())
    rng.shuffle(order)
    return [rng.choice(alternatives) for alternatives in order]


class Runner:
    """Tries mutants, several at once, and writes down what came of each."""

    def __init__(self, build, options):
        self.build, self.options = build, options
        self.tests = build.tests()
        self.noticed = collections.defaultdict(collections.Counter)  # file -> test -> how often
        self.lock = threading.Lock()

    def measure(self):
        """The tests must pass without a change, and their times are the measure of a hang."""
        kept = self.build.folder / "baseline.json"
        programs = {t.command[0] for t in self.tests} | {str(self.build.folder / self.build.shared_object)}
        state = [self.options.memory, *sorted((p, os.stat(p).st_mtime) for p in programs)]
        state = json.loads(json.dumps(state))
        if kept.exists() and (old := json.loads(kept.read_text()))["state"] == state:
            for test in self.tests:
                test.seconds, test.cpu = old["times"][test.name]
            return
        print(f"running {len(self.tests)} tests without a change", flush=True)
        ours = trial.Trial(self.build, self.options.work / "baseline", self.options.memory << 20)
        ours.clean()
        for test in self.tests:
            if wrong := ours.test(test, limit=False):
                sys.exit(f"{test.name} fails without a change: {wrong}")
        times = {test.name: [test.seconds, test.cpu] for test in self.tests}
        kept.write_text(json.dumps({"state": state, "times": times}))
        print(f"they take {sum(t.seconds for t in self.tests):.0f} s", flush=True)

    def one(self, worker, file, text, only=None):
        before = time.monotonic()
        ours = trial.Trial(self.build, self.options.work / str(worker), self.options.memory << 20)
        outcome, said = ours.make(file, text, only)
        result = {"outcome": outcome, "said": said, "by": None}
        result["build seconds"] = round(time.monotonic() - before, 1)
        if outcome == "built":
            result["outcome"] = "not noticed"
            with self.lock:
                order = trial.in_order(self.tests, file, self.noticed[file])
            for test in order:
                if wrong := ours.test(test):
                    result |= {"outcome": "noticed", "by": test.name, "said": wrong}
                    with self.lock:
                        self.noticed[file][test.name] += 1
                    break
        result["seconds"] = round(time.monotonic() - before, 1)
        ours.clean()
        return result


def sample(runner, drawn, options):
    """Tries the first of `drawn` until as many as asked for were built and differ."""
    record = options.record
    done = {}
    if options.resume and record.exists():
        for line in record.read_text().splitlines():
            entry = json.loads(line)
            done[entry["name"]] = entry
            if entry["outcome"] == "noticed":
                runner.noticed[entry["file"]][entry["by"]] += 1
    if not options.resume:
        record.write_text("")
    reasons = table.verdicts(HERE / "verdicts.txt")

    def is_open(entry):
        reason = reasons.get(table.one_line(entry["name"]), "")
        return entry["outcome"] == "not noticed" and not reason.startswith("equivalent")
    counted = collections.Counter()
    queue = iter(enumerate(drawn, 1))
    under_way = 0

    def enough():
        count = counted["noticed"] + counted["not noticed"] + under_way
        return options.sample and count >= options.sample

    def work(worker):
        nonlocal under_way
        while True:
            with runner.lock:
                number, mutant = (None, None) if enough() else next(queue, (None, None))
            if mutant is None:
                return
            entry = done.get(mutant.name)
            with runner.lock:
                if entry and not (options.again and is_open(entry)):
                    counted[entry["outcome"]] += 1
                    continue
                under_way += 1
            text = mutant.apply((ROOT / mutant.file).read_bytes())
            result = runner.one(worker, mutant.file, text)
            entry = {"number": number, "seed": options.seed, "date": str(datetime.date.today()),
                     "name": mutant.name, **vars(mutant), **result}
            with runner.lock:
                under_way -= 1
                counted[result["outcome"]] += 1
                with record.open("a") as out:
                    out.write(json.dumps(entry) + "\n")
                print(f"{number:5} {result['outcome']:11} {short(mutant.name)}  "
                      f"{result['by'] or ''} {short(result['said'])} {result['seconds']:.0f} s", flush=True)
    with concurrent.futures.ThreadPoolExecutor(options.jobs) as pool:
        for running in [pool.submit(work, worker) for worker in range(options.jobs)]:
            running.result()
    print(", ".join(f"{count} {outcome}" for outcome, count in sorted(counted.items())))


def short(text, most=150):
    text = " ".join(text.split())
    return text if len(text) <= most else text[:most] + "…"


def planted(runner, options):
    """Mistakes that were written down; each names its place by the text that stands there once."""
    free = list(range(options.jobs))

    def one(entry):
        source = (ROOT / entry["file"]).read_text()
        count = source.count(entry["old"])
        if count != 1:
            print(f"{entry['name']}: its text is in {entry['file']} {count} times", flush=True)
            return False
        worker = free.pop()
        text = source.replace(entry["old"], entry["new"]).encode()
        result = runner.one(f"planted{worker}", entry["file"], text, entry.get("objects"))
        free.append(worker)
        print(f"{result['outcome']:11} {entry['name']}: {result['by'] or ''} {short(result['said'])} "
              f"{result['seconds']:.0f} s", flush=True)
        return result["outcome"] == "noticed"

    entries = [entry for entry in json.loads((HERE / "planted.json").read_text())
               if not options.planted or any(word in entry["name"] for word in options.planted)]
    with concurrent.futures.ThreadPoolExecutor(options.jobs) as pool:
        missed = list(pool.map(one, entries)).count(False)
    print(f"{missed} of {len(entries)} not noticed")
    return 1 if missed else 0


def arguments():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sample", type=int, default=0, metavar="N",
                        help="as many that differ from the code as it is; all if not given")
    parser.add_argument("--seed", type=int, default=datetime.date.today().toordinal())
    parser.add_argument("--only", action="append", default=[], metavar="PATH", help="a file or a folder")
    parser.add_argument("--list", action="store_true", help="prints them as drawn and tries none")
    parser.add_argument("--resume", action="store_true", help="goes on with the record that is there")
    parser.add_argument("--again", action="store_true", help="with --resume: also what was not noticed and is not equivalent")
    parser.add_argument("--jobs", type=int, default=1, help="mutants at once")
    parser.add_argument("--memory", type=int, default=16384, help="MiB of address space for a test")
    parser.add_argument("--planted", nargs="*", metavar="NAME",
                        help="those whose name has NAME in it; all if none is given")
    parser.add_argument("--table", type=pathlib.Path, metavar="FILE", help="writes the table of the record")
    parser.add_argument("--build", type=pathlib.Path, default=ROOT / "build" / "mutation")
    parser.add_argument("--record", type=pathlib.Path)
    options = parser.parse_args()
    options.build = options.build.resolve()
    options.record = options.record or options.build / "tried.jsonl"
    options.work = options.build / "work" / str(os.getpid())  # several runs may go on at once
    return options


def main():
    options = arguments()
    if options.table:
        return table.write(options.record, HERE / "verdicts.txt", options.table)
    configure(options.build)
    build = trial.Build(ROOT, options.build)
    runner = Runner(build, options)
    try:
        return tried(build, runner, options)
    finally:
        shutil.rmtree(options.work, ignore_errors=True)


def tried(build, runner, options):
    if options.planted is not None:
        runner.measure()
        return planted(runner, options)
    found = find_all(build, options.only, max(options.jobs, 2))
    drawn = draw(found, options.seed)
    print(f"seed {options.seed}: {len(found)} mutants of {len(drawn)} places", flush=True)
    if options.list:
        for mutant in drawn[:options.sample or None]:
            print(short(mutant.name))
        return 0
    runner.measure()
    sample(runner, drawn, options)
    return 0


if __name__ == "__main__":
    sys.exit(main())
