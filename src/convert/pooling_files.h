// The files that tell sentence-transformers how vectors of texts are made from a model's last hidden states.
#ifndef STERNA_CONVERT_POOLING_FILES_H_
#define STERNA_CONVERT_POOLING_FILES_H_

#include <vector>

#include "convert/convert.h"
#include "model/config.h"

namespace sterna {

/// modules.json (transformer, pooling, normalization to length 1), sentence_bert_config.json and 1_Pooling/config.json for a model
/// with a pooling; nothing for one without. GGUF does not say whether vectors are normalized: readers of it, this program among
/// them, always do, and so will these files.
std::vector<SideFile> PoolingFiles(const ModelConfig& config);

}  // namespace sterna

#endif  // STERNA_CONVERT_POOLING_FILES_H_
