"""Random expressions of chat templates: a grammar of what `sterna template` supports, drawn with a seed.

Expressions are typed, so that most templates render; a few are drawn of another type, so that mistakes are compared, too. Nothing
here can grow without bound: repetitions, widths and powers are literals, and a namespace never takes itself up twice.
"""

import random

VARIABLES = {
    "messages": [
        {"role": "system", "content": " Be brief.\n", "name": "sys", "age": 0, "ok": True},
        {"role": "user", "content": "Hällo <b>'world'</b> & \"you\"!", "name": "ann", "age": 3, "ok": False},
        {"role": "assistant", "content": "  one\ntwo\n\nthree  ", "name": "Bot", "age": 3, "ok": True,
         "tool_calls": [{"name": "f", "arguments": {"x": 1, "y": [True, None]}}]},
        {"role": "user", "content": "", "name": "", "age": -1, "ok": False},
    ],
    "tools": None,
    "documents": None,
    "add_generation_prompt": True,
    "bos_token": "<s>",
    "eos_token": "</s>",
}
MORE_VARIABLES = {
    "name": "Ada Lovelace",
    "word": "straße",
    "empty": "",
    "emoji": "a😀\u0301b",
    "n": 7,
    "zero": 0,
    "minus": -3,
    "f": 2.5,
    "big": 1e20,
    "yes": True,
    "no": False,
    "nothing": None,
    "numbers": [3, 1, 2, 1],
    "words": ["pear", "Apple", "fig", "apple"],
    "mixed": [1, "a", None, 2.5, True, [1, [2]]],
    "people": [{"name": "Ann", "age": 41, "ok": True}, {"name": "bob", "age": 7, "ok": False}, {"name": "Cy", "age": 19, "ok": True}],
    "d": {"b": 1, "a": {"k": [1, "x"]}, "items": "own", "ключ": "значение"},
}
ATOMS = {
    "text": ["name", "word", "empty", "emoji", "bos_token", "messages[0].role", "messages[1]['content']", "messages[-2].content",
             "words[0]", "words|last", "people[0].name", "d['items']", "d.ключ"],
    "int": ["n", "zero", "minus", "numbers[0]", "numbers|length", "d.b", "people[1]['age']", "messages|length"],
    "float": ["f", "big", "-0.5", "1e3", "0.1", "3.0", "100000000.0"],
    "bool": ["yes", "no", "true", "False", "add_generation_prompt", "people[0].ok", "tools is none", "undefined_name is defined"],
    "texts": ["words", "['x', 'y']", "[]", "('a', 'b', 'c')", "d.keys()|list"],
    "ints": ["numbers", "[1, 2, 3]", "range(4)|list", "(5, 4)"],
    "dicts": ["people", "messages", "people[1:]", "messages[:2]"],
    "dict": ["d", "people[0]", "messages[2]", "{'k': 1, 'j': 'v'}", "{}", "dict(a=1, b='c')"],
    "any": ["nothing", "mixed", "none", "undefined_name", "mixed[5]", "messages[2].tool_calls", "1", "'t'", "[2]", "tools"],
}  # fmt: skip
TEXT_LITERALS = ["''", "'a'", '"b c"', r"'it\'s'", r'"\"q\""', r"'\n'", r"'\t x'", r"'\u00e9\x41'", "'%'", "'<|x|>'", "'日本'", "', '", "'A-b_c'"]
PIECES = ["a", " ", "\n", "  \n", "\n\n  ", "\t", "é😀", "{", "}", "#", "%", "<|im_start|>", "x y\n", "{ {", "'\"", "\n   ", "\\n"]
TESTS = ["defined", "undefined", "none", "string", "number", "integer", "float", "boolean", "true", "false", "mapping", "sequence", "iterable",
         "callable", "odd", "even", "lower", "upper", "divisibleby(2)", "divisibleby 3", "eq 1", "ne('a')", "gt 2", "le(3)", "in [1, 'a']",
         "sameas none", "equalto('b')", "test", "filter", "escaped"]  # fmt: skip
KINDS = ["text", "int", "float", "bool", "texts", "ints", "dicts", "dict", "any"]


