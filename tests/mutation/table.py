"""The record of what was tried as a table in Markdown."""

import collections
import datetime
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
            found[name.strip()] = " ".join(reason.split())
    return found


def one_line(text):
    return " ".join(text.split())


def cell(text, most=110):
    text = one_line(text)
    text = text if len(text) <= most else text[:most - 1] + "…"
    return text.replace("|", "\\|")


def code(text, most=60):
    return f"`{cell(text, most)}`" if text.strip() else "nothing"


def write(record, reasons_file, out):
    entries = {}
    for line in record.read_text().splitlines():
        entry = json.loads(line)
        entries[entry["name"]] = entry
    entries = sorted(entries.values(), key=lambda e: e["number"])
    reasons = verdicts(reasons_file)

    def why(entry):
        return reasons.get(one_line(entry["name"]), "")

    def kind(entry):
        if entry["outcome"] == "not noticed" and why(entry).startswith("equivalent"):
            return "equivalent"
        return entry["outcome"]
    rooms = [r for r in trial.ROOMS if any(e["file"].startswith(r + "/") for e in entries)]
    counts = {room: collections.Counter(kind(e) for e in entries if e["file"].startswith(room + "/"))
              for room in rooms}
    counts["all"] = sum((counts[r] for r in rooms), collections.Counter())
    lines = [f"Tried on {datetime.date.today().isoformat()}, seed {entries[0]['seed'] if entries else '-'}.", "",
             "| room | tried | noticed | not noticed | of them equivalent | share noticed "
             "| same code | did not compile |", "| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |"]
    for room, count in counts.items():
        missed = count["not noticed"] + count["equivalent"]
        real = count["noticed"] + count["not noticed"]
        share = f"{100 * count['noticed'] / real:.1f} %" if real else "-"
        lines.append(f"| {room} | {count['noticed'] + missed} | {count['noticed']} | {missed} | "
                     f"{count['equivalent']} | {share} | {count['same code']} | {count['invalid']} |")
    lines += ["", "## Not noticed", "", "| place | change | verdict |", "| --- | --- | --- |"]
    for e in entries:
        if e["outcome"] == "not noticed":
            lines.append(f"| `{e['file']}:{e['line']}:{e['column']}` | {e['operator']}: {code(e['old'])} → "
                         f"{code(e['new'])} | {cell(why(e), 400) or '**open**'} |")
    lines += ["", "## Noticed", "", "| place | change | by |", "| --- | --- | --- |"]
    for e in entries:
        if e["outcome"] == "noticed":
            lines.append(f"| `{e['file']}:{e['line']}:{e['column']}` | {e['operator']}: {code(e['old'], 40)} → "
                         f"{code(e['new'], 40)} | `{e['by']}`: {cell(e['said'], 80)} |")
    out.write_text("\n".join(lines) + "\n")
    return 0
