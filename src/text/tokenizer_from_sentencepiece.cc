// Tokenizer::FromSentencePiece: model files of the SentencePiece library, BPE and Unigram.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cfloat>
#include <cmath>
#include <memory>
#include <utility>

#include "text/end_of_generation.h"
#include "text/pipeline_tokenizer.h"
#include "text/score_model.h"
#include "text/sentencepiece_file.h"
#include "text/sentencepiece_normalizer.h"
#include "text/tokenizer.h"
#include "text/unigram_model.h"

namespace sterna {
namespace {

using Type = SentencePieceType;

constexpr size_t kMaxVocabularyBytes = size_t{1} << 26;
constexpr float kUnknownPenalty = 10;
constexpr size_t kMaxFileBytes = size_t{1} << 29;

/// The members on their way to PipelineParts.
class SentencePieceVocabulary {
 public:
  explicit SentencePieceVocabulary(const SentencePieceFile& file) : file_(file) {}

  Result<std::shared_ptr<const Tokenizer>> Build() {
    if (file_.has_denormalizer) return Unsupported("SentencePiece model: denormalizer_spec with rules is not supported");
    STERNA_RETURN_IF_ERROR(ReadPieces());
    STERNA_RETURN_IF_ERROR(MakeNormalizer());
    STERNA_RETURN_IF_ERROR(MakeModel());
    STERNA_RETURN_IF_ERROR(CollectAddedTokens());
    MakeDecoder();
    for (const int32_t id : KnownEndTokens(parts_.texts, parts_.index)) {
      parts_.is_end[static_cast<size_t>(id)] = 1;
      parts_.is_control[static_cast<size_t>(id)] = 1;
    }
    parts_.bos = IdOf(file_.bos_id);
    parts_.eos = IdOf(file_.eos_id);
    parts_.roles.emplace_back("unk", unknown_id_);
    if (parts_.eos) parts_.is_end[static_cast<size_t>(*parts_.eos)] = 1;
    const bool is_bpe = file_.algorithm == SentencePieceAlgorithm::kBpe;
    parts_.description = fmt::format("SentencePiece {} model, {} tokens", is_bpe ? "BPE" : "Unigram", file_.pieces.size());
    return std::shared_ptr<const Tokenizer>(std::make_shared<PipelineTokenizer>(std::move(parts_)));
  }

 private:
  bool Is(size_t id, Type type) const { return file_.pieces[id].type == type; }

  std::optional<TokenId> IdOf(int32_t id) const {
    if (id < 0 || static_cast<size_t>(id) >= file_.pieces.size()) return std::nullopt;
    return id;
  }

  Status ReadPieces() {
    const size_t count = file_.pieces.size();
    parts_.index = TokenIndex(count);
    parts_.is_control.assign(count, 0);
    parts_.is_end.assign(count, 0);
    can_form_.assign(count, 0);
    byte_ids_.fill(-1);
    for (size_t id = 0; id < count; ++id) {
      const SentencePieceFile::Piece& piece = file_.pieces[id];
      if (parts_.texts.total_bytes() + piece.text.size() > kMaxVocabularyBytes) {
        return Malformed(fmt::format("SentencePiece model: piece {}: the texts exceed {} bytes", id, kMaxVocabularyBytes));
      }
      parts_.texts.Append(piece.text);
      if (!parts_.index.Insert(parts_.texts, static_cast<int32_t>(id))) {
        return Malformed(fmt::format("SentencePiece model: piece {}: '{}' is there already", id, piece.text));
      }
      parts_.is_control[id] = piece.type == Type::kControl || piece.type == Type::kUnknown;
      can_form_[id] = piece.type == Type::kNormal || piece.type == Type::kUserDefined || piece.type == Type::kUnused;
      if (piece.type == Type::kUserDefined) user_defined_.emplace_back(piece.text, static_cast<int32_t>(id));
      if (piece.type == Type::kUnknown) {
        if (unknown_id_ >= 0) return Malformed(fmt::format("SentencePiece model: piece {}: a second unknown piece", id));
        unknown_id_ = static_cast<int32_t>(id);
      }
      if (piece.type == Type::kByte) {
        const int byte = ByteOfFallbackToken(piece.text);
        if (byte < 0 || !file_.byte_fallback) {
          return Malformed(
              fmt::format("SentencePiece model: piece {}: '{}' is not a byte piece of a model with byte_fallback", id, piece.text));
        }
        byte_ids_[static_cast<size_t>(byte)] = static_cast<int32_t>(id);
      }
    }
    if (unknown_id_ < 0) return Malformed("SentencePiece model: no unknown piece");
    const auto missing = std::find(byte_ids_.begin(), byte_ids_.end(), -1);
    if (file_.byte_fallback && missing != byte_ids_.end()) {
      return Malformed(fmt::format("SentencePiece model: byte_fallback, but no piece for byte {}", missing - byte_ids_.begin()));
    }
    return Status::Ok();
  }

  Status MakeNormalizer() {
    SentencePieceRules rules;
    rules.add_dummy_prefix = file_.add_dummy_prefix;
    rules.remove_extra_whitespaces = file_.remove_extra_whitespaces;
    rules.escape_whitespaces = file_.escape_whitespaces;
    rules.whitespace_as_suffix = file_.whitespace_as_suffix;
    if (!file_.charsmap.empty()) {
      STERNA_ASSIGN_OR_RETURN(rules.charsmap,
                              PrecompiledCharsmap::Parse(file_.charsmap, "SentencePiece model: precompiled_charsmap"));
    }
    parts_.normalizer.push_back(MakeSentencePieceStep(std::move(rules), user_defined_));
    return Status::Ok();
  }

