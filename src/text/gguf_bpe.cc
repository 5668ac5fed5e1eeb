// GGUF vocabularies of the model gpt2: byte-level BPE, with the pre-tokenizers of gguf_pre_types.h.
#include <fmt/format.h>

#include <string>

#include "text/bpe_model.h"
#include "text/byte_level.h"
#include "text/gguf_vocabulary.h"

namespace sterna {

// The vocabularies that files without the key are known to have.
std::string_view GgufVocabulary::GuessPreType(bool is_bitnet) const {
  // Of Llama 3; the official BitNet 2B file lacks the key, and its training used that pre-tokenizer.
  if (Has(128000, "<|begin_of_text|>") || (is_bitnet && types_.size() == 128256)) return "llama-bpe";
  if (Has(151643, "<|endoftext|>")) return "qwen2";
  if (types_.size() == 50257 && Has(50256, "<|endoftext|>")) return "gpt-2";
  return "default";
}

Result<const GgufPreType*> GgufVocabulary::ReadPreType() {
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

Result<std::vector<BpeMerge>> GgufVocabulary::ReadMerges() const {
  STERNA_ASSIGN_OR_RETURN(const std::vector<std::string>* lines, metadata_.GetStrings("tokenizer.ggml.merges"));
  std::vector<BpeMerge> merges;
  merges.reserve(lines->size());
  for (size_t rank = 0; rank < lines->size(); ++rank) {
    const std::string_view line = (*lines)[rank];
    const size_t space = line.find(' ', 1);
    if (space == std::string_view::npos) {
      return Malformed(fmt::format("tokenizer.ggml.merges[{}]: expected two tokens with a space between, found '{}'", rank, line));
    }
    merges.push_back({line.substr(0, space), line.substr(space + 1)});
  }
  return merges;
}

Status GgufVocabulary::BuildBpe() {
  STERNA_ASSIGN_OR_RETURN(const GgufPreType* type, ReadPreType());
  for (const std::string_view expression : type->expressions) {
    if (expression.empty()) break;
    STERNA_ASSIGN_OR_RETURN(auto step, MakeRegexStep(expression, SplitBehavior::kIsolated, false));
    parts_.pre_tokenizer.push_back(std::move(step));
  }
  STERNA_RETURN_IF_ERROR(ReadSpecialIds(type->adds_bos));
  STERNA_ASSIGN_OR_RETURN(const bool adds_space, metadata_.GetBoolOr("tokenizer.ggml.add_space_prefix", false));
  if (adds_space) return Unsupported("tokenizer.ggml.add_space_prefix: true with tokenizer.ggml.model gpt2");

  STERNA_ASSIGN_OR_RETURN(const std::vector<BpeMerge> lines, ReadMerges());
  constexpr std::string_view kMerges = "tokenizer.ggml.merges";
  STERNA_ASSIGN_OR_RETURN(const BpeMerges merges, ResolveMerges(parts_.texts, parts_.index, lines, "", true, kMerges));
  if (merges.gaps.size() > 0) {
    parts_.warnings.push_back(
        fmt::format("{}; words that such merges end with become the tokens of their bytes, as llama.cpp has it", merges.first_gap));
  }
  BpeOptions options;
  options.ignore_merges = type->ignores_merges;
  options.unknown_id = unknown_.value_or(-1);
  STERNA_ASSIGN_OR_RETURN(
      parts_.model, BpeModel::Create(parts_.texts, parts_.index, merges.by_rank, merges.gaps, parts_.is_control, options, kMerges));
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

}  // namespace sterna
