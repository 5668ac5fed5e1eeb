// TL1 and TL2: ternary weights in pairs and triples, ordered for the lookup kernels of bitnet.cpp
// (utils/convert-hf-to-gguf-bitnet.py, process_tl1 and preprocess_weights_tl2).
#include <fmt/format.h>

#include <array>
#include <cstdlib>

#include "tensor/tl_codecs_internal.h"

namespace sterna {
namespace {

constexpr int kPairCodes = 9, kMaxTriple = 13;
constexpr int64_t kTl2InnerRows = 32;
constexpr int64_t kTl2PairCols = 32;  // the columns behind the triples come in tiles of 32

constexpr std::array kKnown = {
    TlPreset{DType::kTL1, 1536, 4096, {256, 128, 32}},  TlPreset{DType::kTL1, 1536, 1536, {128, 64, 64}},
    TlPreset{DType::kTL1, 4096, 1536, {256, 128, 32}},  TlPreset{DType::kTL1, 3200, 8640, {160, 64, 32}},
    TlPreset{DType::kTL1, 3200, 3200, {320, 128, 64}},  TlPreset{DType::kTL1, 8640, 3200, {320, 64, 32}},
    TlPreset{DType::kTL1, 14336, 4096, {256, 128, 32}}, TlPreset{DType::kTL1, 4096, 14336, {256, 128, 32}},
    TlPreset{DType::kTL1, 1024, 4096, {128, 64, 64}},   TlPreset{DType::kTL1, 4096, 4096, {128, 64, 32}},
    TlPreset{DType::kTL2, 1536, 4096, {256, 96, 32}},   TlPreset{DType::kTL2, 1536, 1536, {128, 192, 32}},
    TlPreset{DType::kTL2, 4096, 1536, {256, 96, 32}},   TlPreset{DType::kTL2, 3200, 8640, {160, 96, 32}},
    TlPreset{DType::kTL2, 3200, 3200, {320, 96, 32}},   TlPreset{DType::kTL2, 8640, 3200, {320, 96, 32}},
    TlPreset{DType::kTL2, 14336, 4096, {256, 96, 32}},  TlPreset{DType::kTL2, 4096, 14336, {128, 96, 32}},
    TlPreset{DType::kTL2, 1024, 4096, {256, 96, 32}},   TlPreset{DType::kTL2, 4096, 4096, {128, 96, 32}},
};

/// A nibble of the codes: byte offset and whether it is the high one.
struct NibblePlace {
  int64_t byte;
  bool is_high;
};
int LoadNibble(const std::byte* codes, NibblePlace place) noexcept {
  return static_cast<int>(codes[place.byte]) >> (place.is_high ? 4 : 0) & 15;
}
void AddNibble(int value, NibblePlace place, std::byte* codes) noexcept {
  codes[place.byte] |= static_cast<std::byte>(value << (place.is_high ? 4 : 0));
}

NibblePlace Tl1Pair(const TlMatrix& m, int64_t row, int64_t pair) noexcept {
  const int64_t step_cols = 256 / m.tiling.inner_rows, tile_pairs = m.tiling.tile_cols / 2, step_pairs = step_cols / 2;
  const int64_t in_tile = row % m.tiling.tile_rows, inner = in_tile % m.tiling.inner_rows;
  const int64_t pair_in_tile = pair % tile_pairs, pair_in_step = pair_in_tile % step_pairs;
  int64_t place = row / m.tiling.tile_rows;
  place = place * (m.cols / m.tiling.tile_cols) + pair / tile_pairs;
  place = place * (m.tiling.tile_rows / m.tiling.inner_rows) + in_tile / m.tiling.inner_rows;
  place = place * (m.tiling.tile_cols / step_cols) + pair_in_tile / step_pairs;
  place = place * (m.tiling.inner_rows / 16) + inner / 16;
  place = place * (step_cols / 4) + pair_in_step / 2;
  return {place * 16 + inner % 16, pair % 2 == 0};
}

/// Columns of a TL2 matrix that are stored as triples; the others are pairs.
int64_t TripleCols(const TlMatrix& m) noexcept {
  return m.cols / m.tiling.tile_cols * m.tiling.tile_cols;
}
/// Which of 32 bytes belongs to a row of the 32: rows 0-7, 16-23, 8-15, 24-31.
int64_t Tl2Lane(int64_t row) noexcept {
  const int64_t inner = row % kTl2InnerRows;
  return inner < 8 || inner >= 24 ? inner : (inner < 16 ? inner + 8 : inner - 8);
}
/// Number of a group of 32 rows in the order tile of rows, tile of columns, group: what all three sections count first.
int64_t Tl2Group(const TlMatrix& m, int64_t row, int64_t col_tiles, int64_t col_tile) noexcept {
  return (row / m.tiling.tile_rows * col_tiles + col_tile) * (m.tiling.tile_rows / kTl2InnerRows) +
         row % m.tiling.tile_rows / kTl2InnerRows;
}
NibblePlace Tl2Magnitude(const TlMatrix& m, int64_t row, int64_t triple) noexcept {
  const int64_t tile_triples = m.tiling.tile_cols / 3, in_tile = triple % tile_triples;
  const int64_t group = Tl2Group(m, row, m.cols / m.tiling.tile_cols, triple / tile_triples);
  return {(group * (tile_triples / 2) + in_tile / 2) * 32 + Tl2Lane(row), triple % 2 == 0};
}
/// A sign: the byte and bit of a little-endian u16 behind the magnitudes.
struct BitPlace {
  int64_t byte;
  int bit;
};
BitPlace Tl2Sign(const TlMatrix& m, int64_t row, int64_t triple) noexcept {
  const int64_t tile_triples = m.tiling.tile_cols / 3, in_tile = triple % tile_triples;
  const int64_t group = Tl2Group(m, row, m.cols / m.tiling.tile_cols, triple / tile_triples);
  const int64_t word = (group * (tile_triples / 8) + in_tile / 8) * 16 + row % 16;
  const auto bit = static_cast<int>(15 - (2 * (in_tile % 8) + row % kTl2InnerRows / 16));
  return {m.rows * TripleCols(m) / 6 + 2 * word + bit / 8, bit % 8};
}
NibblePlace Tl2Pair(const TlMatrix& m, int64_t row, int64_t pair) noexcept {
  const int64_t triple_cols = TripleCols(m), tile_pairs = kTl2PairCols / 2;
  const int64_t group = Tl2Group(m, row, (m.cols - triple_cols) / kTl2PairCols, pair / tile_pairs);
  const int64_t start = m.rows * triple_cols / 6 + m.rows * triple_cols / 24;
  return {start + (group * 8 + pair % tile_pairs / 2) * 32 + Tl2Lane(row), pair % 2 == 0};
}

int PairCode(const int8_t* values) noexcept {
  return 3 * values[0] + values[1] + 4;
}
bool UnpackPair(int code, int8_t* values) noexcept {
  if (code >= kPairCodes) return false;
  values[0] = static_cast<int8_t>(code / 3 - 1);
  values[1] = static_cast<int8_t>(code % 3 - 1);
  return true;
}

}  // namespace

std::optional<TlTiling> KnownTlTiling(DType dtype, int64_t rows, int64_t cols) {
  for (const TlPreset& known : kKnown) {
    if (known.dtype == dtype && known.rows == rows && known.cols == cols) return known.tiling;
  }
  return std::nullopt;
}

Status CheckTlTiling(DType dtype, int64_t rows, int64_t cols, const TlTiling& tiling) {
  const int64_t tile_rows = tiling.tile_rows, tile_cols = tiling.tile_cols, inner_rows = tiling.inner_rows;
  const auto broken = [&](std::string_view rule) {
    return InvalidArgument(fmt::format("{} tiles of {} rows (steps of {}) and {} columns do not suit [{}, {}]: {}", Name(dtype),
                                       tile_rows, inner_rows, tile_cols, rows, cols, rule));
  };
  if (tile_rows < 1 || tile_cols < 1 || inner_rows < 1) return broken("expected positive numbers");
  if (rows % tile_rows != 0) return broken("expected whole tiles of rows");
  if (tile_rows % inner_rows != 0) return broken("expected whole steps in a tile");
  if (dtype == DType::kTL1) {
    if (inner_rows != 16 && inner_rows != 32 && inner_rows != 64) return broken("expected steps of 16, 32 or 64 rows");
    if (tile_cols % (256 / inner_rows) != 0) return broken("expected tile columns to be a multiple of 256 / step rows");
    if (cols % tile_cols != 0) return broken("expected whole tiles of columns");
    return Status::Ok();
  }
  if (inner_rows != kTl2InnerRows) return broken("expected steps of 32 rows");
  if (tile_cols % 24 != 0) return broken("expected tile columns to be a multiple of 24");
  if (cols % tile_cols % kTl2PairCols != 0) return broken("expected columns behind the last tile to be a multiple of 32");
  return Status::Ok();
}

Result<TlTiling> TlTilingOf(DType dtype, int64_t rows, int64_t cols, const std::optional<TlTiling>& given) {
  const std::optional<TlTiling> tiling = given ? given : KnownTlTiling(dtype, rows, cols);
  if (!tiling) {
    return Unsupported(
        fmt::format("{} [{}, {}]: the file does not say how its codes are tiled and no preset of bitnet.cpp has this "
                    "shape: name the tiling, or convert the original checkpoint to I2_S",
                    Name(dtype), rows, cols));
  }
  STERNA_RETURN_IF_ERROR(CheckTlTiling(dtype, rows, cols, *tiling));
  return *tiling;
}

int64_t TlCodeBytes(const TlMatrix& m) {
  if (m.dtype == DType::kTL1) return m.rows * m.cols / 4;
  const int64_t triple_cols = TripleCols(m);
  return m.rows * triple_cols / 6 + m.rows * triple_cols / 24 + m.rows * (m.cols - triple_cols) / 4;
}

std::optional<int64_t> UnpackTlRow(const TlMatrix& m, const std::byte* codes, int64_t row, int8_t* values) noexcept {
  if (m.dtype == DType::kTL1) {
    for (int64_t pair = 0; pair < m.cols / 2; ++pair) {
      if (!UnpackPair(LoadNibble(codes, Tl1Pair(m, row, pair)), values + 2 * pair)) return 2 * pair;
    }
    return std::nullopt;
  }
  const int64_t triple_cols = TripleCols(m);
  for (int64_t triple = 0; triple < triple_cols / 3; ++triple) {
    const int magnitude = LoadNibble(codes, Tl2Magnitude(m, row, triple));
    const BitPlace sign = Tl2Sign(m, row, triple);
    const bool is_negative = (static_cast<int>(codes[sign.byte]) >> sign.bit & 1) != 0;
    if (magnitude > kMaxTriple || (magnitude == 0 && is_negative)) return 3 * triple;
    const int number = (is_negative ? -magnitude : magnitude) + kMaxTriple;
    values[3 * triple] = static_cast<int8_t>(number / 9 - 1);
    values[3 * triple + 1] = static_cast<int8_t>(number / 3 % 3 - 1);
    values[3 * triple + 2] = static_cast<int8_t>(number % 3 - 1);
  }
  for (int64_t pair = 0; pair < (m.cols - triple_cols) / 2; ++pair) {
    const int64_t col = triple_cols + 2 * pair;
    if (!UnpackPair(LoadNibble(codes, Tl2Pair(m, row, pair)), values + col)) return col;
  }
  return std::nullopt;
}

void PackTlRow(const TlMatrix& m, const int8_t* values, int64_t row, std::byte* codes) noexcept {
  if (m.dtype == DType::kTL1) {
    for (int64_t pair = 0; pair < m.cols / 2; ++pair) AddNibble(PairCode(values + 2 * pair), Tl1Pair(m, row, pair), codes);
    return;
  }
  const int64_t triple_cols = TripleCols(m);
  for (int64_t triple = 0; triple < triple_cols / 3; ++triple) {
    const int8_t* v = values + 3 * triple;
    const int number = 9 * v[0] + 3 * v[1] + v[2];
    AddNibble(std::abs(number), Tl2Magnitude(m, row, triple), codes);
    const BitPlace sign = Tl2Sign(m, row, triple);
    if (number < 0) codes[sign.byte] |= static_cast<std::byte>(1 << sign.bit);
  }
  for (int64_t pair = 0; pair < (m.cols - triple_cols) / 2; ++pair) {
    AddNibble(PairCode(values + triple_cols + 2 * pair), Tl2Pair(m, row, pair), codes);
  }
}

}  // namespace sterna
