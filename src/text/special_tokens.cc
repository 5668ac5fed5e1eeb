#include "text/special_tokens.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <map>

#include "base/json_escape.h"
#include "text/added_tokens.h"
#include "text/json_rewriter.h"

namespace sterna {
namespace {

/// What an edit means for one vocabulary.
struct ResolvedEdit {
  struct Token {
    TokenId id;
    std::string text;
    bool is_control;
    bool is_new_id;
  };
  std::vector<Token> tokens;
  std::map<std::string, std::pair<TokenId, std::string>> roles;
};

Result<ResolvedEdit> Resolve(const Tokenizer& tokenizer, const SpecialTokenEdit& edit) {
  ResolvedEdit resolved;
  std::map<std::string, TokenId, std::less<>> known;
  for (const SpecialToken& token : tokenizer.special_tokens()) known.emplace(token.text, token.id);
  TokenId next = static_cast<TokenId>(tokenizer.vocab_size());
  for (const SpecialTokenEdit::NewToken& token : edit.tokens) {
    if (token.text.empty() || token.text.size() > kMaxAddedTokenBytes) {
      return InvalidArgument(fmt::format("new token of {} bytes: expected 1 to {}", token.text.size(), kMaxAddedTokenBytes));
    }
    if (const auto found = known.find(token.text); found != known.end()) {
      return InvalidArgument(fmt::format("'{}' is a special or added token already, with the id {}", token.text, found->second));
    }
    const std::optional<TokenId> id = tokenizer.Find(token.text);
    resolved.tokens.push_back({id ? *id : next++, token.text, token.is_control, !id});
    known.emplace(token.text, resolved.tokens.back().id);
  }
  for (const auto& [role, text] : edit.roles) {
    const auto& roles = SpecialRoles();
    if (std::find(roles.begin(), roles.end(), role) == roles.end()) {
      return InvalidArgument(fmt::format("unknown role '{}': expected one of {}", role, fmt::join(roles, ", ")));
    }
    const auto found = known.find(text);
    const std::optional<TokenId> id = found != known.end() ? std::optional<TokenId>(found->second) : tokenizer.Find(text);
    if (!id) return InvalidArgument(fmt::format("{}: '{}' is not a token; add it first", role, text));
    resolved.roles[role] = {*id, text};
  }
  return resolved;
}

Result<simdjson::dom::object> ParseObject(simdjson::dom::parser* parser, std::string_view text, std::string_view name) {
  simdjson::dom::object object;
  const auto error = parser->parse(text.data(), text.size()).get(object);
  if (error != simdjson::SUCCESS) return Malformed(fmt::format("{}: {}", name, simdjson::error_message(error)));
  return object;
}

std::string AddedTokenJson(const ResolvedEdit::Token& token) {
  // As `tokenizers` makes them: what is a control token is found in the text as it is.
  return fmt::format(R"({{"id":{},"content":{},"single_word":false,"lstrip":false,"rstrip":false,"normalized":{},"special":{}}})",
                     token.id, JsonQuoted(token.text), !token.is_control, token.is_control);
}

std::string WithAddedTokens(simdjson::dom::object root, const std::vector<ResolvedEdit::Token>& tokens) {
  std::string added;
  for (const ResolvedEdit::Token& token : tokens) added += (added.empty() ? "" : ",") + AddedTokenJson(token);
  bool is_there = false;
  std::string text = RewriteObject(root, [&](std::string_view key, simdjson::dom::element value) {
    std::string old = simdjson::minify(value);
    if (key != "added_tokens" || added.empty()) return old;
    is_there = true;
    if (!value.is_array()) return "[" + added + "]";
    old.pop_back();
    return old + (old.size() > 1 ? "," : "") + added + "]";
  });
  if (!is_there && !added.empty()) text.insert(1, "\"added_tokens\":[" + added + "],");
  return text;
}

std::string WithRoles(simdjson::dom::object root, const ResolvedEdit& edit) {
  std::string text = RewriteObject(root, [&](std::string_view key, simdjson::dom::element value) -> std::string {
    const bool is_set = key.ends_with("_token") && edit.roles.count(std::string(key.substr(0, key.size() - 6))) > 0;
    return is_set ? std::string() : simdjson::minify(value);
  });
  for (const auto& [role, token] : edit.roles) {
    text.pop_back();
    text += fmt::format("{}\"{}_token\":{}}}", text.size() > 1 ? "," : "", role, JsonQuoted(token.second));
  }
  return text;
}

/// The key of a role in GGUF metadata, which spells one of them its own way.
std::string GgufKey(std::string_view role) {
  static constexpr std::pair<std::string_view, std::string_view> kNames[] = {
      {"unk", "unknown"}, {"pad", "padding"}, {"sep", "seperator"}};
  for (const auto& [name, gguf] : kNames) {
    if (role == name) role = gguf;
  }
  return fmt::format("tokenizer.ggml.{}_token_id", role);
}

}  // namespace

const std::vector<std::string_view>& SpecialRoles() {
  static const std::vector<std::string_view> roles = {"bos", "eos", "unk", "pad", "sep", "cls", "mask", "eot"};
  return roles;
}

Result<TokenizerFiles> EditSpecialTokens(const TokenizerFiles& files, const SpecialTokenEdit& edit) {
  STERNA_ASSIGN_OR_RETURN(const auto tokenizer,
                          Tokenizer::FromJson(files.tokenizer_json, files.config_json, files.special_tokens_map_json));
  STERNA_ASSIGN_OR_RETURN(const ResolvedEdit resolved, Resolve(*tokenizer, edit));
  TokenizerFiles edited = files;
  simdjson::dom::parser parser;
  if (!resolved.tokens.empty()) {
    STERNA_ASSIGN_OR_RETURN(const auto root, ParseObject(&parser, files.tokenizer_json, "tokenizer.json"));
    edited.tokenizer_json = WithAddedTokens(root, resolved.tokens);
  }
  if (!resolved.roles.empty()) {
    const std::string_view config = files.config_json.empty() ? std::string_view("{}") : std::string_view(files.config_json);
    STERNA_ASSIGN_OR_RETURN(const auto root, ParseObject(&parser, config, "tokenizer_config.json"));
    edited.config_json = WithRoles(root, resolved);
  }
  return edited;
}

Result<Metadata> EditSpecialTokens(const Metadata& metadata, const SpecialTokenEdit& edit) {
  STERNA_ASSIGN_OR_RETURN(const auto tokenizer, Tokenizer::FromMetadata(metadata));
  STERNA_ASSIGN_OR_RETURN(const ResolvedEdit resolved, Resolve(*tokenizer, edit));
  constexpr int32_t kNormal = 1;
  constexpr int32_t kControl = 3;
  constexpr int32_t kUserDefined = 4;
  STERNA_ASSIGN_OR_RETURN(const std::vector<std::string>* old_tokens, metadata.GetStrings("tokenizer.ggml.tokens"));
  std::vector<std::string> tokens = *old_tokens;
  std::vector<int32_t> types(tokens.size(), kNormal);
  if (metadata.Has("tokenizer.ggml.token_type")) {
    STERNA_ASSIGN_OR_RETURN(const std::vector<int64_t> old_types, metadata.GetInts("tokenizer.ggml.token_type"));
    std::transform(old_types.begin(), old_types.end(), types.begin(), [](int64_t type) { return static_cast<int32_t>(type); });
  }
  for (const ResolvedEdit::Token& token : resolved.tokens) {
    if (token.is_new_id) {
      tokens.push_back(token.text);
      types.push_back(kNormal);
    }
    types[static_cast<size_t>(token.id)] = token.is_control ? kControl : kUserDefined;
  }
  Metadata edited = metadata;
  if (!resolved.tokens.empty() && metadata.Has("tokenizer.ggml.scores")) {
    STERNA_ASSIGN_OR_RETURN(std::vector<float> scores, metadata.GetFloats("tokenizer.ggml.scores"));
    scores.resize(tokens.size());
    edited.Set("tokenizer.ggml.scores", MetaArray(std::move(scores)));
  }
  if (!resolved.tokens.empty()) {
    edited.Set("tokenizer.ggml.tokens", MetaArray(std::move(tokens)));
    edited.Set("tokenizer.ggml.token_type", MetaArray(std::move(types)));
  }
  for (const auto& [role, token] : resolved.roles) edited.Set(GgufKey(role), static_cast<uint32_t>(token.first));
  return edited;
}

}  // namespace sterna
