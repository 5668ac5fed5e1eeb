// Up to four queries share every load of a key or value. Registers: 16 sums (4 queries x 16 positions or columns), 4 keys or
// values, 1 query element or weight: 8 loads for 16 multiply-adds. Reads nothing outside the blocks and the queries: the columns
// behind the last multiple of 16 are scalar. Prefetches as in the AVX-512 variant.
#include <arm_neon.h>

#include "kernels/attention/attention_variants.h"
#include "kernels/exp/exp_neon.h"

// GCC leaves some of an array of sums in memory unless its loops are written out.
#define STERNA_UNROLL _Pragma("GCC unroll 16")

namespace sterna {
namespace {

constexpr int64_t kTokens = kKvBlockTokens;
constexpr int kTile = 4;                 // queries that share loads
constexpr int64_t kQueriesPerPass = 32;  // queries whose running maxima and sums are kept while a pass walks over all blocks
constexpr int64_t kFloatsPerLine = 16;
constexpr int kVectors = 4;                 // of 16 positions or columns
constexpr int kBlockVectors = kTokens / 4;  // of a block's positions

/// What the online softmax keeps of one query.
struct Running {
  float m, l;
};

/// One block of the cache, seen by some queries.
struct Block {
  const float* keys;
  const float* values;
  const float* next_keys;  // of the block that comes next, to be fetched meanwhile; of this one at the end
  int64_t begin, end;      // visible positions
  int64_t head_dim;
  float score_scale;
  bool is_first;
};

void PrefetchFar(const float* line) noexcept {
  __builtin_prefetch(line, 0, 2);
}

/// Lanes i and i+2, then i+1.
float SumOfLanes(float32x4_t by4) noexcept {
  return vaddv_f32(vadd_f32(vget_low_f32(by4), vget_high_f32(by4)));
}

/// scores[query][first .. first+15] = score_scale * dot. Fetches the 16 * head_dim values from `ahead` on meanwhile.
template <int kQueries>
void Score(const Block& block, const float* q, int64_t first, const float* ahead, float (*scores)[kTokens]) noexcept {
  float32x4_t sums[kQueries][kVectors];
  STERNA_UNROLL
  for (int i = 0; i < kQueries * kVectors; ++i) sums[i / kVectors][i % kVectors] = vdupq_n_f32(0);
  for (int64_t d = 0; d < block.head_dim; ++d) {
    const float* const key = block.keys + d * kTokens + first;
    float32x4_t keys[kVectors];
    STERNA_UNROLL
    for (int v = 0; v < kVectors; ++v) keys[v] = vld1q_f32(key + 4 * v);
    PrefetchFar(ahead + d * kFloatsPerLine);
    STERNA_UNROLL
    for (int query = 0; query < kQueries; ++query) {
      const float element = q[query * block.head_dim + d];
      STERNA_UNROLL
      for (int v = 0; v < kVectors; ++v) sums[query][v] = vfmaq_n_f32(sums[query][v], keys[v], element);
    }
  }
  STERNA_UNROLL
  for (int query = 0; query < kQueries; ++query) {
    STERNA_UNROLL
    for (int v = 0; v < kVectors; ++v) vst1q_f32(scores[query] + first + 4 * v, vmulq_n_f32(sums[query][v], block.score_scale));
  }
}

/// Turns the scores of one query into its weights p, in place; returns c and brings `running` up to this block.
float Weigh(const Block& block, float* scores, Running& running) noexcept {
  for (int64_t i = 0; i < block.begin; ++i) scores[i] = -__builtin_inff();
  for (int64_t i = block.end; i < kTokens; ++i) scores[i] = -__builtin_inff();
  float32x4_t s[kBlockVectors];
  STERNA_UNROLL
  for (int v = 0; v < kBlockVectors; ++v) s[v] = vld1q_f32(scores + 4 * v);
  float32x4_t largest = s[0];
  STERNA_UNROLL
  for (int v = 1; v < kBlockVectors; ++v) largest = vmaxq_f32(largest, s[v]);
  const float block_m = vmaxvq_f32(largest);
  const float old_m = running.m;
  const float m = block_m > old_m ? block_m : old_m;
  float32x4_t p[kBlockVectors];
  STERNA_UNROLL
  for (int v = 0; v < kBlockVectors; ++v) {
    p[v] = ExpNeon(vsubq_f32(s[v], vdupq_n_f32(m)));
    vst1q_f32(scores + 4 * v, p[v]);
  }
  const float c = vgetq_lane_f32(ExpNeon(vdupq_n_f32(old_m - m)), 0);
  for (int distance = kBlockVectors / 2; distance > 0; distance /= 2) {
    STERNA_UNROLL
    for (int v = 0; v < distance; ++v) p[v] = vaddq_f32(p[v], p[v + distance]);
  }
  running = {m, __builtin_fmaf(running.l, c, SumOfLanes(p[0]))};
  return c;
}

/// y = y * c + p V for 16 columns.
template <int kQueries>
void AddColumns(const Block& block, int64_t column, const float (*weights)[kTokens], const float* scales, float* y) noexcept {
  float32x4_t sums[kQueries][kVectors];
  STERNA_UNROLL
  for (int query = 0; query < kQueries; ++query) {
    const float* const old = y + query * block.head_dim + column;
    STERNA_UNROLL
    for (int v = 0; v < kVectors; ++v) {
      sums[query][v] = block.is_first ? vdupq_n_f32(0) : vmulq_n_f32(vld1q_f32(old + 4 * v), scales[query]);
    }
  }
  const float* value = block.values + block.begin * block.head_dim + column;
  const float* ahead = block.next_keys + column * kTokens;
  for (int64_t i = block.begin; i < block.end; ++i, value += block.head_dim, ahead += kFloatsPerLine) {
    float32x4_t values[kVectors];
    STERNA_UNROLL
    for (int v = 0; v < kVectors; ++v) values[v] = vld1q_f32(value + 4 * v);
    PrefetchFar(ahead);
    STERNA_UNROLL
    for (int query = 0; query < kQueries; ++query) {
      const float weight = weights[query][i];
      STERNA_UNROLL
      for (int v = 0; v < kVectors; ++v) sums[query][v] = vfmaq_n_f32(sums[query][v], values[v], weight);
    }
  }
  STERNA_UNROLL
  for (int query = 0; query < kQueries; ++query) {
    float* const out = y + query * block.head_dim + column;
    STERNA_UNROLL
    for (int v = 0; v < kVectors; ++v) vst1q_f32(out + 4 * v, sums[query][v]);
  }
}

/// The same for one column.
template <int kQueries>
void AddColumn(const Block& block, int64_t column, const float (*weights)[kTokens], const float* scales, float* y) noexcept {
  for (int query = 0; query < kQueries; ++query) {
    float* const out = y + query * block.head_dim + column;
    float sum = block.is_first ? 0.0f : *out * scales[query];
    for (int64_t i = block.begin; i < block.end; ++i) {
      sum = __builtin_fmaf(weights[query][i], block.values[i * block.head_dim + column], sum);
    }
    *out = sum;
  }
}

template <int kQueries>
void AddBlock(const Block& block, const float* q, Running* running, float* y) noexcept {
  float weights[kQueries][kTokens];
  float scales[kQueries];
  Score<kQueries>(block, q, 0, block.values, weights);
  Score<kQueries>(block, q, 16, block.values + 16 * block.head_dim, weights);
  for (int query = 0; query < kQueries; ++query) scales[query] = Weigh(block, weights[query], running[query]);
  int64_t column = 0;
  for (; column + 16 <= block.head_dim; column += 16) AddColumns<kQueries>(block, column, weights, scales, y);
  for (; column < block.head_dim; ++column) AddColumn<kQueries>(block, column, weights, scales, y);
}

void AddBlockFor(int64_t queries, const Block& block, const float* q, Running* running, float* y) noexcept {
  switch (queries) {
    case 1:
      AddBlock<1>(block, q, running, y);
      break;
    case 2:
      AddBlock<2>(block, q, running, y);
      break;
    case 3:
      AddBlock<3>(block, q, running, y);
      break;
    default:
      AddBlock<kTile>(block, q, running, y);
      break;
  }
}

void Divide(float* y, int64_t n, float divisor) noexcept {
  const int64_t whole = n - n % 4;
  for (int64_t d = 0; d < whole; d += 4) vst1q_f32(y + d, vdivq_f32(vld1q_f32(y + d), vdupq_n_f32(divisor)));
  for (int64_t d = whole; d < n; ++d) y[d] /= divisor;
}

}  // namespace

void AttentionNeon(const AttentionArgs& args) noexcept {
  const int64_t blocks = (args.positions + kTokens - 1) / kTokens;
  for (int64_t begin = 0; begin < args.queries; begin += kQueriesPerPass) {
    const int64_t queries = args.queries - begin < kQueriesPerPass ? args.queries - begin : kQueriesPerPass;
    const float* const q = args.q + begin * args.head_dim;
    float* const y = args.y + begin * args.head_dim;
    Running running[kQueriesPerPass];
    for (int64_t query = 0; query < queries; ++query) running[query] = {-__builtin_inff(), 0.0f};
    const int64_t first = args.begin / kTokens;
    for (int64_t b = first; b < blocks; ++b) {
      const int64_t left = args.positions - b * kTokens;
      const Block block{.keys = args.keys[b],
                        .values = args.values[b],
                        .next_keys = args.keys[b + 1 < blocks ? b + 1 : b],
                        .begin = b == first ? args.begin % kTokens : 0,
                        .end = left < kTokens ? left : kTokens,
                        .head_dim = args.head_dim,
                        .score_scale = args.score_scale,
                        .is_first = b == first};
      for (int64_t query = 0; query < queries; query += kTile) {
        AddBlockFor(queries - query, block, q + query * args.head_dim, running + query, y + query * args.head_dim);
      }
    }
    for (int64_t query = 0; query < queries; ++query) Divide(y + query * args.head_dim, args.head_dim, running[query].l);
  }
}

}  // namespace sterna
