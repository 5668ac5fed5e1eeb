// A trained vocabulary as the text of a Hugging Face tokenizer.json.
#ifndef STERNA_TEXT_TRAINING_TOKENIZER_FILE_H_
#define STERNA_TEXT_TRAINING_TOKENIZER_FILE_H_

#include <string>

#include "text/training/bpe_trainer.h"

namespace sterna {

/// The file that `tokenizers` 0.23 ByteLevelBPETokenizer.save writes for this vocabulary, byte for byte: ByteLevel as
/// pre-tokenizer, post-processor and decoder, BPE model, special tokens as added tokens. `Tokenizer::FromJson` reads it.
std::string FormatTokenizerJson(const TrainedBpe& trained);

}  // namespace sterna

#endif  // STERNA_TEXT_TRAINING_TOKENIZER_FILE_H_
