import { pick, type Random } from "./random.ts";

/**
 * What becomes of a call to a number, by its last four digits:
 *
 * | Ends in | The call                                   | Outcome     |
 * | ------- | ------------------------------------------ | ----------- |
 * | 0001    | rings, nobody picks up                     | no_answer   |
 * | 0002    | is busy                                    | busy        |
 * | 0003    | rings and is declined                      | declined    |
 * | 0004    | is answered by a machine                   | voicemail   |
 * | 0005    | reaches no connected number                | unreachable |
 * | 0006    | is answered, and the connection is lost    | failed      |
 * | other   | is answered by a person who talks a little | completed   |
 */
const FATES: Readonly<Record<string, Fate>> = {
  "0001": "no_answer",
  "0002": "busy",
  "0003": "declined",
  "0004": "machine",
  "0005": "unreachable",
  "0006": "lost",
};

type Fate = "no_answer" | "busy" | "declined" | "machine" | "unreachable" | "lost" | "person";

export const fateOf = (number: string): Fate => FATES[number.slice(-4)] ?? "person";

/** What the other party says, line by line. */
export interface Script {
  /** When nobody has said anything yet. */
  greeting: string;
  lines: readonly string[];
  /** What happens when the lines are used up. */
  ending: "waits" | "hangs up" | "breaks off";
}

/** A machine speaks its text once and then records. */
export const MACHINE: Script = { greeting: "Please leave a message after the tone.", lines: [], ending: "waits" };

/** A Hebrew speaker answers Israeli numbers, an English speaker all others. */
export function scriptFor(number: string, fate: "person" | "lost", random: Random): Script {
  const words = number.startsWith("+972") ? HEBREW : ENGLISH;
  const greeting = pick(random, words.greetings);
  const question = pick(random, words.questions);
  if (fate === "lost") return { greeting, lines: [question], ending: "breaks off" };
  return { greeting, lines: [question, pick(random, words.farewells)], ending: random() < 0.5 ? "hangs up" : "waits" };
}

type Choices = readonly [string, ...string[]];

const ENGLISH: Record<"greetings" | "questions" | "farewells", Choices> = {
  greetings: ["Hello?", "Hi, who is this?"],
  questions: [
    "Yes, I left my details. When can somebody see me?",
    "Yes, speaking. How much would it cost?",
    "I am driving just now, can somebody call me this evening?",
  ],
  farewells: ["No, that is all. Thank you, goodbye.", "Nothing else, thanks. Bye."],
};

const HEBREW: Record<"greetings" | "questions" | "farewells", Choices> = {
  greetings: ["הלו?", "שלום, מי מדבר?"],
  questions: ["כן, השארתי פרטים. מתי אפשר לקבוע תור?", "כן, מדבר. כמה זה עולה?", "אני בנהיגה עכשיו, אפשר שיחזרו אליי בערב?"],
  farewells: ["לא, זה הכול. תודה, להתראות.", "אין עוד משהו, תודה. ביי."],
};
