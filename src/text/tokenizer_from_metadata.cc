// Tokenizer::FromMetadata: vocabularies as GGUF files hold them (keys: gguf specification and llama.cpp llama-vocab.cpp).
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <memory>
#include <utility>

#include "text/bpe_model.h"
#include "text/byte_level.h"
#include "text/end_of_generation.h"
#include "text/gguf_pre_types.h"
#include "text/pipeline_tokenizer.h"
#include "text/score_model.h"
#include "text/sentencepiece_normalizer.h"
#include "text/tokenizer.h"
#include "text/unicode_table.h"
#include "text/unigram_model.h"
#include "text/word_models.h"

namespace sterna {
namespace {

constexpr size_t kMaxTokens = size_t{1} << 24;
constexpr size_t kMaxVocabularyBytes = size_t{1} << 26;

enum TokenType : int64_t { kNormal = 1, kUnknown = 2, kControl = 3, kUserDefined = 4, kUnused = 5, kByte = 6 };

/// The keys on their way to PipelineParts.
class GgufVocabulary {
 public:
  explicit GgufVocabulary(const Metadata& metadata) : metadata_(metadata) {}

  Result<std::shared_ptr<const Tokenizer>> Build() {
    STERNA_ASSIGN_OR_RETURN(const std::string_view model, metadata_.GetString("tokenizer.ggml.model"));
    STERNA_RETURN_IF_ERROR(ReadTokens());
    STERNA_RETURN_IF_ERROR(ReadTypes());
    FindEndTokens();
    if (model == "gpt2") {
      STERNA_RETURN_IF_ERROR(BuildBpe());
    } else if (model == "llama") {
      STERNA_RETURN_IF_ERROR(BuildSentencePiece());
    } else if (model == "bert") {
      STERNA_RETURN_IF_ERROR(BuildWordPiece());
    } else if (model == "t5") {
      STERNA_RETURN_IF_ERROR(BuildUnigram());
    } else {
      return Unsupported(fmt::format("tokenizer.ggml.model: '{}' (expected gpt2, llama, bert or t5)", model));
    }
    STERNA_RETURN_IF_ERROR(CollectAddedTokens());
    return std::shared_ptr<const Tokenizer>(std::make_shared<PipelineTokenizer>(std::move(parts_)));
  }

