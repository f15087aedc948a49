/** What parsers stumble over. */
const SPICE = [
  "\r\n",
  "\r\n ",
  "\r\n\r\n",
  "\n",
  "\0",
  '"',
  "\\",
  "<",
  ">",
  ",",
  ";",
  ":",
  "@",
  "%",
  "%00",
  "%ff",
  "[",
  "]",
  "=",
  "?",
  "*",
  "\xff",
  "SIP/2.0",
  "l: 9\r\n",
  "-1",
  "4294967296",
  "99999999999999999999",
];

/** A message with one to three faults, of octets or of whole lines. `random`: between 0 and 1. */
export function mutate(message: Buffer, other: Buffer, random: () => number): Buffer {
  const below = (most: number) => Math.floor(random() * most);
  let text = message.toString("latin1");
  for (let faults = 1 + below(3); faults > 0; faults--) {
    const at = below(text.length + 1);
    const to = at + below(30);
    const lines = text.split("\r\n");
    const line = below(lines.length);
    const kinds = [
      () => text.slice(0, at) + String.fromCharCode(below(256)) + text.slice(at + 1),
      () => text.slice(0, at) + text.slice(to),
      () => text.slice(0, to) + text.slice(at),
      () => text.slice(0, at) + (SPICE[below(SPICE.length)] ?? "") + text.slice(at),
      () => text.slice(0, at),
      () => lines.toSpliced(line, 1).join("\r\n"),
      () => lines.toSpliced(line, 0, lines[below(lines.length)] ?? "").join("\r\n"),
      () => lines.with(line, pick(other.toString("latin1").split("\r\n"), random)).join("\r\n"),
      () => lines.with(line, (lines[line] ?? "").replace(/\d+/, SPICE.at(-1 - below(3)) ?? "")).join("\r\n"),
      () => lines.with(line, (lines[line] ?? "").repeat(1 + below(200))).join("\r\n"),
    ];
    text = pick(kinds, random)();
  }
  return Buffer.from(text, "latin1");
}

export function pick<T>(from: readonly T[], random: () => number): T {
  const picked = from[Math.floor(random() * from.length)];
  if (picked === undefined) throw new Error("nothing to pick from");
  return picked;
}
