/** Languages that espeak-ng names differently from BCP 47. */
const OTHER_NAMES: Readonly<Record<string, string>> = {
  iw: "he",
  no: "nb",
  zh: "cmn",
  "zh-hk": "yue",
  in: "id",
  "fr-ca": "fr-fr",
  fr: "fr-fr",
  "en-au": "en-gb",
  en: "en-us",
};

/** The first of these is what a language gets that espeak-ng has no voice for. */
const FALLBACKS = ["en-us", "en-gb", "en"];

/** The languages of `espeak-ng --voices`: the second column. */
export function readVoices(listing: string): ReadonlySet<string> {
  const lines = listing.split("\n").slice(1);
  return new Set(lines.flatMap((line) => line.trim().split(/\s+/)[1]?.toLowerCase() ?? []));
}

/** The voice for a language (BCP 47): its own, else that of the language without its region or with another, else English. */
export function voiceFor(language: string, voices: ReadonlySet<string>): string {
  const exact = language.toLowerCase().replaceAll("_", "-");
  const base = exact.split("-", 1)[0] ?? exact;
  const regional = base === "" ? undefined : [...voices].find((voice) => voice.startsWith(`${base}-`));
  const candidates = [exact, OTHER_NAMES[exact], base, OTHER_NAMES[base], regional, ...FALLBACKS];
  return candidates.find((candidate) => candidate !== undefined && voices.has(candidate)) ?? "en";
}
