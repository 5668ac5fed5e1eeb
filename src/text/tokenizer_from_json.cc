// Tokenizer::FromJson: Hugging Face tokenizer.json, with tokenizer_config.json for what it does not say.
#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <utility>

#include "text/end_of_generation.h"
#include "text/json_models.h"
#include "text/json_reader.h"
#include "text/json_rewriter.h"
#include "text/json_steps.h"
#include "text/json_vocabulary.h"
#include "text/pipeline_tokenizer.h"
#include "text/special_tokens.h"
#include "text/tokenizer.h"

namespace sterna {
namespace {

constexpr size_t kMaxJsonBytes = size_t{1} << 29;
constexpr size_t kMaxIdsPerToken = 4;  // holes in the id range cost memory for nothing

Result<simdjson::dom::element> Parse(simdjson::dom::parser* parser, std::string_view text, std::string_view name) {
  if (text.size() > kMaxJsonBytes)
    return OutOfRange(fmt::format("{}: {} bytes, at most {} are accepted", name, text.size(), kMaxJsonBytes));
  if (text.empty()) text = "";  // the view of an empty file may be null, which simdjson hands to memcpy
  simdjson::dom::element root;
  const auto error = parser->parse(text.data(), text.size()).get(root);
  if (error != simdjson::SUCCESS) return Malformed(fmt::format("{}: {}", name, simdjson::error_message(error)));
  if (!root.is_object()) return Malformed(fmt::format("{}: expected an object", name));
  return root;
}

/// The members on their way to PipelineParts.
class JsonVocabulary {
 public:
  JsonVocabulary(const JsonReader& root, std::optional<JsonReader> config, std::optional<JsonReader> map,
                 const VocabularyParts* known)
      : root_(root), config_(std::move(config)), map_(std::move(map)), known_(known) {}

  Result<std::shared_ptr<const Tokenizer>> Build() {
    STERNA_ASSIGN_OR_RETURN(const JsonReader model, root_.Get("model"));
    STERNA_ASSIGN_OR_RETURN(const ModelKind kind, ReadModelKind(model));
    for (const std::string_view name : {"truncation", "padding"}) {
      // Both belong to batches for training; ids of a single text would be cut or padded to lengths that a session does not want.
      if (root_.Find(name)) parts_.warnings.push_back(fmt::format("tokenizer.json asks for {}, which is not done", name));
    }
    STERNA_RETURN_IF_ERROR(ReadAddedTokens());
    STERNA_RETURN_IF_ERROR(ReadConfigAddedTokens());
    STERNA_RETURN_IF_ERROR(ReadVocabulary(model, kind));
    if (const auto json = root_.Find("normalizer")) STERNA_RETURN_IF_ERROR(ReadNormalizer(*json, &parts_.normalizer));
    PreTokenizerTraits traits;
    if (const auto json = root_.Find("pre_tokenizer")) {
      STERNA_RETURN_IF_ERROR(ReadPreTokenizer(*json, &parts_.pre_tokenizer, &traits));
    }
    parts_.needs_origins = traits.needs_origins && !parts_.normalizer.empty();
    STERNA_RETURN_IF_ERROR(ReadModel(model, kind, traits.ends_byte_level, is_foreign_, known_, &found_.merges, &parts_));
    STERNA_RETURN_IF_ERROR(MakeMatchers());
    STERNA_RETURN_IF_ERROR(ReadDecoderAndBytes());
    if (const auto json = root_.Find("post_processor")) STERNA_RETURN_IF_ERROR(ReadPostProcessor(*json, &parts_, &has_template_));
    STERNA_RETURN_IF_ERROR(ReadConfig());
    for (const int32_t id : KnownEndTokens(parts_.texts, parts_.index)) parts_.is_end[static_cast<size_t>(id)] = 1;
    if (parts_.eos) parts_.is_end[static_cast<size_t>(*parts_.eos)] = 1;
    parts_.description = fmt::format("{} tokenizer.json, {} tokens", ModelKindName(kind), parts_.texts.size());
    is_bpe_ = kind == ModelKind::kBpe;
    return std::shared_ptr<const Tokenizer>(std::make_shared<PipelineTokenizer>(std::move(parts_)));
  }

  /// After Build: what was read from the file. Null for other models than BPE.
  const VocabularyParts* found() const { return is_bpe_ && known_ == nullptr ? &found_ : nullptr; }

