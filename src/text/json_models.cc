#include "text/json_models.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <memory>
#include <string>

#include "text/bpe_model.h"
#include "text/unigram_model.h"
#include "text/word_models.h"

namespace sterna {
namespace {

// Added to the least score for a character that no token covers (`tokenizers` and sentencepiece).
constexpr double kUnknownPenalty = 10;

bool ReadMerge(simdjson::dom::element item, BpeMerge* merge) {
  std::string_view line;
  if (item.get(line) == simdjson::SUCCESS) {
    const size_t space = line.find(' ');
    if (space == 0 || space == std::string_view::npos || line.find(' ', space + 1) != std::string_view::npos) return false;
    *merge = {line.substr(0, space), line.substr(space + 1)};
    return !merge->right.empty();
  }
  simdjson::dom::array pair;
  if (item.get(pair) != simdjson::SUCCESS || pair.size() != 2) return false;
  return pair.at(0).get(merge->left) == simdjson::SUCCESS && pair.at(1).get(merge->right) == simdjson::SUCCESS;
}

Result<std::string> TextOr(const JsonReader& model, std::string_view key, std::string_view fallback) {
  const std::optional<JsonReader> member = model.Find(key);
  if (!member) return std::string(fallback);
  STERNA_ASSIGN_OR_RETURN(const std::string_view text, member->String());
  return std::string(text);
}

Result<BpeMerges> ReadMerges(const JsonReader& model, const BpeOptions& options, const PipelineParts& parts) {
  STERNA_ASSIGN_OR_RETURN(const JsonReader list, model.Get("merges"));
  simdjson::dom::array array;
  if (list.value().get(array) != simdjson::SUCCESS) return list.Wrong("an array");
  std::vector<BpeMerge> merges;
  merges.reserve(array.size());
  for (const simdjson::dom::element item : array) {
    BpeMerge merge;
    if (!ReadMerge(item, &merge)) {
      return Malformed(fmt::format("{}[{}]: expected \"left right\" or [\"left\", \"right\"], found {}", list.place(),
                                   merges.size(), simdjson::minify(item)));
    }
    merges.push_back(merge);
  }
  return ResolveMerges(parts.texts, parts.index, merges, options.continuing_prefix, false, list.place());
}

Status ReadBpe(const JsonReader& model, bool ends_byte_level, const std::vector<uint8_t>& is_foreign, const VocabularyParts* known,
               std::vector<BpeMergeIds>* found_merges, PipelineParts* parts) {
  if (const auto dropout = model.Find("dropout")) {
    STERNA_ASSIGN_OR_RETURN(const double probability, dropout->Number());
    if (probability != 0) return Unsupported(fmt::format("{}: random merges are not supported", dropout->place()));
  }
  BpeOptions options;
  STERNA_ASSIGN_OR_RETURN(options.continuing_prefix, TextOr(model, "continuing_subword_prefix", ""));
  STERNA_ASSIGN_OR_RETURN(options.word_suffix, TextOr(model, "end_of_word_suffix", ""));
  const bool has_affixes = !options.continuing_prefix.empty() || !options.word_suffix.empty();
  options.byte_level = ends_byte_level && !has_affixes;
  if (ends_byte_level && has_affixes) parts->pre_tokenizer.push_back(MakeByteLevelTextStep());
  STERNA_ASSIGN_OR_RETURN(options.ignore_merges, model.GetBoolOr("ignore_merges", false));
  STERNA_ASSIGN_OR_RETURN(options.byte_fallback, model.GetBoolOr("byte_fallback", false));
  STERNA_ASSIGN_OR_RETURN(options.fuse_unknown, model.GetBoolOr("fuse_unk", false));
  if (const auto unknown = model.Find("unk_token")) {
    STERNA_ASSIGN_OR_RETURN(const std::string_view text, unknown->String());
    options.unknown_id = parts->index.Find(parts->texts, text);
    if (options.unknown_id < 0) return Malformed(fmt::format("{}: '{}' is not a token", unknown->place(), text));
  }
  constexpr std::string_view kPlace = "model.merges";
  if (known == nullptr) {
    STERNA_ASSIGN_OR_RETURN(BpeMerges resolved, ReadMerges(model, options, *parts));
    *found_merges = std::move(resolved.by_rank);
  }
  const std::vector<BpeMergeIds>& merges = known == nullptr ? *found_merges : known->merges;
  STERNA_ASSIGN_OR_RETURN(parts->model,
                          BpeModel::Create(parts->texts, parts->index, merges, TokenTable(), is_foreign, options, kPlace));
  const bool may_cut = !ends_byte_level && !has_affixes && !options.ignore_merges &&
                       parts->index.Find(parts->texts, kSpaceSymbol) >= 0 && MayCutBeforeSpaces(parts->texts, parts->is_control);
  if (may_cut) parts->pre_tokenizer.push_back(MakeCutBeforeSpacesStep());
  return Status::Ok();
}

Status ReadWordModel(const JsonReader& model, ModelKind kind, const std::vector<uint8_t>& is_foreign, PipelineParts* parts) {
  STERNA_ASSIGN_OR_RETURN(const std::string_view unknown, model.GetString("unk_token"));
  const int32_t unknown_id = parts->index.Find(parts->texts, unknown);
  if (unknown_id < 0) {
    parts->warnings.push_back(fmt::format("model.unk_token: '{}' is not a token, so texts with unknown words are errors", unknown));
  }
  if (kind == ModelKind::kWordLevel) {
    parts->model = MakeWordLevelModel(parts->texts, is_foreign, unknown_id);
    return Status::Ok();
  }
  WordPieceOptions options;
  options.unknown_id = unknown_id;
  STERNA_ASSIGN_OR_RETURN(const std::string_view prefix, model.GetString("continuing_subword_prefix"));
  options.continuing_prefix = std::string(prefix);
  STERNA_ASSIGN_OR_RETURN(const JsonReader most, model.Get("max_input_chars_per_word"));
  STERNA_ASSIGN_OR_RETURN(const int64_t characters, most.Int(0, INT64_MAX));
  options.max_characters = static_cast<size_t>(characters);
  parts->model = MakeWordPieceModel(parts->texts, is_foreign, options);
  return Status::Ok();
}

Status ReadUnigram(const JsonReader& model, const std::vector<uint8_t>& is_foreign, PipelineParts* parts) {
  STERNA_ASSIGN_OR_RETURN(const JsonReader vocab, model.Get("vocab"));
  STERNA_ASSIGN_OR_RETURN(const std::vector<JsonReader> items, vocab.Items());
  std::vector<double> scores(parts->texts.size());
  std::vector<uint8_t> can_form(parts->texts.size());
  double least = HUGE_VAL;
  for (size_t id = 0; id < items.size(); ++id) {
    const JsonReader score(items[id].value().at(1), fmt::format("{}[1]", items[id].place()));
    STERNA_ASSIGN_OR_RETURN(scores[id], score.Number());
    least = std::min(least, scores[id]);
    can_form[id] = !is_foreign[id];
  }
  UnigramOptions options;
  options.unknown_score = least - kUnknownPenalty;
  if (const auto unknown = model.Find("unk_id")) {
    STERNA_ASSIGN_OR_RETURN(const int64_t id, unknown->Int(0, static_cast<int64_t>(items.size()) - 1));
    options.unknown_id = static_cast<int32_t>(id);
  }
  STERNA_ASSIGN_OR_RETURN(options.has_byte_tokens, model.GetBoolOr("byte_fallback", false));
  for (int byte = 0; byte < 256; ++byte) {
    options.byte_ids[static_cast<size_t>(byte)] = parts->index.Find(parts->texts, fmt::format("<0x{:02X}>", byte));
  }
  parts->model = std::make_unique<UnigramModel>(parts->texts, scores, can_form, options);
  return Status::Ok();
}

}  // namespace

std::string_view ModelKindName(ModelKind kind) {
  switch (kind) {
    case ModelKind::kBpe:
      return "BPE";
    case ModelKind::kWordPiece:
      return "WordPiece";
    case ModelKind::kWordLevel:
      return "WordLevel";
    case ModelKind::kUnigram:
      return "Unigram";
  }
  return "";
}

Result<ModelKind> ReadModelKind(const JsonReader& model) {
  const std::optional<JsonReader> type = model.Find("type");
  if (!type) {
    if (model.Find("merges")) return ModelKind::kBpe;
    if (model.Find("max_input_chars_per_word")) return ModelKind::kWordPiece;
    const std::optional<JsonReader> vocab = model.Find("vocab");
    return vocab && vocab->value().is_array() ? ModelKind::kUnigram : ModelKind::kWordLevel;
  }
  STERNA_ASSIGN_OR_RETURN(const std::string_view name, type->String());
  for (const ModelKind kind : {ModelKind::kBpe, ModelKind::kWordPiece, ModelKind::kWordLevel, ModelKind::kUnigram}) {
    if (ModelKindName(kind) == name) return kind;
  }
  return Unsupported(fmt::format("{}: model '{}' is not supported", type->place(), name));
}

Status ReadVocabularyEntries(const JsonReader& vocab, ModelKind kind, VocabularyEntries* entries) {
  if (kind == ModelKind::kUnigram) {
    STERNA_ASSIGN_OR_RETURN(const std::vector<JsonReader> items, vocab.Items());
    if (items.size() > static_cast<size_t>(kMaxTokenId)) {
      return Malformed(fmt::format("{}: {} tokens, at most {} are accepted", vocab.place(), items.size(), kMaxTokenId));
    }
    for (const JsonReader& item : items) {
      simdjson::dom::array pair;
      std::string_view text;
      const bool is_pair =
          item.value().get(pair) == simdjson::SUCCESS && pair.size() == 2 && pair.at(0).get(text) == simdjson::SUCCESS;
      if (!is_pair) return item.Wrong("[\"token\", score]");
      entries->emplace_back(text, static_cast<int64_t>(entries->size()));
    }
    return Status::Ok();
  }
  simdjson::dom::object object;
  if (vocab.value().get(object) != simdjson::SUCCESS) return vocab.Wrong("an object");
  for (const auto& [text, value] : object) {
    int64_t id = -1;
    if (value.get(id) != simdjson::SUCCESS || id < 0 || id > kMaxTokenId) {
      return JsonReader(value, fmt::format("{}['{}']", vocab.place(), text))
          .Wrong(fmt::format("an integer from 0 to {}", kMaxTokenId));
    }
    entries->emplace_back(text, id);
  }
  return Status::Ok();
}

Status ReadModel(const JsonReader& model, ModelKind kind, bool ends_byte_level, const std::vector<uint8_t>& is_foreign,
                 const VocabularyParts* known, std::vector<BpeMergeIds>* found_merges, PipelineParts* parts) {
  if (kind == ModelKind::kBpe) return ReadBpe(model, ends_byte_level, is_foreign, known, found_merges, parts);
  if (ends_byte_level) parts->pre_tokenizer.push_back(MakeByteLevelTextStep());
  if (kind == ModelKind::kUnigram) return ReadUnigram(model, is_foreign, parts);
  return ReadWordModel(model, kind, is_foreign, parts);
}

}  // namespace sterna
