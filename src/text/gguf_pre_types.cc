#include "text/gguf_pre_types.h"

#include <array>

namespace sterna {
namespace {

constexpr std::string_view kGpt2 = R"('s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+)";
constexpr std::string_view kLlama3 =
    R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)";
constexpr std::string_view kQwen2 =
    R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)";
constexpr std::string_view kQwen35 =
    R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?[\p{L}\p{M}]+|\p{N}| ?[^\s\p{L}\p{M}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)";
constexpr std::string_view kPunctuation = R"([\p{P}\$\+<=>\^~\|]+)";
constexpr std::string_view kPunctuationAndBacktick = R"([\p{P}\$\+<=>\^~\|`]+)";
constexpr std::string_view kThreeDigits = "[0-9][0-9][0-9]";
constexpr std::string_view kCjkOrNearIt = R"([\x{4E00}-\x{9FA5}\x{800}-\x{4E00}\x{AC00}-\x{D7FF}]+)";
// The letters that DeepSeek-LLM's tokenizer.json lists: those with case, of the Unicode version its authors had.
constexpr std::string_view kDeepseekLetters =
    R"(\s?[)"
    R"(A-Za-z\x{B5}\x{C0}-\x{D6}\x{D8}-\x{F6}\x{F8}-\x{1BA}\x{1BC}-\x{1BF}\x{1C4}-\x{293}\x{295}-\x{2AF}\x{370}-)"
    R"(\x{373}\x{376}\x{377}\x{37B}-\x{37D}\x{37F}\x{386}\x{388}-\x{38A}\x{38C}\x{38E}-\x{3A1}\x{3A3}-\x{3F5}\x{3F7}-)"
    R"(\x{481}\x{48A}-\x{52F}\x{531}-\x{556}\x{10A0}-\x{10C5}\x{13A0}-\x{13F5}\x{13F8}-\x{13FD}\x{1C90}-\x{1CBA})"
    R"(\x{1CBD}-\x{1CBF}\x{1D00}-\x{1D2B}\x{1D6B}-\x{1D77}\x{1D79}-\x{1D9A}\x{1E00}-\x{1F15}\x{1F18}-\x{1F1D}\x{1F20})"
    R"(-\x{1F45}\x{1F48}-\x{1F4D}\x{1F50}-\x{1F57}\x{1F59}\x{1F5B}\x{1F5D}\x{1F5F}-\x{1F7D}\x{1F80}-\x{1FB4}\x{1FB6}-)"
    R"(\x{1FBC}\x{1FBE}\x{1FC2}-\x{1FC4}\x{1FC6}-\x{1FCC}\x{1FD0}-\x{1FD3}\x{1FD6}-\x{1FDB}\x{1FE0}-\x{1FEC}\x{1FF2}-)"
    R"(\x{1FF4}\x{1FF6}-\x{1FFC}\x{2102}\x{2107}\x{210A}-\x{2113}\x{2115}\x{2119}-\x{211D}\x{2124}\x{2126}\x{2128}\x{212A}-)"
    R"(\x{212D}\x{212F}-\x{2134}\x{2139}\x{213C}-\x{213F}\x{2145}-\x{2149}\x{214E}\x{2183}\x{2184}\x{2C00}-\x{2C7B})"
    R"(\x{2C7E}-\x{2CE4}\x{2CEB}-\x{2CEE}\x{2CF2}\x{2CF3}\x{A640}-\x{A66D}\x{A680}-\x{A69B}\x{A722}-\x{A76F}\x{A771}-)"
    R"(\x{A787}\x{A78B}-\x{A78E}\x{AB70}-\x{ABBF}\x{FB00}-\x{FB06}\x{FB13}-\x{FB17}\x{FF21}-\x{FF3A}\x{FF41}-\x{FF5A})"
    R"(\x{10400}-\x{1044F}\x{104B0}-\x{104D3}\x{104D8}-\x{104FB}\x{10C80}-\x{10CB2}\x{10CC0}-\x{10CF2}\x{118A0}-)"
    R"(\x{118DF}\x{1E900}-\x{1E943})"
    R"(]+)";
constexpr std::string_view kDeepseekPunctuation =
    R"(\s?[!-/:-~\x{FF01}-\x{FF0F}\x{FF1A}-\x{FF5E}\x{2018}-\x{201F}\x{3000}-\x{3002}]+)";
constexpr std::string_view kDeepseek3 = R"([!"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~][A-Za-z]+|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+|)"
                                        R"( ?[\p{P}\p{S}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)";
constexpr std::string_view kGpt4o =
    R"([^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?|)"
    R"([^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?|)"
    R"(\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+)";
