"""The record of what was tried as a table in Markdown."""

import collections
import json
import re

import trial


def verdicts(path):
    """name of the mutant -> why no test can notice it, or what test would. Blank-line separated:
    the first line is the name, the others are the reason."""
    found = {}
    if path.exists():
        text = re.sub(r"^#.*\n", "", path.read_text(), flags=re.M)
        for block in re.split(r"\n\s*\n", text.strip()):
            name, _, reason = block.partition("\n")
            found[one_line(name)] = " ".join(reason.split())
    return found


def one_line(text):
    return " ".join(text.split())


def cell(text, most=110):
    text = one_line(text)
    text = text if len(text) <= most else text[:most - 1] + "…"
    return text.replace("|", "\\|")


def code(text, most=60):
    return f"`{cell(text, most)}`" if text.strip() else "nothing"


def counts_of(entries):
    """room -> kind of outcome -> how many; in all rooms together at the end."""
    rooms = [r for r in trial.ROOMS if any(e["file"].startswith(r + "/") for e in entries)]
    counts = {room: collections.Counter(e["kind"] for e in entries if e["file"].startswith(room + "/"))
              for room in rooms}
    counts["all"] = sum(counts.values(), collections.Counter())
    return counts


def summary(counts):
    yield ("| room | tried | noticed | equivalent | not noticed | share noticed | same code "
           "| did not compile |")
    yield "| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |"
    for room, count in counts.items():
        real = count["noticed"] + count["not noticed"]
        share = f"{100 * count['noticed'] / real:.1f} %" if real else ""
        yield (f"| {room} | {real + count['equivalent']} | {count['noticed']} | {count['equivalent']} "
               f"| {count['not noticed']} | {share} | {count['same code']} | {count['invalid']} |")


def write(record, reasons_file, out):
    """The record in Markdown, with the reasons that verdicts.txt gives."""
    first, latest = {}, {}
    for line in record.read_text().splitlines():
        entry = json.loads(line)
        first.setdefault(entry["name"], entry)
        latest[entry["name"]] = entry
    entries = sorted(latest.values(), key=lambda e: e["number"])
    reasons = verdicts(reasons_file)
    for e in entries:
        e["reason"] = reasons.get(one_line(e["name"]), "")
        is_equivalent = e["outcome"] == "not noticed" and e["reason"].startswith("equivalent")
        e["kind"] = "equivalent" if is_equivalent else e["outcome"]
    real = [e for e in entries if e["kind"] in ("noticed", "not noticed")]
    before = sum(first[e["name"]]["outcome"] == "noticed" for e in real)
    dates = sorted({e["date"] for e in entries if "date" in e})
    when = " to ".join(dict.fromkeys([dates[0], dates[-1]])) if dates else "no day"
    lines = ["# Changes of single places, and what notices them", "",
             "Written by `tests/mutation/mutate.py --table`; what the words mean is in",
             f"[its README](../tests/mutation/README.md). Tried on {when}, drawn with seed "
             f"{', '.join(sorted({str(e['seed']) for e in entries}))}.", "",
             *summary(counts_of(entries)), "",
             f"When each was tried first, {before} of the {len(real)} that are not equivalent were "
             f"noticed ({100 * before / len(real):.1f} %); tests for those that were not came then."]

    def place(entry):
        return f"`{entry['file']}:{entry['line']}:{entry['column']}`"

    def change(entry, most):
        return f"{entry['operator']}: {code(entry['old'], most)} → {code(entry['new'], most)}"
    lines += ["", "## Not noticed", "", "| place | change | verdict |", "| --- | --- | --- |"]
    lines += [f"| {place(e)} | {change(e, 60)} | {cell(e['reason'], 400) or '**open**'} |"
              for e in entries if e["outcome"] == "not noticed"]
    lines += ["", "## Noticed", "", "| place | change | by |", "| --- | --- | --- |"]
    lines += [f"| {place(e)} | {change(e, 40)} | `{e['by']}`: {cell(e['said'], 80)} |"
              for e in entries if e["outcome"] == "noticed"]
    out.write_text("\n".join(lines) + "\n")
    return 0
