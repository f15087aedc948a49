import type { StreamEvent, StreamParser } from "../../../../src/carriers/sip/message/createStreamParser.ts";

/** All that a chunk completes. */
export function eventsOf(parser: StreamParser, chunk: Buffer): StreamEvent[] {
  parser.push(chunk);
  const events: StreamEvent[] = [];
  for (let event = parser.next(); event; event = parser.next()) events.push(event);
  return events;
}
