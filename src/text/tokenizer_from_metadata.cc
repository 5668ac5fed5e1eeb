// Tokenizer::FromMetadata: vocabularies as GGUF files hold them (keys: gguf specification and llama.cpp llama-vocab.cpp).
#include <fmt/format.h>

#include <memory>
#include <utility>

#include "text/gguf_vocabulary.h"
#include "text/tokenizer.h"
#include "text/unicode_table.h"
#include "text/word_models.h"

namespace sterna {

Result<std::shared_ptr<const Tokenizer>> GgufVocabulary::Build() {
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

// WordPiece as llama.cpp has it: words begin with U+2581, what continues them has no prefix.
Status GgufVocabulary::BuildWordPiece() {
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

Result<std::shared_ptr<const Tokenizer>> Tokenizer::FromMetadata(const Metadata& metadata) {
  return GgufVocabulary(metadata).Build();
}

}  // namespace sterna
