// Up to four queries share every load of a key or value. Registers: 8 sums (4 queries x 16 positions or columns), 2 keys or values,
// 1 query element or weight. Reads nothing outside the blocks and the queries: the columns behind the last multiple of 16 are
// scalar. Prefetches as in the AVX-512 variant.
#include <immintrin.h>

#include "kernels/attention/attention_variants.h"
#include "kernels/exp/exp_avx2.h"

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

float Lane0(__m256 x) noexcept {
  return _mm256_cvtss_f32(x);
}

/// Lanes i and i+4, then i+2, i+1.
float SumOfLanes(__m256 by8) noexcept {
  const __m128 by4 = _mm_add_ps(_mm256_castps256_ps128(by8), _mm256_extractf128_ps(by8, 1));
  const __m128 by2 = _mm_add_ps(by4, _mm_movehl_ps(by4, by4));
  return _mm_cvtss_f32(_mm_add_ss(by2, _mm_movehdup_ps(by2)));
}

float MaxOfLanes(__m256 x) noexcept {
  const __m128 by4 = _mm_max_ps(_mm256_castps256_ps128(x), _mm256_extractf128_ps(x, 1));
  const __m128 by2 = _mm_max_ps(by4, _mm_movehl_ps(by4, by4));
  return _mm_cvtss_f32(_mm_max_ss(by2, _mm_movehdup_ps(by2)));
}

/// scores[query][first .. first+15] = score_scale * dot. Fetches the 16 * head_dim values from `ahead` on meanwhile.
template <int kQueries>
void Score(const Block& block, const float* q, int64_t first, const float* ahead, float (*scores)[kTokens]) noexcept {
  __m256 low[kQueries], high[kQueries];
  for (int query = 0; query < kQueries; ++query) low[query] = high[query] = _mm256_setzero_ps();
  for (int64_t d = 0; d < block.head_dim; ++d) {
    const float* const key = block.keys + d * kTokens + first;
    const __m256 key_low = _mm256_load_ps(key), key_high = _mm256_load_ps(key + 8);
    _mm_prefetch(reinterpret_cast<const char*>(ahead + d * kFloatsPerLine), _MM_HINT_T1);
    for (int query = 0; query < kQueries; ++query) {
      const __m256 element = _mm256_set1_ps(q[query * block.head_dim + d]);
      low[query] = _mm256_fmadd_ps(element, key_low, low[query]);
      high[query] = _mm256_fmadd_ps(element, key_high, high[query]);
    }
  }
  const __m256 scale = _mm256_set1_ps(block.score_scale);
  for (int query = 0; query < kQueries; ++query) {
    _mm256_store_ps(scores[query] + first, _mm256_mul_ps(scale, low[query]));
    _mm256_store_ps(scores[query] + first + 8, _mm256_mul_ps(scale, high[query]));
  }
}

/// Turns the scores of one query into its weights p, in place; returns c and brings `running` up to this block.
float Weigh(const Block& block, float* scores, Running& running) noexcept {
  for (int64_t i = 0; i < block.begin; ++i) scores[i] = -__builtin_inff();
  for (int64_t i = block.end; i < kTokens; ++i) scores[i] = -__builtin_inff();
  __m256 s[4];
  for (int v = 0; v < 4; ++v) s[v] = _mm256_load_ps(scores + 8 * v);
  const float block_m = MaxOfLanes(_mm256_max_ps(_mm256_max_ps(s[0], s[1]), _mm256_max_ps(s[2], s[3])));
  const float old_m = running.m;
  const float m = block_m > old_m ? block_m : old_m;
  __m256 p[4];
  for (int v = 0; v < 4; ++v) {
    p[v] = ExpAvx2(_mm256_sub_ps(s[v], _mm256_set1_ps(m)));
    _mm256_store_ps(scores + 8 * v, p[v]);
  }
  const float c = Lane0(ExpAvx2(_mm256_set1_ps(old_m - m)));
  const __m256 by16_low = _mm256_add_ps(p[0], p[2]), by16_high = _mm256_add_ps(p[1], p[3]);
  running = {m, __builtin_fmaf(running.l, c, SumOfLanes(_mm256_add_ps(by16_low, by16_high)))};
  return c;
}

/// y = y * c + p V for 16 columns.
template <int kQueries>
void AddColumns(const Block& block, int64_t column, const float (*weights)[kTokens], const float* scales, float* y) noexcept {
  __m256 low[kQueries], high[kQueries];
  for (int query = 0; query < kQueries; ++query) {
    const float* const old = y + query * block.head_dim + column;
    const __m256 scale = _mm256_set1_ps(scales[query]);
    low[query] = block.is_first ? _mm256_setzero_ps() : _mm256_mul_ps(_mm256_loadu_ps(old), scale);
    high[query] = block.is_first ? _mm256_setzero_ps() : _mm256_mul_ps(_mm256_loadu_ps(old + 8), scale);
  }
  const float* value = block.values + block.begin * block.head_dim + column;
  const float* ahead = block.next_keys + column * kTokens;
  for (int64_t i = block.begin; i < block.end; ++i, value += block.head_dim, ahead += kFloatsPerLine) {
    const __m256 value_low = _mm256_loadu_ps(value), value_high = _mm256_loadu_ps(value + 8);
    _mm_prefetch(reinterpret_cast<const char*>(ahead), _MM_HINT_T1);
    for (int query = 0; query < kQueries; ++query) {
      const __m256 weight = _mm256_set1_ps(weights[query][i]);
      low[query] = _mm256_fmadd_ps(weight, value_low, low[query]);
      high[query] = _mm256_fmadd_ps(weight, value_high, high[query]);
    }
  }
  for (int query = 0; query < kQueries; ++query) {
    float* const out = y + query * block.head_dim + column;
    _mm256_storeu_ps(out, low[query]);
    _mm256_storeu_ps(out + 8, high[query]);
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
  alignas(32) float weights[kQueries][kTokens];
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
  const int64_t whole = n - n % 8;
  for (int64_t d = 0; d < whole; d += 8) _mm256_storeu_ps(y + d, _mm256_div_ps(_mm256_loadu_ps(y + d), _mm256_set1_ps(divisor)));
  for (int64_t d = whole; d < n; ++d) y[d] /= divisor;
}

}  // namespace

void AttentionAvx2(const AttentionArgs& args) noexcept {
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
