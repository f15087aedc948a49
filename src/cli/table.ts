/** Text in columns, two blanks between them. Control characters, which a name may hold, do not reach the terminal. */
export function table(headings: readonly string[], rows: ReadonlyArray<readonly unknown[]>): string {
  const cells = [headings, ...rows.map((row) => row.map(cell))];
  const widths = headings.map((_, column) => Math.max(...cells.map((row) => width(row[column] ?? ""))));
  return cells
    .map((row) =>
      row
        .map((text, column) => text + " ".repeat((widths[column] ?? 0) - width(text)))
        .join("  ")
        .trimEnd(),
    )
    .join("\n");
}

/** One value to a line, after its name. */
export function sheet(entries: Readonly<Record<string, unknown>>): string {
  const longest = Math.max(...Object.keys(entries).map((name) => name.length));
  return Object.entries(entries)
    .map(([name, value]) => `${name.padEnd(longest)}  ${cell(value)}`)
    .join("\n");
}

function cell(value: unknown): string {
  if (value === null || value === undefined || value === "") return "-";
  if (value instanceof Date) return value.toISOString().slice(0, 16).replace("T", " ");
  return printable(String(value));
}

/** Without control characters and without those that turn the direction of what follows. */
const printable = (text: string): string => text.replace(/[\p{Cc}\u202a-\u202e\u2066-\u2069]/gu, "\ufffd");

const segments = new Intl.Segmenter();
const width = (text: string): number => [...segments.segment(text)].length;
