// `sterna template`: renders chat templates, for checks against other implementations.
#include <fmt/format.h>

#include <array>
#include <charconv>
#include <memory>
#include <nlohmann/json.hpp>

#include "api/loaded_model.h"
#include "cli/command.h"
#include "cli/json_lines.h"

namespace sterna {
namespace {

/// "2026-01-15", the day that strftime_now sees, at midnight.
Result<TemplateTime> ParseDate(const TemplateValue& value) {
  const auto malformed = [] { return InvalidArgument("\"date\": expected a string YYYY-MM-DD"); };
  if (!value.is(TemplateValue::Kind::kString)) return malformed();
  const std::string& text = value.text();
  constexpr size_t kLength = 10;
  if (text.size() != kLength || text[4] != '-' || text[7] != '-') return malformed();
  TemplateTime time;
  struct Part {
    size_t begin, end;
    int low, high;
    int* value;
  };
  for (const Part& part : {Part{0, 4, 1, 9999, &time.year}, Part{5, 7, 1, 12, &time.month}, Part{8, 10, 1, 31, &time.day}}) {
    const char* end = text.data() + part.end;
    const auto parsed = std::from_chars(text.data() + part.begin, end, *part.value);
    if (parsed.ec != std::errc() || parsed.ptr != end || *part.value < part.low || *part.value > part.high) return malformed();
  }
  return time;
}

/// The line's members by the names that templates know; `tools` and `documents` are None where the line has none, as transformers
/// passes them, and a special token it does not give stays undefined.
Result<std::string> RenderLine(const ChatTemplate& chat_template, const std::string& line) {
  STERNA_ASSIGN_OR_RETURN(const TemplateValue object, TemplateValue::FromJson(line));
  if (!object.is(TemplateValue::Kind::kDict)) return InvalidArgument("expected a JSON object");
  const TemplateValue* messages = object.Find("messages");
  if (messages == nullptr || !messages->is(TemplateValue::Kind::kList))
    return InvalidArgument("expected an object with a list \"messages\"");
  std::vector<TemplateValue::Member> variables = {
      {"tools", TemplateValue()}, {"documents", TemplateValue()}, {"add_generation_prompt", TemplateValue::Bool(false)}};
  for (const std::string_view name : {"messages", "tools", "documents", "add_generation_prompt", "bos_token", "eos_token"}) {
    if (const TemplateValue* value = object.Find(name)) variables.emplace_back(std::string(name), *value);
  }
  TemplateOptions options;
  if (const TemplateValue* date = object.Find("date")) {
    STERNA_ASSIGN_OR_RETURN(options.now, ParseDate(*date));
  }
  return chat_template.Render(TemplateValue::Dict(std::move(variables)), options);
}

Status RunTemplate(const std::string& path) {
  STERNA_ASSIGN_OR_RETURN(const std::shared_ptr<const ChatTemplate> chat_template, LoadChatTemplate(path));
  return ForEachLine([&](const std::string& line) -> Result<nlohmann::json> {
    const Result<std::string> text = RenderLine(*chat_template, line);
    if (!text.ok()) return nlohmann::json{{"error", text.status().message()}};
    return nlohmann::json{{"text", *text}};
  });
}

}  // namespace

void AddTemplate(CLI::App& app, Action* action) {
  auto path = std::make_shared<std::string>();
  CLI::App* command = app.add_subcommand("template", "Render a chat template for conversations from standard input");
  command->add_option("PATH", *path, "GGUF file, directory, or template file (.jinja)")->required();
  const std::string about =
      R"(Each line {"messages", "tools", "add_generation_prompt", "bos_token", "eos_token", "date"} gives {"text"} or {"error"})";
  command->add_flag("--jsonl", about)->required();
  command->callback([path, action] { *action = [path] { return RunTemplate(*path); }; });
}

}  // namespace sterna
