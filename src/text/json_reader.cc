#include "text/json_reader.h"

#include <fmt/format.h>

#include <cmath>

namespace sterna {
namespace {

std::string_view TypeName(simdjson::dom::element value) {
  switch (value.type()) {
    case simdjson::dom::element_type::ARRAY:
      return "an array";
    case simdjson::dom::element_type::OBJECT:
      return "an object";
    case simdjson::dom::element_type::STRING:
      return "a string";
    case simdjson::dom::element_type::BOOL:
      return "a boolean";
    case simdjson::dom::element_type::NULL_VALUE:
      return "null";
    default:
      return "a number";
  }
}

}  // namespace

std::optional<JsonReader> JsonReader::Find(std::string_view key) const {
  simdjson::dom::element member;
  if (!value_.is_object() || value_[key].get(member) != simdjson::SUCCESS || member.is_null()) return std::nullopt;
  return JsonReader(member, place_.empty() ? std::string(key) : fmt::format("{}.{}", place_, key));
}

Result<JsonReader> JsonReader::Get(std::string_view key) const {
  std::optional<JsonReader> member = Find(key);
  if (!member) return Malformed(fmt::format("{}{}{}: is missing", place_, place_.empty() ? "" : ".", key));
  return *std::move(member);
}

Result<std::string_view> JsonReader::String() const {
  std::string_view text;
  if (value_.get(text) != simdjson::SUCCESS) return Wrong("a string");
  return text;
}

Result<bool> JsonReader::Bool() const {
  bool flag = false;
  if (value_.get(flag) != simdjson::SUCCESS) return Wrong("a boolean");
  return flag;
}

Result<double> JsonReader::Number() const {
  double number = 0;
  if (value_.get(number) != simdjson::SUCCESS || !std::isfinite(number)) return Wrong("a finite number");
  return number;
}

Result<int64_t> JsonReader::Int(int64_t least, int64_t most) const {
  int64_t number = 0;
  if (value_.get(number) != simdjson::SUCCESS || number < least || number > most) {
    return Wrong(fmt::format("an integer from {} to {}", least, most));
  }
  return number;
}

Result<std::vector<JsonReader>> JsonReader::Items() const {
  simdjson::dom::array array;
  if (value_.get(array) != simdjson::SUCCESS) return Wrong("an array");
  std::vector<JsonReader> items;
  for (const simdjson::dom::element item : array) items.emplace_back(item, fmt::format("{}[{}]", place_, items.size()));
  return items;
}

Result<std::string_view> JsonReader::GetString(std::string_view key) const {
  STERNA_ASSIGN_OR_RETURN(const JsonReader member, Get(key));
  return member.String();
}

Result<bool> JsonReader::GetBool(std::string_view key) const {
  STERNA_ASSIGN_OR_RETURN(const JsonReader member, Get(key));
  return member.Bool();
}

Result<bool> JsonReader::GetBoolOr(std::string_view key, bool fallback) const {
  const std::optional<JsonReader> member = Find(key);
  if (!member) return fallback;
  return member->Bool();
}

Status JsonReader::Wrong(std::string_view expected) const {
  const std::string number = value_.is_number() ? fmt::format(" {}", simdjson::minify(value_)) : "";
  return Malformed(fmt::format("{}: expected {}, found {}{}", place_, expected, TypeName(value_), number));
}

}  // namespace sterna
