#include "cli/tokenize_special.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "api/tokenizer_files.h"
#include "cli/command.h"

namespace sterna {
namespace {

using Json = nlohmann::ordered_json;

std::string Dump(const Json& json, int indent) {
  return json.dump(indent, ' ', false, Json::error_handler_t::replace);
}

std::string FlagsOf(const SpecialToken& token) {
  std::vector<std::string_view> names;
  if (token.is_control) names.emplace_back("control");
  if (token.is_end) names.emplace_back("end");
  if (token.single_word) names.emplace_back("single_word");
  if (token.strips_left) names.emplace_back("lstrip");
  if (token.strips_right) names.emplace_back("rstrip");
  if (token.normalized) names.emplace_back("normalized");
  return names.empty() ? "-" : fmt::format("{}", fmt::join(names, ","));
}

}  // namespace

void SpecialFlags::AddTo(CLI::App& command) {
  constexpr const char* kGroup = "Special tokens";
  command.add_flag("--list-special", list, "Print the special and added tokens, and read no text")->group(kGroup);
  command.add_option("--add-token", plain_tokens, "Add a token found wherever its text is; may be given several times")
      ->allow_extra_args(false)
      ->group(kGroup);
  command.add_option("--add-special-token", control_tokens, "Add a control token; may be given several times")
      ->allow_extra_args(false)
      ->group(kGroup);
  command.add_option("--map-special", roles, "ROLE=TEXT: give a token the role bos, eos, unk, pad, sep, cls, mask or eot")
      ->allow_extra_args(false)
      ->group(kGroup);
}

SpecialTokenEdit SpecialFlags::ToEdit() const {
  SpecialTokenEdit edit;
  for (const std::string& text : plain_tokens) edit.tokens.push_back({text, false});
  for (const std::string& text : control_tokens) edit.tokens.push_back({text, true});
  for (const std::string& role : roles) {
    const size_t equals = role.find('=');
    if (equals == std::string::npos) FailUsage(fmt::format("--map-special '{}': expected ROLE=TEXT", role));
    edit.roles.emplace_back(role.substr(0, equals), role.substr(equals + 1));
  }
  return edit;
}

std::string FormatSpecialTokens(const std::string& path, const Tokenizer& tokenizer, bool as_json) {
  const std::vector<SpecialToken> tokens = tokenizer.special_tokens();
  if (as_json) {
    Json list = Json::array();
    for (const SpecialToken& token : tokens) {
      list.push_back({{"id", token.id},
                      {"text", token.text},
                      {"roles", token.roles},
                      {"control", token.is_control},
                      {"ends_generation", token.is_end},
                      {"single_word", token.single_word},
                      {"lstrip", token.strips_left},
                      {"rstrip", token.strips_right},
                      {"normalized", token.normalized}});
    }
    return Dump({{"path", path}, {"tokenizer", tokenizer.description()}, {"tokens", std::move(list)}}, 2) + "\n";
  }
  std::string out = fmt::format("{:>8}  {:<12}{:<24}{}\n", "id", "roles", "flags", "text");
  for (const SpecialToken& token : tokens) {
    const std::string roles = token.roles.empty() ? "-" : fmt::format("{}", fmt::join(token.roles, ","));
    out += fmt::format("{:>8}  {:<12}{:<24}{}\n", token.id, roles, FlagsOf(token), Dump(token.text, -1));
  }
  return out;
}

Status SaveEditedTokenizer(const std::string& path, const SpecialTokenEdit& edit, const std::string& output, bool overwrite,
                           bool as_json) {
  STERNA_RETURN_IF_ERROR(SaveTokenizer(path, edit, output, overwrite));
  if (as_json) {
    const Json out = {{"output", output}, {"added_tokens", edit.tokens.size()}, {"mapped_roles", edit.roles.size()}};
    return WriteOutput(Dump(out, 2) + "\n");
  }
  return WriteOutput(fmt::format("{}: {} tokens added, {} roles mapped\n", output, edit.tokens.size(), edit.roles.size()));
}

}  // namespace sterna