  Status MakeModel() {
    if (file_.algorithm == SentencePieceAlgorithm::kUnigram) return MakeUnigram();
    if (file_.algorithm != SentencePieceAlgorithm::kBpe) {
      const bool is_word = file_.algorithm == SentencePieceAlgorithm::kWord;
      return Unsupported(fmt::format("SentencePiece model: model_type {} is not supported", is_word ? "WORD" : "CHAR"));
    }
    ScoreModelOptions options;
    options.byte_ids = byte_ids_;
    options.unknown_id = unknown_id_;
    options.fuses_unknown = !file_.byte_fallback;
    options.last_byte_has_range = true;
    options.frozen = user_defined_;
    std::vector<float> scores;
    for (const SentencePieceFile::Piece& piece : file_.pieces) {
      scores.push_back(piece.score);
      options.is_unused.push_back(piece.type == Type::kUnused);
    }
    if (std::find(options.is_unused.begin(), options.is_unused.end(), 1) == options.is_unused.end()) options.is_unused.clear();
    parts_.model = std::make_unique<ScoreModel>(parts_.texts, scores, can_form_, std::move(options));
    // A run of unknown characters is one token even across a cut, so cuts are only for models that know every byte.
    if (file_.byte_fallback && MayCutBeforeSpaces(parts_.texts, parts_.is_control)) {
      parts_.pre_tokenizer.push_back(MakeCutBeforeSpacesStep());
    }
    return Status::Ok();
  }

  Status MakeUnigram() {
    std::vector<double> scores;
    float least = HUGE_VALF;
    float most = FLT_MIN;  // as the reference starts
    for (const SentencePieceFile::Piece& piece : file_.pieces) {
      if (piece.type != Type::kNormal) continue;
      least = std::min(least, piece.score);
      most = std::max(most, piece.score);
    }
    for (size_t id = 0; id < file_.pieces.size(); ++id) {
      const SentencePieceFile::Piece& piece = file_.pieces[id];
      // So high that it is always taken.
      const bool is_user_defined = piece.type == Type::kUserDefined;
      const double bonus = static_cast<double>(static_cast<float>(piece.text.size()) * most) - 0.1;
      scores.push_back(is_user_defined ? bonus : static_cast<double>(piece.score));
      if (piece.type == Type::kUnused) can_form_[id] = 0;
    }
    UnigramOptions options;
    options.single_precision = true;
    options.unknown_score = static_cast<double>(least - kUnknownPenalty);
    options.unknown_id = unknown_id_;
    options.fuses_before_lookup = false;
    options.byte_ids = byte_ids_;
    options.has_byte_tokens = file_.byte_fallback;
    options.last_byte_has_range = true;
    parts_.model = std::make_unique<UnigramModel>(parts_.texts, scores, can_form_, options);
    return Status::Ok();
  }

  // Control pieces are found only where the caller parses special tokens; the library itself never does.
  Status CollectAddedTokens() {
    std::vector<AddedToken> tokens;
    for (size_t id = 0; id < file_.pieces.size(); ++id) {
      if (!Is(id, Type::kControl)) continue;
      if (file_.pieces[id].text.size() > kMaxAddedTokenBytes) {
        return Unsupported(fmt::format("SentencePiece model: piece {}: control piece of {} bytes, at most {} are accepted", id,
                                       file_.pieces[id].text.size(), kMaxAddedTokenBytes));
      }
      AddedToken token;
      token.text = file_.pieces[id].text;
      token.id = static_cast<int32_t>(id);
      token.is_control = true;
      tokens.push_back(std::move(token));
    }
    parts_.added = AddedTokenMatcher(std::move(tokens));
    parts_.longest_first = true;
    return Status::Ok();
  }

  void MakeDecoder() {
    for (size_t id = 0; id < file_.pieces.size(); ++id) {
      std::string bytes(file_.pieces[id].text);
      if (Is(id, Type::kByte)) {
        bytes.assign(1, static_cast<char>(ByteOfFallbackToken(bytes)));
      } else if (Is(id, Type::kUnknown)) {
        bytes = file_.unknown_surface;
        parts_.normalized_texts[static_cast<TokenId>(id)] = bytes;
      } else if (!Is(id, Type::kControl)) {
        for (size_t at = bytes.find(kSpaceSymbol); at != std::string::npos; at = bytes.find(kSpaceSymbol, at)) {
          bytes.replace(at, kSpaceSymbol.size(), " ");
        }
      }
      parts_.bytes.Append(bytes);
    }
    // The unknown token shows as the file says; it is not among the tokens that decoding leaves out.
    parts_.is_skipped = parts_.is_control;
    parts_.is_skipped[static_cast<size_t>(unknown_id_)] = 0;
    parts_.decoder.emplace();
    const bool drops_first = file_.add_dummy_prefix || file_.remove_extra_whitespaces;
    parts_.decoder->push_back(MakeSentencePieceDecoder(drops_first, file_.remove_extra_whitespaces));
  }

  const SentencePieceFile& file_;
  PipelineParts parts_;
  std::vector<uint8_t> can_form_;
  std::array<int32_t, 256> byte_ids_{};
  std::vector<std::pair<std::string_view, int32_t>> user_defined_;
  int32_t unknown_id_ = -1;
};

}  // namespace

Result<std::shared_ptr<const Tokenizer>> Tokenizer::FromSentencePiece(std::string_view model) {
  if (model.size() > kMaxFileBytes) {
    return OutOfRange(fmt::format("SentencePiece model: {} bytes, at most {} are accepted", model.size(), kMaxFileBytes));
  }
  STERNA_ASSIGN_OR_RETURN(const SentencePieceFile file, ParseSentencePieceFile(model));
  return SentencePieceVocabulary(file).Build();
}

}  // namespace sterna
