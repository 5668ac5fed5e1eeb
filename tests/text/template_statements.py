"""Random chat templates: the statements around template_expressions.py, with every form of white space control."""

from template_expressions import KINDS, PIECES, ExpressionMaker


class TemplateMaker(ExpressionMaker):
    def template(self) -> str:
        self.scope, self.macros, self.loops, self.names = {}, [], 0, 0
        return "".join(self.statement(2) for _ in range(self.random.randint(1, 4)))

    def name(self) -> str:
        self.names += 1
        return f"v{self.names}"

    def declare(self, kind: str, name: str) -> None:
        self.scope.setdefault(kind, []).append(name)

    def tag(self, text: str) -> str:
        return "{%" + self.pick("", "", "-", "-", "+") + f" {text} " + self.pick("", "", "-", "-", "+") + "%}"

    def output(self, text: str) -> str:
        # A brace that ends the expression must not join the delimiter's.
        return "{{" + self.pick("", "", "-", "+") + f" {text} " + self.pick("", "", "-") + "}}"

    def text(self) -> str:
        out = "".join(self.pick(*PIECES) for _ in range(self.random.randint(1, 3)))
        # A brace at the end joins the tag behind it, and then both sides mostly fail.
        return out + " " if out[-1] in "{#%" and self.chance(0.95) else out

    def body(self, depth: int) -> str:
        """Names made inside are out of reach behind it, mostly; undefined ones are worth comparing, too."""
        before = {kind: list(names) for kind, names in self.scope.items()}
        out = "".join(self.statement(depth) for _ in range(self.random.randint(1, 3)))
        if self.chance(0.9):
            self.scope = before
        return out

    def statement(self, depth: int) -> str:
        simple = [self.print_statement] * 5 + [self.plain] * 4 + [self.set_statement] * 2 + [self.comment, self.raw]
        if self.loops and self.chance(0.12):
            return self.tag(f"if {self.expression('bool', 1)}") + self.tag(self.pick("break", "continue")) + self.tag("endif")
        if depth <= 0:
            return self.pick(*simple)()
        nested = [self.if_statement] * 3 + [self.for_statement] * 4
        nested += [self.macro_statement, self.call_statement, self.block_set, self.filter_block, self.with_statement, self.generation,
                   self.namespace_statement, self.raise_statement, self.recursive_statement, self.state_statement]  # fmt: skip
        return self.pick(*simple)() if self.chance(0.5) else self.pick(*nested)(depth - 1)

    def plain(self) -> str:
        return self.text()

    def print_statement(self) -> str:
        text = self.expression(self.pick("text", "text", "text", *KINDS), 2)
        return self.output(text) if self.chance(0.97) else self.tag("print " + text)

    def comment(self) -> str:
        return "{#" + self.pick("", "-", "+") + self.pick(" note ", "", " {{ x }} ", "\n") + self.pick("", "-", "+") + "#}"

    def raw(self) -> str:
        inside = self.pick("{{ x }}", " {% if %}\n", "\n  text\n ", "{# no #}")
        begin = "{%" + self.pick("", "-", "+") + " raw " + self.pick("", "-") + "%}"  # no "+%}" here
        return begin + inside + self.tag("endraw")

    def set_statement(self) -> str:
        kind, name = self.pick(*KINDS), self.name()
        if self.chance(0.15):
            other, other_kind = self.name(), self.pick(*KINDS)
            text = f"set {name}, {other} = {self.expression(kind, 2)}, {self.expression(other_kind, 2)}"
            self.declare(other_kind, other)
        else:
            text = f"set {name} = {self.expression(kind, 3)}"
        self.declare(kind, name)
        return self.tag(text)

    def if_statement(self, depth: int) -> str:
        out = self.tag(f"if {self.expression(self.pick('bool', 'bool', 'any', 'texts'), 2)}") + self.body(depth)
        if self.chance(0.3):
            out += self.tag(f"elif {self.expression('bool', 2)}") + self.body(depth)
        if self.chance(0.4):
            out += self.tag("else") + self.body(depth)
        return out + self.tag("endif")

    def for_statement(self, depth: int) -> str:
        kind = self.pick("texts", "ints", "dicts", "dict", "items", "text")
        outer = {key: list(names) for key, names in self.scope.items()}
        if kind == "items":
            target, source = f"{self.name()}, {self.name()}", self.operand("dict", 1) + self.pick("|items", ".items()", "|dictsort")
            key, value = target.split(", ")
            made = [("text", key), ("any", value)]
        else:
            target, source = self.name(), self.operand(kind, 2)
            made = [({"texts": "text", "ints": "int", "dicts": "dict", "dict": "text", "text": "text"}[kind], target)]
        for item_kind, name in made:
            self.declare(item_kind, name)
        where = f" if {self.expression('bool', 2)}" if self.chance(0.25) else ""
        self.loops += 1
        out = self.tag(f"for {target} in {source}{where}")
        if self.chance(0.4):
            out += self.output(self.pick("loop.index", "loop.first", "loop.last", "loop.revindex", "loop.length", "loop.previtem",
                                         "loop.nextitem is defined", "loop.cycle('a', 'b')", "loop.depth0"))  # fmt: skip
        out += self.body(depth)
        self.loops -= 1
        self.scope = outer
        if self.chance(0.25):
            out += self.tag("else") + self.body(depth)
        return out + self.tag("endfor")

    def recursive_statement(self, depth: int) -> str:
        name, outer = self.name(), {key: list(names) for key, names in self.scope.items()}
        where = self.pick("", "", f" if {name}.n is not divisibleby 3")
        out = self.tag(f"for {name} in [{{'n': 1, 'c': [{{'n': 2, 'c': []}}, {{'n': 3, 'c': [{{'n': 4}}]}}]}}, {{'n': 5, 'c': ''}}]{where} recursive")
        self.declare("int", f"{name}.n")
        self.loops += 1
        out += self.output(f"loop.{self.pick('depth', 'depth0', 'index', 'last', 'length')}") + self.body(depth)
        out += self.output(f"loop({name}.c{self.pick('', '', '|list', '|reverse')})")
        self.loops -= 1
        self.scope = outer
        return out + (self.tag("else") + self.body(depth) if self.chance(0.3) else "") + self.tag("endfor")

    def state_statement(self, depth: int) -> str:
        """A cycler or joiner that a loop uses."""
        name, other = self.name(), self.name()
        make, use = self.pick((f"cycler({self.expression('text', 1)}, 'b', 3)", f"{name}.next()"), ("joiner()", f"{name}()"),
                              (f"joiner({self.expression('any', 1)})", f"{name}()"), ("cycler(1, 2)", f"{name}.current"))  # fmt: skip
        out = self.tag(f"set {name} = {make}") + self.tag(f"for {other} in {self.operand(self.pick('texts', 'ints'), 1)}")
        return out + self.output(use) + self.output(other) + self.tag("endfor")

    def macro_statement(self, depth: int) -> str:
        count = self.random.randint(0, 3)
        name, outer, loops = f"m{len(self.macros)}_{self.name()}", self.scope, self.loops
        self.scope = {"text": [f"p{i}" for i in range(count)]} | ({"any": ["varargs", "kwargs"]} if self.chance(0.2) else {})
        self.loops = 0
        first_default = self.random.randint(0, count)
        parameters = [f"p{i}" if i < first_default else f"p{i}={self.pick(repr('d'), '1', 'none', '[1]')}" for i in range(count)]
        ends_with_caller = self.output("caller(" + self.pick("", "", "1", "'x', 2") + ")") if self.chance(0.3) else ""
        body = self.body(depth)
        self.scope, self.loops = outer, loops
        self.macros.append((name, count))
        return self.tag(f"macro {name}({', '.join(parameters)})") + body + ends_with_caller + self.tag("endmacro")

    def call_statement(self, depth: int) -> str:
        if not self.macros:
            return self.macro_statement(depth)
        takes = self.pick("", "", "()", "(q)", "(q, r=1)")
        outer = {key: list(names) for key, names in self.scope.items()}
        if "q" in takes:
            self.declare("any", "q")
        out = self.tag(f"call{takes} {self.call(1)}") + self.body(depth) + self.tag("endcall")
        self.scope = outer
        return out

    def block_set(self, depth: int) -> str:
        name = self.name()
        out = self.tag(f"set {name}{self.pick('', '', ' | upper', ' | trim', ' | indent(2)')}") + self.body(depth) + self.tag("endset")
        self.declare("text", name)
        return out

    def filter_block(self, depth: int) -> str:
        name = self.pick("upper", "trim", "indent(3)", "replace('a', 'b')", "title", "escape", "length", "first", "lower|trim") if self.chance(0.5) else "upper"
        return self.tag("filter " + name) + self.body(depth) + self.tag("endfilter")

    def with_statement(self, depth: int) -> str:
        name, kind = self.name(), self.pick(*KINDS)
        head = self.tag(f"with {name} = {self.expression(kind, 2)}")
        outer = {key: list(names) for key, names in self.scope.items()}
        self.declare(kind, name)
        out = head + self.body(depth) + self.tag("endwith")
        self.scope = outer
        return out

    def generation(self, depth: int) -> str:
        return self.tag("generation") + self.body(depth) + self.tag("endgeneration")

    def namespace_statement(self, depth: int) -> str:
        name = self.name()
        kind = self.pick("int", "text")
        start = {"int": "0", "text": "''"}[kind]
        step = {"int": f"{name}.x + 1", "text": f"{name}.x ~ {self.atom(self.pick(*KINDS))}"}[kind]
        out = self.tag(f"set {name} = namespace(x={start}{self.pick('', ', y=none')})")
        out += self.tag(f"for i in {self.operand(self.pick('texts', 'ints', 'dicts'), 1)}")
        out += self.tag(f"set {name}.x = {step}") + self.tag("endfor")
        self.declare(kind, f"{name}.x")
        return out + self.output(f"{name}.{self.pick('x', 'x', 'y', 'z')}")

    def raise_statement(self, depth: int) -> str:
        condition = self.tag(f"if {self.expression('bool', 2)}") if self.chance(0.5) else self.tag("if false")
        return condition + self.output(f"raise_exception({self.expression('text', 1)})") + self.tag("endif")
