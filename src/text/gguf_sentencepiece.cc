// GGUF vocabularies made by SentencePiece: the models llama (BPE by scores) and t5 (Unigram).
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <memory>
#include <string>
#include <utility>

#include "text/gguf_vocabulary.h"
#include "text/score_model.h"
#include "text/sentencepiece_normalizer.h"
#include "text/unigram_model.h"

namespace sterna {

Status GgufVocabulary::BuildSentencePiece() {
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

Status GgufVocabulary::BuildUnigram() {
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

}  // namespace sterna
