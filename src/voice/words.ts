/** What the built-in conversation says; honest about what it is. */
interface Words {
  /** When the agent has no greeting of its own. */
  greeting: string;
  noted: string;
  goodbye: string;
  /** On the telephone: what was said is in the call's recording, or nowhere. */
  recorded: string;
  unrecorded: string;
  connecting: string;
  notConnected: string;
}

const ENGLISH: Words = {
  greeting: "Hello, this is an automated assistant.",
  noted:
    "Thank you. I am an automated assistant and cannot answer that myself, but I will pass your message on. Is there anything you would like to add?",
  goodbye: "Thank you, I will pass that on. Goodbye.",
  recorded: "Thank you. I am an automated assistant and cannot answer that myself, but your message has been recorded. Goodbye.",
  unrecorded: "Thank you. I am an automated assistant and cannot answer that myself. Goodbye.",
  connecting: "One moment, I am connecting you.",
  notConnected: "I am sorry, I could not connect you.",
};

const HEBREW: Words = {
  greeting: "שלום, מדבר עוזר אוטומטי.",
  noted: "תודה. אני עוזר אוטומטי ולא יכול לענות על כך בעצמי, אבל אעביר את ההודעה שלך. יש עוד משהו להוסיף?",
  goodbye: "תודה, אעביר את הדברים. להתראות.",
  recorded: "תודה. אני עוזר אוטומטי ולא יכול לענות על כך בעצמי, אבל ההודעה שלך הוקלטה. להתראות.",
  unrecorded: "תודה. אני עוזר אוטומטי ולא יכול לענות על כך בעצמי. להתראות.",
  connecting: "רק רגע, אני מעביר את השיחה.",
  notConnected: "מצטער, לא הצלחתי להעביר את השיחה.",
};

/** Hebrew for `he` and its variants, English for every other language. */
export const wordsFor = (language: string): Words => (/^(he|iw)\b/i.test(language) ? HEBREW : ENGLISH);
