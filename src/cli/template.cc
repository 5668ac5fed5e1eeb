// `sterna template`: renders chat templates, for checks against other implementations.
#include <fmt/format.h>

#include <algorithm>
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

constexpr std::array<std::string_view, 6> kKnownVariables = {"messages",  "tools",    "documents", "add_generation_prompt",
                                                             "bos_token", "eos_token"};

/// The line's own template where it has one, otherwise that of the command line.
Result<std::shared_ptr<const ChatTemplate>> TemplateOfLine(const TemplateValue& object,
                                                           const std::shared_ptr<const ChatTemplate>& of_command) {
  const TemplateValue* source = object.Find("template");
  if (source == nullptr) {
    if (of_command == nullptr) return InvalidArgument("expected \"template\" in the line, as the command line names no PATH");
    return of_command;
  }
  if (!source->is(TemplateValue::Kind::kString)) return InvalidArgument("\"template\": expected a string");
  return ChatTemplate::Parse(source->text());
}

/// Adds the members of "variables", which may not stand in for what has a member of its own.
Status AddVariables(const TemplateValue& object, std::vector<TemplateValue::Member>* out) {
  const TemplateValue* more = object.Find("variables");
  if (more == nullptr) return Status::Ok();
  if (!more->is(TemplateValue::Kind::kDict)) return InvalidArgument("\"variables\": expected an object");
  for (const TemplateValue::Member& member : more->Members()) {
    if (std::find(kKnownVariables.begin(), kKnownVariables.end(), member.first) != kKnownVariables.end()) {
      return InvalidArgument(fmt::format("\"variables\": \"{}\" belongs in the line itself", member.first));
    }
    out->push_back(member);
  }
  return Status::Ok();
}

/// The line's members by the names that templates know; `tools` and `documents` are None where the line has none, as transformers
/// passes them, and a special token it does not give stays undefined.
Result<std::string> RenderLine(const std::shared_ptr<const ChatTemplate>& of_command, const std::string& line) {
  STERNA_ASSIGN_OR_RETURN(const TemplateValue object, TemplateValue::FromJson(line));
  if (!object.is(TemplateValue::Kind::kDict)) return InvalidArgument("expected a JSON object");
  STERNA_ASSIGN_OR_RETURN(const std::shared_ptr<const ChatTemplate> chat_template, TemplateOfLine(object, of_command));
  const TemplateValue* messages = object.Find("messages");
  if (messages == nullptr || !messages->is(TemplateValue::Kind::kList))
    return InvalidArgument("expected an object with a list \"messages\"");
  std::vector<TemplateValue::Member> variables = {
      {"tools", TemplateValue()}, {"documents", TemplateValue()}, {"add_generation_prompt", TemplateValue::Bool(false)}};
  for (const std::string_view name : kKnownVariables) {
    if (const TemplateValue* value = object.Find(name)) variables.emplace_back(std::string(name), *value);
  }
  STERNA_RETURN_IF_ERROR(AddVariables(object, &variables));
  TemplateOptions options;
  if (const TemplateValue* date = object.Find("date")) {
    STERNA_ASSIGN_OR_RETURN(options.now, ParseDate(*date));
  }
  return chat_template->Render(TemplateValue::Dict(std::move(variables)), options);
}

struct TemplateFlags {
  std::string path;
  bool has_path = false;
  bool verbose = false;
};

Status RunTemplate(const TemplateFlags& flags) {
  std::shared_ptr<const ChatTemplate> chat_template;
  if (flags.has_path) {
    STERNA_ASSIGN_OR_RETURN(FoundChatTemplate found, FindChatTemplate(flags.path));
    chat_template = std::move(found.chat_template);
    if (flags.verbose) fmt::print(stderr, "chat template: {}\n", found.origin);
  }
  return ForEachLine([&](const std::string& line) -> Result<nlohmann::json> {
    const Result<std::string> text = RenderLine(chat_template, line);
    if (!text.ok()) return nlohmann::json{{"error", text.status().message()}};
    return nlohmann::json{{"text", *text}};
  });
}

}  // namespace

void AddTemplate(CLI::App& app, Action* action) {
  auto flags = std::make_shared<TemplateFlags>();
  CLI::App* command = app.add_subcommand("template", "Render chat templates for conversations from standard input");
  CLI::Option* path =
      command->add_option("PATH", flags->path, "GGUF file, directory, or template file (.jinja); else each line has its own");
  const std::string about =
      R"(Each line {"messages", "tools", "add_generation_prompt", "bos_token", "eos_token", "date"} gives {"text"} or {"error"})";
  command->add_flag("--jsonl", about)->required();
  command->add_flag("-v,--verbose", flags->verbose, "Say on standard error which template is used");
  command->callback([flags, action, path] {
    flags->has_path = path->count() > 0;
    *action = [flags] { return RunTemplate(*flags); };
  });
}

}  // namespace sterna
