// The public interface: values, JSON, the plain case, the clock, and one template on many threads.
#include <gtest/gtest.h>

#include <thread>

#include "text/template/chat_template.h"

namespace sterna {
namespace {

using Kind = TemplateValue::Kind;

std::shared_ptr<const ChatTemplate> Parse(std::string_view source) {
  auto parsed = ChatTemplate::Parse(source);
  EXPECT_TRUE(parsed.ok()) << parsed.status().message();
  return parsed.ok() ? *parsed : nullptr;
}

TEST(TemplateValue, JsonKeepsOrderAndTypes) {
  const auto value = TemplateValue::FromJson(R"({"z": 1, "a": [true, null, -2.5, "é\u00e9", 18446744073709551615], "z": 2})");
  ASSERT_TRUE(value.ok());
  EXPECT_EQ(value->depth(), 2);
  EXPECT_EQ(value->Find("z")->int_value(), 2);
  EXPECT_EQ(value->Find("missing"), nullptr);
  const std::vector<TemplateValue>& items = value->Find("a")->items();
  ASSERT_EQ(items.size(), 5u);
  EXPECT_TRUE(items[0].bool_value());
  EXPECT_TRUE(items[1].is(Kind::kNone));
  EXPECT_EQ(items[2].float_value(), -2.5);
  EXPECT_EQ(items[3].text(), "éé");
  EXPECT_EQ(items[4].float_value(), 18446744073709551615.0);
  EXPECT_EQ(*Parse("{{ v }}")->Render(TemplateValue::Dict({{"v", *value}})),
            "{'z': 2, 'a': [True, None, -2.5, 'éé', 1.8446744073709552e+19]}");
}

TEST(TemplateValue, BadJsonIsAnError) {
  for (const char* json : {"", "{", "[1,]", "nul", "\"\xff\"", "{\"a\" 1}", "1 2"}) {
    const auto value = TemplateValue::FromJson(json);
    ASSERT_FALSE(value.ok()) << json;
    EXPECT_EQ(value.status().code(), StatusCode::kMalformed) << json;
  }
  const std::string deep = std::string(10000, '[') + std::string(10000, ']');
  const auto value = TemplateValue::FromJson(deep);
  ASSERT_FALSE(value.ok());
  EXPECT_EQ(value.status().code(), StatusCode::kOutOfRange);
}

TEST(TemplateValue, LargeDictsFindEveryKey) {
  std::vector<TemplateValue::Member> members;
  for (int i = 0; i < 1000; ++i) members.emplace_back("key" + std::to_string(i % 500), TemplateValue::Int(i));
  const TemplateValue dict = TemplateValue::Dict(std::move(members));
  for (int i = 0; i < 500; ++i) EXPECT_EQ(dict.Find("key" + std::to_string(i))->int_value(), i + 500);
  EXPECT_EQ(dict.Find("key500"), nullptr);
}

TEST(ChatTemplate, RendersPlainMessages) {
  const auto chat = Parse(
      "{{ bos_token }}{% for message in messages %}{{ message['role']|capitalize }}: {{ message.content|trim }}{{ eos_token }}{% "
      "endfor %}"
      "{% if add_generation_prompt %}Assistant: {% endif %}{{ tools is none }}");
  const ChatMessage messages[] = {{"user", " Hi "}, {"assistant", "Hello"}};
  EXPECT_EQ(*RenderChat(*chat, messages, true, "<s>", "</s>"), "<s>User: Hi</s>Assistant: Hello</s>Assistant: True");
  EXPECT_EQ(*RenderChat(*chat, {}, false, "", ""), "True");
}

TEST(ChatTemplate, VariablesMustBeADict) {
  const auto out = Parse("x")->Render(TemplateValue::List({}));
  ASSERT_FALSE(out.ok());
  EXPECT_EQ(out.status().code(), StatusCode::kInvalidArgument);
}

TEST(ChatTemplate, InvalidUtf8InMessagesPassesThrough) {
  const TemplateValue variables = TemplateValue::Dict({{"s", TemplateValue::String("a\xff\xe3\x81z")}});
  EXPECT_EQ(*Parse("{{ s }}{{ s|length }}{{ s[::-1] }}{{ s|upper }}{{ s|tojson }}")->Render(variables),
            "a\xff\xe3\x81z5z\x81\xe3\xff"
            "aA\xff\xe3\x81Z\"a\xff\xe3\x81z\"");
}

TEST(ChatTemplate, ClockHasEveryField) {
  TemplateOptions options;
  options.now = TemplateTime{2024, 2, 29, 15, 4, 9};
  const auto format = [&](const std::string& letters) {
    const auto out = Parse("{{ strftime_now('" + letters + "') }}")->Render(TemplateValue::Dict({}), options);
    return out.ok() ? *out : std::string(out.status().message());
  };
  EXPECT_EQ(format("%Y-%m-%d %H:%M:%S"), "2024-02-29 15:04:09");
  EXPECT_EQ(format("%a %A %b %B %d %e %-d %j %y %p %I %-I %u %w %%"), "Thu Thursday Feb February 29 29 29 060 24 PM 03 3 4 4 %");
  EXPECT_EQ(format("%F %T %D %R %c %x %X"), "2024-02-29 15:04:09 02/29/24 15:04 Thu Feb 29 15:04:09 2024 02/29/24 15:04:09");
  EXPECT_EQ(format("%Q"), "strftime_now: '%Q' is not supported (line 1, column 16)");
  options.now = TemplateTime{2026, 1, 4};
  EXPECT_EQ(format("%A %e %I %p"), "Sunday  4 12 AM");
  options.now = TemplateTime{2026, 13, 4};
  EXPECT_EQ(format("%A"), "strftime_now: the date given to the template does not exist (line 1, column 16)");
  options.now.reset();
  EXPECT_EQ(format("%Y").substr(0, 2), "20");
}

TEST(ChatTemplate, SortIsStableAndSurvivesNan) {
  const auto sorted = [](const char* expression) {
    const auto out = Parse(std::string("{{ ") + expression + " }}")->Render(TemplateValue::Dict({}));
    return out.ok() ? *out : std::string(out.status().message());
  };
  EXPECT_EQ(sorted("[[2, 'a'], [1, 'b'], [2, 'c'], [1, 'd'], [0, 'e']]|sort(attribute=0)|map('last')|join"), "ebdac");
  EXPECT_EQ(sorted("[[2, 'a'], [1, 'b'], [2, 'c'], [1, 'd'], [0, 'e']]|sort(true, attribute=0)|map('last')|join"), "acbde");
  EXPECT_EQ(sorted("range(1000)|map('string')|sort|map('int')|sort == range(1000)|list"), "True");
  EXPECT_EQ(sorted("(range(50)|list + ['nan'|float] * 50 + range(50)|list)|sort|length"), "150");
  EXPECT_EQ(sorted("[]|sort"), "[]");
}

TEST(ChatTemplate, OneTemplateServesManyThreads) {
  const auto chat =
      Parse("{% set ns = namespace(t='') %}{% for m in messages %}{% set ns.t = ns.t ~ m.content %}{% endfor %}{{ ns.t }}");
  const TemplateValue variables =
      *TemplateValue::FromJson(R"({"messages": [{"content": "a"}, {"content": "b"}, {"content": "c"}]})");
  std::vector<std::thread> threads;
  std::vector<int> good(4);
  for (size_t t = 0; t < good.size(); ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < 200; ++i) {
        const auto out = chat->Render(variables);
        good[t] += out.ok() && *out == "abc" ? 1 : 0;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(good, std::vector<int>(4, 200));
}

}  // namespace
}  // namespace sterna
