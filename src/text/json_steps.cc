#include "text/json_steps.h"

#include <fmt/format.h>

#include <string>
#include <utility>
#include <vector>

#include "text/base64.h"
#include "text/regex.h"
#include "text/unicode_table.h"
#include "text/utf8.h"

namespace sterna {
namespace {

constexpr int kMaxDepth = 8;  // of sequences in sequences; one is usual

Status NotKnown(const JsonReader& json, std::string_view kind, std::string_view type) {
  return Unsupported(fmt::format("{}: {} '{}' is not supported", json.place(), kind, type));
}

// Sequences, flattened.
Status Flatten(const JsonReader& json, std::string_view member, int depth, std::vector<JsonReader>* flat) {
  STERNA_ASSIGN_OR_RETURN(const std::string_view type, json.GetString("type"));
  if (type != "Sequence") {
    flat->push_back(json);
    return Status::Ok();
  }
  if (depth >= kMaxDepth) return Unsupported(fmt::format("{}: sequences nested deeper than {}", json.place(), kMaxDepth));
  STERNA_ASSIGN_OR_RETURN(const JsonReader list, json.Get(member));
  STERNA_ASSIGN_OR_RETURN(const std::vector<JsonReader> items, list.Items());
  for (const JsonReader& item : items) STERNA_RETURN_IF_ERROR(Flatten(item, member, depth + 1, flat));
  return Status::Ok();
}

struct Pattern {
  std::string_view text;
  bool is_regex;
};

// {"String": "…"} or {"Regex": "…"}.
Result<Pattern> ReadPattern(const JsonReader& json) {
  STERNA_ASSIGN_OR_RETURN(const JsonReader pattern, json.Get("pattern"));
  for (const bool is_regex : {true, false}) {
    const std::optional<JsonReader> text = pattern.Find(is_regex ? "Regex" : "String");
    if (!text) continue;
    STERNA_ASSIGN_OR_RETURN(const std::string_view value, text->String());
    if (value.empty()) return Malformed(fmt::format("{}: empty pattern", text->place()));
    return Pattern{value, is_regex};
  }
  return pattern.Wrong("{\"String\": …} or {\"Regex\": …}");
}

Result<SplitBehavior> ReadBehavior(const JsonReader& json) {
  STERNA_ASSIGN_OR_RETURN(const std::string_view name, json.GetString("behavior"));
  if (name == "Removed") return SplitBehavior::kRemoved;
  if (name == "Isolated") return SplitBehavior::kIsolated;
  if (name == "MergedWithPrevious") return SplitBehavior::kMergedWithPrevious;
  if (name == "MergedWithNext") return SplitBehavior::kMergedWithNext;
  if (name == "Contiguous") return SplitBehavior::kContiguous;
  return NotKnown(json, "behavior", name);
}

// One character; U+2581 by default, as Metaspace has it.
Result<std::string_view> ReadCharacter(const JsonReader& json, std::string_view key) {
  STERNA_ASSIGN_OR_RETURN(const std::string_view text, json.GetString(key));
  if (text.empty() || DecodeUtf8(text, 0).bytes != text.size()) {
    return Malformed(fmt::format("{}.{}: expected one character, found '{}'", json.place(), key, text));
  }
  return text;
}

// A text that is not empty.
Result<std::string_view> ReadText(const JsonReader& json, std::string_view key) {
  STERNA_ASSIGN_OR_RETURN(const std::string_view text, json.GetString(key));
  if (text.empty()) return Unsupported(fmt::format("{}.{}: an empty text is not supported", json.place(), key));
  return text;
}

Result<PrependScheme> ReadPrependScheme(const JsonReader& json) {
  STERNA_ASSIGN_OR_RETURN(const bool adds_prefix, json.GetBoolOr("add_prefix_space", true));
  PrependScheme scheme = PrependScheme::kAlways;
  if (json.Find("prepend_scheme")) {
    STERNA_ASSIGN_OR_RETURN(const std::string_view name, json.GetString("prepend_scheme"));
    if (name == "first") {
      scheme = PrependScheme::kFirst;
    } else if (name == "never") {
      scheme = PrependScheme::kNever;
    } else if (name != "always") {
      return NotKnown(json, "prepend_scheme", name);
    }
    if (!adds_prefix && scheme != PrependScheme::kNever) {
      return Malformed(fmt::format("{}: add_prefix_space is false, but prepend_scheme is '{}'", json.place(), name));
    }
  }
  return adds_prefix ? scheme : PrependScheme::kNever;
}

Status AddNormalizer(const JsonReader& json, NormalizerSteps* steps) {
  STERNA_ASSIGN_OR_RETURN(const std::string_view type, json.GetString("type"));
  const auto add_form = [&](NormalForm form) -> Status {
    STERNA_ASSIGN_OR_RETURN(auto step, MakeNormalFormStep(form));
    steps->push_back(std::move(step));
    return Status::Ok();
  };
  if (type == "NFC") return add_form(NormalForm::kNfc);
  if (type == "NFD") return add_form(NormalForm::kNfd);
  if (type == "NFKC") return add_form(NormalForm::kNfkc);
  if (type == "NFKD") return add_form(NormalForm::kNfkd);
  if (type == "Prepend") {
    STERNA_ASSIGN_OR_RETURN(const std::string_view prefix, json.GetString("prepend"));
    steps->push_back(MakePrependStep(prefix));
  } else if (type == "Replace") {
    STERNA_ASSIGN_OR_RETURN(const Pattern pattern, ReadPattern(json));
    STERNA_ASSIGN_OR_RETURN(const std::string_view content, json.GetString("content"));
    if (pattern.is_regex) {
      STERNA_ASSIGN_OR_RETURN(std::shared_ptr<const Regex> regex, Regex::Compile(pattern.text).WithContext(json.place()));
      steps->push_back(MakeReplaceRegexStep(std::move(regex), content));
    } else {
      steps->push_back(MakeReplaceLiteralStep(pattern.text, content));
    }
  } else if (type == "Lowercase") {
    steps->push_back(MakeLowercaseStep());
  } else if (type == "Strip") {
    STERNA_ASSIGN_OR_RETURN(const bool left, json.GetBoolOr("strip_left", false));
    STERNA_ASSIGN_OR_RETURN(const bool right, json.GetBoolOr("strip_right", false));
    steps->push_back(MakeStripStep(left, right));
  } else if (type == "ByteLevel") {
    steps->push_back(MakeByteLevelNormalizerStep());
  } else if (type == "StripAccents") {
    steps->push_back(MakeStripAccentsStep());
  } else if (type == "Nmt") {
    steps->push_back(MakeNmtStep());
  } else if (type == "Precompiled") {
    STERNA_ASSIGN_OR_RETURN(const std::string_view base64, json.GetString("precompiled_charsmap"));
    const std::string where = json.place() + ".precompiled_charsmap";
    STERNA_ASSIGN_OR_RETURN(const std::string blob, DecodeBase64(base64).WithContext(where));
    STERNA_ASSIGN_OR_RETURN(PrecompiledCharsmap charsmap, PrecompiledCharsmap::Parse(blob, where));
    steps->push_back(MakePrecompiledStep(std::move(charsmap)));
  } else if (type == "BertNormalizer") {
    BertNormalizerOptions options;
    STERNA_ASSIGN_OR_RETURN(options.clean_text, json.GetBool("clean_text"));
    STERNA_ASSIGN_OR_RETURN(options.handle_chinese_chars, json.GetBool("handle_chinese_chars"));
    STERNA_ASSIGN_OR_RETURN(options.lowercase, json.GetBool("lowercase"));
    STERNA_ASSIGN_OR_RETURN(options.strip_accents, json.GetBoolOr("strip_accents", options.lowercase));
    STERNA_ASSIGN_OR_RETURN(auto step, MakeBertStep(options));
    steps->push_back(std::move(step));
  } else {
    return NotKnown(json, "normalizer", type);
  }
  return Status::Ok();
}

Status AddByteLevel(const JsonReader& json, bool is_last, PreTokenizerSteps* steps) {
  STERNA_ASSIGN_OR_RETURN(const bool adds_space, json.GetBoolOr("add_prefix_space", true));
  STERNA_ASSIGN_OR_RETURN(const bool uses_regex, json.GetBoolOr("use_regex", true));
  if (adds_space) steps->push_back(MakePrefixSpaceStep());
  if (uses_regex) steps->push_back(MakeWordStep(WordPattern::kGpt2));
  if (!is_last) steps->push_back(MakeByteLevelTextStep());
  return Status::Ok();
}

Status AddPreTokenizer(const JsonReader& json, bool is_last, PreTokenizerSteps* steps) {
  STERNA_ASSIGN_OR_RETURN(const std::string_view type, json.GetString("type"));
  if (type == "ByteLevel") return AddByteLevel(json, is_last, steps);
  if (type == "Split") {
    STERNA_ASSIGN_OR_RETURN(const Pattern pattern, ReadPattern(json));
    STERNA_ASSIGN_OR_RETURN(const SplitBehavior behavior, ReadBehavior(json));
    STERNA_ASSIGN_OR_RETURN(const bool invert, json.GetBoolOr("invert", false));
    auto step = pattern.is_regex ? MakeRegexStep(pattern.text, behavior, invert) : MakeLiteralStep(pattern.text, behavior, invert);
    if (!step.ok()) return step.status().WithContext(json.place());
    steps->push_back(std::move(step).value());
  } else if (type == "Digits") {
    STERNA_ASSIGN_OR_RETURN(const bool individual, json.GetBoolOr("individual_digits", false));
    steps->push_back(MakeDigitsStep(individual ? SplitBehavior::kIsolated : SplitBehavior::kContiguous));
  } else if (type == "Punctuation") {
    SplitBehavior behavior = SplitBehavior::kIsolated;
    if (json.Find("behavior")) {
      STERNA_ASSIGN_OR_RETURN(behavior, ReadBehavior(json));
    }
    steps->push_back(MakeClassStep(kOldPunctuation, true, behavior));
  } else if (type == "Whitespace") {
    steps->push_back(MakeWhitespaceStep());
  } else if (type == "BertPreTokenizer") {
    steps->push_back(MakeClassStep(kWhiteSpace, false, SplitBehavior::kRemoved));
    steps->push_back(MakeClassStep(kOldPunctuation, true, SplitBehavior::kIsolated));
  } else if (type == "CharDelimiterSplit") {
    STERNA_ASSIGN_OR_RETURN(const std::string_view delimiter, ReadCharacter(json, "delimiter"));
    STERNA_ASSIGN_OR_RETURN(auto step, MakeLiteralStep(delimiter, SplitBehavior::kRemoved, false));
    steps->push_back(std::move(step));
  } else if (type == "UnicodeScripts") {
    steps->push_back(MakeScriptsStep());
  } else if (type == "FixedLength") {
    int64_t length = 5;
    if (const auto member = json.Find("length")) {
      STERNA_ASSIGN_OR_RETURN(length, member->Int(1, INT32_MAX));
    }
    steps->push_back(MakeFixedLengthStep(static_cast<size_t>(length)));
  } else if (type == "WhitespaceSplit") {
    steps->push_back(MakeClassStep(kWhiteSpace, false, SplitBehavior::kRemoved));
  } else if (type == "Metaspace") {
    STERNA_ASSIGN_OR_RETURN(const std::string_view replacement, ReadCharacter(json, "replacement"));
    STERNA_ASSIGN_OR_RETURN(const PrependScheme scheme, ReadPrependScheme(json));
    STERNA_ASSIGN_OR_RETURN(const bool split, json.GetBoolOr("split", true));
    steps->push_back(MakeMetaspaceStep(replacement, scheme, split));
  } else {
    return NotKnown(json, "pre-tokenizer", type);
  }
  return Status::Ok();
}

Status AddDecoder(const JsonReader& json, DecoderSteps* steps) {
  STERNA_ASSIGN_OR_RETURN(const std::string_view type, json.GetString("type"));
  if (type == "ByteLevel") {
    steps->push_back(MakeByteLevelDecoder());
  } else if (type == "ByteFallback") {
    steps->push_back(MakeByteFallbackDecoder());
  } else if (type == "WordPiece") {
    STERNA_ASSIGN_OR_RETURN(const std::string_view prefix, json.GetString("prefix"));
    STERNA_ASSIGN_OR_RETURN(const bool cleanup, json.GetBool("cleanup"));
    steps->push_back(MakeWordPieceDecoder(prefix, cleanup));
  } else if (type == "BPEDecoder") {
    STERNA_ASSIGN_OR_RETURN(const std::string_view suffix, ReadText(json, "suffix"));
    steps->push_back(MakeBpeDecoder(suffix));
  } else if (type == "CTC") {
    STERNA_ASSIGN_OR_RETURN(const std::string_view pad, ReadText(json, "pad_token"));
    STERNA_ASSIGN_OR_RETURN(const std::string_view delimiter, ReadText(json, "word_delimiter_token"));
    STERNA_ASSIGN_OR_RETURN(const bool cleanup, json.GetBool("cleanup"));
    steps->push_back(MakeCtcDecoder(pad, delimiter, cleanup));
  } else if (type == "Fuse") {
    steps->push_back(MakeFuseDecoder());
  } else if (type == "Strip") {
    STERNA_ASSIGN_OR_RETURN(const std::string_view content, ReadCharacter(json, "content"));
    STERNA_ASSIGN_OR_RETURN(const JsonReader start, json.Get("start"));
    STERNA_ASSIGN_OR_RETURN(const int64_t start_count, start.Int(0, INT32_MAX));
    STERNA_ASSIGN_OR_RETURN(const JsonReader stop, json.Get("stop"));
    STERNA_ASSIGN_OR_RETURN(const int64_t stop_count, stop.Int(0, INT32_MAX));
    steps->push_back(MakeStripDecoder(content, static_cast<size_t>(start_count), static_cast<size_t>(stop_count)));
  } else if (type == "Replace") {
    STERNA_ASSIGN_OR_RETURN(const Pattern pattern, ReadPattern(json));
    STERNA_ASSIGN_OR_RETURN(const std::string_view content, json.GetString("content"));
    if (pattern.is_regex) {
      STERNA_ASSIGN_OR_RETURN(std::shared_ptr<const Regex> regex, Regex::Compile(pattern.text).WithContext(json.place()));
      steps->push_back(MakeReplaceRegexDecoder(std::move(regex), content));
    } else {
      steps->push_back(MakeReplaceLiteralDecoder(pattern.text, content));
    }
  } else if (type == "Metaspace") {
    STERNA_ASSIGN_OR_RETURN(const std::string_view replacement, ReadCharacter(json, "replacement"));
    STERNA_ASSIGN_OR_RETURN(const PrependScheme scheme, ReadPrependScheme(json));
    steps->push_back(MakeMetaspaceDecoder(replacement, scheme != PrependScheme::kNever));
  } else {
    return NotKnown(json, "decoder", type);
  }
  return Status::Ok();
}

}  // namespace

Status ReadNormalizer(const JsonReader& json, NormalizerSteps* steps) {
  std::vector<JsonReader> flat;
  STERNA_RETURN_IF_ERROR(Flatten(json, "normalizers", 0, &flat));
  for (const JsonReader& item : flat) STERNA_RETURN_IF_ERROR(AddNormalizer(item, steps));
  return Status::Ok();
}

Status ReadPreTokenizer(const JsonReader& json, PreTokenizerSteps* steps, PreTokenizerTraits* traits) {
  std::vector<JsonReader> flat;
  STERNA_RETURN_IF_ERROR(Flatten(json, "pretokenizers", 0, &flat));
  for (size_t i = 0; i < flat.size(); ++i) STERNA_RETURN_IF_ERROR(AddPreTokenizer(flat[i], i + 1 == flat.size(), steps));
  traits->ends_byte_level = !flat.empty() && *flat.back().GetString("type") == "ByteLevel";
  for (const JsonReader& item : flat) {
    if (*item.GetString("type") != "Metaspace") continue;
    STERNA_ASSIGN_OR_RETURN(const PrependScheme scheme, ReadPrependScheme(item));
    traits->needs_origins |= scheme == PrependScheme::kFirst;
  }
  return Status::Ok();
}

Status ReadDecoder(const JsonReader& json, DecoderSteps* steps) {
  std::vector<JsonReader> flat;
  STERNA_RETURN_IF_ERROR(Flatten(json, "decoders", 0, &flat));
  for (const JsonReader& item : flat) STERNA_RETURN_IF_ERROR(AddDecoder(item, steps));
  return Status::Ok();
}

}  // namespace sterna