 private:
  Status ReadTokens() {
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

  Status ReadTypes() {
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

  Status CheckLength(std::string_view key, size_t found) const {
    if (found == parts_.texts.size()) return Status::Ok();
    return Malformed(
        fmt::format("{}: expected {} entries as tokenizer.ggml.tokens has, found {}", key, parts_.texts.size(), found));
  }

  // Converters often leave such tokens without the type of control tokens; as text of a user they must not end a turn.
  void FindEndTokens() {
    parts_.is_end.assign(types_.size(), 0);
    for (const int32_t id : KnownEndTokens(parts_.texts, parts_.index)) {
      parts_.is_end[static_cast<size_t>(id)] = 1;
      parts_.is_control[static_cast<size_t>(id)] = 1;
    }
  }

  Result<std::optional<TokenId>> ReadId(std::string_view name) const {
    const std::string key = fmt::format("tokenizer.ggml.{}_token_id", name);
    if (!metadata_.Has(key)) return std::optional<TokenId>();
    STERNA_ASSIGN_OR_RETURN(const int64_t id, metadata_.GetInt(key));
    if (id < 0 || id >= static_cast<int64_t>(types_.size())) {
      return Malformed(fmt::format("{}: expected 0 to {}, found {}", key, types_.size() - 1, id));
    }
    return std::optional<TokenId>(static_cast<TokenId>(id));
  }

  Status ReadSpecialIds(bool adds_bos) {
    STERNA_ASSIGN_OR_RETURN(const std::optional<TokenId> bos, ReadId("bos"));
    STERNA_ASSIGN_OR_RETURN(const std::optional<TokenId> eos, ReadId("eos"));
    STERNA_ASSIGN_OR_RETURN(unknown_, ReadId("unknown"));
    if (bos) parts_.bos = bos;
    if (eos) parts_.eos = eos;
    for (const std::string_view name : {"padding", "seperator", "mask", "cls"}) {
      const auto id = ReadId(name);
      if (!id.ok()) return id.status();
    }
    for (const std::string_view name : {"eot", "eom"}) {
      STERNA_ASSIGN_OR_RETURN(const std::optional<TokenId> id, ReadId(name));
      if (id) parts_.is_end[static_cast<size_t>(*id)] = 1;
    }
    if (parts_.eos) parts_.is_end[static_cast<size_t>(*parts_.eos)] = 1;
    STERNA_RETURN_IF_ERROR(AddAround("add_bos_token", adds_bos, parts_.bos, "bos", &parts_.prefix));
    return AddAround("add_eos_token", false, parts_.eos, "eos", &parts_.suffix);
  }

  Status AddAround(std::string_view name, bool fallback, std::optional<TokenId> id, std::string_view id_name,
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

  bool Has(size_t id, std::string_view text) const { return id < types_.size() && parts_.texts[id] == text; }

  // The vocabularies that files without the key are known to have.
  std::string_view GuessPreType(bool is_bitnet) const {
    // Of Llama 3; the official BitNet 2B file lacks the key, and its training used that pre-tokenizer.
    if (Has(128000, "<|begin_of_text|>") || (is_bitnet && types_.size() == 128256)) return "llama-bpe";
    if (Has(151643, "<|endoftext|>")) return "qwen2";
    if (types_.size() == 50257 && Has(50256, "<|endoftext|>")) return "gpt-2";
    return "default";
  }

  Result<const GgufPreType*> ReadPreType() {
    STERNA_ASSIGN_OR_RETURN(std::string_view name, metadata_.GetStringOr("tokenizer.ggml.pre", ""));
    if (name.empty()) {
      STERNA_ASSIGN_OR_RETURN(const std::string_view architecture, metadata_.GetStringOr("general.architecture", ""));
      name = GuessPreType(architecture.starts_with("bitnet"));
      parts_.warnings.push_back(fmt::format("tokenizer.ggml.pre is missing: {} '{}'",
                                            name == "default" ? "nothing tells what it should be, so it is taken for"
                                                              : "by its special tokens the vocabulary is that of",
                                            name));
    }
    const GgufPreType* type = FindGgufPreType(name);
    if (type == nullptr) return Unsupported(fmt::format("tokenizer.ggml.pre: unknown pre-tokenizer '{}'", name));
    return type;
  }

  Status BuildBpe() {
    STERNA_ASSIGN_OR_RETURN(const GgufPreType* type, ReadPreType());
    for (const std::string_view expression : type->expressions) {
      if (expression.empty()) break;
      STERNA_ASSIGN_OR_RETURN(auto step, MakeRegexStep(expression, SplitBehavior::kIsolated, false));
      parts_.pre_tokenizer.push_back(std::move(step));
    }
    STERNA_RETURN_IF_ERROR(ReadSpecialIds(type->adds_bos));
    STERNA_ASSIGN_OR_RETURN(const bool adds_space, metadata_.GetBoolOr("tokenizer.ggml.add_space_prefix", false));
    if (adds_space) return Unsupported("tokenizer.ggml.add_space_prefix: true with tokenizer.ggml.model gpt2");

    STERNA_ASSIGN_OR_RETURN(const std::vector<std::string>* lines, metadata_.GetStrings("tokenizer.ggml.merges"));
    std::vector<BpeMerge> merges;
    merges.reserve(lines->size());
    for (size_t rank = 0; rank < lines->size(); ++rank) {
      const std::string_view line = (*lines)[rank];
      const size_t space = line.find(' ', 1);
      if (space == std::string_view::npos) {
        return Malformed(
            fmt::format("tokenizer.ggml.merges[{}]: expected two tokens with a space between, found '{}'", rank, line));
      }
      merges.push_back({line.substr(0, space), line.substr(space + 1)});
    }
    BpeOptions options;
    options.ignore_merges = type->ignores_merges;
    options.unknown_id = unknown_.value_or(-1);
    STERNA_ASSIGN_OR_RETURN(
        parts_.model, BpeModel::Create(parts_.texts, parts_.index, merges, parts_.is_control, options, "tokenizer.ggml.merges"));
    std::string bytes;
    for (size_t id = 0; id < types_.size(); ++id) {
      bytes.clear();
      const bool is_plain_text = parts_.is_control[id] || types_[id] == kUserDefined;
      if (is_plain_text || !AppendBytesOfByteLevel(parts_.texts[id], &bytes)) bytes = parts_.texts[id];
      parts_.bytes.Append(bytes);
    }
    parts_.joins_bytes = true;
    parts_.description = fmt::format("BPE gpt2/{}, {} tokens", type->name, types_.size());
    return Status::Ok();
  }

  Result<std::vector<float>> ReadScores() const {
    STERNA_ASSIGN_OR_RETURN(std::vector<float> scores, metadata_.GetFloats("tokenizer.ggml.scores"));
    STERNA_RETURN_IF_ERROR(CheckLength("tokenizer.ggml.scores", scores.size()));
    for (size_t id = 0; id < scores.size(); ++id) {
      if (!std::isfinite(scores[id])) return Malformed(fmt::format("tokenizer.ggml.scores[{}]: {} is not a score", id, scores[id]));
    }
    return scores;
  }

  // Tokens of text with their spaces, others as they are.
  void AppendBytes() {
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
  std::optional<TokenId> ControlId(std::string_view text) const {
    const int32_t id = parts_.index.Find(parts_.texts, text);
    return id < 0 ? std::nullopt : std::optional<TokenId>(id);
  }

  // WordPiece as llama.cpp has it: words begin with U+2581, what continues them has no prefix.
  Status BuildWordPiece() {
    parts_.bos = ControlId("[CLS]");
    STERNA_RETURN_IF_ERROR(ReadSpecialIds(true));
    if (!unknown_) unknown_ = ControlId("[UNK]");
    STERNA_ASSIGN_OR_RETURN(std::optional<TokenId> separator, ReadId("seperator"));
    if (!separator) separator = ControlId("[SEP]");
    STERNA_RETURN_IF_ERROR(AddAround("add_sep_token", true, separator, "seperator", &parts_.suffix));
    for (const std::optional<TokenId>& id : {parts_.bos, unknown_, separator}) {
      if (id) parts_.is_control[static_cast<size_t>(*id)] = 1;
    }
    BertNormalizerOptions cleaning;
    STERNA_ASSIGN_OR_RETURN(cleaning.lowercase, metadata_.GetBoolOr("tokenizer.ggml.normalizer.lowercase", true));
    STERNA_ASSIGN_OR_RETURN(cleaning.strip_accents,
                            metadata_.GetBoolOr("tokenizer.ggml.normalizer.strip_accents", cleaning.lowercase));
    STERNA_ASSIGN_OR_RETURN(auto step, MakeBertStep(cleaning));
    parts_.normalizer.push_back(std::move(step));
    parts_.pre_tokenizer.push_back(MakeClassStep(kWhiteSpace, false, SplitBehavior::kRemoved));
    parts_.pre_tokenizer.push_back(MakeClassStep(kOldPunctuation, true, SplitBehavior::kIsolated));
    parts_.pre_tokenizer.push_back(MakeRewriteStep(MakePrependStep(kSpaceSymbol)));
    WordPieceOptions options;
    options.continuing_prefix.clear();
    options.max_characters = SIZE_MAX;
    options.unknown_id = unknown_.value_or(-1);
    parts_.model = MakeWordPieceModel(parts_.texts, parts_.is_control, options);
    AppendBytes();
    parts_.drops_first_space = true;
    parts_.description = fmt::format("WordPiece bert, {} tokens", types_.size());
    return Status::Ok();
  }

  Status BuildUnigram() {
    STERNA_ASSIGN_OR_RETURN(const std::vector<float> scores, ReadScores());
    parts_.eos = ControlId("</s>");
    STERNA_RETURN_IF_ERROR(ReadSpecialIds(false));
    if (!metadata_.Has("tokenizer.ggml.add_eos_token") && parts_.eos) parts_.suffix = {*parts_.eos};
    if (!unknown_) unknown_ = ControlId("<unk>");
    if (!unknown_) return Malformed("tokenizer.ggml.unknown_token_id: is missing, and there is no token '<unk>'");
    SentencePieceRules rules;
    STERNA_ASSIGN_OR_RETURN(rules.add_dummy_prefix, metadata_.GetBoolOr("tokenizer.ggml.add_space_prefix", false));
    STERNA_ASSIGN_OR_RETURN(rules.remove_extra_whitespaces, metadata_.GetBoolOr("tokenizer.ggml.remove_extra_whitespaces", false));
    constexpr std::string_view kCharsmap = "tokenizer.ggml.precompiled_charsmap";
    if (metadata_.Has(kCharsmap)) {
      STERNA_ASSIGN_OR_RETURN(const std::vector<int64_t> bytes, metadata_.GetInts(kCharsmap));
      std::string blob;
      for (const int64_t byte : bytes) {
        if (byte < -128 || byte > 255) return Malformed(fmt::format("{}: {} is not a byte", kCharsmap, byte));
        blob.push_back(static_cast<char>(static_cast<uint8_t>(byte)));
      }
      STERNA_ASSIGN_OR_RETURN(rules.charsmap, PrecompiledCharsmap::Parse(blob, kCharsmap));
    }
    parts_.drops_first_space = rules.add_dummy_prefix;
    std::vector<double> double_scores;
    std::vector<uint8_t> can_form;
    double least = HUGE_VAL;
    for (size_t id = 0; id < types_.size(); ++id) {
      const bool is_text = types_[id] == kNormal || types_[id] == kUserDefined || types_[id] == kUnused;
      can_form.push_back(is_text && !parts_.is_control[id] && static_cast<TokenId>(id) != *unknown_);
      double_scores.push_back(types_[id] == kUserDefined ? 0.0 : static_cast<double>(scores[id]));
      if (types_[id] == kNormal) least = std::min(least, double_scores.back());
    }
    parts_.normalizer.push_back(MakeSentencePieceStep(std::move(rules), {}));
    UnigramOptions options;
    options.unknown_score = static_cast<double>(static_cast<float>(least) - 10.0f);
    options.unknown_id = *unknown_;
    options.fuses_before_lookup = false;
    parts_.model = std::make_unique<UnigramModel>(parts_.texts, double_scores, can_form, options);
    AppendBytes();
    parts_.description = fmt::format("Unigram t5, {} tokens", types_.size());
    return Status::Ok();
  }

  Status BuildSentencePiece() {
    STERNA_ASSIGN_OR_RETURN(const std::vector<float> scores, ReadScores());
    // The ids that sentencepiece gives by default, where the file does not say.
    const auto default_id = [&](std::string_view text) -> std::optional<TokenId> {
      const int32_t id = parts_.index.Find(parts_.texts, text);
      if (id < 0 || !parts_.is_control[static_cast<size_t>(id)]) return std::nullopt;
      return id;
    };
    parts_.bos = default_id("<s>");
    parts_.eos = default_id("</s>");
    STERNA_RETURN_IF_ERROR(ReadSpecialIds(true));
    if (!unknown_) unknown_ = default_id("<unk>");

    ScoreModelOptions options;
    options.byte_ids.fill(-1);
    options.unknown_id = unknown_.value_or(-1);
    std::vector<uint8_t> can_form(types_.size());
    for (size_t id = 0; id < types_.size(); ++id) {
      const std::string_view text = parts_.texts[id];
      can_form[id] = types_[id] == kNormal || types_[id] == kUserDefined || types_[id] == kUnused;
      if (parts_.is_control[id]) can_form[id] = 0;
      std::string bytes;
      if (types_[id] == kByte) {
        const int byte = ByteOfFallbackToken(text);
        if (byte < 0)
          return Malformed(fmt::format("tokenizer.ggml.tokens[{}]: byte token '{}', expected '<0x00>' to '<0xFF>'", id, text));
        options.byte_ids[static_cast<size_t>(byte)] = static_cast<int32_t>(id);
        bytes.push_back(static_cast<char>(byte));
      } else {
        bytes = text;
        if (types_[id] == kNormal && !parts_.is_control[id]) {
          for (size_t at = bytes.find(kSpaceSymbol); at != std::string::npos; at = bytes.find(kSpaceSymbol, at)) {
            bytes.replace(at, kSpaceSymbol.size(), " ");
          }
        }
      }
      parts_.bytes.Append(bytes);
    }
    STERNA_ASSIGN_OR_RETURN(parts_.space_after_special, metadata_.GetBoolOr("tokenizer.ggml.add_space_prefix", true));
    parts_.normalizer.push_back(MakeReplaceLiteralStep(" ", kSpaceSymbol));
    if (MayCutBeforeSpaces(parts_.texts, parts_.is_control)) parts_.pre_tokenizer.push_back(MakeCutBeforeSpacesStep());
    parts_.model = std::make_unique<ScoreModel>(parts_.texts, scores, can_form, std::move(options));
    parts_.joins_bytes = true;
    parts_.drops_first_space = parts_.space_after_special;
    parts_.description = fmt::format("SentencePiece BPE llama, {} tokens", types_.size());
    return Status::Ok();
  }

  Status CollectAddedTokens() {
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

  const Metadata& metadata_;
  PipelineParts parts_;
  std::vector<int64_t> types_;
  std::optional<TokenId> unknown_;
};

}  // namespace

Result<std::shared_ptr<const Tokenizer>> Tokenizer::FromMetadata(const Metadata& metadata) {
  return GgufVocabulary(metadata).Build();
}

}  // namespace sterna
