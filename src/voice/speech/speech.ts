/** Text to speech. What talks on the telephone knows only this port. */
export interface Speech {
  /**
   * The line as samples of 8 kHz, mono, in pieces as they become ready; a line without words may have none. Throws SpeechError;
   * when `signal` is aborted, its reason.
   */
  speak(line: SpeechLine, signal: AbortSignal): AsyncIterable<Int16Array>;
}

export interface SpeechLine {
  text: string;
  /** BCP 47, such as he or en-GB. */
  language: string;
  /** As the agent names it; a provider that does not know it takes another. */
  voice: string;
}

/** A line could not be spoken; the message says why, for people. */
export class SpeechError extends Error {}
