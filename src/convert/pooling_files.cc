#include "convert/pooling_files.h"

#include <fmt/format.h>

namespace sterna {
namespace {

constexpr std::string_view kModules = R"([
  {"idx": 0, "name": "0", "path": "", "type": "sentence_transformers.models.Transformer"},
  {"idx": 1, "name": "1", "path": "1_Pooling", "type": "sentence_transformers.models.Pooling"},
  {"idx": 2, "name": "2", "path": "2_Normalize", "type": "sentence_transformers.models.Normalize"}
]
)";

}  // namespace

std::vector<SideFile> PoolingFiles(const ModelConfig& config) {
  if (config.pooling == Pooling::kNone) return {};
  const std::string pooling = fmt::format(
      "{{\n  \"word_embedding_dimension\": {},\n  \"pooling_mode_cls_token\": {},\n  \"pooling_mode_mean_tokens\": {},\n"
      "  \"pooling_mode_max_tokens\": false,\n  \"pooling_mode_mean_sqrt_len_tokens\": false,\n"
      "  \"pooling_mode_weightedmean_tokens\": false,\n  \"pooling_mode_lasttoken\": {},\n  \"include_prompt\": true\n}}\n",
      config.d_model, config.pooling == Pooling::kFirst, config.pooling == Pooling::kMean, config.pooling == Pooling::kLast);
  const std::string transformer = fmt::format("{{\n  \"max_seq_length\": {},\n  \"do_lower_case\": false\n}}\n", config.context);
  return {{"modules.json", std::string(kModules)}, {"sentence_bert_config.json", transformer}, {"1_Pooling/config.json", pooling}};
}

}  // namespace sterna
