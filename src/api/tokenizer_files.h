// Tokenizers as users name them: a path that holds one, and copies of it with other special tokens.
#ifndef STERNA_API_TOKENIZER_FILES_H_
#define STERNA_API_TOKENIZER_FILES_H_

#include <memory>
#include <string>

#include "base/status.h"
#include "formats/weight_source.h"
#include "text/special_tokens.h"
#include "text/tokenizer.h"

namespace sterna {

struct TokenizerOptions {
  /// Folder that keeps large vocabularies in a form that loads fast (text/vocabulary_cache.h); empty: none.
  std::string vocabulary_cache = {};
  /// Changes for this tokenizer alone; the file stays as it is.
  SpecialTokenEdit edit = {};
};

/// `model`: a path, or the name of a cached model. The tokenizer of a GGUF file, a tokenizer.json, a SentencePiece or tiktoken
/// tokenizer.model, or a directory with one of them. Unsupported where there is something to edit in a SentencePiece or tiktoken
/// file.
Result<std::shared_ptr<const Tokenizer>> LoadTokenizer(const std::string& model, const TokenizerOptions& options = {});

/// The same of an opened checkpoint. Null where it has none.
Result<std::shared_ptr<const Tokenizer>> FindTokenizer(const WeightSource& source, const TokenizerOptions& options);

/// Writes the tokenizer.json of `model`, edited: to `output` where that ends in ".json", else as tokenizer.json and, where there is
/// anything to say in it, tokenizer_config.json into the directory `output`, which is made. Roles need a directory. Unsupported
/// where `model` holds no tokenizer.json; CheckOutputPath's errors.
Status SaveTokenizer(const std::string& model, const SpecialTokenEdit& edit, const std::string& output, bool overwrite);

}  // namespace sterna

#endif  // STERNA_API_TOKENIZER_FILES_H_
