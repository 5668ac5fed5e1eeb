// `text % values`, printf-style.
#include <fmt/format.h>

#include <cmath>

#include "text/template/number_format.h"
#include "text/template/operators.h"
#include "text/template/print.h"
#include "text/template/python_text.h"
#include "text/template/runtime.h"

namespace sterna::jinja {
namespace {

class PrintfFormatter {
 public:
  PrintfFormatter(Runtime& runtime, std::string_view format, const Value& values)
      : runtime_(runtime), format_(format), values_(values) {}

  Result<std::string> Run() {
    while (next_ < format_.size()) {
      const size_t percent = std::min(format_.find('%', next_), format_.size());
      STERNA_RETURN_IF_ERROR(Append(format_.substr(next_, percent - next_)));
      next_ = percent + 1;
      if (percent < format_.size()) STERNA_RETURN_IF_ERROR(AppendConversion());
    }
    const bool may_be_left = values_.is(Kind::kDict) || (!values_.is(Kind::kTuple) && used_ > 0);
    const size_t given = values_.is(Kind::kTuple) ? values_.items().size() : 1;
    if (!may_be_left && used_ < given) return InvalidArgument("not all arguments converted during string formatting");
    return std::move(out_);
  }

 private:
  Status Append(std::string_view text) {
    STERNA_RETURN_IF_ERROR(runtime_.CheckTextSize(uint64_t{out_.size()} + text.size()));
    out_ += text;
    return {};
  }

  char Peek() const { return next_ < format_.size() ? format_[next_] : '\0'; }

  Result<Value> NextValue() {
    if (values_.is(Kind::kTuple)) {
      if (used_ < values_.items().size()) return values_.items()[used_++];
    } else if (used_ == 0) {
      ++used_;
      return values_;
    }
    return InvalidArgument("not enough arguments for format string");
  }

  // "*" takes the number from the values.
  Result<int64_t> Number() {
    if (Peek() == '*') {
      ++next_;
      STERNA_ASSIGN_OR_RETURN(const Value value, NextValue());
      const std::optional<int64_t> number = IntegerOf(value);
      if (!number) return InvalidArgument("* wants int");
      return *number;
    }
    int64_t number = 0;
    for (; Peek() >= '0' && Peek() <= '9'; ++next_) number = std::min<int64_t>(number * 10 + (Peek() - '0'), INT32_MAX);
    return number;
  }

  Result<std::optional<Value>> MappedValue() {
    if (Peek() != '(') return std::optional<Value>();
    if (!values_.is(Kind::kDict)) return InvalidArgument("format requires a mapping");
    const size_t end = format_.find(')', next_);
    if (end == std::string_view::npos) return InvalidArgument("incomplete format key");
    const std::string_view key = format_.substr(next_ + 1, end - next_ - 1);
    next_ = end + 1;
    const Value* found = AsDict(values_).Find(key);
    if (!found) return InvalidArgument(QuotedText(key.substr(0, 200)));
    return std::optional<Value>(*found);
  }

  Status AppendConversion() {
    STERNA_RETURN_IF_ERROR(runtime_.Spend(1));
    STERNA_ASSIGN_OR_RETURN(std::optional<Value> value, MappedValue());
    FormatSpec spec;
    spec.align = '>';
    bool is_zero_filled = false;
    for (;; ++next_) {
      const char flag = Peek();
      if (flag == '-')
        spec.align = '<';
      else if (flag == '+')
        spec.sign = '+';
      else if (flag == ' ')
        spec.sign = spec.sign == '+' ? '+' : ' ';
      else if (flag == '#')
        spec.is_alternate = true;
      else if (flag == '0')
        is_zero_filled = true;
      else
        break;
    }
    STERNA_ASSIGN_OR_RETURN(spec.width, Number());
    if (spec.width < 0) {
      spec.align = '<';
      spec.width = -std::max<int64_t>(spec.width, -INT32_MAX);
    }
    if (Peek() == '.') {
      ++next_;
      STERNA_ASSIGN_OR_RETURN(const int64_t precision, Number());
      spec.precision = std::max<int64_t>(precision, 0);
    }
    while (Peek() == 'h' || Peek() == 'l' || Peek() == 'L') ++next_;
    if (next_ >= format_.size()) return InvalidArgument("incomplete format");
    spec.type = format_[next_++];
    if (spec.type == '%') return Append("%");
    if (!value) {
      STERNA_ASSIGN_OR_RETURN(value, NextValue());
    }
    if (is_zero_filled && spec.align != '<') {
      spec.align = '=';
      spec.fill = "0";
    }
    STERNA_ASSIGN_OR_RETURN(const std::string text, Convert(*value, spec));
    return Append(text);
  }

  Result<std::string> Convert(const Value& value, FormatSpec spec) {
    switch (spec.type) {
      case 's':
      case 'r':
      case 'a': {
        std::string text;
        STERNA_RETURN_IF_ERROR(spec.type == 's' ? AppendText(runtime_, value, text) : AppendRepr(runtime_, value, text));
        if (spec.align == '=') spec.align = '>', spec.fill = " ";
        return FormatText(runtime_, text, spec);
      }
      case 'c':
        // Precision and sign mean nothing to one character, and only numbers are filled with zeros.
        spec.precision.reset();
        if (spec.align == '=') spec.align = '>', spec.fill = " ";
        if (value.is(Kind::kString) && CountCharacters(value.text()) == 1) return FormatText(runtime_, value.text(), spec);
        if (!IntegerOf(value)) return InvalidArgument("%c requires int or char");
        [[fallthrough]];
      case 'd':
      case 'i':
      case 'u':
      case 'o':
      case 'x':
      case 'X': {
        if (value.is(Kind::kUndefined)) return InvalidArgument(AsUndefined(value).message);
        std::optional<int64_t> integer = IntegerOf(value);
        const bool takes_floats = spec.type == 'd' || spec.type == 'i' || spec.type == 'u';
        if (!integer && takes_floats && value.is(Kind::kFloat) && std::fabs(value.float_value()) < 0x1p63) {
          integer = static_cast<int64_t>(value.float_value());
        }
        if (integer) return FormatInteger(runtime_, *integer, spec);
        if (takes_floats && value.is(Kind::kFloat))
          return InvalidArgument(fmt::format("%{}: the number does not fit 64 bits", spec.type));
        return InvalidArgument(fmt::format("%{} format: {} is required, not {}", spec.type,
                                           takes_floats ? "a real number" : "an integer", TypeName(value)));
      }
      case 'e':
      case 'E':
      case 'f':
      case 'F':
      case 'g':
      case 'G': {
        if (value.is(Kind::kUndefined)) return InvalidArgument(AsUndefined(value).message);
        if (const std::optional<double> number = NumberOf(value)) return FormatFloat(runtime_, *number, spec);
        return InvalidArgument(fmt::format("must be real number, not {}", TypeName(value)));
      }
      default:
        return InvalidArgument(fmt::format("unsupported format character '{}'", spec.type));
    }
  }

  Runtime& runtime_;
  std::string_view format_;
  const Value& values_;
  std::string out_;
  size_t next_ = 0;  // in format_
  size_t used_ = 0;  // of values_
};

}  // namespace

Result<Value> FormatPrintf(Runtime& runtime, const Value& format, const Value& arguments) {
  STERNA_ASSIGN_OR_RETURN(std::string text, PrintfFormatter(runtime, format.text(), arguments).Run());
  return runtime.MakeString(std::move(text), AsString(format).is_markup);
}

}  // namespace sterna::jinja
