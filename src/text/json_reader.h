// A JSON value together with its place in the document, so that every error names it. Internal to the readers of tokenizer.json.
#ifndef STERNA_TEXT_JSON_READER_H_
#define STERNA_TEXT_JSON_READER_H_

#include <simdjson.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"

namespace sterna {

/// Views into a parsed document, which must outlive it.
class JsonReader {
 public:
  JsonReader(simdjson::dom::element value, std::string place) : value_(value), place_(std::move(place)) {}

  const std::string& place() const { return place_; }
  simdjson::dom::element value() const { return value_; }
  bool is_null() const { return value_.is_null(); }
  bool is_object() const { return value_.is_object(); }
  bool is_string() const { return value_.is_string(); }

  /// A member that is there and not null.
  std::optional<JsonReader> Find(std::string_view key) const;
  /// The same, or Malformed where there is none.
  Result<JsonReader> Get(std::string_view key) const;

  // Malformed where the type or the range is wrong.
  Result<std::string_view> String() const;
  Result<bool> Bool() const;
  /// Finite.
  Result<double> Number() const;
  Result<int64_t> Int(int64_t least, int64_t most) const;
  Result<std::vector<JsonReader>> Items() const;

  // Members; Malformed, or the fallback, where one is missing or null.
  Result<std::string_view> GetString(std::string_view key) const;
  Result<bool> GetBool(std::string_view key) const;
  Result<bool> GetBoolOr(std::string_view key, bool fallback) const;

  Status Wrong(std::string_view expected) const;

 private:
  simdjson::dom::element value_;
  std::string place_;  // "pre_tokenizer.pretokenizers[1].type"
};

}  // namespace sterna

#endif  // STERNA_TEXT_JSON_READER_H_
