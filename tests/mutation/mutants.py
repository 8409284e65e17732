"""Finds what could be changed in a source: every place in its syntax tree where one of the operators
below applies, by libclang, with the arguments that the compiler got.

A mutant is one replacement of text. Nothing here chooses: what cannot change a result is left out by
rule (`SILENT`, `no_result`), and README.md says so.
"""

import dataclasses
import os
import pathlib
import re
import shlex

from clang.cindex import CursorKind as Kind, Index, TranslationUnitLoadError, TypeKind

SWAPPED = {"+": "-", "-": "+", "*": "/", "/": "*", "%": "/", "<": "<=", "<=": "<", ">": ">=",
           ">=": ">", "==": "!=", "!=": "==", "&&": "||", "||": "&&", "&": "|", "|": "&", "<<": ">>",
           ">>": "<<", "+=": "-=", "-=": "+=", "*=": "/=", "/=": "*="}
OPPOSITE = {"min": "max", "max": "min", "minimum": "maximum", "maximum": "minimum",
            "min_element": "max_element", "max_element": "min_element"}
# Calls whose arguments after the first are the text of an error.
MESSAGES = {"require", "raise"}
# Statements that change time or memory only.
SILENT = re.compile(r"(\w|\.|->|::)*(reserve|shrink_to_fit|_mm_prefetch|__builtin_prefetch)\(|"
                    r"static_cast<void>|\(void\)")
# What std::move of it leaves in place of a copy can be told apart from the copy.
SHARED = re.compile(r"Tensor|Ref<|shared_ptr|unique_ptr|Storage|Saved|Pending|Leaf|Edge|auto|dependent")
CONDITIONAL = {Kind.IF_STMT, Kind.WHILE_STMT, Kind.CONDITIONAL_OPERATOR}
LOOPS = {Kind.FOR_STMT, Kind.CXX_FOR_RANGE_STMT, Kind.WHILE_STMT, Kind.DO_STMT}
STATEMENTS = LOOPS | {Kind.IF_STMT, Kind.COMPOUND_STMT, Kind.CASE_STMT, Kind.DEFAULT_STMT}
REFERENCES = {TypeKind.LVALUEREFERENCE, TypeKind.RVALUEREFERENCE}


@dataclasses.dataclass(frozen=True)
class Mutant:
    file: str  # from the project's folder on
    line: int
    column: int
    operator: str
    old: str
    new: str
    offset: int  # in bytes

    @property
    def name(self):
        return f"{self.file}:{self.line}:{self.column} {self.operator}: {self.old} -> {self.new}"

    @property
    def place(self):
        """Alternatives of one place, such as 2 -> 1 and 2 -> 3, are drawn as one."""
        return self.file, self.offset, self.operator, self.old

    def apply(self, source):
        old = self.old.encode()
        assert source[self.offset:self.offset + len(old)] == old, f"{self.name}: not there"
        # As many lines as before.
        new = self.new.encode() + b"\n" * max(0, old.count(b"\n") - self.new.count("\n"))
        return source[:self.offset] + new + source[self.offset + len(old):]


def without_parentheses(cursor):
    """The expression itself, without conversions that are not written."""
    while True:
        children = list(cursor.get_children())
        if cursor.kind == Kind.PAREN_EXPR and children:
            cursor = children[0]
        elif (cursor.kind in (Kind.UNEXPOSED_EXPR, Kind.CALL_EXPR) and len(children) == 1
              and children[0].extent == cursor.extent):
            cursor = children[0]
        else:
            return cursor


def is_expression(cursor):
    return cursor.kind.is_expression() or cursor.kind == Kind.UNEXPOSED_EXPR


def plain_type(type_):
    type_ = type_.get_canonical()
    if type_.kind in REFERENCES:
        type_ = type_.get_pointee()
    return re.sub(r"^const ", "", type_.spelling)


