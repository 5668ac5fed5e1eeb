#include "convert/metadata_override.h"

#include <fmt/format.h>

#include <charconv>
#include <cmath>
#include <limits>
#include <type_traits>
#include <variant>

namespace sterna {
namespace {

template <class T>
Result<MetaValue> ParseNumber(std::string_view text, std::string_view kind) {
  T value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) {
    return InvalidArgument(fmt::format("expected {}, found '{}'", kind, text));
  }
  return MetaValue(value);
}

Result<MetaValue> ParseValue(std::string_view type, std::string_view text) {
  if (type == "str") return MetaValue(std::string(text));
  if (type == "int") return ParseNumber<int64_t>(text, "a whole number");
  if (type == "float") return ParseNumber<double>(text, "a number");
  if (type != "bool") return InvalidArgument(fmt::format("expected the type int, float, bool or str, found '{}'", type));
  if (text == "true") return MetaValue(true);
  if (text == "false") return MetaValue(false);
  return InvalidArgument(fmt::format("expected true or false, found '{}'", text));
}

/// `value` as an integer of type T, where it fits.
template <class T>
Result<MetaValue> Narrow(int64_t value) {
  if constexpr (std::is_same_v<T, uint64_t>) {
    if (value >= 0) return MetaValue(static_cast<uint64_t>(value));
  } else {
    if (value >= static_cast<int64_t>(std::numeric_limits<T>::min()) &&
        value <= static_cast<int64_t>(std::numeric_limits<T>::max()))
      return MetaValue(static_cast<T>(value));
  }
  return InvalidArgument(fmt::format("{} does not fit the type the key has", value));
}

Result<MetaValue> NewInteger(int64_t value) {
  if (value >= 0 && value <= std::numeric_limits<uint32_t>::max()) return MetaValue(static_cast<uint32_t>(value));
  if (value < 0 && value >= std::numeric_limits<int32_t>::min()) return MetaValue(static_cast<int32_t>(value));
  return MetaValue(value);
}

/// `value` in the type that `old` has.
Result<MetaValue> InTypeOf(const MetaValue& old, const MetaValue& value) {
  return std::visit(
      [&](const auto& before) -> Result<MetaValue> {
        using Old = std::decay_t<decltype(before)>;
        if constexpr (std::is_same_v<Old, bool> || std::is_same_v<Old, std::string>) {
          if (std::holds_alternative<Old>(value)) return value;
        } else if constexpr (std::is_integral_v<Old>) {
          if (const auto* number = std::get_if<int64_t>(&value)) return Narrow<Old>(*number);
        } else if constexpr (std::is_floating_point_v<Old>) {
          if (const auto* number = std::get_if<double>(&value)) return MetaValue(static_cast<Old>(*number));
        }
        return InvalidArgument(fmt::format("the key holds {}", MetaTypeName(old)));
      },
      old);
}

Result<MetaValue> AsNewValue(const MetaValue& value) {
  if (const auto* number = std::get_if<int64_t>(&value)) return NewInteger(*number);
  if (const auto* number = std::get_if<double>(&value)) return MetaValue(static_cast<float>(*number));
  return value;
}

}  // namespace

Result<MetadataOverride> ParseMetadataOverride(std::string_view text) {
  const size_t equals = text.find('=');
  const size_t colon = equals == std::string_view::npos ? equals : text.find(':', equals);
  if (equals == 0 || colon == std::string_view::npos) {
    return InvalidArgument(fmt::format("'{}': expected KEY=TYPE:VALUE, as in general.name=str:my model", text));
  }
  MetadataOverride out;
  out.key = text.substr(0, equals);
  STERNA_ASSIGN_OR_RETURN(
      out.value,
      ParseValue(text.substr(equals + 1, colon - equals - 1), text.substr(colon + 1)).WithContext(fmt::format("'{}'", text)));
  return out;
}

Status ApplyOverride(const MetadataOverride& change, Metadata* metadata) {
  const MetaValue* old = metadata->Find(change.key);
  Result<MetaValue> value = old == nullptr ? AsNewValue(change.value) : InTypeOf(*old, change.value);
  if (!value.ok()) return value.status().WithContext(fmt::format("override of {}", change.key));
  metadata->Set(change.key, *std::move(value));
  return Status::Ok();
}

}  // namespace sterna
