// Real chat templates, rendered by Jinja2 as transformers sets it up, must come out the same byte for byte.
#include <gtest/gtest.h>

#include <map>

#include "base/file.h"
#include "text/template/chat_template.h"

namespace sterna {
namespace {

using Kind = TemplateValue::Kind;

std::string ReadFixture(const std::string& name) {
  Result<std::string> text = ReadWholeFile(std::string(STERNA_FIXTURES "/templates/") + name, size_t{1} << 20);
  EXPECT_TRUE(text.ok()) << text.status().message();
  return text.ok() ? *text : std::string();
}

TEST(ChatTemplateGolden, EveryRenderEqualsTransformers) {
  std::map<std::string, std::shared_ptr<const ChatTemplate>> templates;
  const std::string cases = ReadFixture("cases.jsonl");
  TemplateOptions options;
  options.now = TemplateTime{2026, 1, 15};
  int renders = 0, errors = 0;
  for (size_t start = 0; start < cases.size();) {
    const size_t end = cases.find('\n', start);
    Result<TemplateValue> record = TemplateValue::FromJson(std::string_view(cases).substr(start, end - start));
    ASSERT_TRUE(record.ok()) << record.status().message();
    start = end + 1;
    const std::string& name = record->Find("template")->text();
    if (!templates.contains(name)) {
      auto parsed = ChatTemplate::Parse(ReadFixture(name));
      ASSERT_TRUE(parsed.ok()) << name << ": " << parsed.status().message();
      templates[name] = *parsed;
    }
    std::vector<TemplateValue::Member> variables{{"documents", TemplateValue()}};
    for (const char* key : {"messages", "tools", "add_generation_prompt", "bos_token", "eos_token"}) {
      variables.emplace_back(key, *record->Find(key));
    }
    const Result<std::string> text = templates[name]->Render(TemplateValue::Dict(std::move(variables)), options);
    const std::string where = name + ", " + record->Find("conversation")->text();
    ++renders;
    if (const TemplateValue* error = record->Find("error")) {
      ++errors;
      ASSERT_FALSE(text.ok()) << where;
      EXPECT_EQ(text.status().code(), StatusCode::kInvalidArgument) << where;
      EXPECT_TRUE(text.status().message().starts_with(error->text())) << where << ": " << text.status().message();
    } else {
      ASSERT_TRUE(text.ok()) << where << ": " << text.status().message();
      EXPECT_EQ(*text, record->Find("text")->text()) << where;
    }
  }
  EXPECT_EQ(renders, 336);
  EXPECT_EQ(errors, 50);
}

}  // namespace
}  // namespace sterna
