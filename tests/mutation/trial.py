"""Builds the project with one source replaced, beside its build folder, and runs the tests on that.

Neither the sources nor the build folder are touched: the changed source, the objects that depend on
it, the library and what the tests write lie in a folder of the trial's own.
"""

import collections
import ctypes
import dataclasses
import json
import os
import pathlib
import re
import resource
import shutil
import signal
import subprocess
import time

ROOMS = ["autograd", "ops", "func", "nn", "optim", "datasets", "report", "train"]
LIBRARIES = ["core", "datasets", "report", "train"]
# What needs more than the library, or cannot see what a change of it computes.
LEFT_OUT = re.compile(r"(examples|stress|docs|fuzz|headers)/|report/browser$")
# A hang is a test that takes that many times what it takes without the change. Processor time, so
# that a busy machine is no hang; time on the clock for what waits.
TIMES, AT_LEAST = 8, 10
CLONE_NEWNET = 0x40000000


def limited(memory, cpu, network=True):
    """What a child process does first."""
    def limit():
        resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
        resource.setrlimit(resource.RLIMIT_CPU, (int(cpu) + 1, int(cpu) + 1))
        resource.setrlimit(resource.RLIMIT_FSIZE, (4 << 30, 4 << 30))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        if not network and ctypes.CDLL(None).unshare(CLONE_NEWNET) == 0:
            subprocess.run(["ip", "link", "set", "lo", "up"], check=False)
    return limit


def run(command, cwd, wall, env=None, preexec_fn=None):
    """The exit code and what was said; None for the code of what took too long."""
    process = subprocess.Popen(command, cwd=cwd, env=env, stdin=subprocess.DEVNULL,
                               stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                               errors="replace", preexec_fn=preexec_fn, start_new_session=True,
                               shell=isinstance(command, str))
    try:
        said, _ = process.communicate(timeout=wall)
        code = process.returncode
    except subprocess.TimeoutExpired:
        code, said = None, ""
    try:
        os.killpg(process.pid, signal.SIGKILL)  # and what it may have left running
    except ProcessLookupError:
        pass
    if code is None:
        process.communicate()
    return code, said


@dataclasses.dataclass
class Test:
    name: str
    command: list
    environment: dict
    seconds: float = 0
    cpu: float = 0

    @property
    def program(self):
        return pathlib.Path(self.command[0]).name

    def room(self):
        return self.name.split("/")[0]


class Build:
    """The build folder of the project as it is."""

    def __init__(self, root, folder):
        self.root, self.folder = root, folder
        commands = json.loads((folder / "compile_commands.json").read_text())
        self.compile = {}  # object -> (command, source)
        for entry in commands:
            built = re.search(r" -o (\S+) ", entry["command"])[1]
            self.compile[built] = (entry["command"].replace(" -Werror ", " "), entry["file"])
        self.link = {}  # what is linked, from the build folder on -> command
        tests = [f"tests/{p.name}" for p in folder.glob("tests/test_*") if p.is_file()]
        libraries = [f"libxgrad_{name}.so" for name in LIBRARIES]
        for line in self.ninja("-t", "commands", *libraries, *tests):
            if built := re.search(r" -o (libxgrad_\w+\.so\S*|tests/test_\w+) ", line):
                self.link[built[1]] = line
        self.users = self.dependents()

    def ninja(self, *arguments):
        return subprocess.run(["ninja", "-C", self.folder, "--quiet", *arguments], check=True,
                              capture_output=True, text=True).stdout.splitlines()

    def dependents(self):
        """file -> the objects that are compiled from it, in the library and in the tests."""
        users, built = collections.defaultdict(list), None
        for line in self.ninja("-t", "deps"):
            if line.startswith("    "):
                path = os.path.realpath(self.folder / line.strip())
                if path.startswith(f"{self.root}/") and built in self.compile:
                    users[os.path.relpath(path, self.root)].append(built)
            else:
                built = line.split(": #deps")[0]
        return users

    def sources(self):
        """Of the library: source -> its compiler's command."""
        return {os.path.relpath(source, self.root): command for built, (command, source)
                in self.compile.items() if re.search(r"CMakeFiles/xgrad_(core|datasets|report|train)\.dir/", built)}

    def public_headers(self):
        """What a user's file can see: they are compiled into every test as well."""
        seen = set()
        waiting = [self.root / name for name in ("xgrad.hpp", "xtensor.hpp")]
        while waiting:
            text = waiting.pop().read_text()
            for path in re.findall(r"#include <xgrad/([^>]+)>", text):
                if path not in seen:
                    seen.add(path)
                    waiting.append(self.root / path)
        return seen

    def tests(self):
        listed = json.loads(subprocess.run(["ctest", "--show-only=json-v1"], cwd=self.folder, check=True,
                                           capture_output=True, text=True).stdout)
        tests = []
        for entry in listed["tests"]:
            if LEFT_OUT.match(entry["name"]) or "command" not in entry:
                continue
            environment = next((p["value"] for p in entry["properties"] if p["name"] == "ENVIRONMENT"), [])
            tests.append(Test(entry["name"], entry["command"], dict(e.split("=", 1) for e in environment)))
        return tests


