/** What `leadline doctor` found of one thing. Only a problem needs something done. */
export interface Finding {
  about: string;
  state: "ok" | "note" | "problem";
  text: string;
}

export const ok = (about: string, text: string): Finding => ({ about, state: "ok", text });
export const note = (about: string, text: string): Finding => ({ about, state: "note", text });
export const problem = (about: string, text: string): Finding => ({ about, state: "problem", text });