 private:
  Status ReadVocabulary(const JsonReader& model, ModelKind kind) {
    STERNA_ASSIGN_OR_RETURN(const JsonReader vocab, model.Get("vocab"));
    if (known_ != nullptr && kind != ModelKind::kBpe) return Malformed(fmt::format("{}: known for BPE models only", vocab.place()));
    if (known_ == nullptr) STERNA_RETURN_IF_ERROR(ReadVocabularyEntries(vocab, kind, &found_.entries));
    const VocabularyEntries& entries = known_ == nullptr ? found_.entries : known_->entries;
    // The range is known before anything is allocated by it.
    const size_t entry_count = entries.size() + added_.size();
    int64_t last_id = -1;
    for (const auto& [text, id] : entries) last_id = std::max(last_id, id);
    for (const AddedTokenJson& added : added_) last_id = std::max<int64_t>(last_id, added.token.id);
    if (entry_count == 0) return Malformed(fmt::format("{}: no tokens", vocab.place()));
    const auto ids = static_cast<size_t>(last_id + 1);
    if (ids > entry_count * kMaxIdsPerToken) {
      return Malformed(fmt::format("{}: ids up to {} for {} tokens only", vocab.place(), last_id, entry_count));
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
    for (const auto& [text, id] : entries) STERNA_RETURN_IF_ERROR(place_token(text, id, vocab.place()));
    for (const AddedTokenJson& added : added_) STERNA_RETURN_IF_ERROR(place_token(added.token.text, added.token.id, added.place));
    parts_.index = TokenIndex(entry_count);
    size_t bytes = 0;
    for (const std::string_view text : texts) bytes += text.size();
    parts_.texts.Reserve(texts.size(), bytes);
    for (const std::string_view text : texts) parts_.texts.Append(text);
    // Of equal texts in the list of a Unigram model the last one counts.
    std::vector<int32_t> from_last;
    from_last.reserve(texts.size());
    for (size_t id = texts.size(); id-- > 0;) {
      if (!texts[id].empty()) from_last.push_back(static_cast<int32_t>(id));
    }
    const std::vector<int32_t> doubles = parts_.index.InsertAll(parts_.texts, from_last);
    if (!doubles.empty() && kind != ModelKind::kUnigram) {
      const std::string_view text = texts[static_cast<size_t>(doubles[0])];
      return Malformed(fmt::format("{}: token '{}' has two ids, {} and {}", vocab.place(), text, doubles[0],
                                   parts_.index.Find(parts_.texts, text)));
    }
    parts_.is_end.assign(texts.size(), 0);
    parts_.is_control.assign(texts.size(), 0);
    is_foreign_.assign(texts.size(), 1);
    for (const auto& [text, id] : entries) is_foreign_[static_cast<size_t>(id)] = 0;
    for (const AddedTokenJson& added : added_) {
      if (!added.token.is_control) continue;
      parts_.is_control[static_cast<size_t>(added.token.id)] = 1;
      is_foreign_[static_cast<size_t>(added.token.id)] = 1;
    }
    return Status::Ok();
  }

  Status ReadAddedTokens() {
    const std::optional<JsonReader> list = root_.Find("added_tokens");
    if (!list) return Status::Ok();
    STERNA_ASSIGN_OR_RETURN(const std::vector<JsonReader> items, list->Items());
    for (const JsonReader& item : items) {
      STERNA_ASSIGN_OR_RETURN(const JsonReader id, item.Get("id"));
      STERNA_ASSIGN_OR_RETURN(const int64_t number, id.Int(0, kMaxTokenId));
      STERNA_RETURN_IF_ERROR(ReadAddedToken(item, number));
    }
    return Status::Ok();
  }

  // Tokens that only tokenizer_config.json names; `transformers` adds them.
  Status ReadConfigAddedTokens() {
    const std::optional<JsonReader> list = config_ ? config_->Find("added_tokens_decoder") : std::nullopt;
    if (!list) return Status::Ok();
    simdjson::dom::object object;
    if (list->value().get(object) != simdjson::SUCCESS) return list->Wrong("an object");
    for (const auto& [key, value] : object) {
      int64_t id = -1;
      const auto [end, error] = std::from_chars(key.data(), key.data() + key.size(), id);
      if (error != std::errc() || end != key.data() + key.size() || id < 0 || id > kMaxTokenId) {
        return Malformed(fmt::format("tokenizer_config.json: added_tokens_decoder: '{}' is not an id", key));
      }
      const bool is_known = std::any_of(added_.begin(), added_.end(), [&](const AddedTokenJson& a) { return a.token.id == id; });
      if (is_known) continue;
      const JsonReader item(value, fmt::format("tokenizer_config.json: added_tokens_decoder.{}", id));
      STERNA_RETURN_IF_ERROR(ReadAddedToken(item, id));
    }
    return Status::Ok();
  }

  Status ReadAddedToken(const JsonReader& item, int64_t number) {
    AddedTokenJson added;
    added.place = item.place();
    STERNA_ASSIGN_OR_RETURN(const std::string_view text, item.GetString("content"));
    if (text.empty()) return Malformed(fmt::format("{}.content: empty text", item.place()));
    if (text.size() > kMaxAddedTokenBytes) {
      return Unsupported(
          fmt::format("{}.content: {} bytes, at most {} are accepted", item.place(), text.size(), kMaxAddedTokenBytes));
    }
    added.token.text = text;
    added.token.id = static_cast<int32_t>(number);
    STERNA_ASSIGN_OR_RETURN(added.token.is_control, item.GetBoolOr("special", false));
    STERNA_ASSIGN_OR_RETURN(added.token.single_word, item.GetBoolOr("single_word", false));
    STERNA_ASSIGN_OR_RETURN(added.token.strips_left, item.GetBoolOr("lstrip", false));
    STERNA_ASSIGN_OR_RETURN(added.token.strips_right, item.GetBoolOr("rstrip", false));
    STERNA_ASSIGN_OR_RETURN(added.is_normalized, item.GetBoolOr("normalized", !added.token.is_control));
    added_.push_back(std::move(added));
    return Status::Ok();
  }

  Status ReadDecoderAndBytes() {
    DecoderSteps steps;
    const std::optional<JsonReader> json = root_.Find("decoder");
    if (json) STERNA_RETURN_IF_ERROR(ReadDecoder(*json, &steps));
    parts_.bytes.Reserve(parts_.texts.size(), parts_.texts.total_bytes());
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
      STERNA_ASSIGN_OR_RETURN(added.token.text, NormalizeText(parts_.normalizer, added.token.text));
      if (added.token.text.empty() || added.token.text.size() > kMaxAddedTokenBytes) {
        return Unsupported(fmt::format("{}.content: normalizes to {} bytes", added.place, added.token.text.size()));
      }
      const TokenId id = added.token.id;
      if (added.token.text != parts_.texts[static_cast<size_t>(id)]) parts_.normalized_texts[id] = added.token.text;
      normalized.push_back(std::move(added.token));
    }
    // The reference asks whether a token's normalized text is that of a special token.
    if (!parts_.normalized_texts.empty()) {
      parts_.is_skipped = parts_.is_control;
      for (const auto& [id, text] : parts_.normalized_texts) {
        const int32_t named = parts_.index.Find(parts_.texts, text);
        parts_.is_skipped[static_cast<size_t>(id)] = named >= 0 && parts_.is_control[static_cast<size_t>(named)];
      }
    }
    parts_.added = AddedTokenMatcher(std::move(plain));
    parts_.added_normalized = AddedTokenMatcher(std::move(normalized));
    return Status::Ok();
  }

