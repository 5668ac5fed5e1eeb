// Templates as attacks: each ends in an error within its budgets, on a thread with a small stack. T10 to T14 are rows of the
// project's list of hostile inputs.
#include <gtest/gtest.h>
#include <pthread.h>

#include <functional>

#include "text/template/chat_template.h"

namespace sterna {
namespace {

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr size_t kStackBytes = size_t{8} << 20;  // sanitizers make every frame several times larger
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
constexpr size_t kStackBytes = size_t{8} << 20;
#else
constexpr size_t kStackBytes = size_t{1} << 20;
#endif
#else
constexpr size_t kStackBytes = size_t{1} << 20;
#endif

void RunOnSmallStack(std::function<void()> work) {
  pthread_attr_t attributes;
  ASSERT_EQ(pthread_attr_init(&attributes), 0);
  ASSERT_EQ(pthread_attr_setstacksize(&attributes, kStackBytes), 0);
  pthread_t thread;
  const auto entry = [](void* argument) -> void* {
    (*static_cast<std::function<void()>*>(argument))();
    return nullptr;
  };
  ASSERT_EQ(pthread_create(&thread, &attributes, entry, &work), 0);
  pthread_join(thread, nullptr);
  pthread_attr_destroy(&attributes);
}

Result<std::string> Render(const std::string& source, const TemplateOptions& options = {},
                           const TemplateValue& variables = TemplateValue::Dict({})) {
  Result<std::string> out = Internal("not run");
  RunOnSmallStack([&] {
    const auto parsed = ChatTemplate::Parse(source);
    out = parsed.ok() ? (*parsed)->Render(variables, options) : Result<std::string>(parsed.status());
  });
  return out;
}

void ExpectError(const std::string& source, StatusCode code, std::string_view part, const TemplateOptions& options = {}) {
  const Result<std::string> out = Render(source, options);
  ASSERT_FALSE(out.ok()) << source.substr(0, 200);
  EXPECT_EQ(StatusCodeName(out.status().code()), StatusCodeName(code)) << source.substr(0, 200) << ": " << out.status().message();
  EXPECT_NE(out.status().message().find(part), std::string_view::npos) << source.substr(0, 200) << ": " << out.status().message();
}

std::string Repeat(std::string_view text, size_t times) {
  std::string out;
  for (size_t i = 0; i < times; ++i) out += text;
  return out;
}

TEST(ChatTemplateLimits, T10NestedSyntaxIsRefused) {
  for (const size_t depth : {150u, 10000u}) {
    const std::pair<std::string_view, std::string_view> kBrackets[] = {
        {"(", ")"},  {"[", "]"},  {"{1:", "}"},  {"-", ""},         {"not ", ""},
        {"f(", ")"}, {"x[", "]"}, {"x|d(", ")"}, {"x is eq(", ")"}, {"1 if 1 else ", ""}};
    for (const auto& [open, close] : kBrackets) {
      ExpectError("{{ " + Repeat(open, depth) + "1" + Repeat(close, depth) + " }}", StatusCode::kMalformed,
                  "deeper than 100 levels");
    }
    const std::pair<std::string_view, std::string_view> kBlocks[] = {
        {"{% if 1 %}", "{% endif %}"},   {"{% for x in y %}", "{% endfor %}"},       {"{% macro f() %}", "{% endmacro %}"},
        {"{% set x %}", "{% endset %}"}, {"{% filter upper %}", "{% endfilter %}"},  {"{% call f() %}", "{% endcall %}"},
        {"{% with %}", "{% endwith %}"}, {"{% generation %}", "{% endgeneration %}"}};
    for (const auto& [open, close] : kBlocks) {
      ExpectError(Repeat(open, depth) + Repeat(close, depth), StatusCode::kMalformed, "deeper than 100 levels");
    }
    ExpectError("{% for " + Repeat("(", depth) + "a" + Repeat(")", depth) + " in b %}{% endfor %}", StatusCode::kMalformed,
                "deeper than 100");
    for (const std::string_view chain : {".a", "[0]", "()", "|upper"}) {
      ExpectError("{{ x" + Repeat(chain, depth) + " }}", StatusCode::kMalformed, "deeper than 100 levels");
    }
  }
}

TEST(ChatTemplateLimits, T10FlatSyntaxOfAnyLengthIsAccepted) {
  EXPECT_EQ(*Render("{{ 1" + Repeat(" + 1", 10000) + " }}"), "10001");
  EXPECT_EQ(*Render("{{ ''" + Repeat(" ~ 'a'", 1000) + " }}"), Repeat("a", 1000));
  EXPECT_EQ(*Render("{{ 1" + Repeat(" and 1", 10000) + " }}"), "1");
  EXPECT_EQ(*Render("{% if 0 %}" + Repeat("{% elif 0 %}", 5000) + "{% else %}x{% endif %}"), "x");
  EXPECT_EQ(*Render(Repeat("{% if 1 %}", 90) + "x" + Repeat("{% endif %}", 90)), "x");
  EXPECT_EQ(*Render("{{ " + Repeat("(", 90) + "1" + Repeat(")", 90) + " }}"), "1");
}

TEST(ChatTemplateLimits, T10RecursiveCallsEndAtDepth100) {
  ExpectError("{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}", StatusCode::kResourceExhausted, "deeper than 100 levels");
  ExpectError("{% macro f() %}{{ g() }}{% endmacro %}{% macro g() %}{{ f() }}{% endmacro %}{{ f() }}",
              StatusCode::kResourceExhausted, "deeper than 100 levels");
  ExpectError("{% macro f() %}{% call f() %}{{ caller() }}{% endcall %}{% endmacro %}{% call f() %}{% endcall %}",
              StatusCode::kResourceExhausted, "deeper than");
  ExpectError("{% macro f(a=f()) %}{% endmacro %}{{ f() }}", StatusCode::kResourceExhausted, "deeper than");
  // Each call goes through as much nesting as the syntax allows.
  const std::string body =
      Repeat("{% if 1 %}", 40) + "{{ " + Repeat("(1, ", 40) + "f()" + Repeat(")", 40) + " }}" + Repeat("{% endif %}", 40);
  ExpectError("{% macro f() %}" + body + "{% endmacro %}{{ f() }}", StatusCode::kResourceExhausted, "deeper than");
  ExpectError("{% macro f(x) %}{{ " + Repeat("f(", 45) + "1" + Repeat(")", 45) + " }}{% endmacro %}{{ f(1) }}",
              StatusCode::kResourceExhausted, "deeper than");
  ExpectError(
      "{% macro f(x) %}" + Repeat("{% for a in [1] if f(1) %}", 45) + Repeat("{% endfor %}", 45) + "{% endmacro %}{{ f(1) }}",
      StatusCode::kResourceExhausted, "deeper than");
  const std::string children = "[{'c': [{'c': [{'c': []}]}]}]";
  EXPECT_EQ(*Render("{% for x in " + children + " recursive %}{{ loop.depth }}({{ loop(x.c) }}){% endfor %}"), "1(2(3()))");
  ExpectError("{% for x in [1] recursive %}{{ loop([1]) }}{% endfor %}", StatusCode::kResourceExhausted, "deeper than 100 levels");
  ExpectError("{% macro f(l) %}{{ l([1]) }}{% endmacro %}{% for x in [1] recursive %}{{ f(loop) }}{% endfor %}",
              StatusCode::kResourceExhausted, "deeper than 100 levels");
  ExpectError("{% for x in [1] recursive %}" + Repeat("{% for y in [1] %}", 40) + "{{ loop([1]) }}" + Repeat("{% endfor %}", 41),
              StatusCode::kInvalidArgument, "must have the 'recursive' marker");
  ExpectError("{% set ns = namespace() %}{% for x in [1] recursive %}{% set ns.l = loop %}{% endfor %}{{ ns.l([1]) }}",
              StatusCode::kInvalidArgument, "must have the 'recursive' marker");
  ExpectError("{% set l = ['map'] * 5000 %}{{ 'a'|map(*l)|list }}", StatusCode::kResourceExhausted, "deeper than");
}

TEST(ChatTemplateLimits, T10ValuesNestToDepth100) {
  ExpectError("{% set ns = namespace(x=[]) %}{% for i in range(1000) %}{% set ns.x = [ns.x] %}{% endfor %}",
              StatusCode::kResourceExhausted, "values nested deeper than 100");
  ExpectError("{% set ns = namespace(x={}) %}{% for i in range(1000) %}{% set ns.x = {'a': ns.x}.items() %}{% endfor %}",
              StatusCode::kResourceExhausted, "values nested deeper than 100");
  ExpectError("{% set ns = namespace(x=[]) %}{% for i in range(1000) %}{% set ns.x = [ns.x.index] %}{% endfor %}",
              StatusCode::kResourceExhausted, "values nested deeper than 100");
  // Chains through namespaces and loops are unbounded, but come apart without recursion.
  EXPECT_EQ(*Render("{% set ns = namespace() %}{% for i in range(90000) %}{% set ns.x = namespace(x=ns.x) %}{% endfor %}ok"), "ok");
  EXPECT_EQ(*Render("{% set ns = namespace() %}{% for i in range(90000) %}{% for y in [ns.x] %}{% set ns.x = loop %}{% endfor %}{% "
                    "endfor %}ok"),
            "ok");
  EXPECT_EQ(*Render("{% set ns = namespace() %}{% set ns.x = [ns] %}{% for i in [1] %}{% set ns.l = loop %}{{ loop.changed(loop) "
                    "}}{% endfor %}"),
            "True");
  TemplateValue deep;
  for (int i = 0; i < 101; ++i) deep = TemplateValue::List({deep});
  const Result<std::string> out = Render("x", {}, TemplateValue::Dict({{"deep", deep}}));
  ASSERT_FALSE(out.ok());
  EXPECT_EQ(out.status().code(), StatusCode::kInvalidArgument);
}

TEST(ChatTemplateLimits, T11LongRangesAreRefusedAndNeverSpelledOut) {
  ExpectError("{% for i in range(1000000000) %}{% endfor %}", StatusCode::kResourceExhausted, "Range too big");
  ExpectError("{{ range(-9223372036854775807, 9223372036854775807)|length }}", StatusCode::kResourceExhausted, "Range too big");
  EXPECT_EQ(*Render("{{ range(0, 9223372036854775807, 4611686018427387904)|list }}"), "[0, 4611686018427387904]");
  EXPECT_EQ(*Render("{{ range(100000)[99999] }} {{ range(100000)|length }}"), "99999 100000");
}

TEST(ChatTemplateLimits, T11TextsAreBounded) {
  TemplateOptions options;  // a sixteenth of the default limit, for the sake of sanitizers; T14 goes to the limit itself
  options.limits.max_output_bytes = size_t{1} << 20;
  for (const std::string_view expression :
       {"'x' * 1000000000", "'x' * 9223372036854775807", "'ab'.center(1000000000)", "'a'.zfill(1000000000)",
        "'a\\nb'|indent(1000000000)", "'{:1000000000}'.format(1)", "'%1000000000d' % 1", "'%*d' % (1000000000, 1)",
        "('x' * 600000).replace('x', 'yyy')", "('x' * 600000).replace('', 'yyy')", "('x' * 100000)|list|join('y' * 1000)",
        "('x' * 100000).join('y' * 1000)", "[1]|tojson(indent=1000000000)", "('x' * 600000) ~ ('x' * 600000)",
        "('x' * 600000) + ('x' * 600000)", "('\\n' * 100000)|indent(10000, blank=true)", "('<' * 600000)|e",
        "('\\x01' * 600000)|tojson"}) {
    ExpectError("{{ " + std::string(expression) + " }}", StatusCode::kResourceExhausted, "text of more than 1048576 bytes",
                options);
  }
  ExpectError("{% set ns = namespace(s='x') %}{% for i in range(100) %}{% set ns.s = ns.s ~ ns.s %}{% endfor %}",
              StatusCode::kResourceExhausted, "text of more than 1048576 bytes", options);
  ExpectError("{% for i in range(20) %}{{ 'x' * 1000000 }}{% endfor %}", StatusCode::kResourceExhausted, "text of more than",
              options);
  ExpectError("{{ '%.2000f' % 1.0 }}", StatusCode::kInvalidArgument, "precision 2000 is too large");
}

TEST(ChatTemplateLimits, T11StepsAreBounded) {
  TemplateOptions options;
  options.limits.max_steps = 100'000;
  for (const std::string_view source :
       {"{% for a in range(10000) %}{% for b in range(10000) %}{% for c in range(10000) %}{% for d in range(10000) %}{% endfor %}"
        "{% endfor %}{% endfor %}{% endfor %}",
        "{% set l = range(100000)|list %}{% for a in l %}{{ 100001 in l }}{% endfor %}",
        "{% set s = 'a' * 9000000 %}{% for a in range(10000) %}{{ 'b' in s }}{% endfor %}",
        "{% set s = 'a' * 9000000 %}{% for a in range(10000) %}{{ s == s ~ '' }}{% endfor %}",
        "{% set s = 'a' * 9000000 %}{% for a in range(10000) %}{{ s|length }}{% endfor %}",
        "{% set s = 'a' * 9000000 %}{% for a in range(10000) %}{{ s.split('b')|length }}{% endfor %}",
        "{% set l = range(100000)|list %}{{ l|unique|list|length }}", "{% set l = range(100000)|list %}{{ l|sort|length }}",
        "{% set ns = namespace(x=[1, 2]) %}{% for i in range(60) %}{% set ns.x = [ns.x, ns.x] %}{% endfor %}{{ ns.x }}",
        "{% set ns = namespace(x=[1], y=[1]) %}{% for i in range(60) %}{% set ns.x = [ns.x, ns.x] %}{% set ns.y = [ns.y, ns.y] %}"
        "{% endfor %}{{ ns.x == ns.y }}",
        "{% set ns = namespace(x=[1]) %}{% for i in range(60) %}{% set ns.x = [ns.x, ns.x] %}{% endfor %}{{ ns.x|tojson }}"}) {
    ExpectError(std::string(source), StatusCode::kResourceExhausted, "more than 100000 steps", options);
  }
}

TEST(ChatTemplateLimits, T11MemoryIsBounded) {
  TemplateOptions options;  // a sixteenth of the default limit, for the sake of sanitizers
  options.limits.max_memory_bytes = size_t{16} << 20;
  for (const std::string_view source :
       {"{% set ns = namespace(l=[]) %}{% for i in range(1000) %}{% set ns.l = ns.l + ['x' * 900000] %}{% endfor %}",
        "{% set ns = namespace(l=[1]) %}{% for i in range(60) %}{% set ns.l = ns.l + ns.l %}{% endfor %}",
        "{{ ([1] * 1000000000)|length }}", "{{ ('x' * 900000)|list|length }}",
        "{% macro f(n) %}{{ 'x' * 900000 }}{{ f(n + 1) }}{% endmacro %}{{ f(0) }}",
        "{% for i in range(100000) %}{% for j in range(100) %}{% set ns = namespace() %}{% endfor %}{% endfor %}",
        "{% for i in range(100000) %}{% set c = cycler(1, 2, 3) %}{% set j = joiner() %}{% endfor %}",
        "{{ ([{'a': 1}] * 100000)|groupby('a')|length }}{{ range(100000)|map('string')|list * 100 }}"}) {
    ExpectError(std::string(source), StatusCode::kResourceExhausted, "holds more than 16777216 bytes", options);
  }
  ExpectError("{{ ([1] * 1000000000)|length }}", StatusCode::kResourceExhausted, "holds more than 268435456 bytes");
}

TEST(ChatTemplateLimits, T12NothingIsBehindTheValues) {
  ExpectError("{{ ''.__class__.__mro__ }}", StatusCode::kInvalidArgument,
              "access to attribute '__class__' of 'str' object is unsafe.");
  ExpectError("{{ ''['__class__']() }}", StatusCode::kInvalidArgument, "is unsafe");
  ExpectError("{{ (''|attr('__class__')).x }}", StatusCode::kInvalidArgument, "is unsafe");
  ExpectError("{{ '{0.__class__.__mro__}'.format(1) }}", StatusCode::kInvalidArgument, "is unsafe");
  ExpectError("{{ [''].__init__.__globals__ }}", StatusCode::kInvalidArgument, "is unsafe");
  ExpectError("{{ ['']|map(attribute='__class__.x')|list }}", StatusCode::kInvalidArgument, "is unsafe");
  ExpectError("{{ [].append(1) }}", StatusCode::kInvalidArgument, "access to attribute 'append' of 'list' object is unsafe.");
  ExpectError("{{ {}.update({}) }}", StatusCode::kInvalidArgument, "access to attribute 'update' of 'dict' object is unsafe.");
  ExpectError("{{ range.__self__ }}{{ range.x.y }}", StatusCode::kInvalidArgument, "no attribute");
  // The state of a cycler or joiner is out of a template's reach.
  ExpectError("{% set c = cycler(1, 2) %}{% set c._items = 5 %}", StatusCode::kInvalidArgument, "underscore-prefixed");
  EXPECT_EQ(*Render("{% set c = cycler(1, 2) %}{% set c.items = 5 %}{% set c.pos = -9 %}{% set c.current = 7 %}"
                    "{{ c.next() }}{{ c.next() }}{{ c.next() }}{{ c.reset() }}{{ c.next() }}"),
            "121None1");
  EXPECT_EQ(*Render("{% set j = joiner('|') %}{% set k = joiner() %}{{ j() }}a{{ j() }}b{{ k() }}{{ k() }}"), "a|b, ");
  ExpectError("{{ cycler() }}", StatusCode::kInvalidArgument, "at least one item");
  ExpectError("{{ cycler(1)|tojson }}", StatusCode::kInvalidArgument, "not JSON serializable");
  ExpectError("{{ joiner().__self__.x }}", StatusCode::kInvalidArgument, "is unsafe");
  for (const std::string_view tag :
       {"include 'x'", "import 'x' as y", "from 'x' import y", "extends 'x'", "block x", "autoescape true"}) {
    ExpectError("{% " + std::string(tag) + " %}", StatusCode::kUnsupported, "(line 1, column 4)");
  }
  ExpectError("{% set ns = namespace() %}{% set ns.n = [ns] %}{{ ns.n|tojson }}", StatusCode::kInvalidArgument,
              "not JSON serializable");
  ExpectError("{{ namespace(**{'__class__': 1}) }}", StatusCode::kInvalidArgument, "underscore-prefixed");
}

TEST(ChatTemplateLimits, T12NamespacesOfManyKeysCountAsMemory) {
  const std::string many = "namespace(dict(range(100000)|map('string')|batch(2)))";
  EXPECT_EQ(*Render("{% set ns = " + many + " %}{{ ns['0'] }}{{ ns['99998'] }}"), "199999");
  TemplateOptions options;
  options.limits.max_memory_bytes = size_t{4} << 20;
  ExpectError("{{ " + many + " is mapping }}", StatusCode::kResourceExhausted, "holds more than 4194304 bytes", options);
}

TEST(ChatTemplateLimits, T13ErrorsSayWhere) {
  const std::pair<std::string_view, std::string_view> kCases[] = {
      {"a\n  {{ x.y.z }}", "'x' is undefined (line 2, column 7)"},
      {"{% for i in [1] %}\n{{ 1 // 0 }}{% endfor %}", "integer division or modulo by zero (line 2, column 4)"},
      {"\r\n\r\n{{ 'x'|trim(1, 2, 3) }}", "trim() takes at most 1 argument (3 given) (line 3, column 8)"},
      {"{% macro f(a) %}\n{{ a.b }}\n{% endmacro %}\n{{ f() }}", "parameter 'a' was not provided (line 2, column 5)"},
      {"{{ 5() }}", "'int' object is not callable (line 1, column 5)"},
      {"{%- for x in 5 %}{% endfor %}", "'int' object is not iterable (line 1, column 5)"},
      {"\n{{ 'é' ~ 1|nosuch }}", "No filter named 'nosuch'. (line 2, column 13)"},
  };
  for (const auto& [source, message] : kCases) {
    const Result<std::string> out = Render(std::string(source));
    ASSERT_FALSE(out.ok()) << source;
    EXPECT_EQ(out.status().code(), StatusCode::kInvalidArgument);
    EXPECT_EQ(out.status().message(), message);
  }
  for (const std::string_view source :
       {"{% if", "{{ 'x", "{#", "{% raw %}", "{%- if x %}", "{{ (1", "{% for x in y %}a", "{{ 1 ", "{{", "{%", "{%-", "{{-"}) {
    ExpectError(std::string(source), StatusCode::kMalformed, "(line 1, column ");
  }
  EXPECT_EQ(*Render("{%- set x = 1 -%}"), "");
  EXPECT_EQ(*Render("{{ 'x'|int }}{{ '5'|int }}"), "05");
}

TEST(ChatTemplateLimits, T13TheTemplatesOwnWordsComeThroughAlone) {
  const Result<std::string> out = Render("\n{{ raise_exception('roles must alternate') }}");
  ASSERT_FALSE(out.ok());
  EXPECT_EQ(out.status().code(), StatusCode::kInvalidArgument);
  EXPECT_EQ(out.status().message(), "roles must alternate");
}

TEST(ChatTemplateLimits, T13AFailedRenderingLeavesTheTemplateAsItWas) {
  const auto parsed =
      ChatTemplate::Parse("{% set ns = namespace(n=0) %}{% for x in xs %}{% set ns.n = ns.n + 1 // x %}{% endfor %}{{ ns.n }}");
  ASSERT_TRUE(parsed.ok());
  const auto variables = [](const char* json) { return *TemplateValue::FromJson(json); };
  for (int i = 0; i < 3; ++i) {
    EXPECT_FALSE((*parsed)->Render(variables(R"({"xs": [1, 0]})")).ok());
    EXPECT_EQ(*(*parsed)->Render(variables(R"({"xs": [1, 1]})")), "2");
  }
}

TEST(ChatTemplateLimits, T14WhateverTheTemplateWritesIsAcceptedUpToTheLimit) {
  EXPECT_EQ(*Render("no messages here", {}, TemplateValue::Dict({{"messages", TemplateValue::List({})}})), "no messages here");
  EXPECT_EQ(Render("{{ 'x' * 10000000 }}")->size(), 10'000'000u);
  EXPECT_EQ(Render("{{ 'x' * 16777216 }}")->size(), size_t{16} << 20);
  ExpectError("{{ 'x' * 16777216 }}y", StatusCode::kResourceExhausted, "text of more than 16777216 bytes");
  const auto parsed = ChatTemplate::Parse(std::string(ChatTemplate::kMaxSourceBytes + 1, 'x'));
  ASSERT_FALSE(parsed.ok());
  EXPECT_EQ(parsed.status().code(), StatusCode::kOutOfRange);
}

}  // namespace
}  // namespace sterna
