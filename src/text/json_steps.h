// Normalizers, pre-tokenizers and decoders as tokenizer.json writes them. Internal to Tokenizer::FromJson.
#ifndef STERNA_TEXT_JSON_STEPS_H_
#define STERNA_TEXT_JSON_STEPS_H_

#include "base/status.h"
#include "text/json_reader.h"
#include "text/normalizer.h"
#include "text/pre_tokenizer.h"
#include "text/token_decoder.h"

namespace sterna {

// All three append what `json` says, sequences in order. Unsupported with name and place where a type or an option is not known,
// Malformed where a member is missing or of the wrong type.

Status ReadNormalizer(const JsonReader& json, NormalizerSteps* steps);
struct PreTokenizerTraits {
  bool ends_byte_level = false;  ///< the last step is a ByteLevel one, whose rewriting into the byte alphabet is left to the model
  bool needs_origins = false;    ///< a step depends on where in the original its piece begins
};
Status ReadPreTokenizer(const JsonReader& json, PreTokenizerSteps* steps, PreTokenizerTraits* traits);
Status ReadDecoder(const JsonReader& json, DecoderSteps* steps);

}  // namespace sterna

#endif  // STERNA_TEXT_JSON_STEPS_H_
