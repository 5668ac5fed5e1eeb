// JSON text to template values, by simdjson's tree parser, which checks UTF-8 and bounds nesting itself.
#include <simdjson.h>

#include <fmt/format.h>

#include "text/template/template_value.h"

namespace sterna {
namespace {

Result<TemplateValue> Convert(const simdjson::dom::element& element) {
  using simdjson::dom::element_type;
  switch (element.type()) {
    case element_type::NULL_VALUE:
      return TemplateValue();
    case element_type::BOOL:
      return TemplateValue::Bool(element.get_bool().value_unsafe());
    case element_type::INT64:
      return TemplateValue::Int(element.get_int64().value_unsafe());
    case element_type::UINT64:
      return TemplateValue::Float(static_cast<double>(element.get_uint64().value_unsafe()));
    case element_type::DOUBLE:
      return TemplateValue::Float(element.get_double().value_unsafe());
    case element_type::STRING:
      return TemplateValue::String(std::string(element.get_string().value_unsafe()));
    case element_type::ARRAY: {
      std::vector<TemplateValue> items;
      const simdjson::dom::array array = element.get_array().value_unsafe();
      for (const simdjson::dom::element item : array) {
        STERNA_ASSIGN_OR_RETURN(TemplateValue value, Convert(item));
        items.push_back(std::move(value));
      }
      return TemplateValue::List(std::move(items));
    }
    case element_type::OBJECT: {
      std::vector<TemplateValue::Member> members;
      const simdjson::dom::object object = element.get_object().value_unsafe();
      for (const auto& field : object) {
        STERNA_ASSIGN_OR_RETURN(TemplateValue value, Convert(field.value));
        members.emplace_back(std::string(field.key), std::move(value));
      }
      return TemplateValue::Dict(std::move(members));
    }
  }
  return Internal("JSON: element of an unknown type");
}

}  // namespace

Result<TemplateValue> TemplateValue::FromJson(std::string_view json) {
  simdjson::dom::parser parser;
  if (parser.allocate(json.size(), kMaxJsonDepth) != simdjson::SUCCESS) {
    return ResourceExhausted(fmt::format("JSON of {} bytes: no memory to parse it", json.size()));
  }
  simdjson::dom::element root;
  const simdjson::error_code error = parser.parse(json.data(), json.size()).get(root);
  if (error == simdjson::DEPTH_ERROR) {
    return OutOfRange(fmt::format("JSON nested deeper than {} levels", kMaxJsonDepth));
  }
  if (error != simdjson::SUCCESS) return Malformed(fmt::format("JSON: {}", simdjson::error_message(error)));
  return Convert(root);
}

}  // namespace sterna
