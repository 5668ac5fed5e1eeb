#include "text/training/tokenizer_file.h"

#include <fmt/format.h>

#include <string_view>

#include "base/json_escape.h"

namespace sterna {
namespace {

std::string ByteLevelPart(std::string_view name, bool add_prefix_space, bool trim_offsets) {
  return fmt::format(R"(  "{}": {{
    "type": "ByteLevel",
    "add_prefix_space": {},
    "trim_offsets": {},
    "use_regex": true
  }},
)",
                     name, add_prefix_space, trim_offsets);
}

void AppendAddedTokens(const TrainedBpe& trained, std::string* out) {
  *out += "  \"added_tokens\": [";
  std::string_view separator = "\n";
  for (const uint32_t id : trained.special_ids) {
    *out += fmt::format(R"({}    {{
      "id": {},
      "content": {},
      "single_word": false,
      "lstrip": false,
      "rstrip": false,
      "normalized": false,
      "special": true
    }})",
                        separator, id, JsonQuoted(trained.vocab[id]));
    separator = ",\n";
  }
  *out += trained.special_ids.empty() ? "],\n" : "\n  ],\n";
}

}  // namespace

std::string FormatTokenizerJson(const TrainedBpe& trained) {
  std::string out = "{\n  \"version\": \"1.0\",\n  \"truncation\": null,\n  \"padding\": null,\n";
  AppendAddedTokens(trained, &out);
  out += "  \"normalizer\": null,\n";
  out += ByteLevelPart("pre_tokenizer", trained.add_prefix_space, true);
  out += ByteLevelPart("post_processor", true, false);
  out += ByteLevelPart("decoder", true, true);
  out += R"(  "model": {
    "type": "BPE",
    "dropout": null,
    "unk_token": null,
    "continuing_subword_prefix": null,
    "end_of_word_suffix": null,
    "fuse_unk": false,
    "byte_fallback": false,
    "ignore_merges": false,
    "vocab": {)";
  std::string_view separator = "\n";
  for (size_t id = 0; id < trained.vocab.size(); ++id) {
    out += fmt::format("{}      {}: {}", separator, JsonQuoted(trained.vocab[id]), id);
    separator = ",\n";
  }
  out += "\n    },\n    \"merges\": [";
  separator = "\n";
  for (const auto& [first, second] : trained.merges) {
    out += fmt::format("{}      [\n        {},\n        {}\n      ]", separator, JsonQuoted(trained.vocab[first]),
                       JsonQuoted(trained.vocab[second]));
    separator = ",\n";
  }
  out += trained.merges.empty() ? "]\n  }\n}" : "\n    ]\n  }\n}";
  return out;
}

}  // namespace sterna
