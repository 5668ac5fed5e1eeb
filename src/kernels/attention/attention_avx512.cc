// Up to four queries share every load of a key or value. Registers: scores 8 sums (4 queries x 32 positions), 2 keys, 1 query
// element; values 16 sums (4 queries x 64 columns), 4 values, 1 weight. Reads nothing outside the blocks and the queries: the
// columns behind the last multiple of 16 are loaded and stored under a mask.
//
// A long context comes from memory. While the keys of a block are used, its values are fetched, and while these are used, the keys
// of the next block: in rising order and into the second-level cache, whose queue of misses is longer than the first level's.
#include <immintrin.h>

#include "kernels/attention/attention_variants.h"
#include "kernels/exp/exp_avx512.h"

namespace sterna {
namespace {

constexpr int64_t kTokens = kKvBlockTokens;
constexpr int kTile = 4;                 // queries that share loads
constexpr int64_t kQueriesPerPass = 32;  // queries whose running maxima and sums are kept while a pass walks over all blocks
constexpr int64_t kFloatsPerLine = 16;

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

float Lane0(__m512 x) noexcept {
  return _mm512_cvtss_f32(x);
}

/// The sum of the contract: lanes i and i+8, then i+4, i+2, i+1.
float SumOfLanes(__m512 x) noexcept {
  const __m256 by8 = _mm256_add_ps(_mm512_castps512_ps256(x), _mm512_extractf32x8_ps(x, 1));
  const __m128 by4 = _mm_add_ps(_mm256_castps256_ps128(by8), _mm256_extractf128_ps(by8, 1));
  const __m128 by2 = _mm_add_ps(by4, _mm_movehl_ps(by4, by4));
  return _mm_cvtss_f32(_mm_add_ss(by2, _mm_movehdup_ps(by2)));
}

/// weights[query][i] = p[i] and scales[query] = c of the contract; brings `running` up to this block.
template <int kQueries>
void Weigh(const Block& block, const float* q, Running* running, float (*weights)[kTokens], float* scales) noexcept {
  __m512 low[kQueries], high[kQueries];
  for (int query = 0; query < kQueries; ++query) low[query] = high[query] = _mm512_setzero_ps();
  for (int64_t d = 0; d < block.head_dim; ++d) {
    const float* const key = block.keys + d * kTokens;
    const __m512 key_low = _mm512_load_ps(key), key_high = _mm512_load_ps(key + 16);
    _mm_prefetch(reinterpret_cast<const char*>(block.values + d * kTokens), _MM_HINT_T1);
    _mm_prefetch(reinterpret_cast<const char*>(block.values + d * kTokens + kFloatsPerLine), _MM_HINT_T1);
    for (int query = 0; query < kQueries; ++query) {
      const __m512 element = _mm512_set1_ps(q[query * block.head_dim + d]);
      low[query] = _mm512_fmadd_ps(element, key_low, low[query]);
      high[query] = _mm512_fmadd_ps(element, key_high, high[query]);
    }
  }

  const auto visible = static_cast<uint32_t>((uint64_t{1} << block.end) - (uint64_t{1} << block.begin));
  const auto visible_low = static_cast<__mmask16>(visible), visible_high = static_cast<__mmask16>(visible >> 16);
  const __m512 scale = _mm512_set1_ps(block.score_scale), minus_infinity = _mm512_set1_ps(-__builtin_inff());
  for (int query = 0; query < kQueries; ++query) {
    const __m512 s_low = _mm512_mask_mul_ps(minus_infinity, visible_low, scale, low[query]);
    const __m512 s_high = _mm512_mask_mul_ps(minus_infinity, visible_high, scale, high[query]);
    const float block_m = _mm512_reduce_max_ps(_mm512_max_ps(s_low, s_high));
    const float old_m = running[query].m;
    const float m = block_m > old_m ? block_m : old_m;
    const __m512 p_low = ExpAvx512(_mm512_sub_ps(s_low, _mm512_set1_ps(m)));
    const __m512 p_high = ExpAvx512(_mm512_sub_ps(s_high, _mm512_set1_ps(m)));
    const float c = Lane0(ExpAvx512(_mm512_set1_ps(old_m - m)));
    _mm512_store_ps(weights[query], p_low);
    _mm512_store_ps(weights[query] + 16, p_high);
    scales[query] = c;
    running[query] = {m, __builtin_fmaf(running[query].l, c, SumOfLanes(_mm512_add_ps(p_low, p_high)))};
  }
}

/// y = y * c + p V for columns [column, column + 16 * kVectors), the last vector under `mask`.
template <int kQueries, int kVectors>
void AddColumns(const Block& block, int64_t column, __mmask16 mask, const float (*weights)[kTokens], const float* scales,
                float* y) noexcept {
  __m512 sums[kQueries][kVectors];
  for (int query = 0; query < kQueries; ++query) {
    for (int v = 0; v < kVectors; ++v) {
      const __mmask16 lanes = v + 1 < kVectors ? __mmask16(0xffff) : mask;
      sums[query][v] = block.is_first ? _mm512_setzero_ps()
                                      : _mm512_mul_ps(_mm512_maskz_loadu_ps(lanes, y + query * block.head_dim + column + 16 * v),
                                                      _mm512_set1_ps(scales[query]));
    }
  }
  const float* value = block.values + block.begin * block.head_dim + column;
  const float* ahead = block.next_keys + column * kTokens;
  for (int64_t i = block.begin; i < block.end; ++i, value += block.head_dim, ahead += kVectors * kFloatsPerLine) {
    __m512 values[kVectors];
    for (int v = 0; v < kVectors; ++v) {
      values[v] = v + 1 < kVectors ? _mm512_loadu_ps(value + 16 * v) : _mm512_maskz_loadu_ps(mask, value + 16 * v);
      _mm_prefetch(reinterpret_cast<const char*>(ahead + v * kFloatsPerLine), _MM_HINT_T1);
    }
    for (int query = 0; query < kQueries; ++query) {
      const __m512 weight = _mm512_set1_ps(weights[query][i]);
      for (int v = 0; v < kVectors; ++v) sums[query][v] = _mm512_fmadd_ps(weight, values[v], sums[query][v]);
    }
  }
  for (int query = 0; query < kQueries; ++query) {
    for (int v = 0; v < kVectors; ++v) {
      const __mmask16 lanes = v + 1 < kVectors ? __mmask16(0xffff) : mask;
      _mm512_mask_storeu_ps(y + query * block.head_dim + column + 16 * v, lanes, sums[query][v]);
    }
  }
}

template <int kQueries>
void AddBlock(const Block& block, const float* q, Running* running, float* y) noexcept {
  alignas(64) float weights[kQueries][kTokens];
  float scales[kQueries];
  Weigh<kQueries>(block, q, running, weights, scales);
  int64_t column = 0;
  for (; column + 64 <= block.head_dim; column += 64) AddColumns<kQueries, 4>(block, column, 0xffff, weights, scales, y);
  for (; column < block.head_dim; column += 16) {
    const int64_t left = block.head_dim - column;
    const auto mask = left >= 16 ? __mmask16(0xffff) : static_cast<__mmask16>((1u << left) - 1);
    AddColumns<kQueries, 1>(block, column, mask, weights, scales, y);
  }
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
  for (int64_t d = 0; d < n; d += 16) {
    const auto lanes = n - d >= 16 ? __mmask16(0xffff) : static_cast<__mmask16>((1u << (n - d)) - 1);
    _mm512_mask_storeu_ps(y + d, lanes, _mm512_div_ps(_mm512_maskz_loadu_ps(lanes, y + d), _mm512_set1_ps(divisor)));
  }
}

}  // namespace

void AttentionAvx512(const AttentionArgs& args) noexcept {
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
