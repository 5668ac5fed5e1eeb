#include "base/metadata.h"

#include <fmt/format.h>

#include <array>
#include <limits>
#include <type_traits>

namespace sterna {
namespace {

constexpr std::array<std::string_view, 12> kElementNames = {"u8",  "i8",   "u16",    "i16", "u32", "i32",
                                                            "f32", "bool", "string", "u64", "i64", "f64"};

Status Missing(std::string_view key) {
  return NotFound(fmt::format("metadata key '{}' is missing", key));
}

Status WrongType(std::string_view key, std::string_view expected, const MetaValue& found) {
  return Malformed(fmt::format("metadata key '{}': expected {}, found {}", key, expected, MetaTypeName(found)));
}

template <class T>
constexpr bool kIsInteger = std::is_integral_v<T> && !std::is_same_v<T, bool>;

template <class To>
std::optional<To> AsInteger(const MetaValue& value) {
  return std::visit(
      [](const auto& v) -> std::optional<To> {
        using From = std::decay_t<decltype(v)>;
        if constexpr (kIsInteger<From>) {
          To out;
          if (!__builtin_add_overflow(v, From{0}, &out)) return out;
        }
        return std::nullopt;
      },
      value);
}

template <class Element>
Result<std::vector<Element>> ConvertArray(std::string_view key, const MetaValue& value, std::string_view expected) {
  const auto* array = std::get_if<MetaArray>(&value);
  if (array == nullptr) return WrongType(key, expected, value);
  return std::visit(
      [&](const auto& elements) -> Result<std::vector<Element>> {
        using Array = std::decay_t<decltype(elements)>;
        if constexpr (!std::is_same_v<Array, BoolArray> && !std::is_same_v<Array, std::vector<std::string>>) {
          using From = typename Array::value_type;
          if constexpr (std::is_floating_point_v<Element> || kIsInteger<From>) {
            std::vector<Element> out;
            out.reserve(elements.size());
            for (const From element : elements) {
              if constexpr (std::is_same_v<From, uint64_t> && std::is_same_v<Element, int64_t>) {
                if (element > static_cast<uint64_t>(std::numeric_limits<int64_t>::max())) {
                  return Malformed(fmt::format("metadata key '{}': element {} exceeds 2^63-1", key, element));
                }
              }
              out.push_back(static_cast<Element>(element));
            }
            return out;
          }
        }
        return WrongType(key, expected, value);
      },
      *array);
}

template <class T>
Result<T> OrFallback(Result<T> result, T fallback) {
  if (!result.ok() && result.status().code() == StatusCode::kNotFound) return fallback;
  return result;
}

}  // namespace

void Metadata::Set(std::string key, MetaValue value) {
  if (const auto found = index_.find(key); found != index_.end()) {
    items_[found->second].value = std::move(value);
    return;
  }
  index_.emplace(key, items_.size());
  items_.push_back({std::move(key), std::move(value)});
}

bool Metadata::Remove(std::string_view key) {
  const auto found = index_.find(key);
  if (found == index_.end()) return false;
  const size_t at = found->second;
  index_.erase(found);
  items_.erase(items_.begin() + static_cast<std::ptrdiff_t>(at));
  for (auto& [name, position] : index_) {
    if (position > at) --position;
  }
  return true;
}

const MetaValue* Metadata::Find(std::string_view key) const {
  const auto found = index_.find(key);
  return found == index_.end() ? nullptr : &items_[found->second].value;
}

Result<uint64_t> Metadata::GetUint(std::string_view key) const {
  const MetaValue* value = Find(key);
  if (value == nullptr) return Missing(key);
  if (const auto out = AsInteger<uint64_t>(*value)) return *out;
  return WrongType(key, "an unsigned integer", *value);
}

Result<int64_t> Metadata::GetInt(std::string_view key) const {
  const MetaValue* value = Find(key);
  if (value == nullptr) return Missing(key);
  if (const auto out = AsInteger<int64_t>(*value)) return *out;
  return WrongType(key, "an integer", *value);
}

Result<double> Metadata::GetFloat(std::string_view key) const {
  const MetaValue* value = Find(key);
  if (value == nullptr) return Missing(key);
  return std::visit(
      [&](const auto& v) -> Result<double> {
        using From = std::decay_t<decltype(v)>;
        if constexpr (std::is_floating_point_v<From> || kIsInteger<From>) {
          return static_cast<double>(v);
        } else {
          return WrongType(key, "a number", *value);
        }
      },
      *value);
}

Result<bool> Metadata::GetBool(std::string_view key) const {
  const MetaValue* value = Find(key);
  if (value == nullptr) return Missing(key);
  if (const bool* out = std::get_if<bool>(value)) return *out;
  return WrongType(key, "bool", *value);
}

Result<std::string_view> Metadata::GetString(std::string_view key) const {
  const MetaValue* value = Find(key);
  if (value == nullptr) return Missing(key);
  if (const auto* out = std::get_if<std::string>(value)) return std::string_view(*out);
  return WrongType(key, "string", *value);
}

Result<const std::vector<std::string>*> Metadata::GetStrings(std::string_view key) const {
  const MetaValue* value = Find(key);
  if (value == nullptr) return Missing(key);
  if (const auto* array = std::get_if<MetaArray>(value)) {
    if (const auto* out = std::get_if<std::vector<std::string>>(array)) return out;
  }
  return WrongType(key, "array of string", *value);
}

Result<std::vector<int64_t>> Metadata::GetInts(std::string_view key) const {
  const MetaValue* value = Find(key);
  if (value == nullptr) return Missing(key);
  return ConvertArray<int64_t>(key, *value, "array of integers");
}

Result<std::vector<float>> Metadata::GetFloats(std::string_view key) const {
  const MetaValue* value = Find(key);
  if (value == nullptr) return Missing(key);
  return ConvertArray<float>(key, *value, "array of numbers");
}

Result<uint64_t> Metadata::GetUintOr(std::string_view key, uint64_t fallback) const {
  return OrFallback(GetUint(key), fallback);
}
Result<double> Metadata::GetFloatOr(std::string_view key, double fallback) const {
  return OrFallback(GetFloat(key), fallback);
}
Result<bool> Metadata::GetBoolOr(std::string_view key, bool fallback) const {
  return OrFallback(GetBool(key), fallback);
}
Result<std::string_view> Metadata::GetStringOr(std::string_view key, std::string_view fallback) const {
  return OrFallback(GetString(key), fallback);
}

std::string MetaTypeName(const MetaValue& value) {
  if (const auto* array = std::get_if<MetaArray>(&value)) return fmt::format("array of {}", kElementNames[array->index()]);
  return std::string(kElementNames[value.index()]);
}

size_t MetaElementCount(const MetaValue& value) {
  const auto* array = std::get_if<MetaArray>(&value);
  if (array == nullptr) return 1;
  return std::visit(
      [](const auto& elements) {
        if constexpr (std::is_same_v<std::decay_t<decltype(elements)>, BoolArray>) {
          return elements.values.size();
        } else {
          return elements.size();
        }
      },
      *array);
}

}  // namespace sterna
