// Ordered, typed key-value pairs: what a model file says about itself, in the one form that formats, text and model share.
#ifndef STERNA_BASE_METADATA_H_
#define STERNA_BASE_METADATA_H_

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/status.h"

namespace sterna {

/// A homogeneous array. The element types are those of GGUF; bool elements are bytes 0 or 1.
struct BoolArray {
  std::vector<uint8_t> values;
  bool operator==(const BoolArray&) const = default;
};
using MetaArray = std::variant<std::vector<uint8_t>, std::vector<int8_t>, std::vector<uint16_t>, std::vector<int16_t>,
                               std::vector<uint32_t>, std::vector<int32_t>, std::vector<float>, BoolArray, std::vector<std::string>,
                               std::vector<uint64_t>, std::vector<int64_t>, std::vector<double>>;

using MetaValue = std::variant<uint8_t, int8_t, uint16_t, int16_t, uint32_t, int32_t, float, bool, std::string, uint64_t, int64_t,
                               double, MetaArray>;

/// Keeps insertion order; keys are unique. Typed getters accept every integer width (and integers where a float is asked), check
/// the range, and name key, expected and found type in their errors. Const methods are thread-safe.
class Metadata {
 public:
  struct Item {
    std::string key;
    MetaValue value;
  };

  /// Adds or replaces; a replaced key keeps its place.
  void Set(std::string key, MetaValue value);
  bool Remove(std::string_view key);

  bool Has(std::string_view key) const { return Find(key) != nullptr; }
  /// The value, or null where the key is missing. Valid until the next Set or Remove.
  const MetaValue* Find(std::string_view key) const;
  const std::vector<Item>& items() const { return items_; }

  // NotFound where the key is missing, Malformed where the type or range is wrong.
  Result<uint64_t> GetUint(std::string_view key) const;
  Result<int64_t> GetInt(std::string_view key) const;
  Result<double> GetFloat(std::string_view key) const;
  Result<bool> GetBool(std::string_view key) const;
  Result<std::string_view> GetString(std::string_view key) const;
  /// Views into this object.
  Result<const std::vector<std::string>*> GetStrings(std::string_view key) const;
  /// Any integer element type, widened.
  Result<std::vector<int64_t>> GetInts(std::string_view key) const;
  /// Any integer or float element type, converted.
  Result<std::vector<float>> GetFloats(std::string_view key) const;

  // The fallback where the key is missing; still an error where the type is wrong.
  Result<uint64_t> GetUintOr(std::string_view key, uint64_t fallback) const;
  Result<double> GetFloatOr(std::string_view key, double fallback) const;
  Result<bool> GetBoolOr(std::string_view key, bool fallback) const;
  Result<std::string_view> GetStringOr(std::string_view key, std::string_view fallback) const;

 private:
  std::vector<Item> items_;
  std::map<std::string, size_t, std::less<>> index_;
};

/// "u32", "string", "array of f32", … for messages and `inspect`.
std::string MetaTypeName(const MetaValue& value);
/// Number of elements of an array, 1 for a scalar.
size_t MetaElementCount(const MetaValue& value);

}  // namespace sterna

#endif  // STERNA_BASE_METADATA_H_
