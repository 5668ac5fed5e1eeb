// Small templates for every construct: what Jinja2 gives for each is in the fixture.
#include <gtest/gtest.h>

#include "base/file.h"
#include "text/template/chat_template.h"

namespace sterna {
namespace {

Result<std::string> RenderSource(const std::string& source, const TemplateValue& variables) {
  STERNA_ASSIGN_OR_RETURN(const auto parsed, ChatTemplate::Parse(source));
  return parsed->Render(variables);
}

TEST(ChatTemplateSnippets, EachGivesWhatJinjaGives) {
  const Result<std::string> lines = ReadWholeFile(STERNA_FIXTURES "/templates/snippets.jsonl", size_t{1} << 20);
  ASSERT_TRUE(lines.ok()) << lines.status().message();
  std::vector<TemplateValue> records;
  for (size_t start = 0; start < lines->size();) {
    const size_t end = lines->find('\n', start);
    Result<TemplateValue> record = TemplateValue::FromJson(std::string_view(*lines).substr(start, end - start));
    ASSERT_TRUE(record.ok()) << record.status().message();
    records.push_back(*std::move(record));
    start = end + 1;
  }
  ASSERT_GT(records.size(), 600u);
  const TemplateValue variables = *records.back().Find("variables");
  records.pop_back();
  for (const TemplateValue& record : records) {
    const std::string& source = record.Find("source")->text();
    const Result<std::string> text = RenderSource(source, variables);
    if (const TemplateValue* error = record.Find("error")) {
      EXPECT_FALSE(text.ok()) << source << "\ngave " << (text.ok() ? *text : "") << "\nexpected " << error->text();
    } else if (text.ok()) {
      EXPECT_EQ(*text, record.Find("text")->text()) << source;
    } else {
      ADD_FAILURE() << source << "\nfailed with " << text.status().message() << "\nexpected " << record.Find("text")->text();
    }
  }
}

}  // namespace
}  // namespace sterna