class Trial:
    """One folder in which changes are tried one after the other."""

    def __init__(self, build, folder, memory):
        self.build, self.folder, self.memory = build, folder, memory

    def clean(self):
        shutil.rmtree(self.folder, ignore_errors=True)
        for name in ("source", "object", "tests", "run"):
            (self.folder / name).mkdir(parents=True)

    def make(self, file, text, only=None):
        """Builds with `text` in place of `file`, in all objects that depend on it or in those of the
        sources `only`; says what came of it: "built", "same code", or "invalid" with the compiler's
        words."""
        self.clean()
        overlay = self.folder / "source" / "xgrad" / file
        overlay.parent.mkdir(parents=True)
        overlay.write_bytes(text)
        changed = {}
        for built in self.build.users[file]:
            command, source = self.build.compile[built]
            if only and os.path.relpath(source, self.build.root) not in only:
                continue
            ours = self.folder / "object" / built
            ours.parent.mkdir(parents=True, exist_ok=True)
            head = command[:command.index(f" -o {built} ")]
            if file.endswith(".cpp"):
                head += f" -iquote {pathlib.Path(source).parent}"
                source = overlay
            else:
                head = head.replace(" -I", f" -I{overlay.parents[file.count('/') + 1]} -I", 1)
            code, said = run(f"{head} -w -o {ours} -c {source}", self.build.folder, 1800,
                             preexec_fn=limited(self.memory, 1800))
            if code is None or code != 0:
                return "invalid", next((l for l in said.splitlines() if "error" in l), said[-300:])
            if ours.read_bytes() != (self.build.folder / built).read_bytes():
                changed[built] = ours
        if not changed:
            return "same code", ""
        return self.link(changed)

    def link(self, changed):
        for built, command in self.build.link.items():
            words = command.split()
            if not any(word in changed for word in words):
                continue
            # A program looks for libxgrad_core.so.0.2; the file behind it is libxgrad_core.so.0.2.0.
            name = re.sub(r"(\.so\.\d+\.\d+)\.\d+$", r"\1", built)
            words[words.index("-o") + 1] = str(self.folder / name)
            words = [str(changed.get(word, word)) for word in words]
            if shutil.which("ld.lld"):
                words.insert(words.index("-o"), "-fuse-ld=lld")
            code, said = run(" ".join(words), self.build.folder, 300)
            if code != 0:
                return "invalid", said[-300:]
        return "built", ""

    def command(self, test):
        ours = self.folder / "tests" / test.program
        return [str(ours) if ours.exists() else test.command[0], *test.command[1:]]

    def test(self, test, limit=True):
        """None if it passes, else what it said was wrong. Without a limit, takes its time."""
        scratch = self.folder / "run"
        shutil.rmtree(scratch, ignore_errors=True)
        scratch.mkdir(parents=True)
        environment = {k: v for k, v in os.environ.items() if not k.startswith(("XGRAD_", "OMP_"))}
        environment |= {name: value if name != "XGRAD_PAGES" else str(scratch / "pages")
                        for name, value in test.environment.items()}
        environment |= {"LD_LIBRARY_PATH": str(self.folder), "TMPDIR": str(scratch), "HOME": str(scratch)}
        cpu = AT_LEAST + TIMES * test.cpu if limit else 600
        wall = 2 * AT_LEAST + 3 * TIMES * test.seconds if limit else 600
        before, used = time.monotonic(), resource.getrusage(resource.RUSAGE_CHILDREN)
        code, said = run([*self.command(test), "--abort-after=1"], scratch, wall, environment,
                         limited(self.memory, cpu, network=False))
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        if not limit:
            test.seconds = time.monotonic() - before
            test.cpu = after.ru_utime + after.ru_stime - used.ru_utime - used.ru_stime
        shutil.rmtree(scratch, ignore_errors=True)
        if code == 0:
            return None
        case = re.search(r"^TEST CASE:\s+(.*)$", said, re.M)
        how = case[1] if case else (said.strip().splitlines() or [""])[-1][:100]
        if code is None or code in (-signal.SIGXCPU, -signal.SIGKILL):
            return f"{how} (time limit)".strip()
        if "CRASHED" in said or code < 0:
            crash = re.search(r"SIG\w+", said)
            return f"{how} ({crash[0] if crash else signal.Signals(-code).name if code < 0 else 'crash'})"
        return how


def words_of(path):
    return set(re.split(r"[/_.]", re.sub(r"\.[ch]pp$", "", path)))


def in_order(tests, file, noticed):
    """Those first that are likely to notice a change of `file`: that noticed one before, then of the
    file's name, then of its room, then quick ones."""
    room, stem = file.split("/")[0], words_of(pathlib.Path(file).name)

    def key(test):
        alike = len(stem & words_of(test.name.split("/")[1]))
        near = 2 * (test.room() == room) + (test.room() in ROOMS)
        return -noticed.get(test.name, 0) / (1 + test.seconds), -alike * (near > 1), -near, test.seconds
    return sorted(tests, key=key)
