/** About three minutes of speech: as long as a line can be for all calls to share what was synthesised once. */
const GREETING_CHARACTERS = 2_800;
const LINE = "We call you back because you asked us to, and we are glad to tell you about our opening hours, prices and places. ";

/** Settings of an agent that talks until the other side hangs up. */
export const LONG_TALK = {
  greeting_message: LINE.repeat(Math.floor(GREETING_CHARACTERS / LINE.length)),
  silence_timeout_secs: 900,
  max_continuous_speech_secs: 0,
  max_call_duration_secs: 0,
};