class Finder:
    """All mutants of one file, from the syntax tree of a source that includes it."""

    def __init__(self, file, path):
        self.file = file
        self.path = os.path.realpath(path)
        self.source = pathlib.Path(path).read_bytes()
        self.found = {}

    # -- text

    def text(self, start, end):
        return self.source[start:end].decode()

    def of(self, cursor):
        return self.text(cursor.extent.start.offset, cursor.extent.end.offset)

    def is_here(self, cursor):
        """Written in this file, and not by a macro."""
        start, end = cursor.extent.start, cursor.extent.end
        return (start.file is not None and end.file is not None and start.offset < end.offset
                and start.file.name == end.file.name
                and os.path.realpath(start.file.name) == self.path)

    def add(self, operator, start, end, *news):
        old = self.text(start, end)
        line = self.source.count(b"\n", 0, start) + 1
        column = start - self.source.rfind(b"\n", 0, start)
        for new in news:
            if new != old:
                mutant = Mutant(self.file, line, column, operator, old, new, start)
                self.found[(start, operator, old, new)] = mutant

    def replace(self, operator, cursor, *news):
        self.add(operator, cursor.extent.start.offset, cursor.extent.end.offset, *news)

    # -- the walk

    def walk(self, cursor, parent=None):
        if cursor.kind in (Kind.STATIC_ASSERT, Kind.CXX_THROW_EXPR, Kind.STRING_LITERAL):
            return
        children = list(cursor.get_children())
        if self.is_here(cursor):
            self.visit(cursor, children, parent)
            if cursor.kind == Kind.CALL_EXPR and self.callee(children) in MESSAGES:
                children = children[:2] if self.callee(children) == "require" else []
        for child in children:
            self.walk(child, cursor)

    def callee(self, children):
        if not children:
            return ""
        name = re.sub(r"<.*", "", self.of(children[0]), flags=re.S)
        return re.split(r"::|\.|->", name)[-1].strip()

    def visit(self, cursor, children, parent):
        kind = cursor.kind
        if kind in (Kind.BINARY_OPERATOR, Kind.COMPOUND_ASSIGNMENT_OPERATOR) and len(children) == 2:
            self.exchange_operator(children[0], children[1])
        elif kind == Kind.UNARY_OPERATOR and len(children) == 1:
            self.unary(cursor, children[0])
        elif kind in (Kind.INTEGER_LITERAL, Kind.FLOATING_LITERAL, Kind.CXX_BOOL_LITERAL_EXPR):
            self.constant(cursor)
        elif kind == Kind.CALL_EXPR:
            self.call(cursor, children)
        elif kind == Kind.INIT_LIST_EXPR:
            self.list_entries(children)
        elif kind == Kind.RETURN_STMT and children:
            if children[0].type.get_canonical().kind == TypeKind.BOOL:
                self.negate("return negated", children[0])
        elif kind == Kind.VAR_DECL or (kind == Kind.PARM_DECL and self.of(parent).endswith("}")):
            self.declaration(cursor, children, parent)
        elif kind == Kind.LAMBDA_EXPR:
            self.captures(cursor, children)
        elif kind in (Kind.DECL_REF_EXPR, Kind.OVERLOADED_DECL_REF):
            self.least_and_most(cursor)
        self.conditions(cursor, children)
        self.statements(cursor, children)

    # -- the operators

    def exchange_operator(self, left, right):
        start, end = left.extent.end.offset, right.extent.start.offset
        between = self.text(start, end)
        if between.strip() in SWAPPED:
            start += len(between[:len(between) - len(between.lstrip())].encode())
            self.add("operator", start, start + len(between.strip()), SWAPPED[between.strip()])

    def unary(self, cursor, operand):
        start, end = cursor.extent.start.offset, cursor.extent.end.offset
        text = self.text(start, end)
        if text[:2] in ("++", "--"):
            self.add("++ --", start, start + 2, {"++": "--", "--": "++"}[text[:2]])
        elif text[-2:] in ("++", "--"):
            self.add("++ --", end - 2, end, {"++": "--", "--": "++"}[text[-2:]])
        elif text[0] in "-!" and operand.kind not in (Kind.INTEGER_LITERAL, Kind.FLOATING_LITERAL):
            self.add("sign", start, operand.extent.start.offset, "")

    def constant(self, cursor):
        text = self.of(cursor)
        if cursor.kind == Kind.CXX_BOOL_LITERAL_EXPR:
            if text in ("true", "false"):
                self.replace("constant", cursor, "false" if text == "true" else "true")
            return
        digits = text.replace("'", "")
        if whole := re.fullmatch(r"(0[xX][0-9a-fA-F]+|0[bB][01]+|0|[1-9]\d*)([uUlLzZ]*)", digits):
            value = int(whole[1], 0)
            self.replace("constant", cursor, *(f"{v}{whole[2]}" for v in (value + 1, value - 1) if v >= 0))
        elif number := re.fullmatch(r"([\d.]+(?:[eE][-+]?\d+)?)([fFlL]?)", digits):
            value = float(number[1])
            news = (f"{v!r}{number[2]}" for v in (value + 1, value - 1))
            self.replace("constant", cursor, *(n if n[0] != "-" else f"({n})" for n in news))

    def negate(self, operator, cursor):
        """Where exchanging an operator, or dropping a !, does not do just that already."""
        inner = without_parentheses(cursor)
        parts = list(inner.get_children())
        if inner.kind in (Kind.CXX_BOOL_LITERAL_EXPR, Kind.INTEGER_LITERAL):
            return
        if inner.kind == Kind.UNARY_OPERATOR and self.of(inner).startswith("!"):
            return
        if inner.kind == Kind.BINARY_OPERATOR and len(parts) == 2:
            between = self.text(parts[0].extent.end.offset, parts[1].extent.start.offset)
            if between.strip() in ("==", "!="):
                return
        self.replace(operator, cursor, f"!({self.of(cursor)})")

    def conditions(self, cursor, children):
        condition = None
        if cursor.kind in CONDITIONAL and children:
            condition = children[0]
        elif cursor.kind == Kind.DO_STMT and len(children) == 2:
            condition = children[1]
        elif cursor.kind == Kind.FOR_STMT:
            condition = next((c for c in children[:-1] if is_expression(c)
                              and c.type.get_canonical().kind == TypeKind.BOOL), None)
        if condition is not None and is_expression(condition) and self.is_here(condition):
            self.negate("condition negated", condition)

    def statements(self, cursor, children):
        if cursor.kind not in STATEMENTS:
            return
        for child in children:
            jump = child.kind in (Kind.BREAK_STMT, Kind.CONTINUE_STMT)
            if not (jump or is_expression(child)) or not self.is_here(child):
                continue
            # What a bracket ends is a condition.
            end = child.extent.end.offset
            header = child != children[-1] and cursor.kind in LOOPS
            if (not header and re.match(rb"\s*;", self.source[end:])
                    and not SILENT.match(self.of(child))):
                self.replace("dropped", child, "")

    def list_entries(self, children):
        entries = [c for c in children if self.is_here(c)]
        for entry in entries:
            if re.match(r"\.\w+\s*=", self.of(entry)):
                end = entry.extent.end.offset
                if after := re.match(rb"\s*,\s*", self.source[end:]):
                    end += len(after[0])
                self.add("entry dropped", entry.extent.start.offset, end, "")
        if len(entries) <= 8:
            self.swap_neighbours(entries)

    def call(self, cursor, children):
        name = cursor.spelling
        if name.startswith("operator") and len(children) in (2, 3):
            sign = name[len("operator"):]
            where = next((c for c in children if self.is_here(c) and self.of(c) == sign), None)
            if where is not None and len(children) == 3 and sign in SWAPPED:
                self.replace("operator", where, SWAPPED[sign])
            elif where is not None and len(children) == 2 and sign in ("-", "!"):
                self.replace("sign", where, "")
            return
        arguments = [c for c in children if self.is_here(c)]
        if arguments and not self.of(cursor).startswith("{"):
            first = arguments[0].extent.start.offset
            # A function's own name comes first; a constructor's does not.
            if first == cursor.extent.start.offset:
                arguments = arguments[1:]
        name = self.callee(children) or name
        if name in MESSAGES:
            return
        if name == "move" and self.of(cursor).startswith("std::move(") and len(arguments) == 1:
            if SHARED.search(arguments[0].type.spelling):
                self.replace("move dropped", cursor, self.of(arguments[0]))
            return
        if name not in OPPOSITE and name not in ("swap", "exchange"):
            self.swap_neighbours(arguments)
        self.drop_arguments(cursor, arguments)

    def drop_arguments(self, cursor, arguments):
        function = cursor.referenced
        if function is None or not arguments:
            return
        parameters = [c for c in function.get_children() if c.kind == Kind.PARM_DECL]
        for i in range(min(len(arguments), len(parameters))):
            if (all(self.has_default(p) for p in parameters[i:])
                    and "memory_order" not in self.of(arguments[i])):
                start = arguments[i - 1].extent.end.offset if i else arguments[0].extent.start.offset
                self.add("argument dropped", start, arguments[-1].extent.end.offset, "")

    @staticmethod
    def has_default(parameter):
        return any(token.spelling == "=" for token in parameter.get_tokens())

    def swap_neighbours(self, arguments):
        for a, b in zip(arguments, arguments[1:]):
            kinds = {plain_type(a.type), plain_type(b.type)}
            if len(kinds) != 1 or re.search(r"dependent|memory_order|lambda|^$", kinds.pop()):
                continue
            start, end = a.extent.start.offset, b.extent.end.offset
            between = self.text(a.extent.end.offset, b.extent.start.offset)
            # Entries with names mean the same in any order.
            if between.strip() == "," and self.of(a) != self.of(b) and not self.of(a).startswith("."):
                self.add("neighbours swapped", start, end, self.of(b) + between + self.of(a))

    def declaration(self, cursor, children, parent):
        start, name = cursor.extent.start.offset, cursor.location.offset
        if not cursor.spelling or name <= start:
            return
        written = self.text(start, name)
        if re.search(r"[*(\[]|&&|static|thread_local|constexpr|extern|volatile|this", written):
            return
        body = written.rstrip()
        space = written[len(body):] or " "
        if body.endswith("&"):
            bare = body[:-1].rstrip()
            # A parameter by const reference is a matter of speed.
            if "const" not in body or cursor.kind == Kind.VAR_DECL:
                self.add("reference to copy", start, name, bare + " ")
        elif cursor.kind == Kind.PARM_DECL:
            if cursor.type.get_canonical().kind in (TypeKind.RECORD, TypeKind.UNEXPOSED):
                self.add("copy to reference", start, name, f"const {body.removeprefix('const ')}&{space}")
        elif parent is not None and parent.kind == Kind.CXX_FOR_RANGE_STMT:
            self.add("copy to reference", start, name, f"{body}&{space}")
        elif children and self.is_lvalue(children[-1]):
            self.add("copy to reference", start, name, f"{body}&{space}")

    def is_lvalue(self, cursor):
        inner = without_parentheses(cursor)
        if inner.kind in (Kind.DECL_REF_EXPR, Kind.MEMBER_REF_EXPR, Kind.ARRAY_SUBSCRIPT_EXPR):
            return self.is_here(inner)
        if inner.kind == Kind.CALL_EXPR and inner.referenced is not None:
            return inner.referenced.result_type.kind == TypeKind.LVALUEREFERENCE
        return False

    def captures(self, cursor, children):
        start = cursor.extent.start.offset
        default = self.text(start, start + 2)
        if default in ("[=", "[&") and self.source[start + 2:start + 3] in (b"]", b","):
            self.add("captures", start, start + 2, "[&" if default == "[=" else "[=")
        for child in children:
            if child.kind == Kind.VARIABLE_REF and self.is_here(child):
                at = child.extent.start.offset
                if self.source[at - 1:at] == b"&":
                    self.add("captures", at - 1, child.extent.end.offset, child.spelling)
                else:
                    self.replace("captures", child, f"&{child.spelling}")

    def least_and_most(self, cursor):
        name = cursor.spelling
        if name not in OPPOSITE:
            return
        text = self.of(cursor)
        at = re.search(rf"\b{name}\b", text)
        if at:
            start = cursor.extent.start.offset + at.start()
            self.add("min max", start, start + len(name), OPPOSITE[name])