  // A token is its text, or an object with the text as "content"; in tokenizer_config.json or else special_tokens_map.json.
  Result<std::optional<TokenId>> ReadConfigToken(std::string_view key) const {
    for (const auto& [file, name] : {std::pair(&config_, "tokenizer_config.json"), std::pair(&map_, "special_tokens_map.json")}) {
      const std::optional<JsonReader> json = *file ? (*file)->Find(key) : std::nullopt;
      if (!json) continue;
      const auto text = json->is_object() ? json->GetString("content") : json->String();
      if (!text.ok()) return text.status().WithContext(name);
      const int32_t id = parts_.index.Find(parts_.texts, *text);
      if (id < 0) return Malformed(fmt::format("{}: {}: '{}' is not a token", name, key, *text));
      return std::optional<TokenId>(id);
    }
    return std::optional<TokenId>();
  }

  // Of the other roles only eot changes what a tokenizer does; one whose text is no token is no error, as it was never read.
  void ReadRoles() {
    for (const std::string_view role : SpecialRoles()) {
      if (role == "bos" || role == "eos") continue;
      const auto id = ReadConfigToken(fmt::format("{}_token", role));
      if (!id.ok() || !*id) continue;
      parts_.roles.emplace_back(role, **id);
      if (role == "eot") parts_.is_end[static_cast<size_t>(**id)] = 1;
    }
  }