constexpr std::string_view kTekken = R"([^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+|)"
                                     R"([^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*|)"
                                     R"(\p{N}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+)";

constexpr std::string_view kJais2 =
    R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s{512}(?!\S)|)"
    R"(\s{256}(?!\S)|\s{128}(?!\S)|\s{64}(?!\S)|\s{32}(?!\S)|\s{16}(?!\S)|\s{8}(?!\S)|\s{4}(?!\S)|\s{1,2}(?!\S)|\s{1})";
constexpr std::string_view kMinicpm5 =
    R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}+| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)";
constexpr std::string_view kBailing =
    R"('(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]|\s+(?!\S)|\s+)";
constexpr std::string_view kSeedCoder =
    R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1}| ?[^\s\p{L}\p{N}\r\n]+|\s*[\r\n]+|\s+(?!\S)|\s+)";
constexpr std::string_view kUfakzeka = R"([^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)";
constexpr std::string_view kExaoneMoe = R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?(?:\p{L}\p{M}*(?: \p{L}\p{M}*)*)+|\p{N}|)"
                                        R"( ?[^\s\p{L}\p{N}]+[\r\n/]?|\s*[\r\n]|\s+(?!\S)|\s+)";
constexpr std::string_view kSpark = R"([!"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~][A-Za-z]+|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+|)"
                                    R"( ?[\p{P}\p{S}]+|[\r\n]|\s+(?!\S)|\s+)";
constexpr std::string_view kHanAndKana = R"([\x{4E00}-\x{9FA5}\x{3040}-\x{309F}\x{30A0}-\x{30FF}]+)";
constexpr std::string_view kYoutuScripts =
    R"([\x{AC00}-\x{D7A3}\x{3131}-\x{318E}]+|[\x{FF01}\x{2026}\x{201C}\x{201D}\x{2018}\x{2019}\x{2014}\x{FF1A}\x{FF1B}\x{FF0C})"
    R"(\x{3001}-\x{303F}\x{FE30}-\x{FE4F}]+|[\x{3105}-\x{312F}]+|[\x{4E00}-\x{9FA5}\x{3040}-\x{309F}\x{30A0}-\x{30FF}]+)";
constexpr std::string_view kYoutu =
    R"([^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?|)"
    R"([^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?|)"
    R"(\p{N}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+)";
constexpr std::string_view kBloom = R"( ?[^(\s|.,!?\x{2026}\x{3002}\x{FF0C}\x{3001}\x{964}\x{6D4}\x{60C})]+)";

