// Speed of tokenizers: loading, ids only, with spans, over threads, and on hostile texts.
//
// usage: sterna_tokenizer_bench VOCABULARY [TEXT]     VOCABULARY: tokenizer.json, a SentencePiece .model or a tiktoken rank file
// TEXT is a UTF-8 file; without one, a few kinds of text are made here. Prints the median and the least of 5 runs, in MB
// for every second of CPU time; with threads that is per thread.
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <ctime>
#include <filesystem>
#include <random>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "base/file.h"
#include "text/batch_encoder.h"
#include "text/tokenizer.h"
#include "text/vocabulary_cache.h"

namespace sterna {
namespace {

constexpr size_t kTextBytes = size_t{4} << 20;
constexpr size_t kHostileBytes = size_t{10} << 20;
constexpr int kRuns = 5;

Result<std::shared_ptr<const Tokenizer>> Load(const std::string& path) {
  STERNA_ASSIGN_OR_RETURN(const std::string bytes, ReadWholeFile(path, size_t{1} << 29));
  if (path.ends_with(".json")) return Tokenizer::FromJson(bytes);
  auto model = Tokenizer::FromSentencePiece(bytes);
  return model.ok() ? std::move(model) : Tokenizer::FromTiktoken(bytes);
}

std::string Repeat(std::string_view unit, size_t bytes) {
  std::string text;
  while (text.size() + unit.size() <= bytes) text += unit;
  return text;
}

// Words of a small lexicon by Zipf's law, so that frequent words repeat as they do in real text.
std::string MakeText(const std::vector<std::string_view>& lexicon, std::string_view separator, size_t bytes) {
  std::mt19937 rng(1);
  std::string text;
  while (text.size() < bytes) {
    const double uniform = static_cast<double>(rng()) / 4294967296.0;
    const auto rank = static_cast<size_t>(static_cast<double>(lexicon.size()) * uniform * uniform);
    text.append(lexicon[std::min(rank, lexicon.size() - 1)]).append(rng() % 12 == 0 ? ", " : separator);
    if (rng() % 40 == 0) text.append(std::to_string(rng() % 3000)).append(".\n");
  }
  return text;
}

// Of the process: what other processes take of the machine does not count.
double CpuSeconds() {
  timespec now{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) * 1e-9;
}

double MegabytesPerSecond(size_t bytes, double seconds) {
  return static_cast<double>(bytes) / seconds / 1e6;
}

template <class Body>
void Report(const char* name, size_t bytes, int runs, const Body& body) {
  std::vector<double> speeds;
  for (int run = 0; run < runs; ++run) {
    const double begin = CpuSeconds();
    if (!body()) {
      std::printf("%-22s error\n", name);
      return;
    }
    speeds.push_back(MegabytesPerSecond(bytes, CpuSeconds() - begin));
  }
  std::sort(speeds.begin(), speeds.end());
  std::printf("%-22s %8.1f MB/s   least %8.1f\n", name, speeds[speeds.size() / 2], speeds.front());
}

/// Median of kRuns, in ms of CPU time.
template <class Body>
double MedianMs(const Body& body) {
  std::vector<double> times;
  for (int run = 0; run < kRuns; ++run) {
    const double begin = CpuSeconds();
    body();
    times.push_back((CpuSeconds() - begin) * 1e3);
  }
  std::sort(times.begin(), times.end());
  return times[times.size() / 2];
}

/// From a cache folder that is there for this measurement; the file is mapped, as the program does it.
double CachedLoadMs(const std::string& path) {
  const std::filesystem::path folder = std::filesystem::temp_directory_path() / fmt::format("sterna-bench-{}", getpid());
  VocabularyCacheUse use{};
  const auto load = [&] {
    const auto file = MappedFile::Open(path);
    if (!file.ok()) return;
    const auto bytes = (*file)->bytes();
    const std::string_view json(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    [[maybe_unused]] const auto ignored = TokenizerFromCachedJson(json, {}, {}, folder.string(), &use);
  };
  load();
  const double median = MedianMs(load);
  std::error_code ignored;
  std::filesystem::remove_all(folder, ignored);
  return use == VocabularyCacheUse::kRead ? median : 0;
}

int Run(const std::string& vocabulary, const char* text_path) {
  const auto loaded = Load(vocabulary);
  if (!loaded.ok()) {
    std::fprintf(stderr, "%s: %.*s\n", vocabulary.c_str(), static_cast<int>(loaded.status().message().size()),
                 loaded.status().message().data());
    return 1;
  }
  const Tokenizer& tokenizer = **loaded;
  std::printf("%s, loaded in %.0f ms, from the cache in %.0f ms (0: there is none)\n", tokenizer.description().c_str(),
              MedianMs([&] { return Load(vocabulary).ok(); }), vocabulary.ends_with(".json") ? CachedLoadMs(vocabulary) : 0);

  std::vector<std::pair<const char*, std::string>> texts;
  if (text_path != nullptr) {
    auto text = ReadWholeFile(text_path, size_t{1} << 29);
    if (!text.ok()) return 1;
    texts.emplace_back("file", std::move(text).value());
  } else {
    const std::vector<std::string_view> english = {"the",           "of",      "and",     "to",       "in",          "is",
                                                   "that",          "it",      "was",     "for",      "as",          "with",
                                                   "model",         "weights", "ternary", "language", "measurement", "different",
                                                   "understanding", "because", "However", "people"};
    const std::vector<std::string_view> code = {
        "int",     "return", "const", "std::vector<int>", "(i = 0;", "i < n;",     "++i)",
        "{\n    ", "}\n",    "x[i]",  "+= 1;\n",          "auto",    "// comment", "static_cast<size_t>(value)"};
    const std::vector<std::string_view> chinese = {"的",   "人人生而自由", "在", "尊严和权利上", "一律平等",
                                                   "。\n", "他们赋有",     "，", "理性和良心",   "语言模型"};
    texts.emplace_back("English", MakeText(english, " ", kTextBytes));
    texts.emplace_back("code", MakeText(code, " ", kTextBytes));
    texts.emplace_back("Chinese", MakeText(chinese, "", kTextBytes));
    texts.emplace_back("mixed", MakeText({"the", "weights", "naïve", "Straße", "слово", "языка", "漢字", "かな", "한국어", "😀",
                                          "العربية", "x[i] = 1;"},
                                         " ", kTextBytes));
  }
  for (const auto& [name, text] : texts) {
    const std::string& content = text;
    Report(name, content.size(), kRuns, [&] { return tokenizer.Encode(content).ok(); });
    Report("  with spans", content.size(), kRuns, [&] { return tokenizer.EncodeWithSpans(content).ok(); });
    std::vector<std::string_view> lines;
    for (size_t at = 0; at < content.size(); at += 4096) lines.push_back(std::string_view(content).substr(at, 4096));
    ThreadPool pool(static_cast<int>(std::thread::hardware_concurrency()));
    Report("  batch, per thread", content.size(), kRuns, [&] { return EncodeBatch(tokenizer, lines, {}, &pool).ok(); });
  }
  constexpr std::array<std::pair<const char*, std::string_view>, 7> kHostile = {{{"10 MB of a", "a"},
                                                                                 {"10 MB of spaces", " "},
                                                                                 {"10 MB of U+0301", "\u0301"},
                                                                                 {"10 MB of U+0323 U+0301", "\u0323\u0301"},
                                                                                 {"10 MB of joined emoji", "\U0001F469\u200D"},
                                                                                 {"10 MB of byte FF", "\xFF"},
                                                                                 {"10 MB of '</s>'", "</s>"}}};
  for (const auto& [name, unit] : kHostile) {
    const std::string content = Repeat(unit, kHostileBytes);
    Report(name, content.size(), 1, [&] { return tokenizer.Encode(content).ok(); });
  }
  return 0;
}

}  // namespace
}  // namespace sterna

int main(int argc, char** argv) {
  if (argc < 2) {
    std::fprintf(stderr, "usage: sterna_tokenizer_bench VOCABULARY [TEXT]\n");
    return 2;
  }
  return sterna::Run(argv[1], argc > 2 ? argv[2] : nullptr);
}
