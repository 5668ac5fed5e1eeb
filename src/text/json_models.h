// Models and post-processors as tokenizer.json writes them. Internal to Tokenizer::FromJson.
#ifndef STERNA_TEXT_JSON_MODELS_H_
#define STERNA_TEXT_JSON_MODELS_H_

#include <cstdint>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "text/json_reader.h"
#include "text/json_vocabulary.h"
#include "text/pipeline_tokenizer.h"

namespace sterna {

enum class ModelKind : uint8_t { kBpe, kWordPiece, kWordLevel, kUnigram };
std::string_view ModelKindName(ModelKind kind);

/// Unsupported with its name where it is none of these; a model without type is told by its members, as the reference does.
Result<ModelKind> ReadModelKind(const JsonReader& model);
/// (text, id) of model.vocab. Malformed where an id is not 0..kMaxTokenId or an entry is not of the form.
Status ReadVocabularyEntries(const JsonReader& vocab, ModelKind kind, VocabularyEntries* entries);
/// Sets parts->model; texts and index are there already. is_foreign: by id, tokens that the model does not have or that text must
/// not become. May add pre-tokenizer steps. known: where the merges of a BPE model come from, or null: from model.merges, and then
/// they are put into found_merges.
Status ReadModel(const JsonReader& model, ModelKind kind, bool ends_byte_level, const std::vector<uint8_t>& is_foreign,
                 const VocabularyParts* known, std::vector<BpeMergeIds>* found_merges, PipelineParts* parts);
/// Sets what surrounds a text and how spans are trimmed. has_template: whether a step said what surrounds a text.
Status ReadPostProcessor(const JsonReader& json, PipelineParts* parts, bool* has_template);

}  // namespace sterna

#endif  // STERNA_TEXT_JSON_MODELS_H_
