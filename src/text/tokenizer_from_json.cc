// Tokenizer::FromJson: Hugging Face tokenizer.json, with tokenizer_config.json for what it does not say.
#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "text/bpe_model.h"
#include "text/byte_level.h"
#include "text/end_of_generation.h"
#include "text/json_reader.h"
#include "text/json_steps.h"
#include "text/pipeline_tokenizer.h"
#include "text/tokenizer.h"

namespace sterna {
namespace {

constexpr size_t kMaxJsonBytes = size_t{1} << 29;
constexpr int64_t kMaxId = (int64_t{1} << 24) - 1;
constexpr size_t kMaxIdsPerToken = 4;  // holes in the id range cost memory for nothing
constexpr int kMaxProcessorDepth = 8;

Result<simdjson::dom::element> Parse(simdjson::dom::parser* parser, std::string_view text, std::string_view name) {
  if (text.size() > kMaxJsonBytes)
    return OutOfRange(fmt::format("{}: {} bytes, at most {} are accepted", name, text.size(), kMaxJsonBytes));
  simdjson::dom::element root;
  const auto error = parser->parse(text.data(), text.size()).get(root);
  if (error != simdjson::SUCCESS) return Malformed(fmt::format("{}: {}", name, simdjson::error_message(error)));
  if (!root.is_object()) return Malformed(fmt::format("{}: expected an object", name));
  return root;
}

/// The members on their way to PipelineParts.
class JsonVocabulary {
 public:
  JsonVocabulary(const JsonReader& root, std::optional<JsonReader> config) : root_(root), config_(std::move(config)) {}

  Result<std::shared_ptr<const Tokenizer>> Build() {
    STERNA_ASSIGN_OR_RETURN(const JsonReader model, root_.Get("model"));
    const std::optional<JsonReader> type = model.Find("type");
    if (type) {
      STERNA_ASSIGN_OR_RETURN(const std::string_view name, type->String());
      if (name != "BPE") return Unsupported(fmt::format("{}: model '{}' is not supported", type->place(), name));
    }
    STERNA_RETURN_IF_ERROR(ReadVocabulary(model));
    if (const auto json = root_.Find("normalizer")) STERNA_RETURN_IF_ERROR(ReadNormalizer(*json, &parts_.normalizer));
    bool ends_byte_level = false;
    if (const auto json = root_.Find("pre_tokenizer")) {
      STERNA_RETURN_IF_ERROR(ReadPreTokenizer(*json, &parts_.pre_tokenizer, &ends_byte_level));
    }
    STERNA_RETURN_IF_ERROR(ReadModel(model, ends_byte_level));
    STERNA_RETURN_IF_ERROR(MakeMatchers());
    STERNA_RETURN_IF_ERROR(ReadDecoderAndBytes());
    if (const auto json = root_.Find("post_processor")) STERNA_RETURN_IF_ERROR(ReadPostProcessor(*json, 0));
    STERNA_RETURN_IF_ERROR(ReadConfig());
    for (const int32_t id : KnownEndTokens(parts_.texts, parts_.index)) parts_.is_end[static_cast<size_t>(id)] = 1;
    if (parts_.eos) parts_.is_end[static_cast<size_t>(*parts_.eos)] = 1;
    parts_.description = fmt::format("BPE tokenizer.json, {} tokens", parts_.texts.size());
    return std::shared_ptr<const Tokenizer>(std::make_shared<PipelineTokenizer>(std::move(parts_)));
  }