// Sorted by the expressions; what a name means is llama.cpp's choice, the expressions are those of the models' own tokenizer.json.
constexpr auto kTypes = std::to_array<GgufPreType>({
    {"default", {kPunctuation, kGpt2, R"(\p{N}+)", kThreeDigits}, false, false},
    {"llama-bpe", {kLlama3}, true, true},
    {"llama3", {kLlama3}, true, true},
    {"llama-v3", {kLlama3}, true, true},
    {"falcon3", {kLlama3}, true, true},
    {"falcon-h1", {kLlama3}, true, true},
    {"pixtral", {kLlama3}, true, true},
    {"midm-2.0", {kLlama3}, true, true},
    {"lfm2", {kLlama3}, true, true},
    {"dbrx", {kLlama3}, false, false},
    {"smaug-bpe", {kLlama3}, false, false},
    {"glm4", {kLlama3}, false, false},
    {"chatglm-bpe", {kLlama3}, false, false},
    {"jina-v5-nano", {kLlama3}, true, true},
    {"jais-2", {kJais2}, false, false},
    {"minicpm5", {R"(\p{N}{1,3})", kMinicpm5}, true, false},
    {"kormo", {kQwen2}, false, false},
    {"f2llmv2", {kQwen2}, false, false},
    {"laguna", {R"([^\n]+|[\n]+)", kQwen2}, false, false},
    {"bailingmoe", {kBailing}, false, false},
    {"bailingmoe2", {kBailing}, false, false},
    {"llada-moe", {kBailing}, false, false},
    {"seed-coder", {kSeedCoder}, false, false},
    {"ufakzeka", {kUfakzeka}, false, false},
    {"exaone-moe", {kExaoneMoe}, false, false},
    {"poro-chat", {kBloom}, false, false},
    {"bloom", {kBloom}, false, false},
    {"gpt3-finnish", {kBloom}, false, false},
    {"viking", {kBloom, R"(\p{N})"}, false, false},
    {"superbpe", {R"(\p{N}+)", R"((?=(\d{3})+(?!\d)))"}, false, false},
    {"chameleon",
     {"<sentinel:[0-9]+>", "(IMGIMG)((A|B|C|D|E|F|G|H|I){1,4})Z", R"(([\t\n]|    |  ))", R"(\p{N})", R"([\p{P}!-/:-@\[-`{-~])",
      kGpt2},
     false,
     true},
    {"qwen2", {kQwen2}, false, false},
    {"deepseek-r1-qwen", {kQwen2}, false, false},
    {"megrez", {kQwen2}, false, false},
    {"stablelm2", {kQwen2}, false, false},
    {"hunyuan", {kQwen2}, false, false},
    {"solar-open", {kQwen2}, false, false},
    {"grok-2", {kQwen2}, false, false},
    {"qwen35", {kQwen35}, false, false},
    {"gpt-2", {kGpt2}, false, false},
    {"phi-2", {kGpt2}, false, false},
    {"jina-es", {kGpt2}, false, false},
    {"jina-de", {kGpt2}, false, false},
    {"jina-v2-es", {kGpt2}, false, false},
    {"jina-v2-de", {kGpt2}, false, false},
    {"jina-v1-en", {kGpt2}, false, false},
    {"jina-v2-code", {kGpt2}, false, false},
    {"roberta-bpe", {kGpt2}, false, false},
    {"mpt", {kGpt2}, false, false},
    {"olmo", {kGpt2}, false, false},
    {"jais", {kGpt2}, false, false},
    {"trillion", {kGpt2}, false, false},
    {"exaone4", {kGpt2}, false, false},
    {"gigachat", {kGpt2}, false, false},
    {"mellum", {kGpt2}, false, false},
    {"a.x-4.0", {kGpt2}, false, false},
    {"granite-docling", {kGpt2}, false, false},
    {"modern-bert", {kGpt2}, false, false},
    {"smollm", {R"(\p{N})", kGpt2}, false, false},
    {"starcoder", {R"(\p{N})", kGpt2}, false, false},
    {"refact", {R"(\p{N})", kGpt2}, false, false},
    {"command-r", {R"(\p{N})", kGpt2}, false, false},
    {"codeshell", {R"(\p{N})", kGpt2}, false, false},
    {"exaone", {R"(\p{N})", kGpt2}, false, false},
    {"mellum2", {R"(\p{N})", kGpt2}, false, false},
    {"minerva-7b", {R"(\p{N})", kGpt2}, false, false},
    {"falcon", {kPunctuationAndBacktick, kGpt2, kThreeDigits}, false, false},
    {"deepseek-llm", {R"([\r\n])", kDeepseekLetters, kDeepseekPunctuation, R"(\s+$)", kCjkOrNearIt, R"(\p{N}+)"}, false, false},
    {"deepseek-coder", {R"([\r\n])", R"(\s?\p{L}+)", R"(\s?\p{P}+)", kCjkOrNearIt, R"(\p{N})"}, false, false},
    {"deepseek-v3", {R"(\p{N}{1,3})", R"([\x{4E00}-\x{9FA5}\x{3040}-\x{309F}\x{30A0}-\x{30FF}]+)", kDeepseek3}, false, false},
    {"hunyuan-dense", {R"(\p{N}{1,3})", kHanAndKana, kDeepseek3}, false, false},
    {"hy_v4", {R"(\p{N}{1,3})", kHanAndKana, kDeepseek3}, false, false},
    {"joyai-llm", {R"(\p{N}{1,3})", kHanAndKana, kDeepseek3}, false, false},
    {"spark2_5", {R"(\p{N}{1,3})", kHanAndKana, kSpark, R"(\p{N})"}, false, false},
    {"youtu", {kYoutuScripts, kYoutu}, true, false},
    {"tiny_aya", {R"(\d{1,3}(?=(?:\d{3})*\b))", kGpt4o}, false, false},
    {"cohere2moe", {R"(\d{1,3}(?=(?:\d{3})*\b))", kGpt4o}, false, false},
    {"granite-embed-multi-97m", {kGpt4o}, true, false},
    {"talkie", {kGpt4o}, false, false},
    {"gpt-4o", {kGpt4o}, false, false},
    {"llama4", {kGpt4o}, false, false},
    {"kanana2", {kGpt4o}, false, false},
    {"minimax-m2", {kGpt4o}, false, false},
    {"tekken", {kTekken}, true, true},
});

}  // namespace

const GgufPreType* FindGgufPreType(std::string_view name) {
  for (const GgufPreType& type : kTypes) {
    if (type.name == name) return &type;
  }
  return nullptr;
}

}  // namespace sterna
