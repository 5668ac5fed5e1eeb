// Operations of a program that touch the key-value cache.
#include <algorithm>
#include <cstring>

#include "backend/cpu/cpu_program.h"

namespace sterna {

float* CpuProgram::KvHead(const StepToken& token, int64_t block, int64_t layer, int64_t head) const {
  const KvShape& shape = plan_->kv;
  void* base = batch_->sequences[static_cast<size_t>(token.sequence)].blocks[static_cast<size_t>(block)];
  return static_cast<float*>(base) + (layer * shape.kv_heads + head) * 2 * kKvBlockTokens * shape.head_dim;
}

void CpuProgram::Execute(const RopeAppendOp& op) {
  const auto& table = Get<CpuRopeTable>(op.rope_table);
  const int64_t head_dim = op.head_dim;
  const int64_t kv_heads = op.k.width / head_dim;
  ForEachRow(Rows(op.q), op.q.width + op.k.width, [&](int64_t row, int) {
    const StepToken& token = batch_->tokens[static_cast<size_t>(row)];
    const float* cos = table.cos.data() + token.position * table.half;
    const float* sin = table.sin.data() + token.position * table.half;
    float* k = Float(op.k, row);
    const float* v = Float(op.v, row);
    context_->kernels.rope.function(
        {.x = Float(op.q, row), .heads = op.q.width / head_dim, .head_dim = head_dim, .cos = cos, .sin = sin});
    context_->kernels.rope.function({.x = k, .heads = kv_heads, .head_dim = head_dim, .cos = cos, .sin = sin});
    const int64_t column = token.position % kKvBlockTokens;
    for (int64_t head = 0; head < kv_heads; ++head) {
      float* keys = KvHead(token, token.position / kKvBlockTokens, op.layer, head);
      float* values = keys + kKvBlockTokens * head_dim;
      for (int64_t d = 0; d < head_dim; ++d) keys[d * kKvBlockTokens + column] = k[head * head_dim + d];
      std::memcpy(values + column * head_dim, v + head * head_dim, static_cast<size_t>(head_dim) * sizeof(float));
    }
  });
}

void CpuProgram::Execute(const AttentionOp& op) {
  const int64_t tokens = Rows(op.q);
  const int64_t group_width = op.q.width / op.kv_heads;
  if (tokens == 0) return;
  const int64_t last_position = batch_->tokens.back().position;
  // One task is one token and one KV head with its group of query heads.
  const int64_t most_visible = op.window > 0 ? std::min(op.window, last_position + 1) : last_position + 1;
  ForEachRow(tokens * op.kv_heads, most_visible * group_width, [&](int64_t task, int worker) {
    const int64_t row = task / op.kv_heads, head = task % op.kv_heads;
    const StepToken& token = batch_->tokens[static_cast<size_t>(row)];
    const int64_t blocks = token.position / kKvBlockTokens + 1;
    auto** keys = reinterpret_cast<const float**>(Scratch(worker));
    const float** values = keys + blocks;
    const int64_t begin = op.window > 0 ? std::max<int64_t>(token.position + 1 - op.window, 0) : 0;
    for (int64_t block = begin / kKvBlockTokens; block < blocks; ++block) {
      keys[block] = KvHead(token, block, op.layer, head);
      values[block] = keys[block] + kKvBlockTokens * op.head_dim;
    }
    context_->kernels.attention.function({.q = Float(op.q, row) + head * group_width,
                                          .queries = group_width / op.head_dim,
                                          .head_dim = op.head_dim,
                                          .keys = keys,
                                          .values = values,
                                          .begin = begin,
                                          .positions = token.position + 1,
                                          .score_scale = op.score_scale,
                                          .y = Float(op.out, row) + head * group_width});
  });
}

}  // namespace sterna