 private:
  Status ReadVocabulary(const JsonReader& model) {
    STERNA_ASSIGN_OR_RETURN(const JsonReader vocab, model.Get("vocab"));
    simdjson::dom::object object;
    if (vocab.value().get(object) != simdjson::SUCCESS) return vocab.Wrong("an object");
    STERNA_RETURN_IF_ERROR(ReadAddedTokens());
    // The range is known before anything is allocated by it.
    size_t entries = added_.size();
    int64_t last_id = -1;
    for (const auto& [text, value] : object) {
      int64_t id = -1;
      if (value.get(id) != simdjson::SUCCESS || id < 0 || id > kMaxId) {
        return JsonReader(value, fmt::format("{}['{}']", vocab.place(), text))
            .Wrong(fmt::format("an integer from 0 to {}", kMaxId));
      }
      last_id = std::max(last_id, id);
      ++entries;
    }
    for (const AddedTokenJson& added : added_) last_id = std::max<int64_t>(last_id, added.token.id);
    if (entries == 0) return Malformed(fmt::format("{}: no tokens", vocab.place()));
    const auto ids = static_cast<size_t>(last_id + 1);
    if (ids > entries * kMaxIdsPerToken) {
      return Malformed(fmt::format("{}: ids up to {} for {} tokens only", vocab.place(), last_id, entries));
    }

    std::vector<std::string_view> texts(ids);
    std::vector<uint8_t> is_token(ids);
    const auto place_token = [&](std::string_view text, int64_t id, const std::string& place) -> Status {
      const auto index = static_cast<size_t>(id);
      if (is_token[index] && texts[index] != text) {
        return Malformed(fmt::format("{}: id {} is '{}' already", place, id, texts[index]));
      }
      texts[index] = text;
      is_token[index] = 1;
      return Status::Ok();
    };
    for (const auto& [text, value] : object) {
      STERNA_RETURN_IF_ERROR(place_token(text, value.get_int64().value_unsafe(), vocab.place()));
    }
    for (const AddedTokenJson& added : added_) STERNA_RETURN_IF_ERROR(place_token(added.token.text, added.token.id, added.place));
    parts_.index = TokenIndex(entries);
    for (size_t id = 0; id < texts.size(); ++id) {
      parts_.texts.Append(texts[id]);
      if (texts[id].empty() || parts_.index.Insert(parts_.texts, static_cast<int32_t>(id))) continue;
      return Malformed(fmt::format("{}: token '{}' has two ids, {} and {}", vocab.place(), texts[id],
                                   parts_.index.Find(parts_.texts, texts[id]), id));
    }
    parts_.is_end.assign(texts.size(), 0);
    parts_.is_control.assign(texts.size(), 0);
    for (const AddedTokenJson& added : added_) {
      if (added.token.is_control) parts_.is_control[static_cast<size_t>(added.token.id)] = 1;
    }
    return Status::Ok();
  }

  Status ReadAddedTokens() {
    const std::optional<JsonReader> list = root_.Find("added_tokens");
    if (!list) return Status::Ok();
    STERNA_ASSIGN_OR_RETURN(const std::vector<JsonReader> items, list->Items());
    for (const JsonReader& item : items) {
      AddedTokenJson added;
      added.place = item.place();
      STERNA_ASSIGN_OR_RETURN(const std::string_view text, item.GetString("content"));
      if (text.empty()) return Malformed(fmt::format("{}.content: empty text", item.place()));
      if (text.size() > kMaxAddedTokenBytes) {
        return Unsupported(
            fmt::format("{}.content: {} bytes, at most {} are accepted", item.place(), text.size(), kMaxAddedTokenBytes));
      }
      added.token.text = text;
      STERNA_ASSIGN_OR_RETURN(const JsonReader id, item.Get("id"));
      STERNA_ASSIGN_OR_RETURN(const int64_t number, id.Int(0, kMaxId));
      added.token.id = static_cast<int32_t>(number);
      STERNA_ASSIGN_OR_RETURN(added.token.is_control, item.GetBoolOr("special", false));
      STERNA_ASSIGN_OR_RETURN(added.token.single_word, item.GetBoolOr("single_word", false));
      STERNA_ASSIGN_OR_RETURN(added.token.strips_left, item.GetBoolOr("lstrip", false));
      STERNA_ASSIGN_OR_RETURN(added.token.strips_right, item.GetBoolOr("rstrip", false));
      STERNA_ASSIGN_OR_RETURN(added.is_normalized, item.GetBoolOr("normalized", !added.token.is_control));
      added_.push_back(std::move(added));
    }
    return Status::Ok();
  }