def arguments_of(command):
    """Those of a compiler's command that decide what the source means."""
    words = shlex.split(command)
    kept = []
    for i, word in enumerate(words):
        if word.startswith(("-I", "-D", "-std=", "-march=", "-fopenmp")):
            kept.append(word)
        elif word in ("-isystem", "-iquote", "-include"):
            kept += words[i:i + 2]
    return kept


def find(root, source, command, files):
    """The mutants of those of `files`, paths from `root` on, that `source` is or includes."""
    try:
        unit = Index.create().parse(str(source), args=["-x", "c++", *arguments_of(command)])
    except TranslationUnitLoadError as error:
        raise SystemExit(f"{source}: clang cannot read it: {error}") from error
    errors = [d for d in unit.diagnostics if d.severity >= 3]
    if errors:
        raise SystemExit(f"{source}: clang cannot read it: {errors[0]}")
    finders = {os.path.realpath(root / file): Finder(file, root / file) for file in files}
    for cursor in unit.cursor.get_children():
        if cursor.location.file is not None:
            finder = finders.get(os.path.realpath(cursor.location.file.name))
            if finder is not None:
                finder.walk(cursor)
    mutants = [m for finder in finders.values() for m in finder.found.values()]
    return sorted(mutants, key=lambda m: (m.file, m.offset, m.operator, m.old, m.new))
