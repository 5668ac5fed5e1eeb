#include "text/template/date_format.h"

#include <fmt/format.h>

#include <array>
#include <ctime>

namespace sterna::jinja {
namespace {

constexpr std::array<std::string_view, 12> kMonths = {"January", "February", "March",     "April",   "May",      "June",
                                                      "July",    "August",   "September", "October", "November", "December"};
constexpr std::array<std::string_view, 7> kWeekdays = {"Sunday",   "Monday", "Tuesday", "Wednesday",
                                                       "Thursday", "Friday", "Saturday"};
constexpr std::array<int, 12> kDaysBefore = {0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334};

bool IsLeap(int year) {
  return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
}

int DayOfYear(const TemplateTime& time) {
  return kDaysBefore[static_cast<size_t>(time.month - 1)] + time.day + (time.month > 2 && IsLeap(time.year) ? 1 : 0);
}

// Days since a Sunday: 1 January of year 1 was a Monday in the proleptic Gregorian calendar.
int Weekday(const TemplateTime& time) {
  const int years = time.year - 1;
  return (years * 365 + years / 4 - years / 100 + years / 400 + DayOfYear(time)) % 7;
}

bool IsValid(const TemplateTime& time) {
  return time.year >= 1 && time.year <= 9999 && time.month >= 1 && time.month <= 12 && time.day >= 1 && time.day <= 31 &&
         time.hour >= 0 && time.hour <= 23 && time.minute >= 0 && time.minute <= 59 && time.second >= 0 && time.second <= 60;
}

std::string Number(int value, int width, char fill, bool is_padded) {
  std::string digits = std::to_string(value);
  const auto size = static_cast<int>(digits.size());
  if (is_padded && size < width) digits.insert(0, static_cast<size_t>(width - size), fill);
  return digits;
}

}  // namespace

TemplateTime LocalTime() {
  const std::time_t now = std::time(nullptr);
  std::tm fields{};
  localtime_r(&now, &fields);
  return {fields.tm_year + 1900, fields.tm_mon + 1, fields.tm_mday, fields.tm_hour, fields.tm_min, fields.tm_sec};
}

Result<std::string> FormatTime(const TemplateTime& time, std::string_view format) {
  if (!IsValid(time)) return InvalidArgument("strftime_now: the date given to the template does not exist");
  std::string out;
  for (size_t i = 0; i < format.size(); ++i) {
    if (format[i] != '%' || i + 1 == format.size()) {
      out += format[i];
      continue;
    }
    ++i;
    const bool is_padded = format[i] != '-' || i + 1 == format.size();
    if (!is_padded) ++i;
    const int hour12 = time.hour % 12 == 0 ? 12 : time.hour % 12;
    const std::string_view month = kMonths[static_cast<size_t>(time.month - 1)];
    const std::string_view weekday = kWeekdays[static_cast<size_t>(Weekday(time))];
    switch (format[i]) {
      case 'a':
        out += weekday.substr(0, 3);
        break;
      case 'A':
        out += weekday;
        break;
      case 'b':
      case 'h':
        out += month.substr(0, 3);
        break;
      case 'B':
        out += month;
        break;
      case 'c':
        out += fmt::format("{} {} {:2} {:02}:{:02}:{:02} {}", weekday.substr(0, 3), month.substr(0, 3), time.day, time.hour,
                           time.minute, time.second, time.year);
        break;
      case 'd':
        out += Number(time.day, 2, '0', is_padded);
        break;
      case 'e':
        out += Number(time.day, 2, ' ', is_padded);
        break;
      case 'D':
      case 'x':
        out += fmt::format("{:02}/{:02}/{:02}", time.month, time.day, time.year % 100);
        break;
      case 'f':
        out += "000000";
        break;
      case 'F':
        out += fmt::format("{}-{:02}-{:02}", time.year, time.month, time.day);
        break;
      case 'H':
        out += Number(time.hour, 2, '0', is_padded);
        break;
      case 'I':
        out += Number(hour12, 2, '0', is_padded);
        break;
      case 'j':
        out += Number(DayOfYear(time), 3, '0', is_padded);
        break;
      case 'm':
        out += Number(time.month, 2, '0', is_padded);
        break;
      case 'M':
        out += Number(time.minute, 2, '0', is_padded);
        break;
      case 'n':
        out += '\n';
        break;
      case 'p':
        out += time.hour < 12 ? "AM" : "PM";
        break;
      case 'R':
        out += fmt::format("{:02}:{:02}", time.hour, time.minute);
        break;
      case 'S':
        out += Number(time.second, 2, '0', is_padded);
        break;
      case 't':
        out += '\t';
        break;
      case 'T':
      case 'X':
        out += fmt::format("{:02}:{:02}:{:02}", time.hour, time.minute, time.second);
        break;
      case 'u':
        out += std::to_string(Weekday(time) == 0 ? 7 : Weekday(time));
        break;
      case 'w':
        out += std::to_string(Weekday(time));
        break;
      case 'y':
        out += Number(time.year % 100, 2, '0', is_padded);
        break;
      case 'Y':
        out += std::to_string(time.year);
        break;
      case 'z':
      case 'Z':
        break;  // a naive datetime has no zone
      case '%':
        out += '%';
        break;
      default:
        return Unsupported(fmt::format("strftime_now: '%{}' is not supported", format[i]));
    }
  }
  return out;
}

}  // namespace sterna::jinja