  Status ReadModel(const JsonReader& model, bool byte_level) {
    for (const std::string_view name : {"continuing_subword_prefix", "end_of_word_suffix"}) {
      const std::optional<JsonReader> affix = model.Find(name);
      if (!affix) continue;
      STERNA_ASSIGN_OR_RETURN(const std::string_view text, affix->String());
      if (!text.empty()) return Unsupported(fmt::format("{}: '{}' is not supported", affix->place(), text));
    }
    if (const auto dropout = model.Find("dropout")) {
      double probability = 1;
      if (dropout->value().get(probability) != simdjson::SUCCESS) return dropout->Wrong("a number");
      if (probability != 0) return Unsupported(fmt::format("{}: random merges are not supported", dropout->place()));
    }
    BpeOptions options;
    options.byte_level = byte_level;
    STERNA_ASSIGN_OR_RETURN(options.ignore_merges, model.GetBoolOr("ignore_merges", false));
    STERNA_ASSIGN_OR_RETURN(options.byte_fallback, model.GetBoolOr("byte_fallback", false));
    STERNA_ASSIGN_OR_RETURN(options.fuse_unknown, model.GetBoolOr("fuse_unk", false));
    if (const auto unknown = model.Find("unk_token")) {
      STERNA_ASSIGN_OR_RETURN(const std::string_view text, unknown->String());
      options.unknown_id = parts_.index.Find(parts_.texts, text);
      if (options.unknown_id < 0) return Malformed(fmt::format("{}: '{}' is not a token", unknown->place(), text));
    }
    STERNA_ASSIGN_OR_RETURN(const JsonReader list, model.Get("merges"));
    simdjson::dom::array array;
    if (list.value().get(array) != simdjson::SUCCESS) return list.Wrong("an array");
    std::vector<std::pair<std::string_view, std::string_view>> merges;
    for (const simdjson::dom::element item : array) {
      std::pair<std::string_view, std::string_view> merge;
      if (!ReadMerge(item, &merge)) {
        return Malformed(fmt::format("{}[{}]: expected \"left right\" or [\"left\", \"right\"], found {}", list.place(),
                                     merges.size(), simdjson::minify(item)));
      }
      merges.push_back(merge);
    }
    STERNA_ASSIGN_OR_RETURN(parts_.model,
                            BpeModel::Create(parts_.texts, parts_.index, merges, parts_.is_control, options, list.place()));
    const bool may_cut = !byte_level && !options.ignore_merges && parts_.index.Find(parts_.texts, kSpaceSymbol) >= 0 &&
                         MayCutBeforeSpaces(parts_.texts, parts_.is_control);
    if (may_cut) parts_.pre_tokenizer.push_back(MakeCutBeforeSpacesStep());
    return Status::Ok();
  }

  static bool ReadMerge(simdjson::dom::element item, std::pair<std::string_view, std::string_view>* merge) {
    std::string_view line;
    if (item.get(line) == simdjson::SUCCESS) {
      const size_t space = line.find(' ');
      if (space == 0 || space == std::string_view::npos || line.find(' ', space + 1) != std::string_view::npos) return false;
      *merge = {line.substr(0, space), line.substr(space + 1)};
      return !merge->second.empty();
    }
    simdjson::dom::array pair;
    if (item.get(pair) != simdjson::SUCCESS || pair.size() != 2) return false;
    return pair.at(0).get(merge->first) == simdjson::SUCCESS && pair.at(1).get(merge->second) == simdjson::SUCCESS;
  }

  Status ReadDecoderAndBytes() {
    DecoderSteps steps;
    const std::optional<JsonReader> json = root_.Find("decoder");
    if (json) STERNA_RETURN_IF_ERROR(ReadDecoder(*json, &steps));
    for (size_t id = 0; id < parts_.texts.size(); ++id) {
      const auto normalized = parts_.normalized_texts.find(static_cast<TokenId>(id));
      std::string bytes(normalized != parts_.normalized_texts.end() ? std::string_view(normalized->second) : parts_.texts[id]);
      for (const auto& step : steps) {
        if (parts_.is_control[id]) break;
        STERNA_RETURN_IF_ERROR(step->ApplyInside(&bytes));
        if (step->fuses()) break;
      }
      parts_.bytes.Append(bytes);
    }
    if (json) parts_.decoder = std::move(steps);
    return Status::Ok();
  }

  Status MakeMatchers() {
    std::vector<AddedToken> plain;
    std::vector<AddedToken> normalized;
    for (AddedTokenJson& added : added_) {
      if (!added.is_normalized) {
        plain.push_back(std::move(added.token));
        continue;
      }
      STERNA_ASSIGN_OR_RETURN(added.token.text, RunNormalizer(parts_.normalizer, added.token.text));
      if (added.token.text.empty() || added.token.text.size() > kMaxAddedTokenBytes) {
        return Unsupported(fmt::format("{}.content: normalizes to {} bytes", added.place, added.token.text.size()));
      }
      const TokenId id = added.token.id;
      if (added.token.text != parts_.texts[static_cast<size_t>(id)]) parts_.normalized_texts[id] = added.token.text;
      normalized.push_back(std::move(added.token));
    }
    parts_.added = AddedTokenMatcher(std::move(plain));
    parts_.added_normalized = AddedTokenMatcher(std::move(normalized));
    return Status::Ok();
  }