  Status ReadConfig() {
    STERNA_ASSIGN_OR_RETURN(parts_.bos, ReadConfigToken("bos_token"));
    STERNA_ASSIGN_OR_RETURN(parts_.eos, ReadConfigToken("eos_token"));
    ReadRoles();
    if (config_) {
      STERNA_ASSIGN_OR_RETURN(const bool adds_bos, config_->GetBoolOr("add_bos_token", false));
      STERNA_ASSIGN_OR_RETURN(const bool adds_eos, config_->GetBoolOr("add_eos_token", false));
      STERNA_ASSIGN_OR_RETURN(parts_.declares_clean_up, config_->GetBoolOr("clean_up_tokenization_spaces", false));
      if (!has_template_ && adds_bos && parts_.bos) parts_.prefix = {*parts_.bos};
      if (!has_template_ && adds_eos && parts_.eos) parts_.suffix = {*parts_.eos};
      return Status::Ok();
    }
    // Without a config the template is the only hint.
    if (!parts_.bos && !parts_.prefix.empty()) parts_.bos = parts_.prefix.front();
    if (!parts_.eos && !parts_.suffix.empty()) parts_.eos = parts_.suffix.back();
    return Status::Ok();
  }

  struct AddedTokenJson {
    AddedToken token;
    bool is_normalized = false;
    std::string place;
  };

  const JsonReader& root_;
  std::optional<JsonReader> config_;
  std::optional<JsonReader> map_;  // special_tokens_map.json
  const VocabularyParts* known_;
  VocabularyParts found_;
  bool is_bpe_ = false;
  PipelineParts parts_;
  std::vector<AddedTokenJson> added_;
  std::vector<uint8_t> is_foreign_;  // by id: not a token of the model, or one that text must not become
  bool has_template_ = false;
};

std::string WithoutVocabulary(simdjson::dom::object root) {
  const auto in_model = [](std::string_view key, simdjson::dom::element value) -> std::string {
    return key == "vocab" ? "{}" : key == "merges" ? "[]" : simdjson::minify(value);
  };
  return RewriteObject(root, [&](std::string_view key, simdjson::dom::element value) -> std::string {
    simdjson::dom::object model;
    if (key != "model" || value.get(model) != simdjson::SUCCESS) return simdjson::minify(value);
    return RewriteObject(model, in_model);
  });
}

}  // namespace

Result<std::shared_ptr<const Tokenizer>> BuildFromJson(const JsonTexts& texts, const VocabularyParts* known,
                                                       const KeepVocabulary& keep) {
  simdjson::dom::parser parser;
  STERNA_ASSIGN_OR_RETURN(const simdjson::dom::element root, Parse(&parser, texts.tokenizer, "tokenizer.json"));
  simdjson::dom::parser config_parser;
  simdjson::dom::parser map_parser;
  std::optional<JsonReader> config;
  std::optional<JsonReader> map;
  if (!texts.config.empty()) {
    STERNA_ASSIGN_OR_RETURN(const simdjson::dom::element element, Parse(&config_parser, texts.config, "tokenizer_config.json"));
    config.emplace(element, "");
  }
  if (!texts.special_tokens_map.empty()) {
    STERNA_ASSIGN_OR_RETURN(const simdjson::dom::element element,
                            Parse(&map_parser, texts.special_tokens_map, "special_tokens_map.json"));
    map.emplace(element, "");
  }
  const JsonReader reader(root, "");
  JsonVocabulary vocabulary(reader, std::move(config), std::move(map), known);
  STERNA_ASSIGN_OR_RETURN(std::shared_ptr<const Tokenizer> tokenizer, vocabulary.Build());
  if (keep && vocabulary.found() != nullptr) keep(WithoutVocabulary(root.get_object().value_unsafe()), *vocabulary.found());
  return tokenizer;
}

Result<std::shared_ptr<const Tokenizer>> Tokenizer::FromJson(std::string_view tokenizer_json, std::string_view config_json,
                                                             std::string_view special_tokens_map_json) {
  return BuildFromJson({tokenizer_json, config_json, special_tokens_map_json}, nullptr, nullptr);
}

}  // namespace sterna
