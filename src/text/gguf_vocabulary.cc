#include "text/gguf_vocabulary.h"

#include <fmt/format.h>

#include <cmath>
#include <string>
#include <utility>

#include "text/end_of_generation.h"

namespace sterna {
namespace {

constexpr size_t kMaxTokens = size_t{1} << 24;
constexpr size_t kMaxVocabularyBytes = size_t{1} << 26;

}  // namespace

Status GgufVocabulary::ReadTokens() {
  STERNA_ASSIGN_OR_RETURN(const std::vector<std::string>* tokens, metadata_.GetStrings("tokenizer.ggml.tokens"));
  if (tokens->empty()) return Malformed("tokenizer.ggml.tokens: no tokens");
  if (tokens->size() > kMaxTokens) {
    return Malformed(fmt::format("tokenizer.ggml.tokens: {} tokens, at most {} are accepted", tokens->size(), kMaxTokens));
  }
  parts_.index = TokenIndex(tokens->size());
  for (size_t id = 0; id < tokens->size(); ++id) {
    const std::string& text = (*tokens)[id];
    if (parts_.texts.total_bytes() + text.size() > kMaxVocabularyBytes) {
      return Malformed(fmt::format("tokenizer.ggml.tokens[{}]: the texts exceed {} bytes", id, kMaxVocabularyBytes));
    }
    parts_.texts.Append(text.empty() ? fmt::format("[EMPTY_{}]", id) : text);
    if (!parts_.index.Insert(parts_.texts, static_cast<int32_t>(id))) {
      const int32_t first = parts_.index.Find(parts_.texts, parts_.texts[id]);
      return Malformed(fmt::format("tokenizer.ggml.tokens[{}]: '{}' is token {} already", id, parts_.texts[id], first));
    }
  }
  return Status::Ok();
}

Status GgufVocabulary::ReadTypes() {
  types_.assign(parts_.texts.size(), kNormal);
  if (metadata_.Has("tokenizer.ggml.token_type")) {
    STERNA_ASSIGN_OR_RETURN(types_, metadata_.GetInts("tokenizer.ggml.token_type"));
    STERNA_RETURN_IF_ERROR(CheckLength("tokenizer.ggml.token_type", types_.size()));
  }
  parts_.is_control.assign(types_.size(), 0);
  for (size_t id = 0; id < types_.size(); ++id) {
    if (types_[id] < 0 || types_[id] > kByte) {
      return Malformed(fmt::format("tokenizer.ggml.token_type[{}]: expected 0 to {}, found {}", id, int64_t{kByte}, types_[id]));
    }
    parts_.is_control[id] = types_[id] == kControl || types_[id] == kUnknown;
  }
  return Status::Ok();
}

Status GgufVocabulary::CheckLength(std::string_view key, size_t found) const {
  if (found == parts_.texts.size()) return Status::Ok();
  return Malformed(fmt::format("{}: expected {} entries as tokenizer.ggml.tokens has, found {}", key, parts_.texts.size(), found));
}

// Converters often leave such tokens without the type of control tokens; as text of a user they must not end a turn.
void GgufVocabulary::FindEndTokens() {
  parts_.is_end.assign(types_.size(), 0);
  for (const int32_t id : KnownEndTokens(parts_.texts, parts_.index)) {
    parts_.is_end[static_cast<size_t>(id)] = 1;
    parts_.is_control[static_cast<size_t>(id)] = 1;
  }
}

Result<std::optional<TokenId>> GgufVocabulary::ReadId(std::string_view name) const {
  const std::string key = fmt::format("tokenizer.ggml.{}_token_id", name);
  if (!metadata_.Has(key)) return std::optional<TokenId>();
  STERNA_ASSIGN_OR_RETURN(const int64_t id, metadata_.GetInt(key));
  if (id < 0 || id >= static_cast<int64_t>(types_.size())) {
    return Malformed(fmt::format("{}: expected 0 to {}, found {}", key, types_.size() - 1, id));
  }
  return std::optional<TokenId>(static_cast<TokenId>(id));
}

Status GgufVocabulary::ReadSpecialIds(bool adds_bos) {
  STERNA_ASSIGN_OR_RETURN(const std::optional<TokenId> bos, ReadId("bos"));
  STERNA_ASSIGN_OR_RETURN(const std::optional<TokenId> eos, ReadId("eos"));
  STERNA_ASSIGN_OR_RETURN(unknown_, ReadId("unknown"));
  if (bos) parts_.bos = bos;
  if (eos) parts_.eos = eos;
  if (unknown_) parts_.roles.emplace_back("unk", *unknown_);
  using Name = std::pair<std::string_view, std::string_view>;
  for (const auto& [name, role] : {Name("padding", "pad"), Name("seperator", "sep"), Name("mask", "mask"), Name("cls", "cls")}) {
    STERNA_ASSIGN_OR_RETURN(const std::optional<TokenId> id, ReadId(name));
    if (id) parts_.roles.emplace_back(role, *id);
  }
  for (const std::string_view name : {"eot", "eom"}) {
    STERNA_ASSIGN_OR_RETURN(const std::optional<TokenId> id, ReadId(name));
    if (!id) continue;
    parts_.is_end[static_cast<size_t>(*id)] = 1;
    if (name == "eot") parts_.roles.emplace_back(name, *id);
  }
  if (parts_.eos) parts_.is_end[static_cast<size_t>(*parts_.eos)] = 1;
  STERNA_RETURN_IF_ERROR(AddAround("add_bos_token", adds_bos, parts_.bos, "bos", &parts_.prefix));
  return AddAround("add_eos_token", false, parts_.eos, "eos", &parts_.suffix);
}

Status GgufVocabulary::AddAround(std::string_view name, bool fallback, std::optional<TokenId> id, std::string_view id_name,
                                 std::vector<TokenId>* around) const {
  const std::string key = fmt::format("tokenizer.ggml.{}", name);
  STERNA_ASSIGN_OR_RETURN(const bool adds, metadata_.GetBoolOr(key, fallback));
  if (!adds) return Status::Ok();
  if (id) {
    around->push_back(*id);
  } else if (metadata_.Has(key)) {
    return Malformed(fmt::format("{} is true, but tokenizer.ggml.{}_token_id is missing", key, id_name));
  }
  return Status::Ok();
}

Result<std::vector<float>> GgufVocabulary::ReadScores() const {
  STERNA_ASSIGN_OR_RETURN(std::vector<float> scores, metadata_.GetFloats("tokenizer.ggml.scores"));
  STERNA_RETURN_IF_ERROR(CheckLength("tokenizer.ggml.scores", scores.size()));
  for (size_t id = 0; id < scores.size(); ++id) {
    if (!std::isfinite(scores[id])) return Malformed(fmt::format("tokenizer.ggml.scores[{}]: {} is not a score", id, scores[id]));
  }
  return scores;
}

// Tokens of text with their spaces, others as they are.
void GgufVocabulary::AppendBytes() {
  for (size_t id = 0; id < types_.size(); ++id) {
    std::string bytes(parts_.texts[id]);
    if (types_[id] == kNormal && !parts_.is_control[id]) {
      for (size_t at = bytes.find(kSpaceSymbol); at != std::string::npos; at = bytes.find(kSpaceSymbol, at)) {
        bytes.replace(at, kSpaceSymbol.size(), " ");
      }
    }
    parts_.bytes.Append(bytes);
  }
  parts_.joins_bytes = true;
}

// Of a special token: what the file says, else the usual one where it is there.
std::optional<TokenId> GgufVocabulary::ControlId(std::string_view text) const {
  const int32_t id = parts_.index.Find(parts_.texts, text);
  return id < 0 ? std::nullopt : std::optional<TokenId>(id);
}

Status GgufVocabulary::CollectAddedTokens() {
  STERNA_ASSIGN_OR_RETURN(const std::string_view general_name, metadata_.GetStringOr("general.name", ""));
  std::string name(general_name);
  for (char& c : name) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  const bool is_phi3 = name.find("phi-3") != std::string::npos || name.find("phi3") != std::string::npos;
  std::vector<AddedToken> tokens;
  for (size_t id = 0; id < types_.size(); ++id) {
    if (!parts_.is_control[id] && types_[id] != kUserDefined) continue;
    const std::string_view text = parts_.texts[id];
    if (text.size() > kMaxAddedTokenBytes) {
      return Unsupported(
          fmt::format("tokenizer.ggml.tokens[{}]: control or user-defined token of {} bytes, at most {} are accepted", id,
                      text.size(), kMaxAddedTokenBytes));
    }
    AddedToken token;
    token.text = text;
    token.id = static_cast<int32_t>(id);
    token.is_control = parts_.is_control[id];
    // The file cannot say so, but Phi-3's own tokenizer.json strips white space after its control tokens.
    token.strips_right = is_phi3 && text != "<unk>" && text != "<s>" && text != "<|endoftext|>";
    tokens.push_back(std::move(token));
  }
  parts_.added = AddedTokenMatcher(std::move(tokens));
  parts_.longest_first = true;
  return Status::Ok();
}

}  // namespace sterna