class ExpressionMaker:
    def __init__(self, seed: int):
        self.random = random.Random(seed)
        self.scope: dict[str, list[str]] = {}
        self.macros: list[tuple[str, int]] = []
        self.loops = 0

    def pick(self, *options):
        return self.random.choice(options)

    def chance(self, share: float) -> bool:
        return self.random.random() < share

    def expression(self, kind: str, depth: int) -> str:
        if self.chance(0.006):
            kind = self.pick(*KINDS)
        if depth <= 0 or self.chance(0.2):
            return self.atom(kind)
        return getattr(self, "make_" + kind)(depth - 1)

    def operand(self, kind: str, depth: int) -> str:
        """An expression that anything may follow."""
        text = self.expression(kind, depth)
        return text if text.isidentifier() or self.chance(0.01) else f"({text})"

    def atom(self, kind: str) -> str:
        own = self.scope.get(kind, [])
        if own and self.chance(0.5):
            return self.pick(*own)
        if kind == "text" and self.chance(0.4):
            return self.pick(*TEXT_LITERALS)
        if kind == "int" and self.chance(0.4):
            return str(self.random.randint(0, 12))
        if self.loops and self.chance(0.2):
            loop = {"int": ("index", "index0", "revindex", "revindex0", "length", "depth", "depth0"), "bool": ("first", "last"),
                    "any": ("previtem", "nextitem")}.get(kind)  # fmt: skip
            if loop:
                return "loop." + self.pick(*loop)
        return self.pick(*ATOMS[kind])

    def small(self, low: int = -4, high: int = 6) -> str:
        return str(self.random.randint(low, high))

    def slice_of(self) -> str:
        parts = [self.pick("", "", self.small()) for _ in range(2)]
        return "[" + ":".join(parts) + self.pick("", "", ":" + self.pick("1", "2", "-1", "-2")) + "]"

    def make_text(self, depth: int) -> str:
        text = lambda: self.operand("text", depth)  # noqa: E731
        anything = lambda: self.operand(self.pick(*KINDS), depth)  # noqa: E731
        if self.macros and self.chance(0.15):
            return self.call(depth)
        return self.pick(
            lambda: f"{text()} ~ {anything()}",
            lambda: f"{text()} + {text()}",
            lambda: f"{text()} * {self.small(-1, 3)}",
            lambda: f"{text()}{self.slice_of()}",
            lambda: f"{text()}[{self.small(-2, 3)}]",
            lambda: f"{text()}|{self.pick('upper', 'lower', 'title', 'capitalize', 'trim', 'string', 'e', 'escape', 'forceescape', 'safe', 'first', 'last', 'urlencode')}",  # noqa: E501
            lambda: f"{anything()}|{self.pick('string', 'tojson', 'list|tojson', 'e', 'urlencode', 'safe')}",
            lambda: f"{text()}|trim({self.arguments_for_text(depth, 1)})",
            lambda: f"{text()}|replace({self.arguments_for_text(depth, 2)})",
            lambda: f"{text()}|{self.pick('center', 'truncate')}({self.small(0, 12)})",
            lambda: f"{text()}|truncate({self.small(3, 8)}, {self.expression('bool', 0)}, '{self.pick('', '.', '…')}', {self.small(0, 3)})",
            lambda: f"{text()}|indent({self.small(0, 5)}{self.pick('', ', true', ', first=true', ', blank=True', ', true, true')})",
            lambda: f"{anything()}|default({text()}{self.pick('', ', true', ', boolean=true')})",
            lambda: f"{anything()}|d({text()})",
            lambda: f"{self.operand(self.pick('texts', 'ints', 'any'), depth)}|join({self.pick('', text())})",
            lambda: f"{self.operand('dicts', depth)}|map(attribute={self.attribute()})|join(', ')",
            lambda: f"{self.operand('dicts', depth)}|join('+', attribute={self.attribute()})",
            lambda: f"{text()}.{self.pick('upper', 'lower', 'title', 'capitalize', 'swapcase', 'casefold', 'strip', 'lstrip', 'rstrip')}()",
            lambda: f"{text()}.{self.pick('strip', 'lstrip', 'rstrip', 'removeprefix', 'removesuffix')}({text()})",
            lambda: f"{text()}.replace({text()}, {text()}{self.pick('', ', 1', ', -1')})",
            lambda: f"{text()}.{self.pick('center', 'ljust', 'rjust')}({self.small(0, 12)}{self.pick('', ', ' + repr('*'))})",
            lambda: f"{text()}.zfill({self.small(0, 9)})",
            lambda: f"{text()}.join({self.operand('texts', depth)})",
            lambda: f"{text()}.{self.pick('partition', 'rpartition')}({text()})[{self.small(-2, 2)}]",
            lambda: self.printf(depth),
            lambda: f"'{self.pick('{}', '{0}-{1}', '{:>6}', '{a}', '{:.2f}', '{:,}', '{!r}', '{{}}{}', '{:05d}', '{0[0]}', '{:^7}|', '{:x}')}'.format({anything()}, {anything()}{self.pick('', ', a=' + text())})",  # noqa: E501
            lambda: f"{text()} if {self.expression('bool', depth)} else {text()}",
            lambda: f"{text()} if {self.expression('bool', depth)}",
            lambda: f"{self.operand(self.pick('dict', 'dicts', 'any', 'texts', 'text', 'float'), depth)}|tojson{self.pick('', '(indent=2)', '(ensure_ascii=true)', '(sort_keys=true)', '(indent=4)', '(separators=[' + repr(',') + ', ' + repr(':') + '])')}",  # noqa: E501
            lambda: f"{self.operand('texts', depth)}|{self.pick('first', 'last', 'min', 'max')}",
            lambda: f"{self.operand('dict', depth)}|urlencode",
            lambda: f"[({text()}, {anything()}), ({text()}, {text()})]|urlencode",
            lambda: f"joiner({text()})()",
            lambda: f"strftime_now('{self.pick('%Y-%m-%d', '%d %b %Y', '%A %B %j', '%H:%M:%S')}')",
        )()

    def printf(self, depth: int) -> str:
        """A format, and for each conversion a value of a kind it takes."""
        parts, values = [], []
        for _ in range(self.random.randint(1, 3)):
            conversion, kind = self.pick(("s", "any"), ("s", "text"), ("r", "any"), ("d", "int"), ("i", "float"), ("x", "int"), ("c", "int"),
                                         ("c", "text"), ("f", "float"), ("e", "float"), ("g", "int"), ("o", "int"), ("X", "int"))  # fmt: skip
            flags = self.pick("", "", "", "5", "-6", "05", "+", " ", "#", ".2", "5.1", "-7.3", "+06")
            if self.chance(0.03):
                kind = self.pick(*KINDS)
            parts.append(f"%{flags}{conversion}" + self.pick("", "|", "-", " ", "%%"))
            values.append(self.operand(kind, depth))
        if self.chance(0.3):
            return f"'{''.join(parts)}'|format({', '.join(values)})"
        return f"'{''.join(parts)}' % ({', '.join(values)},)"

    def arguments_for_text(self, depth: int, count: int) -> str:
        return ", ".join(self.operand("text", depth - 1) for _ in range(count if self.chance(0.95) else self.random.randint(0, 2)))

    def attribute(self) -> str:
        if self.chance(0.05):
            return self.pick("'role'", "'content'", "'missing'", "'tool_calls.0.name'", "'name.0'", "0")
        return self.pick("'name'", "'age'", "'ok'")

    def make_int(self, depth: int) -> str:
        number = lambda: self.operand("int", depth)  # noqa: E731
        return self.pick(
            lambda: f"{number()} {self.pick('+', '-', '*', '//', '%')} {number()}",
            lambda: f"{self.small(-3, 3)} ** {self.small(-1, 3)}",
            lambda: f"-{number()}",
            lambda: f"{self.operand(self.pick('text', 'texts', 'dict', 'any'), depth)}|{self.pick('length', 'count')}",
            lambda: f"{self.operand(self.pick('text', 'float', 'any', 'int'), depth)}|int{self.pick('', '(9)', '(default=1)', '(0, 16)')}",
            lambda: f"{number()}|abs",
            lambda: f"{self.operand('float', depth)}|round{self.pick('', '(0)', '(method=' + repr('ceil') + ')')}|int",
            lambda: f"{self.operand('text', depth)}.{self.pick('count', 'find', 'rfind', 'index')}({self.operand('text', depth)})",
            lambda: f"{self.operand('ints', depth)}|{self.pick('sum', 'min', 'max', 'first', 'last')}",
            lambda: f"{self.operand('dicts', depth)}|sum(attribute='age')",
            lambda: f"{self.operand('text', depth)}|wordcount",
            lambda: f"{self.operand(self.pick('ints', 'texts'), depth)}.{self.pick('index', 'count')}({self.expression('any', depth)})",
            lambda: f"{self.operand('dict', depth)}.get('{self.pick('b', 'k', 'zz')}', {number()})",
            lambda: f"{number()} if {self.expression('bool', depth)} else {number()}",
        )()

    def make_float(self, depth: int) -> str:
        number = lambda: self.operand(self.pick("float", "int"), depth)  # noqa: E731
        return self.pick(
            lambda: f"{number()} {self.pick('+', '-', '*', '/', '//', '%')} {number()}",
            lambda: f"{self.operand(self.pick('text', 'int', 'any'), depth)}|float{self.pick('', '(1.5)')}",
            lambda: f"{number()}|round({self.small(0, 3)}{self.pick('', ', ' + repr('floor'), ', ' + repr('ceil'), ', ' + repr('common'))})",
            lambda: f"-{number()}",
            lambda: f"{number()}|abs",
        )()

    def make_bool(self, depth: int) -> str:
        anything = lambda: self.operand(self.pick(*KINDS), depth)  # noqa: E731
        return self.pick(
            lambda: f"{self.operand('int', depth)} {self.pick('<', '>', '<=', '>=', '==', '!=')} {self.operand(self.pick('int', 'float'), depth)}",
            lambda: f"{self.operand('int', depth)} < {self.operand('int', depth)} <= {self.operand('float', depth)}",
            lambda: f"{self.operand('text', depth)} {self.pick('<', '>', '==', '!=')} {self.operand('text', depth)}",
            lambda: f"{anything()} {self.pick('==', '!=')} {anything()}",
            lambda: f"{self.operand('text', depth)} {self.pick('in', 'not in')} {self.operand(self.pick('text', 'texts', 'dict'), depth)}",
            lambda: f"{anything()} {self.pick('is', 'is not')} {self.pick(*TESTS)}",
            lambda: f"{self.expression('bool', depth)} {self.pick('and', 'or')} {self.expression('bool', depth)}",
            lambda: f"not {self.expression('bool', depth)}",
            lambda: f"{self.operand('text', depth)}.{self.pick('startswith', 'endswith')}({self.expression('text', depth)})",
            lambda: f"{self.operand('text', depth)}.is{self.pick('alpha', 'digit', 'lower', 'upper', 'space', 'title', 'alnum', 'numeric')}()",
            lambda: f"loop.changed({anything()})" if self.loops else "yes",
        )()

    def make_texts(self, depth: int) -> str:
        texts = lambda: self.operand("texts", depth)  # noqa: E731
        return self.pick(
            lambda: f"{self.operand('text', depth)}.{self.pick('split', 'rsplit')}({self.pick('', self.expression('text', depth), repr(' ') + ', 1', 'maxsplit=1')})",
            lambda: f"{self.operand('text', depth)}.splitlines({self.pick('', 'true')})",
            lambda: f"{self.operand('text', depth)}|list",
            lambda: f"{texts()}|{self.pick('sort', 'unique|list', 'reverse|list', 'list', 'sort(reverse=true)', 'sort(case_sensitive=true)')}",
            lambda: f"{texts()}|map('{self.pick('upper', 'length', 'trim', 'title', 'first')}')|list",
            lambda: f"{texts()}|map('{self.pick('replace', 'default')}', 'a', 'b')|list",
            lambda: f"{self.operand(self.pick('texts', 'ints', 'any'), depth)}|{self.pick('select', 'reject')}({self.pick('', repr('string'), repr('in') + ', [1, ' + repr('fig') + ']', repr('none'), repr('equalto') + ', 1', repr('sameas') + ', none')})|list",  # noqa: E501
            lambda: f"{texts()}{self.slice_of()}",
            lambda: f"{texts()} + {texts()}",
            lambda: f"{texts()} * {self.small(0, 2)}",
            lambda: f"[{self.expression('text', depth)}, {self.expression('text', depth)}]",
            lambda: f"{self.operand('dicts', depth)}|map(attribute={self.attribute()}{self.pick('', ', default=' + repr('-'))})|list",
            lambda: f"{self.operand('dict', depth)}|{self.pick('list', 'dictsort|map(' + repr('first') + ')|list', 'items|map(' + repr('first') + ')|list')}",
            lambda: f"{texts()}|{self.pick('batch', 'slice')}({self.small(1, 3)}{self.pick('', ', ' + repr('-'))})|list",
        )()

    def make_ints(self, depth: int) -> str:
        ints = lambda: self.operand("ints", depth)  # noqa: E731
        return self.pick(
            lambda: f"range({self.small(0, 3)}, {self.small(-3, 6)}{self.pick('', ', 2', ', -1')})|list",
            lambda: f"{ints()}|{self.pick('sort', 'unique|list', 'reverse|list', 'list', 'sort(true)')}",
            lambda: f"{ints()}|{self.pick('select', 'reject')}({self.pick(repr('odd'), repr('even'), repr('gt') + ', 2', repr('divisibleby') + ', 3')})|list",  # noqa: E501
            lambda: f"{ints()}{self.slice_of()}",
            lambda: f"[{self.expression('int', depth)}, {self.expression('float', depth)}, {self.expression('int', depth)}]",
            lambda: f"{self.operand('dicts', depth)}|map(attribute='age')|list",
            lambda: f"{self.operand('texts', depth)}|map('length')|list",
        )()

    def make_dicts(self, depth: int) -> str:
        dicts = lambda: self.operand("dicts", depth)  # noqa: E731
        return self.pick(
            lambda: f"{dicts()}|{self.pick('selectattr', 'rejectattr')}({self.attribute()}{self.pick('', ', ' + repr('defined'), ', ' + repr('equalto') + ', ' + repr('user'), ', ' + repr('gt') + ', 10')})|list",  # noqa: E501
            lambda: f"{dicts()}|sort(attribute={self.attribute()}{self.pick('', ', reverse=true')})",
            lambda: f"{dicts()}|{self.pick('reverse|list', 'list')}",
            lambda: f"{dicts()}|unique(attribute={self.attribute()})|list",
            lambda: f"{dicts()}{self.slice_of()}",
            lambda: f"[{self.expression('dict', depth)}] + {dicts()}",
        )()

    def make_dict(self, depth: int) -> str:
        return self.pick(
            lambda: f"{{'a': {self.expression('any', depth)}, {self.expression('text', 0)}: {self.expression('int', depth)}}}",
            lambda: f"dict({self.operand('dict', depth)}, z={self.expression('int', depth)})",
            lambda: f"dict(a={self.expression('text', depth)})",
            lambda: f"{self.operand('dicts', depth)}|{self.pick('first', 'last')}",
            lambda: f"{self.operand('dicts', depth)}|{self.pick('min', 'max')}(attribute={self.attribute()})",
        )()

    def make_any(self, depth: int) -> str:
        return self.pick(
            lambda: self.expression(self.pick(*KINDS), depth),
            lambda: f"{self.operand('dict', depth)}.{self.pick('get', 'b', 'missing', 'items', 'values')}{self.pick('', '()', '(' + repr('a') + ')')}",
            lambda: f"{self.operand('dict', depth)}[{self.expression('text', depth)}]",
            lambda: f"{self.operand(self.pick('any', 'dicts'), depth)}[{self.small(-2, 2)}]",
            lambda: f"{self.operand('dict', depth)}|{self.pick('items', 'dictsort', 'dictsort(reverse=true)', 'dictsort(by=' + repr('value') + ')')}|list",
            lambda: f"{self.expression('any', depth)} {self.pick('and', 'or')} {self.expression('any', depth)}",
            lambda: f"({self.expression('any', depth)}, {self.expression('int', depth)})",
            lambda: f"{self.operand('any', depth)}|default({self.expression('any', depth)}, true)",
            lambda: f"{self.operand('dict', depth)}|attr('{self.pick('b', 'keys', 'missing')}')",
            lambda: f"({self.operand('dicts', depth)}|groupby({self.attribute()}{self.pick('', ', case_sensitive=true', ', default=0')})|list){self.pick('', '[0]', '[0].list', '[0].grouper', '[-1][1]')}",  # noqa: E501
            lambda: f"{{({self.expression('int', 0)}, {self.expression('text', 0)}): {self.expression('any', depth)}}}",
            lambda: f"cycler({self.expression('any', depth)}, {self.expression('text', depth)}).{self.pick('next()', 'current', 'reset()')}",
            lambda: self.pick(*(name for name, _ in self.macros)) if self.macros else "caller",
        )()

    def call(self, depth: int) -> str:
        name, parameters = self.pick(*self.macros)
        count = max(0, parameters + self.pick(0, 0, 0, -1, 1))
        given = [self.expression(self.pick("text", "int", "any"), depth) for _ in range(count)]
        if given and self.chance(0.3):
            given[-1] = f"p{len(given) - 1}={given[-1]}"
        return f"{name}({', '.join(given)})"