  Status ReadPostProcessor(const JsonReader& json, int depth) {
    STERNA_ASSIGN_OR_RETURN(const std::string_view type, json.GetString("type"));
    if (type == "ByteLevel") return Status::Ok();  // it changes offsets only
    if (type == "Sequence") {
      if (depth >= kMaxProcessorDepth) return Unsupported(fmt::format("{}: sequences nested too deep", json.place()));
      STERNA_ASSIGN_OR_RETURN(const JsonReader list, json.Get("processors"));
      STERNA_ASSIGN_OR_RETURN(const std::vector<JsonReader> items, list.Items());
      for (const JsonReader& item : items) STERNA_RETURN_IF_ERROR(ReadPostProcessor(item, depth + 1));
      return Status::Ok();
    }
    if (type != "TemplateProcessing")
      return Unsupported(fmt::format("{}: post-processor '{}' is not supported", json.place(), type));
    if (has_template_) return Unsupported(fmt::format("{}: a second template", json.place()));
    has_template_ = true;
    STERNA_ASSIGN_OR_RETURN(const JsonReader single, json.Get("single"));
    STERNA_ASSIGN_OR_RETURN(const std::vector<JsonReader> pieces, single.Items());
    STERNA_ASSIGN_OR_RETURN(const JsonReader special_tokens, json.Get("special_tokens"));
    int sequences = 0;
    for (const JsonReader& piece : pieces) {
      if (piece.Find("Sequence")) {
        ++sequences;
        continue;
      }
      STERNA_ASSIGN_OR_RETURN(const JsonReader special, piece.Get("SpecialToken"));
      STERNA_ASSIGN_OR_RETURN(const std::string_view name, special.GetString("id"));
      STERNA_ASSIGN_OR_RETURN(const JsonReader entry, special_tokens.Get(name));
      STERNA_ASSIGN_OR_RETURN(const JsonReader id_list, entry.Get("ids"));
      STERNA_ASSIGN_OR_RETURN(const std::vector<JsonReader> ids, id_list.Items());
      for (const JsonReader& item : ids) {
        STERNA_ASSIGN_OR_RETURN(const int64_t id, item.Int(0, static_cast<int64_t>(parts_.texts.size()) - 1));
        (sequences == 0 ? parts_.prefix : parts_.suffix).push_back(static_cast<TokenId>(id));
      }
    }
    if (sequences != 1) return Unsupported(fmt::format("{}: expected the text once, found it {} times", single.place(), sequences));
    return Status::Ok();
  }

  // A token is its text, or an object with the text as "content".
  Result<std::optional<TokenId>> ReadConfigToken(std::string_view key) const {
    const std::optional<JsonReader> json = config_->Find(key);
    if (!json) return std::optional<TokenId>();
    STERNA_ASSIGN_OR_RETURN(const std::string_view text, json->is_object() ? json->GetString("content") : json->String());
    const int32_t id = parts_.index.Find(parts_.texts, text);
    if (id < 0) return Malformed(fmt::format("tokenizer_config.json: {}: '{}' is not a token", key, text));
    return std::optional<TokenId>(id);
  }

  Status ReadConfig() {
    if (config_) {
      STERNA_ASSIGN_OR_RETURN(parts_.bos, ReadConfigToken("bos_token"));
      STERNA_ASSIGN_OR_RETURN(parts_.eos, ReadConfigToken("eos_token"));
      STERNA_ASSIGN_OR_RETURN(const bool adds_bos, config_->GetBoolOr("add_bos_token", false));
      STERNA_ASSIGN_OR_RETURN(const bool adds_eos, config_->GetBoolOr("add_eos_token", false));
      if (!has_template_ && adds_bos && parts_.bos) parts_.prefix = {*parts_.bos};
      if (!has_template_ && adds_eos && parts_.eos) parts_.suffix = {*parts_.eos};
      return Status::Ok();
    }
    // Without a config the template is the only hint.
    if (!parts_.prefix.empty()) parts_.bos = parts_.prefix.front();
    if (!parts_.suffix.empty()) parts_.eos = parts_.suffix.back();
    return Status::Ok();
  }

  struct AddedTokenJson {
    AddedToken token;
    bool is_normalized = false;
    std::string place;
  };

  const JsonReader& root_;
  std::optional<JsonReader> config_;
  PipelineParts parts_;
  std::vector<AddedTokenJson> added_;
  bool has_template_ = false;
};

}  // namespace

Result<std::shared_ptr<const Tokenizer>> Tokenizer::FromJson(std::string_view tokenizer_json, std::string_view config_json) {
  simdjson::dom::parser parser;
  STERNA_ASSIGN_OR_RETURN(const simdjson::dom::element root, Parse(&parser, tokenizer_json, "tokenizer.json"));
  simdjson::dom::parser config_parser;
  std::optional<JsonReader> config;
  if (!config_json.empty()) {
    STERNA_ASSIGN_OR_RETURN(const simdjson::dom::element element, Parse(&config_parser, config_json, "tokenizer_config.json"));
    config.emplace(element, "");
  }
  const JsonReader reader(root, "");
  return JsonVocabulary(reader, std::move(config)).Build();
}

}  // namespace sterna
