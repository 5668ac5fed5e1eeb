#include "formats/json_metadata.h"

#include <fmt/format.h>

#include <optional>

#include "formats/json_internal.h"
#include "formats/quoted.h"
#include "formats/unique_names_internal.h"

namespace sterna {
namespace {

using simdjson::dom::element;
using simdjson::dom::element_type;

/// An integer type only where every element fits it.
element_type CommonNumberType(const simdjson::dom::array& elements) {
  bool any_negative = false, any_above_int64 = false;
  for (const element e : elements) {
    if (e.type() == element_type::DOUBLE) return element_type::DOUBLE;
    if (e.type() == element_type::UINT64) any_above_int64 = true;
    int64_t value = 0;
    if (e.get(value) == simdjson::SUCCESS && value < 0) any_negative = true;
  }
  if (!any_above_int64) return element_type::INT64;
  return any_negative ? element_type::DOUBLE : element_type::UINT64;
}

/// The kind all elements share (numbers count as one kind, written DOUBLE), or nothing.
std::optional<element_type> CommonKind(const simdjson::dom::array& elements) {
  std::optional<element_type> common;
  for (const element e : elements) {
    element_type kind = e.type();
    if (kind == element_type::INT64 || kind == element_type::UINT64) kind = element_type::DOUBLE;
    const bool is_scalar = kind == element_type::DOUBLE || kind == element_type::STRING || kind == element_type::BOOL;
    if (!is_scalar || (common && *common != kind)) return std::nullopt;
    common = kind;
  }
  return common;
}

template <class T, class As = T>
std::vector<T> Collect(const simdjson::dom::array& elements) {
  std::vector<T> out;
  for (const element e : elements) {
    As value{};
    // Cannot fail: the elements were found to be of this kind.
    if (e.get(value) == simdjson::SUCCESS) out.emplace_back(static_cast<T>(value));
  }
  return out;
}

MetaArray NumberArray(const simdjson::dom::array& elements) {
  switch (CommonNumberType(elements)) {
    case element_type::INT64:
      return Collect<int64_t>(elements);
    case element_type::UINT64:
      return Collect<uint64_t>(elements);
    default:
      return Collect<double>(elements);
  }
}

template <class T>
T Get(element value) {
  T out{};
  // Cannot fail: the caller looked at the type.
  if (value.get(out) != simdjson::SUCCESS) return T{};
  return out;
}

class Flattener {
 public:
  Flattener(std::string_view name, std::string_view prefix) : name_(name), path_(prefix) {}

  Status AddObject(element value) {
    std::vector<std::string_view> keys;
    for (const auto field : Get<simdjson::dom::object>(value)) keys.push_back(field.key);
    if (const auto twice = FirstRepeatedName(std::move(keys))) return Twice(path_ + std::string(*twice));
    for (const auto field : Get<simdjson::dom::object>(value)) STERNA_RETURN_IF_ERROR(AddBelow(field.key, field.value));
    return Status::Ok();
  }

  Metadata Take() { return std::move(metadata_); }

 private:
  /// Adds what lies at path_ + key. Depth is bounded by the parser.
  Status AddBelow(std::string_view key, element value) {
    const size_t parent = path_.size();
    path_ += key;
    const Status status = Add(value);
    path_.resize(parent);
    return status;
  }

  Status Add(element value) {
    switch (value.type()) {
      case element_type::ARRAY:
        return AddArray(Get<simdjson::dom::array>(value));
      case element_type::INT64:
        return Set(Get<int64_t>(value));
      case element_type::UINT64:
        return Set(Get<uint64_t>(value));
      case element_type::DOUBLE:
        return Set(Get<double>(value));
      case element_type::BOOL:
        return Set(Get<bool>(value));
      case element_type::STRING:
        return Set(std::string(Get<std::string_view>(value)));
      case element_type::NULL_VALUE:
        return Status::Ok();
      case element_type::OBJECT:
        break;
    }
    path_ += '.';
    return AddObject(value);
  }

  Status AddArray(const simdjson::dom::array& elements) {
    if (elements.begin() == elements.end()) return Status::Ok();
    const auto kind = CommonKind(elements);
    if (kind == element_type::STRING) return Set(MetaArray(Collect<std::string, std::string_view>(elements)));
    if (kind == element_type::BOOL) return Set(MetaArray(BoolArray{Collect<uint8_t, bool>(elements)}));
    if (kind == element_type::DOUBLE) return Set(NumberArray(elements));
    path_ += '.';
    size_t position = 0;
    for (const element e : elements) STERNA_RETURN_IF_ERROR(AddBelow(fmt::format("{}", position++), e));
    return Status::Ok();
  }

  Status Set(MetaValue value) {
    if (metadata_.Has(path_)) return Twice(path_);
    key_bytes_ += path_.size();
    // Nesting repeats the keys above in every key below, so their sum can exceed the document.
    if (metadata_.items().size() >= kJsonMaxKeys || key_bytes_ > kJsonMaxBytes) {
      return OutOfRange(fmt::format("{}: expected at most {} values and {} bytes of flattened keys, found more", name_,
                                    kJsonMaxKeys, kJsonMaxBytes));
    }
    metadata_.Set(path_, std::move(value));
    return Status::Ok();
  }

  Status Twice(std::string_view key) const {
    return Malformed(fmt::format("{}: key {}: expected it once, found it again", name_, Quoted(key)));
  }

  std::string_view name_;
  std::string path_;  ///< the key of the value being added
  size_t key_bytes_ = 0;
  Metadata metadata_;
};

}  // namespace

Result<Metadata> FlattenJson(std::string_view json, std::string_view name, std::string_view prefix) {
  if (json.size() > kJsonMaxBytes) {
    return OutOfRange(fmt::format("{}: expected at most {} bytes of JSON, found {}", name, kJsonMaxBytes, json.size()));
  }
  const std::optional<std::string> narrowed = WideIntegersAsDecimals(json);
  simdjson::dom::parser parser;
  STERNA_ASSIGN_OR_RETURN(const element root, ParseJson(parser, narrowed ? *narrowed : json, name, kJsonMaxDepth));
  if (!root.is_object()) return Malformed(fmt::format("{}: JSON: expected an object, found {}", name, JsonTypeName(root)));
  Flattener flattener(name, prefix);
  STERNA_RETURN_IF_ERROR(flattener.AddObject(root));
  return flattener.Take();
}

}  // namespace sterna
